"""TLS, proxies, and what an application puts in their place."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest
import trustme

from auxws_anyio.gateway import GatewayLimits
from auxws_proto import (
    Config,
    ConnectionFailed,
    FailReason,
    LocalProtocolError,
    SendFailed,
    UrlPolicy,
)
from tests.drivers.adapter import Driver
from tests.drivers.proxies import proxying
from tests.drivers.serving import serving, take

pytestmark = pytest.mark.anyio

LARGE = {"type": "n", "text": "x" * 300_000}
ONCE = Config(reconnect=None)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


async def test_tls_on_both_legs(
    driver: Driver, authority: trustme.CA, client_tls: ssl.SSLContext
) -> None:
    tls = server_tls(authority, "127.0.0.1")
    async with (
        serving(ssl=tls) as gateway,
        driver.connect(gateway.url, ssl=client_tls) as client,
    ):
        assert gateway.url.startswith("wss:")
        with client.event("n") as stream:
            for number in range(20):
                await client.send({**LARGE, "number": number} if number % 5 == 0 else {"type": "n"})

            received = await take(stream, 20)

        assert [len(message) for message in received] == [3, 1, 1, 1, 1] * 4
        assert client.origin == gateway.url.replace("wss:", "https:").removesuffix("/Prod")


async def test_https_means_wss(
    driver: Driver, authority: trustme.CA, client_tls: ssl.SSLContext
) -> None:
    tls = server_tls(authority, "127.0.0.1")
    async with serving(ssl=tls) as gateway:
        url = gateway.url.replace("wss:", "https:")
        async with driver.connect(url, ssl=client_tls) as client:
            assert await client.request({"type": "n"}, reply="n") == {"type": "n"}


async def test_a_certificate_for_another_name_is_refused(
    driver: Driver, authority: trustme.CA, client_tls: ssl.SSLContext
) -> None:
    tls = server_tls(authority, "other.example")
    async with (
        serving(ssl=tls) as gateway,
        driver.connect(gateway.url, ssl=client_tls, config=ONCE) as client,
    ):
        with pytest.raises(ConnectionFailed, match="certificate is not valid for") as caught:
            await client.wait_connected()

        assert caught.value.kind == "tls"


async def test_a_certificate_of_an_unknown_authority_is_refused(
    driver: Driver, authority: trustme.CA
) -> None:
    tls = server_tls(authority, "127.0.0.1")
    async with serving(ssl=tls) as gateway, driver.connect(gateway.url, config=ONCE) as client:
        with pytest.raises(ConnectionFailed, match="unable to get local issuer") as caught:
            await client.wait_connected()

        assert caught.value.kind == "tls"


async def test_tls_to_a_peer_without_it_is_a_fault(
    driver: Driver, client_tls: ssl.SSLContext
) -> None:
    limits = GatewayLimits(handshake_timeout=0.1)
    async with serving(limits=limits) as gateway:
        url = gateway.url.replace("ws:", "wss:")
        async with driver.connect(url, ssl=client_tls, config=ONCE) as client:
            with pytest.raises(ConnectionFailed) as caught:
                await client.wait_connected()

            assert caught.value.kind == "tls"


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("credentials", ["", "user:pass"])
async def test_a_proxy_carries_both_legs(driver: Driver, scheme: str, credentials: str) -> None:
    async with (
        proxying(scheme, credentials=credentials) as proxy,
        serving() as gateway,
        driver.connect(gateway.url, proxy=proxy.url) as client,
    ):
        assert await client.request(LARGE, reply="n") == LARGE

        assert set(proxy.targets) == {
            urlsplit(gateway.url).netloc,
            urlsplit(gateway.store_url).netloc,
        }


async def test_tls_through_a_proxy(
    driver: Driver, authority: trustme.CA, client_tls: ssl.SSLContext
) -> None:
    tls = server_tls(authority, "127.0.0.1")
    async with (
        proxying("http") as proxy,
        serving(ssl=tls) as gateway,
        driver.connect(gateway.url, proxy=proxy.url, ssl=client_tls) as client,
    ):
        assert await client.request(LARGE, reply="n") == LARGE


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_refuses_is_told(driver: Driver, scheme: str) -> None:
    async with (
        proxying(scheme, credentials="user:hush", refuse=True) as proxy,
        serving() as gateway,
        driver.connect(gateway.url, proxy=proxy.url, config=ONCE) as client,
    ):
        with pytest.raises(ConnectionFailed, match="the proxy refused") as caught:
            await client.wait_connected()

        assert caught.value.kind == "proxy"
        assert "hush" not in str(caught.value)


async def test_a_proxy_that_is_not_there_is_told(driver: Driver) -> None:
    async with proxying("http") as proxy:
        pass
    async with (
        serving() as gateway,
        driver.connect(gateway.url, proxy=proxy.url, config=ONCE) as client,
    ):
        with pytest.raises(ConnectionFailed, match="proxy") as caught:
            await client.wait_connected()

        assert caught.value.kind == "proxy"


async def test_a_name_that_cannot_be_resolved_is_told(driver: Driver) -> None:
    with anyio.fail_after(20):
        async with driver.connect("wss://nowhere.invalid/", config=ONCE) as client:
            with pytest.raises(ConnectionFailed, match=r"nowhere\.invalid") as caught:
                await client.wait_connected()

    assert caught.value.kind == "resolve"


async def test_the_url_policy_holds(driver: Driver) -> None:
    policy = UrlPolicy(allow_hosts=("store.example",))
    config = Config(url_policy=policy)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        assert await client.request(LARGE, reply="n") == LARGE
        gateway.faults.redirect_puts("https://evil.example")
        receipt = await client.send(LARGE)

        with pytest.raises(SendFailed) as caught:
            await receipt.wait()

        assert caught.value.reason is FailReason.URL_REFUSED
        assert "evil" not in str(caught.value)


async def test_bad_options_are_refused(driver: Driver) -> None:
    options: list[dict[str, Any]] = [
        {"proxy": "gopher://host:1"},
        {"headers": {"Sec-WebSocket-Key": "x"}},
        {"headers": {"bad name": "x"}},
        {"trace": 5},
        {"trace": "unused.jsonl", "trace_limit": -1},
        {"outbox": object()},
        {"on_connect": [{"no": "type"}]},
    ]

    for option in options:
        with pytest.raises(LocalProtocolError):
            async with driver.connect("ws://127.0.0.1:1/", **option):
                pass
