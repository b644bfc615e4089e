"""Proxies of others: tinyproxy (HTTP CONNECT) and microsocks (SOCKS5), for both legs."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from auxws_proto import Config, ConnectionFailed
from tests.drivers.adapter import Case, Driver
from tests.drivers.serving import serving
from tests.interop.conftest import Recorder
from tests.interop.programs import free_port, program, running

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

TITLE = "5b. Proxies"
TEXT = """\
tinyproxy (HTTP `CONNECT`) and microsocks (SOCKS5), each with a user and a password, between a
client and the gateway with its store. A column is a driver."""

USER, PASSWORD = "someone", "a-password"
LARGE = {"type": "note", "text": "x" * 300_000}


@dataclass(frozen=True)
class ProxyPeer:
    scheme: str
    port: int
    log: Path

    def url(self, password: str = PASSWORD) -> str:
        return f"{self.scheme}://{USER}:{password}@127.0.0.1:{self.port}"


def tinyproxy(port: int, logs: Path) -> list[str]:
    config = logs / "tinyproxy.conf"
    config.write_text(
        f"Port {port}\nListen 127.0.0.1\nTimeout 60\nLogLevel Connect\n"
        f"BasicAuth {USER} {PASSWORD}\n"
    )
    return [program("tinyproxy"), "-d", "-c", str(config)]


def microsocks(port: int, logs: Path) -> list[str]:
    return [program("microsocks"), "-i", "127.0.0.1", "-p", str(port), "-u", USER, "-P", PASSWORD]


PEERS: dict[str, tuple[str, Callable[[int, Path], list[str]]]] = {
    "tinyproxy": ("http", tinyproxy),
    "microsocks": ("socks5", microsocks),
}


@pytest.fixture(scope="module")
def proxies(logs: Path) -> Iterator[dict[str, ProxyPeer]]:
    with ExitStack() as stack:
        found = {}
        for name, (scheme, command) in PEERS.items():
            peer = ProxyPeer(scheme, free_port(), logs / f"{name}.log")
            process = stack.enter_context(running(command(peer.port, logs), peer.log))
            process.wait_for_port(peer.port)
            found[name] = peer
        yield found


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def proxy(proxies: dict[str, ProxyPeer], peer: str) -> ProxyPeer:
    return proxies[peer]


async def test_both_legs(
    driver: Driver, case: Case, proxy: ProxyPeer, peer: str, record: Recorder
) -> None:
    async with serving() as gateway:
        async with driver.connect(gateway.url, proxy=proxy.url()) as client:
            reply = await client.request(LARGE, reply="note", timeout=10)
        ports = {urlsplit(url).port for url in (gateway.url, gateway.store_url)}

    assert reply == LARGE
    words = proxy.log.read_text()
    assert {port for port in ports if f":{port}" in words} == ports
    record.put(peer, "gateway and store through it: 300 KB both ways", case.name)


async def test_tls(
    driver: Driver, case: Case, proxy: ProxyPeer, peer: str, record: Recorder
) -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(trusted)
    async with (
        serving(ssl=server) as gateway,
        driver.connect(gateway.url, proxy=proxy.url(), ssl=trusted) as client,
    ):
        reply = await client.request(LARGE, reply="note", timeout=10)

    assert reply == LARGE
    record.put(peer, "the same over TLS", case.name)


async def test_a_wrong_password(
    driver: Driver, case: Case, proxy: ProxyPeer, peer: str, record: Recorder
) -> None:
    async with (
        serving() as gateway,
        driver.connect(
            gateway.url, proxy=proxy.url("a-wrong-one"), config=Config(reconnect=None)
        ) as client,
    ):
        with pytest.raises(ConnectionFailed) as failed:
            await client.wait_connected(10)

    assert failed.value.kind == "proxy"
    assert "a-wrong-one" not in str(failed.value)
    record.put(peer, "a wrong password: refused, and said to be the proxy's", case.name)


async def test_a_target_that_refuses(
    driver: Driver, case: Case, proxy: ProxyPeer, peer: str, record: Recorder
) -> None:
    url = f"ws://127.0.0.1:{free_port()}/Prod"
    async with driver.connect(url, proxy=proxy.url(), config=Config(reconnect=None)) as client:
        with pytest.raises(ConnectionFailed) as failed:
            await client.wait_connected(10)

    assert failed.value.kind == "proxy"
    record.put(peer, "a target that refuses: said to be the proxy's", case.name)
