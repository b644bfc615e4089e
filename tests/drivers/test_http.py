"""`HttpClient`, against a server that answers as it is told."""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
import pytest

from auxws_anyio import HttpClient, _http
from auxws_proto import (
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpResponded,
    LocalProtocolError,
    PutToUrl,
    Secret,
    UrlPolicy,
)
from tests.drivers.adapter import ASYNC_CASES, Case
from tests.drivers.serving import until

pytestmark = pytest.mark.anyio

OPEN = UrlPolicy(allow_private_addresses=True)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(params=ASYNC_CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@dataclass
class Canned:
    """A server that reads whole requests, and answers each with the next of its answers."""

    answers: list[bytes]
    hold_open: bool = False
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    async def __call__(self, stream: anyio.abc.SocketStream) -> None:
        self.connections += 1
        async with stream:
            try:
                while self.answers:
                    self.requests.append(await read_request(stream))
                    await stream.send(self.answers.pop(0))
                if self.hold_open:
                    await anyio.sleep_forever()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass


async def read_request(stream: anyio.abc.SocketStream) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length: "):
            length = int(line.removeprefix(b"content-length: "))
            while len(body) < length:
                body += await stream.receive()
    return head + b"\r\n\r\n" + body


@asynccontextmanager
async def answering(*answers: bytes, hold_open: bool = False) -> AsyncIterator[Canned]:
    canned = Canned(list(answers), hold_open)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    canned.url = f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"
    with anyio.fail_after(10):
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, canned)
            yield canned
            group.cancel_scope.cancel()


def answer(status: str, body: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def get(url: str, max_bytes: int = 1_000_000) -> GetFromUrl:
    return GetFromUrl(transfer_id=7, method="GET", url=Secret(url), headers={}, max_bytes=max_bytes)


def put(url: str, body: bytes) -> PutToUrl:
    headers = {"Content-Type": "application/json"}
    return PutToUrl(transfer_id=7, method="PUT", url=Secret(url), headers=headers, body=body)


async def run(
    request: PutToUrl | GetFromUrl,
    *,
    policy: UrlPolicy = OPEN,
    websocket_url: str | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    proxy: str | None = None,
    client: HttpClient | None = None,
) -> HttpResponded | HttpFailed:
    http = client or HttpClient(proxy=proxy)
    try:
        return await http.transfer(
            request, policy=policy, websocket_url=websocket_url, timeout=30, progress=progress
        )
    finally:
        if client is None:
            await http.aclose()


def failure(outcome: HttpResponded | HttpFailed) -> HttpFailure:
    assert isinstance(outcome, HttpFailed)
    assert isinstance(outcome.error, HttpFailure)
    return outcome.error


async def test_a_put_says_its_length_and_its_progress() -> None:
    body = bytes(range(256)) * 12_000
    seen: list[tuple[int, int | None]] = []
    async with answering(OK) as server:
        outcome = await run(
            put(f"{server.url}/key?X-Amz-Signature=1", body),
            progress=lambda done, total: seen.append((done, total)),
        )

    assert isinstance(outcome, HttpResponded)
    assert (outcome.transfer_id, outcome.status, outcome.body) == (7, 200, b"ok")
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "PUT /key?X-Amz-Signature=1 HTTP/1.1"
    assert sorted(line.partition(":")[0].lower() for line in lines[1:]) == [
        "accept",
        "accept-encoding",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    ]
    assert "Accept-Encoding: identity" in lines
    assert sent == body
    assert seen[-1] == (len(body), len(body))
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Bucket.s3.example/key", "Bucket.s3.example"),
        ("https://h:443/", "h"),
        ("http://h:80/", "h"),
        ("https://h:80/", "h:80"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("http://[::1]/", "[::1]"),
    ],
)
def test_the_host_header_is_the_one_that_is_signed(url: str, host: str) -> None:
    assert _http._host(Secret(url)) == host


async def test_an_empty_put_has_a_length_too() -> None:
    async with answering(OK) as server:
        await run(put(f"{server.url}/key", b""))

    assert b"content-length: 0" in server.requests[0].lower()


async def test_a_get_gives_the_body_and_the_headers() -> None:
    seen: list[tuple[int, int | None]] = []
    body = b"x" * 300_000
    async with answering(answer("200 OK", body, "ETag: 1")) as server:
        outcome = await run(
            get(f"{server.url}/key"), progress=lambda done, total: seen.append((done, total))
        )

    assert isinstance(outcome, HttpResponded)
    assert outcome.body == body
    assert ("ETag", "1") in tuple(outcome.headers)
    assert seen[-1] == (300_000, 300_000)


async def test_connections_are_used_again() -> None:
    client = HttpClient()
    async with answering(OK, OK, answer("500 No", b"no"), OK) as server:
        for _ in range(4):
            await run(get(f"{server.url}/"), client=client)
        await client.aclose()

    assert server.connections == 1


