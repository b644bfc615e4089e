"""`_inbox`: delivery in the order of arrival, downloads side by side, and what is held."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auxws_proto import (
    DeliverMessage,
    DownloadFailed,
    FailReason,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    ReportProgress,
    Role,
    Tally,
)

from .helpers import BUCKET, SMALL, Bench


def announce(bench: Bench, key: str, number: int = -1) -> list[Any]:
    """The server announces an object."""
    return bench.receive(4, number, f"{BUCKET}/{key}", "GET", {})


def body(name: str, size: int = 0) -> bytes:
    """A message as the store has it."""
    return json.dumps({"type": name, "x": "x" * size}).encode()


def reason(bench: Bench) -> FailReason:
    """Why the last gap is one."""
    error = bench.errors()[-1]
    assert isinstance(error, DownloadFailed)
    return error.reason


def test_a_message_inline() -> None:
    bench = Bench().open()

    assert bench.receive(1, 7, {"type": "m", "x": [1, None]}) == [("deliver", "m")]
    assert bench.actions == [
        DeliverMessage(message={"type": "m", "x": [1, None]}, size=37, event_id=7, transport=1)
    ]


def test_a_message_by_download() -> None:
    bench = Bench().open()
    assert bench.receive(4, -1, f"{BUCKET}/k?sig", "get", {"range": "x"}) == [("get", 1, "k")]
    get = bench.actions[0]
    assert isinstance(get, GetFromUrl)
    assert (get.method, get.headers, get.url.reveal()) == ("GET", {"range": "x"}, f"{BUCKET}/k?sig")
    assert get.max_bytes == bench.session.config.max_download_size

    assert bench.responded(1, body=body("m")) == [("deliver", "m")]
    message = bench.actions[0]
    assert isinstance(message, DeliverMessage)
    assert (message.downloaded, message.size, message.event_id) == (True, len(body("m")), -1)
    assert bench.session.stats().received == {"download": Tally(messages=1, bytes=len(body("m")))}


def test_a_body_that_is_given_away_is_emptied_and_counts_with_its_size() -> None:
    bench = Bench().open()
    announce(bench, "a")
    given = bytearray(body("m", 50_000))
    size = len(given)

    assert bench.handle(HttpResponded(transfer_id=1, status=200, body=given)) == [("deliver", "m")]

    message = bench.actions[0]
    assert isinstance(message, DeliverMessage)
    assert (message.size, bench.session.stats().untaken_bytes, len(given)) == (size, size, 0)


def test_delivery_is_in_the_order_of_arrival() -> None:
    bench = Bench().open()
    announce(bench, "a")
    assert bench.deliver({"type": "b"}) == []
    announce(bench, "c")
    assert bench.deliver({"type": "d"}) == []

    assert bench.responded(2, body=body("c")) == []
    assert bench.responded(1, body=body("a")) == [("deliver", name) for name in "abcd"]


def test_what_is_no_message_does_not_wait_for_a_download() -> None:
    bench = Bench().open()
    announce(bench, "a")

    assert bench.receive(5, -1, {"errorCode": "server_error"}) == [("error", "ServerError")]
    assert bench.receive({"message": "Forbidden"}) == [("error", "GatewayNotice")]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ((1, 404, b"<Code>NoSuchKey</Code>"), FailReason.HTTP_STATUS),
        ((1, 200, b"no JSON"), FailReason.BAD_CONTENT),
        ((1, 200, b'{"type":5}'), FailReason.BAD_CONTENT),
        ((1, 200, b"x" * 101), FailReason.TOO_LARGE),
    ],
)
def test_a_download_that_fails_for_good_is_a_gap_in_its_place(
    event: tuple[int, int, bytes], why: FailReason
) -> None:
    bench = Bench(max_download_size=100).open()
    announce(bench, "a", 5)
    bench.deliver(SMALL)

    assert bench.responded(*event) == [("gap", 5), ("deliver", "small")]
    assert reason(bench) is why


def test_a_body_of_just_the_limits_size_is_delivered() -> None:
    content = body("m")
    bench = Bench(max_download_size=len(content)).open()
    announce(bench, "a")

    assert bench.responded(1, body=content) == [("deliver", "m")]


def test_a_body_over_the_limit_of_whoever_fetched_it() -> None:
    bench = Bench().open()
    announce(bench, "a")

    assert bench.handle(HttpFailed(transfer_id=1, error=HttpFailure(kind="too_large"))) == [
        ("gap", -1)
    ]
    assert reason(bench) is FailReason.TOO_LARGE


@pytest.mark.parametrize(
    ("url", "method", "headers"),
    [
        ("https://evil.example/k", "GET", {}),
        (f"{BUCKET}/k", "POST", {}),
        (f"{BUCKET}/k", "GET", {"Cookie": "x"}),
    ],
)
def test_a_url_that_the_policy_refuses_is_a_gap(url: str, method: str, headers: Any) -> None:
    bench = Bench().open()

    assert bench.receive(4, -1, url, method, headers) == [("gap", -1)]
    assert reason(bench) is FailReason.URL_REFUSED


def test_a_download_that_never_answers_holds_others_up_no_longer_than_its_time_out() -> None:
    bench = Bench(transfer_timeout=30.0, download_attempts=2, ping_interval=None).open()
    announce(bench, "a")
    bench.deliver(SMALL)

    assert bench.after(29.9) == []
    assert bench.after(0.1) == [("cancel", 1)]
    assert bench.after(0.25) == [("get", 3, "a")]
    assert bench.after(30.0) == [("cancel", 3), ("gap", -1), ("deliver", "small")]
    assert reason(bench) is FailReason.TRANSFER_TIMEOUT


def test_progress_of_a_download() -> None:
    bench = Bench().open()
    announce(bench, "a")

    bench.handle(HttpProgressed(transfer_id=1, done=5, total=9))

    assert bench.actions == [ReportProgress(transfer_id=1, send_id=None, done=5, total=9)]


def test_downloads_at_a_time() -> None:
    bench = Bench(max_downloads=2).open()
    for key in "abc":
        announce(bench, key)
    assert len(bench.all("get")) == 2

    assert bench.responded(2, body=body("b")) == [("get", 3, "c")]
    assert bench.session.stats().pending_downloads == 2


def test_the_budget_of_bytes_holds_downloads_back() -> None:
    bench = Bench(max_held=2_000, max_download_size=900).open()
    for key in "abc":
        announce(bench, key)

    assert bench.all("get") == [("get", 1, "a"), ("get", 2, "b")]
    assert bench.responded(1, body=body("a")) == [("deliver", "a"), ("get", 3, "c")]


def test_the_head_of_the_line_may_always_start() -> None:
    bench = Bench(max_held=1, max_download_size=900).open()
    announce(bench, "a")
    announce(bench, "b")

    assert bench.all("get") == [("get", 1, "a")]
    assert bench.responded(1, body=body("a")) == [("deliver", "a"), ("get", 2, "b")]


def test_the_size_that_is_held_is_what_came_and_goes_with_delivery() -> None:
    bench = Bench().open()
    announce(bench, "a")
    announce(bench, "b")
    bench.responded(2, body=body("b", 1_000))
    assert bench.session.stats().held_bytes > 1_000

    bench.responded(1, body=body("a"))

    stats = bench.session.stats()
    assert (stats.held_bytes, stats.untaken_bytes) == (0, len(body("b", 1_000)) + len(body("a")))


def test_reading_stops_at_what_is_held_and_untaken() -> None:
    bench = Bench(read_ahead=60).open()
    bench.deliver(SMALL)
    assert bench.session.wants_data
    bench.deliver(SMALL)
    bench.deliver(SMALL)
    assert not bench.session.wants_data

    bench.taken(50)
    assert bench.session.wants_data
    bench.taken(10_000)
    assert bench.session.stats().untaken_bytes == 0


def test_reading_stops_at_just_what_may_be_held() -> None:
    bench = Bench(read_ahead=37).open()

    assert bench.receive(1, 7, {"type": "m", "x": [1, None]}) == [("deliver", "m")]
    assert not bench.session.wants_data


def test_closing_leaves_gaps_and_delivers_what_is_here() -> None:
    bench = Bench(max_downloads=1).open()
    announce(bench, "a", 5)
    bench.deliver(SMALL)
    announce(bench, "b", 6)

    assert bench.close() == [
        ("close", 1),
        ("cancel", 1),
        ("gap", 5),
        ("deliver", "small"),
        ("gap", 6),
        ("state", "CLOSING"),
    ]
    assert reason(bench) is FailReason.CLOSED


def test_downloads_go_on_without_a_connection() -> None:
    bench = Bench().open()
    announce(bench, "a")
    bench.eof()

    assert bench.responded(1, body=body("m")) == [("deliver", "m")]


@pytest.mark.parametrize(
    ("status", "content", "code"),
    [
        (404, b"", "message_not_found"),
        (200, b"no JSON", "unacceptable_request"),
    ],
)
def test_a_server_tells_its_client_at_once(status: int, content: bytes, code: str) -> None:
    bench = Bench(Role.SERVER).open()
    announce(bench, "a", 2)
    announce(bench, "b", 3)

    assert bench.responded(2, status, content) == [("text", 1, 5, 3, code)]
    assert bench.responded(1, body=body("m")) == [("deliver", "m"), ("gap", 3)]
