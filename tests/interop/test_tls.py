"""TLS by OpenSSL's own programs and stunnel, with chains of certificates by trustme."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time

import anyio
import pytest
import trustme

from auxws_anyio.gateway import Gateway, echo
from auxws_anyio.gateway._uploads import Uploads
from auxws_proto import Config, ConnectionFailed, FailReason, SendFailed, Stage
from tests.drivers.adapter import Case, Driver
from tests.drivers.serving import serving
from tests.interop.conftest import Recorder
from tests.interop.programs import free_port, program, running

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

TITLE = "5. TLS"
TEXT = """\
stunnel in front of the gateway and of its store, `openssl s_server` with certificates to be
refused, and `openssl s_client` against a gateway that speaks TLS itself. The chains have an
intermediate authority and are made by trustme. A column is a driver; `gateway` is our server
side."""

LARGE = {"type": "note", "text": "x" * 300_000}
ONCE = Config(reconnect=None)
QUICK = Config(transfer_backoff=0.01)
PAST = datetime.now(UTC) - timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """A chain and its key, in files as OpenSSL's programs want them."""

    chain: Path
    key: Path


class Authority:
    """A root that clients trust, and an intermediate authority that signs for servers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = trustme.CA()
        self._middle = self._root.create_child_ca()
        self.root = folder / "root.pem"
        self._root.cert_pem.write_to_path(str(self.root))

    def issue(
        self, label: str, name: str = "localhost", *, is_whole: bool = True, is_old: bool = False
    ) -> Certificate:
        """A certificate; without the intermediate authority's if not ``is_whole``."""
        leaf = self._middle.issue_cert(
            name,
            not_before=PAST - timedelta(days=1) if is_old else None,
            not_after=PAST if is_old else None,
        )
        made = Certificate(self._folder / f"{label}.pem", self._folder / f"{label}.key")
        blobs = leaf.cert_chain_pems if is_whole else leaf.cert_chain_pems[:1]
        made.chain.write_bytes(b"".join(blob.bytes() for blob in blobs))
        leaf.private_key_pem.write_to_path(str(made.key))
        return made

    def trusted(self) -> ssl.SSLContext:
        """A client's context that trusts the root alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._root.configure_trust(context)
        return context

    def server(self) -> ssl.SSLContext:
        """A server's context, for a gateway that speaks TLS itself."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._middle.issue_cert("localhost").configure_cert(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def certificates(authority: Authority) -> dict[str, Certificate]:
    return {
        "right": authority.issue("right"),
        "for another host": authority.issue("other", "other.example"),
        "expired": authority.issue("expired", is_old=True),
        "without its intermediate": authority.issue("cut", is_whole=False),
    }


@dataclass(frozen=True)
class Tunnels:
    """stunnel's ports, in front of a gateway and of its store."""

    gateway: int
    store: int

    @property
    def url(self) -> str:
        return f"wss://localhost:{self.gateway}/Prod"


@contextmanager
def tunnels(
    gateway: Gateway,
    logs: Path,
    for_gateway: Certificate,
    for_store: Certificate,
    version: str = "TLSv1.3",
) -> Iterator[Tunnels]:
    """stunnel in front of both listeners of this gateway, whose clients get the store's too."""
    found = Tunnels(free_port(), free_port())
    inside = {"gateway": gateway.url, "store": gateway.store_url}
    lines = ["foreground = yes", "pid =", "syslog = no", f"sslVersion = {version}"]
    for name, port, certificate in (
        ("gateway", found.gateway, for_gateway),
        ("store", found.store, for_store),
    ):
        target = inside[name].split("/")[2]
        lines += [
            f"[{name}]",
            f"accept = 127.0.0.1:{port}",
            f"connect = {target}",
            f"cert = {certificate.chain}",
            f"key = {certificate.key}",
        ]
    config = logs / "stunnel.conf"
    config.write_text("\n".join(lines) + "\n")
    gateway.uploads = Uploads(
        gateway.store,
        gateway.faults,
        origin=lambda: f"https://localhost:{found.store}",
        clock=time,
        lifetime=3_600,
    )
    with running([program("stunnel"), str(config)], logs / "stunnel.log") as stunnel:
        stunnel.wait_for_port(found.gateway)
        stunnel.wait_for_port(found.store)
        yield found


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
async def test_both_legs(
    driver: Driver,
    case: Case,
    authority: Authority,
    certificates: dict[str, Certificate],
    version: str,
    logs: Path,
    record: Recorder,
) -> None:
    right = certificates["right"]
    async with serving() as gateway:
        with tunnels(gateway, logs, right, right, version) as tunnel:
            async with driver.connect(tunnel.url, ssl=authority.trusted()) as client:
                reply = await client.request(LARGE, reply="note", timeout=10)

        assert reply == LARGE
        assert gateway.uploads.granted == gateway.uploads.by_server == 1
    record.put("stunnel", f"{version}, gateway and store: 300 KB both ways", case.name)