@pytest.mark.parametrize("size", [100_001, 5_000_000])
@pytest.mark.parametrize("length", [True, False])
async def test_a_body_over_the_limit_is_not_read_to_its_end(size: int, length: bool) -> None:
    body = b"x" * size
    whole = answer("200 OK", body) if length else b"HTTP/1.1 200 OK\r\n\r\n" + body
    async with answering(whole) as server:
        outcome = await run(get(f"{server.url}/key", 100_000))

    assert failure(outcome).kind == "too_large"
    assert not failure(outcome).transient
    assert "100000" in failure(outcome).detail


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress)],
)
async def test_an_encoded_object_is_decoded(
    encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    body = b"x" * 200_000
    whole = answer("200 OK", encode(body), f"Content-Encoding: {encoding}")
    async with answering(whole) as server:
        outcome = await run(get(f"{server.url}/key", 200_000))

    assert isinstance(outcome, HttpResponded)
    assert outcome.body == body


@pytest.mark.parametrize(
    ("body", "encoding", "expected"),
    [
        (gzip.compress(b"x" * 50_000_000), "gzip", "too_large"),
        (gzip.compress(b"x" * 1_000)[:-9], "gzip", "protocol"),
        (b"no gzip at all", "gzip", "protocol"),
        (b"x", "br", "protocol"),
    ],
    ids=["bomb", "cut off", "damaged", "unknown"],
)
async def test_a_bad_encoding_is_a_failure(body: bytes, encoding: str, expected: str) -> None:
    whole = answer("200 OK", body, f"Content-Encoding: {encoding}")
    async with answering(whole) as server:
        outcome = await run(get(f"{server.url}/key"))

    assert failure(outcome).kind == expected


@pytest.mark.parametrize("size", [10, 65_536, 2_000_000])
async def test_of_an_error_little_is_read(size: int) -> None:
    async with answering(answer("403 Forbidden", b"x" * size)) as server:
        outcome = await run(get(f"{server.url}/key"))

    assert isinstance(outcome, HttpResponded)
    assert (outcome.status, len(outcome.body)) == (403, min(size, 65_536))


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    async with answering(
        answer("307 Temporary Redirect", b"", "Location: http://127.0.0.1:1/")
    ) as server:
        outcome = await run(get(f"{server.url}/key"))

    assert isinstance(outcome, HttpResponded)
    assert outcome.status == 307
    assert ("Location", "http://127.0.0.1:1/") in tuple(outcome.headers)


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ((), "protocol"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",), "protocol"),
        ((b"junk\r\n\r\n",), "protocol"),
    ],
    ids=["hangs up", "half a body", "no HTTP"],
)
async def test_a_broken_answer_is_worth_another_try(answers: tuple[bytes, ...], kind: str) -> None:
    async with answering(*answers) as server:
        outcome = await run(get(f"{server.url}/secret?token=hush"))

    assert failure(outcome).transient
    assert failure(outcome).kind in (kind, "read")
    assert "hush" not in repr(outcome)


async def test_nobody_listens() -> None:
    async with answering() as server:
        pass

    outcome = await run(get(f"{server.url}/secret?token=hush"))

    assert (failure(outcome).kind, failure(outcome).transient) == ("connect", True)
    assert "Connection refused" in failure(outcome).detail
    assert "hush" not in repr(outcome)


async def test_a_name_that_does_not_exist() -> None:
    outcome = await run(get("http://nowhere.invalid/secret"))

    assert failure(outcome).kind == "resolve"
    assert "secret" not in repr(outcome)


@pytest.mark.parametrize(
    ("websocket_url", "allowed"),
    [(None, False), ("wss://api.example.com/", False), ("ws://localhost:1/", True)],
)
async def test_loopback_is_for_those_who_are_on_it(
    websocket_url: str | None, allowed: bool
) -> None:
    async with answering(OK) as server:
        outcome = await run(get(server.url), policy=UrlPolicy(), websocket_url=websocket_url)

    if allowed:
        assert isinstance(outcome, HttpResponded)
    else:
        assert (failure(outcome).kind, failure(outcome).transient) == ("address", False)
        assert server.connections == 0


async def test_a_connection_admitted_by_one_rule_serves_no_other() -> None:
    client = HttpClient()
    async with answering(OK, OK) as server:
        first = await run(get(server.url), client=client)
        second = await run(get(server.url), client=client, policy=UrlPolicy())
        await client.aclose()

    assert isinstance(first, HttpResponded)
    assert failure(second).kind == "address"


async def test_nothing_of_a_url_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    redirect = answer("307 Temporary Redirect", b"", "Location: http://127.0.0.1:1/hush?token=1")
    caplog.set_level(logging.DEBUG)
    client = HttpClient()
    async with answering(OK, redirect) as server:
        await run(get(f"{server.url}/hush?token=1"), client=client)
        await run(put(f"{server.url}/hush?token=1", b"x"), client=client)
        await client.aclose()
    logging.getLogger("httpcore.connection").debug("somebody else's")

    assert "hush" not in caplog.text
    assert "somebody else's" in caplog.text


async def test_a_cancelled_transfer_leaves_the_client_in_order() -> None:
    client = HttpClient()
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"
    async with answering(half, OK, hold_open=True) as s:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: run(get(s.url), client=client))
            await until(lambda: len(s.requests) == 1)
            group.cancel_scope.cancel()

        outcome = await run(get(s.url), client=client)
        await client.aclose()

    assert isinstance(outcome, HttpResponded)
    assert s.connections == 2


@pytest.mark.parametrize(
    "proxy", ["ftp://host:1", "host:1", "http://host", "socks5://", "http://host:x"]
)
async def test_a_bad_proxy_is_refused(proxy: str) -> None:
    with pytest.raises(LocalProtocolError, match="proxy"):
        HttpClient(proxy=proxy)


async def test_what_should_never_happen_is_a_failure_without_words(case: Case) -> None:
    class Odd(HttpClient):
        def _pool(self, rule: str, scheme: str) -> Any:
            class Pool:
                def stream(self, *_: Any, **__: Any) -> Any:
                    raise RuntimeError("http://hush")

            return Pool()

    outcome = await run(get("http://127.0.0.1/"), client=Odd())

    assert failure(outcome).kind == "protocol"
    assert "RuntimeError" in failure(outcome).detail
    assert "hush" not in repr(outcome)
