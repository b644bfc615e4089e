"""What a server may make a client do, and what no server may: through each driver, end to end.

The URLs that are refused by their text are the core's tests' (``tests/proto/test_policy.py``); here
is what only a driver can get wrong: the address that it connects to, and what it adds to a request.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import gzip
import json
import logging
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme

from auxws_anyio.gateway import Faults, Gateway
from auxws_proto import (
    Config,
    ConnectionFailed,
    ConnectionToken,
    DownloadFailed,
    FailReason,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpResponded,
    LocalProtocolError,
    Secret,
    SendFailed,
    UrlPolicy,
    UrlRefused,
)
from tests.drivers.adapter import Case, Driver
from tests.drivers.serving import serving, take
from tests.drivers.test_http import OK, Canned, answer, answering

pytestmark = pytest.mark.anyio

LARGE = {"type": "n", "text": "x" * 50_000}
PUBLIC = "8.8.8.8"
"""Never connected to: the resolver's answers are the tests', and so is what connects to these."""
OWN = "wss://aux.example/"
LOCAL = "ws://127.0.0.1/"
LENIENT = UrlPolicy(allow_any_host=True, allow_insecure=True)
ONCE = Config(reconnect=None)

# What the policy refuses by its text while the WebSocket is on loopback; the rule's name.
REFUSED = [
    ("http://169.254.169.254/latest/meta-data/", "scheme"),
    ("https://169.254.169.254/latest/meta-data/", "host"),
    ("https://10.0.0.1/", "host"),
    ("https://[fe80::1]/", "host"),
    ("https://2130706433/", "host"),
    ("https://bucket.s3.amazonaws.com.evil.example/key", "host"),
    ("https://user@bucket.s3.amazonaws.com/key", "userinfo"),
    ("https://bucket.s3.amazonaws.com:22/key", "port"),
    ("file:///etc/passwd", "syntax"),
    ("ftp://bucket.s3.amazonaws.com/key", "scheme"),
]

# Every range that is not public, with one address in it.
PRIVATE = {
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "loopback": "127.0.0.1",
    "private A": "10.0.0.1",
    "private B": "172.16.0.1",
    "private C": "192.168.0.1",
    "link-local": "169.254.169.254",
    "CGNAT": "100.64.0.1",
    "benchmarking": "198.18.0.1",
    "multicast": "224.0.0.1",
    "broadcast": "255.255.255.255",
    "6: unspecified": "::",
    "6: loopback": "::1",
    "6: link-local": "fe80::1",
    "6: unique local": "fc00::1",
    "6: AWS metadata": "fd00:ec2::254",
    "6: multicast": "ff02::1",
    "6: mapped loopback": "::ffff:127.0.0.1",
    "6: mapped metadata": "::ffff:169.254.169.254",
    "6: compatible": "::127.0.0.1",
    "6: NAT64 of loopback": "64:ff9b::7f00:1",
    "6: local NAT64": "64:ff9b:1::1",
    "6: 6to4 of loopback": "2002:7f00:1::",
    "6: Teredo": "2001::1",
}


class Network:
    """What names resolve to, and who connects where. Only loopback is really connected to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        """For each name its answers, one for each look-up; the last one stands."""
        self.lookups: list[str] = []
        self.connected: list[str] = []
        self._resolve = socket.getaddrinfo
        self._connect_tcp = anyio.connect_tcp
        monkeypatch.setattr(anyio, "getaddrinfo", self._getaddrinfo_async)
        monkeypatch.setattr(socket, "getaddrinfo", self._getaddrinfo)
        monkeypatch.setattr(anyio, "connect_tcp", self._connect_async)
        monkeypatch.setattr(socket.socket, "connect_ex", self._connect_ex())

    def _getaddrinfo(self, host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host not in self.answers:
            return self._resolve(host, port, *args, **options)
        self.lookups.append(host)
        answers = self.answers[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "",
             (a, port, 0, 0) if ":" in a else (a, port))
            for a in found
        ]  # fmt: skip

    async def _getaddrinfo_async(self, host: Any, port: Any, **options: Any) -> Any:
        return self._getaddrinfo(host, port, **options)

    async def _connect_async(self, host: str, port: int, **options: Any) -> Any:
        self.connected.append(host)
        if host == PUBLIC:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        return await self._connect_tcp(host, port, **options)

    def _connect_ex(self) -> Any:
        real, network = socket.socket.connect_ex, self

        def connect_ex(sock: socket.socket, address: Any) -> int:
            network.connected.append(address[0])
            return errno.ECONNREFUSED if address[0] == PUBLIC else real(sock, address)

        return connect_ex


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


