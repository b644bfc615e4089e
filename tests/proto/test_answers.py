"""`_answers`: who asked whom for an upload URL, and the error events of a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auxws_proto import (
    FailReason,
    HttpFailed,
    HttpFailure,
    ReportError,
    ReportSend,
    Role,
    SendText,
    ServerError,
    UploadGranted,
    UploadRefused,
    UrlRefused,
)
from auxws_proto._answers import MAX_PEER_REQUESTS

from .helpers import BUCKET, SMALL, Bench, large, upload_url

REFUSED = {"success": False, "errorCode": "server_error", "errorMessage": "no"}


def server(**settings: Any) -> Bench:
    """A server with an open connection."""
    return Bench(Role.SERVER, ping_interval=None, **settings).open()


def text(bench: Bench) -> Any:
    """The event in the last turn's first text."""
    action = bench.actions[0]
    assert isinstance(action, SendText)
    return json.loads(action.data)


# A client's requests.


def test_a_url_that_nobody_asked_for() -> None:
    assert Bench().open().grant(9, "k") == [("error", "RemoteProtocolError")]


@pytest.mark.parametrize(
    ("url", "method", "rule"),
    [
        (upload_url("k"), "POST", "method"),
        ("http://bucket.s3.amazonaws.com/k", "PUT", "scheme"),
        ("https://evil.example/k", "PUT", "host"),
        ("https://127.0.0.1/k", "PUT", "loopback"),
    ],
)
def test_a_url_that_the_policy_refuses_fails_the_message(url: str, method: str, rule: str) -> None:
    bench = Bench().open()
    bench.send(large())

    assert bench.receive(3, 1, url, method, {}) == [("end", 1, "FAILED", "url_refused")]
    outcome = bench.actions[0]
    assert isinstance(outcome, ReportSend)
    assert outcome.error is not None
    assert isinstance(outcome.error.cause, UrlRefused)
    assert outcome.error.cause.rule == rule
    assert "evil" not in str(outcome.error)


def test_a_refused_url_that_nobody_waits_for_is_reported_and_not_asked_for_again() -> None:
    bench = Bench(upload_urls_ahead=1).open()

    assert bench.receive(3, 1, "https://evil.example/k", "PUT", {}) == [("error", "UrlRefused")]
    assert bench.send() == [("text", 1, 1, 2, "small"), ("ping", 1, 2)]
    assert bench.send(large()) == [("text", 1, 2, 3)]


def test_the_upload_is_announced_byte_for_byte_without_its_query() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.receive(3, 1, f"{BUCKET}/a%2Fb+c%20d?X=1", "put", {})
    bench.responded(1)

    assert text(bench) == [4, 2, f"{BUCKET}/a%2Fb+c%20d", "GET", {}]


def test_a_refusal_fails_the_message_that_has_waited_longest() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.send(large())

    assert bench.receive(5, 2, REFUSED) == [
        ("end", 1, "FAILED", "refused_by_server"),
    ]
    outcome = bench.actions[0]
    assert isinstance(outcome, ReportSend)
    assert outcome.error is not None
    assert isinstance(outcome.error.cause, ServerError)
    assert outcome.error.cause.code == "server_error"
    assert bench.grant(1, "k") == [("put", 1, "k")]


def test_a_refusal_that_concerns_no_message_is_reported_once() -> None:
    bench = Bench(upload_urls_ahead=1).open()

    assert bench.receive(5, 1, REFUSED) == [("error", "ServerError")]
    report = bench.actions[0]
    assert isinstance(report, ReportError)
    assert (report.event_id, report.info, report.transport) == (1, REFUSED, 1)
    assert bench.after(30.0) == []


def test_a_refusal_of_an_announcement_is_reported_with_its_number() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.grant(1, "k")
    bench.responded(1)

    assert bench.receive(5, 2, REFUSED) == [("error", "ServerError")]
    report = bench.actions[0]
    assert isinstance(report, ReportError)
    assert report.event_id == 2


# A server's answers.


def test_a_server_passes_requests_on_and_answers_them() -> None:
    bench = server()
    assert bench.receive(2, 7) == [("presign", 1)]
    assert bench.receive(2, 8) == [("presign", 2)]

    url = upload_url("k")
    assert bench.handle(UploadGranted(request_id=2, url=url, headers={"a": "b"})) == [
        ("text", 1, 3, 8, "k")
    ]
    assert text(bench) == [3, 8, url, "PUT", {"a": "b"}]
    assert bench.handle(UploadRefused(request_id=1, error="not_supported")) == [
        ("text", 1, 5, 7, "not_supported")
    ]
    assert bench.handle(UploadGranted(request_id=1, url=url)) == []


def test_a_whole_info_object_refuses_too() -> None:
    bench = server()
    bench.receive(2, 7)
    bench.handle(UploadRefused(request_id=1, error={**REFUSED, "inst": "i"}))

    assert text(bench) == [5, 7, {**REFUSED, "inst": "i"}]


def test_answers_wait_for_no_upload_of_the_servers_own() -> None:
    bench = server()
    bench.send(large())
    bench.receive(2, 7)

    assert bench.handle(UploadGranted(request_id=2, url=upload_url("k"))) == [
        ("text", 1, 3, 7, "k")
    ]