REFUSED = {
    "for another host": "not valid for 'localhost'",
    "expired": "certificate has expired",
    "without its intermediate": "unable to get local issuer certificate",
}


@pytest.mark.parametrize("fault", REFUSED)
async def test_wrong_certificates(
    driver: Driver,
    case: Case,
    authority: Authority,
    certificates: dict[str, Certificate],
    fault: str,
    logs: Path,
    record: Recorder,
) -> None:
    wrong = certificates[fault]
    port = free_port()
    command = [
        program("openssl"), "s_server", "-quiet", "-accept", f"127.0.0.1:{port}",
        "-cert", str(wrong.chain), "-cert_chain", str(wrong.chain), "-key", str(wrong.key),
    ]  # fmt: skip
    with running(command, logs / "s_server.log") as server:
        server.wait_for_port(port)
        async with driver.connect(
            f"wss://localhost:{port}/Prod", ssl=authority.trusted(), config=ONCE
        ) as client:
            with pytest.raises(ConnectionFailed) as failed:
                await client.wait_connected(10)

    assert failed.value.kind == "tls"
    assert REFUSED[fault] in failed.value.detail
    record.put("openssl s_server", f"a certificate {fault}: refused, and named", case.name)


async def test_an_authority_that_is_not_trusted(
    driver: Driver,
    case: Case,
    certificates: dict[str, Certificate],
    logs: Path,
    record: Recorder,
) -> None:
    right = certificates["right"]
    async with serving() as gateway:
        with tunnels(gateway, logs, right, right) as tunnel:
            async with driver.connect(tunnel.url, config=ONCE) as client:
                with pytest.raises(ConnectionFailed) as failed:
                    await client.wait_connected(10)

    assert failed.value.kind == "tls"
    assert "certificate" in failed.value.detail
    record.put("stunnel", "an authority that is not trusted: refused", case.name)


@pytest.mark.parametrize("fault", REFUSED)
async def test_wrong_certificates_of_the_store(
    driver: Driver,
    case: Case,
    authority: Authority,
    certificates: dict[str, Certificate],
    fault: str,
    logs: Path,
    record: Recorder,
) -> None:
    async with serving() as gateway:
        with tunnels(gateway, logs, certificates["right"], certificates[fault]) as tunnel:
            async with driver.connect(tunnel.url, ssl=authority.trusted(), config=QUICK) as client:
                receipt = await client.send(LARGE)
                with anyio.fail_after(10), pytest.raises(SendFailed) as failed:
                    await receipt.wait(Stage.CONFIRMED)
                # The connection is none the worse.
                reply = await client.request({"type": "small"}, reply="small", timeout=10)

        assert reply == {"type": "small"}
        assert gateway.store_requests == 0
    assert failed.value.reason is FailReason.TRANSFER_FAILED
    record.put("stunnel", f"a store's certificate {fault}: the send fails", case.name)


HANDSHAKE = (
    "GET /Prod HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_openssl_as_a_client(authority: Authority, version: str, record: Recorder) -> None:
    async with Gateway(echo, ssl=authority.server()) as gateway:
        place = gateway.url.split("/")[2]
        command = [
            program("openssl"), "s_client", "-quiet", "-connect", place,
            "-servername", "localhost", "-verify_hostname", "localhost",
            "-verify_return_error", "-CAfile", str(authority.root),
            f"-tls{version.replace('.', '_')}",
        ]  # fmt: skip
        with anyio.fail_after(10):
            async with await anyio.open_process(command) as client:
                assert client.stdin is not None
                assert client.stdout is not None
                await client.stdin.send(HANDSHAKE.encode())
                head = b""
                while b"\r\n\r\n" not in head:
                    head += await client.stdout.receive()
                client.terminate()

    assert head.startswith(b"HTTP/1.1 101 ")
    # RFC 6455 §1.3: the answer to its sample key.
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    record.put("openssl s_client", f"TLSv{version}: chain and name verified, handshake", "gateway")