async def fetch(
    case: Case,
    url: str,
    *,
    policy: UrlPolicy = LENIENT,
    websocket_url: str = OWN,
    max_bytes: int = 99,
    max_error_bytes: int = 99,
) -> HttpFailure | HttpResponded:
    """What this driver's own `HttpClient` makes of a download from there."""
    request = GetFromUrl(
        transfer_id=1, method="GET", url=Secret(url), headers={},
        max_bytes=max_bytes, max_error_bytes=max_error_bytes,
    )  # fmt: skip
    how: dict[str, Any] = {
        "policy": policy, "websocket_url": websocket_url, "timeout": 20.0,
        "progress": lambda done, total: None,
    }  # fmt: skip
    outcome: HttpResponded | HttpFailed
    if case.name == "threads":
        import auxws_sync

        blocking = auxws_sync.HttpClient()
        outcome = await anyio.to_thread.run_sync(
            lambda: blocking.transfer(request, cancellation=auxws_sync.Cancellation(), **how)
        )
        blocking.close()
    else:
        import auxws_anyio

        http = auxws_anyio.HttpClient()
        outcome = await http.transfer(request, **how)
        await http.aclose()
    if isinstance(outcome, HttpResponded):
        return outcome
    assert isinstance(outcome.error, HttpFailure)
    return outcome.error


def port_of(server: Canned) -> str:
    return server.url.rpartition(":")[2]


# The address that is really connected to.


@pytest.mark.parametrize("kind", PRIVATE)
async def test_a_name_that_leads_inwards_is_refused(
    case: Case, network: Network, kind: str
) -> None:
    network.answers["aux.example"] = [[PRIVATE[kind]]]

    failure = await fetch(case, "http://aux.example/key")

    assert isinstance(failure, HttpFailure)
    assert (failure.kind, failure.transient) == ("address", False)
    assert network.lookups == ["aux.example"]
    assert network.connected == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "0", "0.0.0.0", "[::1]",
     "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::127.0.0.1]", "localhost"],
)  # fmt: skip
async def test_loopback_in_any_writing_is_refused(case: Case, network: Network, host: str) -> None:
    async with answering(OK) as victim:
        failure = await fetch(case, f"http://{host}:{port_of(victim)}/key")

    assert isinstance(failure, HttpFailure)
    assert failure.kind in ("address", "resolve")
    assert victim.connections == 0
    assert network.connected == []


async def test_a_name_that_changes_its_mind_is_refused(case: Case, network: Network) -> None:
    """DNS rebinding: public when it is looked at, loopback when it is used."""
    network.answers["aux.example"] = [[PUBLIC], ["127.0.0.1"]]
    async with answering(OK) as victim:
        url = f"http://aux.example:{port_of(victim)}/key"
        first = await fetch(case, url)
        second = await fetch(case, url)

    assert isinstance(first, HttpFailure)
    assert isinstance(second, HttpFailure)
    assert [first.kind, second.kind] == ["connect", "address"]
    assert victim.connections == 0
    # One look-up for each attempt: what was checked is what was connected to, in figures.
    assert network.lookups == ["aux.example"] * 2
    assert network.connected == [PUBLIC]


@pytest.mark.parametrize("answers", [["127.0.0.1", PUBLIC], [PUBLIC, "127.0.0.1", "::1"]])
async def test_of_mixed_addresses_only_public_ones_are_tried(
    case: Case, network: Network, answers: list[str]
) -> None:
    network.answers["aux.example"] = [answers]
    async with answering(OK) as victim:
        failure = await fetch(case, f"http://aux.example:{port_of(victim)}/key")

    assert isinstance(failure, HttpFailure)
    assert failure.kind == "connect"
    assert victim.connections == 0
    assert network.connected == [PUBLIC]


@pytest.mark.parametrize(
    ("policy", "websocket_url"),
    [(UrlPolicy(allow_private_addresses=True), OWN), (UrlPolicy(), "ws://localhost/")],
)
async def test_loopback_is_open_to_who_is_on_it_and_to_who_opts_out(
    case: Case, network: Network, policy: UrlPolicy, websocket_url: str
) -> None:
    network.answers["aux.example"] = [["127.0.0.1"]]
    async with answering(OK) as server:
        url = f"http://aux.example:{port_of(server)}/key"
        outcome = await fetch(case, url, policy=policy, websocket_url=websocket_url)

    assert isinstance(outcome, HttpResponded)
    assert network.connected == ["127.0.0.1"]


# A refusal is on the message that it concerns, and on no other.