def test_an_answer_for_a_connection_that_is_gone_goes_nowhere() -> None:
    bench = server()
    bench.receive(2, 7)
    bench.eof()
    bench.after(1.0)
    bench.opened()

    assert bench.handle(UploadGranted(request_id=1, url=upload_url("k"))) == []
    assert bench.receive(2, 1) == [("presign", 2)]


def test_a_flood_of_requests_is_bounded() -> None:
    bench = server()
    for number in range(MAX_PEER_REQUESTS):
        bench.receive(2, number)

    assert bench.receive(2, 5_000) == [("text", 1, 5, 5_000, "server_error")]


def test_a_peer_that_does_not_read_its_answers_is_not_read_either() -> None:
    bench = server(write_ahead=200)
    for number in range(9):
        bench.receive(8, number)
    assert bench.session.wants_data is False

    bench.sent(1)
    bench.sent(9)
    bench.sent(9)
    for _ in range(9):
        bench.sent(9)
    assert bench.session.wants_data


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        ([9, 4], (5, None)),
        ([1, 4, "text"], (5, 4)),
        ([1, 4], (5, 4)),
        ([1, 4, {"type": 5}], (5, 4)),
        ([4, 4, 5, "GET", {}], (5, None)),
        ([], (5, None)),
        (None, (5, None)),
        ({"type": "m"}, (5, None)),
    ],
)
def test_what_is_no_event_is_answered(event: Any, answer: tuple[int, Any]) -> None:
    bench = server()

    seen = bench.text(json.dumps(event))

    assert seen == [
        ("error", "RemoteProtocolError"),
        ("text", 1, *answer, "unacceptable_request"),
    ]
    assert bench.deliver(SMALL) == [("deliver", "small")]


@pytest.mark.parametrize(
    "data", ["no JSON", '"text"', "5", '[3,1,"u","PUT",{}]', "[5,1,{}]", b"\xff"]
)
def test_what_a_server_ignores_is_reported_and_not_answered(data: str | bytes) -> None:
    assert server().text(data) == [("error", "RemoteProtocolError")]


def test_a_download_that_cannot_be_had() -> None:
    bench = server(download_attempts=1)
    bench.receive(4, 3, f"{BUCKET}/k", "GET", {})

    assert bench.handle(
        HttpFailed(transfer_id=1, error=HttpFailure(kind="connect", transient=False))
    ) == [("gap", 3), ("text", 1, 5, 3, "server_error")]


def test_a_download_that_cannot_be_had_for_a_peer_that_is_gone() -> None:
    bench = server()
    bench.receive(4, 3, f"{BUCKET}/k", "GET", {})
    bench.eof()

    assert bench.responded(1, 404) == [("gap", 3)]


def test_a_client_answers_nothing() -> None:
    bench = Bench().open()

    assert bench.receive(2, 1) == [("error", "RemoteProtocolError")]
    assert bench.handle(UploadGranted(request_id=1, url=upload_url("k"))) == []
    assert bench.handle(UploadRefused(request_id=1, error="no")) == []


def test_time_outs_without_a_message_are_no_failure() -> None:
    bench = Bench(upload_urls_ahead=1, upload_attempts=1, ping_interval=None).open()

    assert bench.after(30.0) == [("text", 1, 2, 2)]
    assert bench.all("end") == []


def test_the_reason_of_an_answer_that_never_comes() -> None:
    bench = Bench(upload_attempts=1, ping_interval=None).open()
    bench.send(large())
    bench.after(30.0)

    outcome = [a for a in bench.log if isinstance(a, ReportSend)][-1]
    assert outcome.error is not None
    assert outcome.error.reason is FailReason.ANSWER_TIMEOUT
    assert "no upload URL within 30 s, asked 1 times" in str(outcome.error)


def test_a_late_refusal_fails_nothing() -> None:
    bench = Bench(ping_interval=None).open()
    bench.send(large())
    assert bench.after(30.0) == [("text", 1, 2, 2)]

    assert bench.receive(5, 1, REFUSED) == [("error", "ServerError")]


def test_a_peer_without_uploads() -> None:
    bench = Bench().open()
    bench.send(large())

    assert bench.receive(5, 1, {"errorCode": "not_supported"})[0] == ("text", 1, 1, 2, "large")


@pytest.mark.parametrize(("announce", "key"), [(None, "put"), (f"{BUCKET}/get?s", "get")])
def test_a_servers_own_upload(announce: str | None, key: str) -> None:
    bench = server()
    bench.send(large())

    assert bench.handle(
        UploadGranted(request_id=1, url=upload_url("put"), announce_url=announce)
    ) == [("put", 1, "put")]
    assert bench.responded(1)[0] == ("text", 1, 4, -1, key)


def test_a_servers_own_upload_that_is_refused() -> None:
    bench = server()
    bench.send(large())

    assert bench.handle(UploadRefused(request_id=1, error="server_error")) == [
        ("end", 1, "FAILED", "refused_by_server")
    ]
    assert bench.handle(UploadRefused(request_id=1, error="server_error")) == []


def test_a_refusal_for_a_message_that_is_not_sent_any_more() -> None:
    bench = Bench(Role.SERVER, on_connect=[large()], upload_urls_ahead=4)
    bench.connect()
    assert bench.opened() == [("state", "OPEN"), ("presign", 1)]
    bench.eof()

    assert bench.handle(UploadRefused(request_id=1, error="server_error")) == []