@pytest.mark.parametrize(("url", "rule"), REFUSED)
async def test_a_refused_download_is_a_gap_of_its_own(driver: Driver, url: str, rule: str) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        await client.wait_connected()
        errors = client.errors()
        with client.event("n") as stream, errors:
            gateway.faults.send_junk(json.dumps([4, 17, url, "GET", {}]))
            await client.send({"type": "n"})
            (report,), received = await take(errors, 1), await take(stream, 1)

    assert received == [{"type": "n"}]
    assert (report.is_gap, report.event_id) == (True, 17)
    assert isinstance(report.error, DownloadFailed)
    assert report.error.reason is FailReason.URL_REFUSED
    assert isinstance(report.error.cause, UrlRefused)
    assert report.error.cause.rule == rule
    assert "latest" not in f"{report} {report.error!r}"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://169.254.169.254"])
async def test_a_refused_upload_fails_its_own_send(driver: Driver, origin: str) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        gateway.faults.redirect_puts(origin)
        receipt = await client.send(LARGE)
        other = await client.send({"type": "n"})
        with pytest.raises(SendFailed) as caught:
            await receipt.wait()
        await other.wait()

        assert await client.request(LARGE, reply="n", where=lambda m: "text" in m) == LARGE

    assert caught.value.reason is FailReason.URL_REFUSED
    assert isinstance(caught.value.cause, UrlRefused)
    assert caught.value.cause.rule in ("host", "scheme")


# The WebSocket itself.


@pytest.mark.parametrize("url", ["ws://aux.example/", "http://10.0.0.1/", "ws://localhost.evil/"])
async def test_no_websocket_without_tls_to_other_machines(
    driver: Driver, network: Network, url: str
) -> None:
    with pytest.raises(LocalProtocolError, match=r"'scheme'.*UrlPolicy\(allow_insecure=True\)"):
        async with driver.connect(f"{url}secret"):
            pass

    async with driver.connect(lambda: f"{url}secret", config=ONCE) as client:
        with pytest.raises(ConnectionFailed, match="'scheme'") as caught:
            await client.wait_connected()

    assert caught.value.kind == "url"
    assert "secret" not in str(caught.value)
    assert network.connected == []


async def test_it_may_be_allowed(driver: Driver, network: Network) -> None:
    network.answers["aux.example"] = [["127.0.0.1"]]
    config = Config(url_policy=UrlPolicy(allow_insecure=True))
    async with serving() as gateway:
        url = gateway.url.replace("127.0.0.1", "aux.example")
        async with driver.connect(url, config=config) as client:
            assert await client.request({"type": "n"}, reply="n") == {"type": "n"}


async def test_localhost_is_exempt_only_where_it_is_loopback(
    driver: Driver, network: Network
) -> None:
    network.answers["aux.localhost"] = [[PUBLIC]]

    async with driver.connect("ws://aux.localhost/", config=ONCE) as client:
        with pytest.raises(ConnectionFailed) as caught:
            await client.wait_connected()

    assert caught.value.kind == "address"
    assert network.connected == []


async def test_a_store_with_a_certificate_of_its_own_is_refused(case: Case) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with serving(ssl=context) as gateway:
        failure = await fetch(case, f"{gateway.store_url}/key", websocket_url=LOCAL)

        assert gateway.store_requests == 0

    assert isinstance(failure, HttpFailure)
    assert (failure.kind, failure.transient) == ("tls", False)
    assert "unable to get local issuer" in failure.detail


# What goes along with a request.


@pytest.fixture
def temptations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[socket.socket]:
    """Credentials and proxies that other HTTP clients would take from their surroundings."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login user password hush\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        url = f"http://user:hush@127.0.0.1:{proxy.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY"):
            monkeypatch.setenv(name, url)
            monkeypatch.setenv(name.lower(), url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield proxy


async def test_a_store_learns_nothing_of_the_session(
    driver: Driver, temptations: socket.socket
) -> None:
    body = json.dumps({"type": "n"}).encode()
    cookie = "Set-Cookie: session=hush; Path=/"
    session = {"Cookie": "hush=1", "Authorization": "Bearer hush", "X-Api-Key": "hush"}
    options: dict[str, Any] = {
        "headers": session, "login": ConnectionToken("vCT1.hush.hush.hush.hush.hush"),
    }  # fmt: skip
    async with (
        serving(logging_in) as gateway,
        answering(*[answer("200 OK", body, cookie)] * 2) as store,
        driver.connect(gateway.url, **options) as client,
    ):
        await client.wait_connected()
        with client.event("n") as stream:
            for number in range(2):
                gateway.faults.send_junk(json.dumps([4, number, f"{store.url}/key", "GET", {}]))
                assert await take(stream, 1) == [{"type": "n"}]
        (connection,) = gateway.connections
        handshake = dict(connection.headers)

    assert "hush" in handshake["x-api-key"]
    for request in store.requests:
        names = [line.partition(b":")[0].lower() for line in request.split(b"\r\n")[1:-2]]
        assert sorted(names) == [b"accept", b"accept-encoding", b"host", b"user-agent"]
        assert b"hush" not in request
    assert len(store.requests) == 2
    with pytest.raises(BlockingIOError):
        temptations.accept()


async def logging_in(connection: Any) -> None:
    async for received in connection:
        if received.message["type"] == "login":
            await connection.send({"type": "login_result", "success": True, "info": {}})


# What a store may answer.

ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("encoding", ENCODE)
@pytest.mark.parametrize("size", [1_000, 3_000_000])
async def test_the_cap_is_on_decoded_bytes_to_the_byte(
    case: Case, encoding: str, size: int, over: int
) -> None:
    body = b"x" * (size + over)
    async with answering(
        answer("200 OK", ENCODE[encoding](body), f"Content-Encoding: {encoding}")
    ) as store:
        outcome = await fetch(case, store.url, websocket_url=LOCAL, max_bytes=size)

    if over:
        assert isinstance(outcome, HttpFailure)
        assert (outcome.kind, outcome.transient) == ("too_large", False)
        assert str(size) in outcome.detail
    else:
        assert isinstance(outcome, HttpResponded)
        assert outcome.body == body


@pytest.mark.parametrize("size", [0, 999, 1_000, 1_001, 3_000_000])
async def test_of_an_errors_body_no_more_is_read_than_the_cap(case: Case, size: int) -> None:
    async with answering(answer("403 Forbidden", b"x" * size)) as store:
        outcome = await fetch(case, store.url, websocket_url=LOCAL, max_error_bytes=1_000)

    assert isinstance(outcome, HttpResponded)
    assert (outcome.status, outcome.body) == (403, b"x" * min(size, 1_000))


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"x" * 2_000_000,
        b"HTTP/1.1 200 OK\r\n" + b"X-A: x\r\n" * 200_000,
        b"HTTP/1.1 200 " + b"x" * 2_000_000,
    ],
    ids=["one header", "many headers", "a status line"],
)
async def test_a_head_without_end_is_a_failure(case: Case, head: bytes) -> None:
    async with answering(head) as store:
        outcome = await fetch(case, store.url, websocket_url=LOCAL)

    assert isinstance(outcome, HttpFailure)
    assert outcome.kind in ("protocol", "read")


async def test_headers_over_the_cap_are_a_gap_that_names_the_figures(driver: Driver) -> None:
    padded = answer("200 OK", b'{"type":"n"}', f"X-A: {'x' * 70_000}")
    async with (
        serving() as gateway,
        answering(padded) as store,
        driver.connect(gateway.url) as client,
    ):
        await client.wait_connected()
        errors = client.errors()
        with errors:
            gateway.faults.send_junk(json.dumps([4, 1, f"{store.url}/key", "GET", {}]))
            (report,) = await take(errors, 1)

    assert isinstance(report.error, DownloadFailed)
    assert report.error.reason is FailReason.TOO_LARGE
    assert "70,019 bytes; the limit is 65,536" in str(report.error)


# What asyncio says of itself when it is asked to say everything.


async def test_the_event_loops_own_debug_output_shows_no_secret(
    case: Case, driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    if case.backend[0] == "asyncio":
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        # Every step is a slow one, and is written down with what it was called with.
        loop.slow_callback_duration = 0.0
    faults = Faults()
    faults.fail_puts(1, 503, "SlowDown")
    try:
        async with serving(logging_in, faults=faults) as gateway:
            await use_large(driver, gateway)
    finally:
        if case.backend[0] == "asyncio":
            asyncio.get_running_loop().set_debug(False)
    gc.collect()

    said = "\n".join(f"{r.getMessage()} {r.args!r} {r.exc_info!r}" for r in caplog.records)
    assert "asyncio" in {r.name for r in caplog.records} or case.name in ("trio", "uvloop")
    assert "hush" not in said
    assert "X-Amz-" not in said


async def use_large(driver: Driver, gateway: Gateway) -> None:
    options: dict[str, Any] = {
        "headers": {"X-Api-Key": "hush"},
        "login": ConnectionToken("vCT1.hush.hush.hush.hush.hush"),
        "config": Config(transfer_backoff=0.0),
    }
    async with driver.connect(f"{gateway.url}?token=hush", **options) as client:
        receipt = await client.send(LARGE)
        with suppress(SendFailed):
            await receipt.wait()
