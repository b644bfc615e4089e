"""`_urls`: asking for upload URLs, late answers, and URLs kept at hand."""

from __future__ import annotations

import pytest

from auxws_proto import Role, UploadGranted

from .helpers import Bench, large, upload_url

REFUSED = {"success": False, "errorCode": "server_error", "errorMessage": "no"}


def test_a_url_is_asked_for_when_a_message_needs_one() -> None:
    bench = Bench().open()

    assert bench.send() == [("text", 1, 1, 1, "small"), ("ping", 1, 1)]
    assert bench.send(large()) == [("text", 1, 2, 2)]


def test_an_answer_that_does_not_come_is_asked_for_again_and_at_last_the_message_fails() -> None:
    bench = Bench(upload_url_timeout=30.0, upload_attempts=3, ping_interval=None).open()
    bench.send(large())
    bench.send()

    assert bench.after(29.9) == []
    assert bench.after(0.1) == [("text", 1, 2, 2)]
    assert bench.after(30.0) == [("text", 1, 2, 3)]
    assert bench.after(30.0) == [
        ("end", 1, "FAILED", "answer_timeout"),
        ("text", 1, 1, 4, "small"),
        ("ping", 1, 4),
    ]


def test_an_answer_in_between_starts_the_count_anew() -> None:
    bench = Bench(upload_url_timeout=30.0, upload_attempts=2, ping_interval=None).open()
    bench.send(large())
    bench.after(30.0)
    bench.grant(2, "k")
    bench.send(large())

    assert bench.after(29.0) == []
    assert ("end", 2, "FAILED", "answer_timeout") not in bench.after(1.0)


def test_a_late_answer_is_as_good_as_another() -> None:
    bench = Bench(upload_url_timeout=30.0, ping_interval=None).open()
    bench.send(large())
    assert bench.after(30.0) == [("text", 1, 2, 2)]

    assert bench.grant(1, "late") == [("put", 1, "late")]
    assert bench.grant(2, "spare") == []
    assert bench.send(large()) == [("put", 2, "spare")]


def test_a_late_refusal_is_reported_and_fails_nothing() -> None:
    bench = Bench(upload_url_timeout=30.0, ping_interval=None).open()
    bench.send(large())
    bench.after(30.0)

    assert bench.receive(5, 1, REFUSED) == [("error", "ServerError")]
    assert bench.grant(2, "k") == [("put", 1, "k")]


def test_only_so_many_late_requests_are_remembered() -> None:
    bench = Bench(upload_url_timeout=1.0, upload_attempts=1_000, ping_interval=None).open()
    bench.send(large())
    bench.after(257.0)

    assert bench.grant(1, "forgotten") == [("error", "RemoteProtocolError")]
    assert bench.grant(2, "late") == [("put", 1, "late")]


def test_what_was_asked_on_a_lost_transport_is_asked_anew() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.eof()
    bench.after(1.0)

    assert bench.opened() == [("state", "OPEN"), ("text", 2, 2, 2)]
    assert bench.grant(1, "stray") == [("error", "RemoteProtocolError")]


def test_what_was_asked_on_a_rotated_transport_is_late() -> None:
    bench = Bench(max_age=100.0, ping_interval=None).open()
    bench.after(95.0)
    bench.send(large())
    bench.sent(1, transport=1)

    assert bench.opened() == [("text", 2, 2, 2)]
    assert bench.grant(1, "late", transport=1) == [("put", 1, "late")]


def test_closing_while_an_embedder_is_asked() -> None:
    bench = Bench(Role.SERVER).open()
    bench.send(large())
    bench.close()

    assert bench.handle(UploadGranted(request_id=1, url=upload_url("k"))) == []


def test_no_request_before_the_window_has_room_for_it() -> None:
    bench = Bench(write_ahead=50).open()
    bench.send({"type": "m", "x": "x" * 100})

    assert bench.send(large()) == []
    assert bench.sent() == [("text", 1, 2, 2)]


# At hand.


def test_urls_are_kept_at_hand_and_replaced_when_used() -> None:
    bench = Bench(upload_urls_ahead=2)
    bench.connect()
    assert bench.opened() == [("state", "OPEN"), ("text", 1, 2, 1), ("text", 1, 2, 2)]
    bench.grant(1, "a")
    bench.grant(2, "b")

    assert bench.send(large()) == [("put", 1, "a"), ("text", 1, 2, 3)]


def test_urls_at_hand_are_renewed_before_they_expire() -> None:
    bench = Bench(upload_urls_ahead=1, upload_url_lifetime=3_000.0, ping_interval=None).open()
    bench.after(10.0)
    bench.grant(1, "old")

    assert bench.after(2_999.9) == []
    assert bench.after(0.1) == [("text", 1, 2, 2)]
    bench.grant(2, "new")
    assert bench.send(large())[0] == ("put", 1, "new")


def test_urls_that_expired_while_there_was_no_connection_are_not_used() -> None:
    bench = Bench(upload_urls_ahead=1, upload_url_lifetime=3_000.0).open()
    bench.grant(1, "old")
    bench.disconnect()
    bench.eof(1000)
    bench.after(3_001.0)

    assert bench.send(large()) == []
    bench.connect()
    assert bench.opened() == [("state", "OPEN"), ("text", 2, 2, 2), ("text", 2, 2, 3)]


def test_urls_at_hand_survive_a_reconnect() -> None:
    bench = Bench(upload_urls_ahead=1).open()
    bench.grant(1, "a")
    bench.eof()

    assert bench.send(large()) == [("put", 1, "a")]


def test_where_there_are_no_uploads_none_are_asked_for() -> None:
    bench = Bench(upload_urls_ahead=1).open()

    bench.receive(5, 1, {"success": False, "errorCode": "not_supported"})

    assert bench.send(large())[0] == ("text", 1, 1, 2, "large")


def test_closing_forgets_what_is_at_hand_and_asked_for() -> None:
    bench = Bench(upload_urls_ahead=2).open()
    bench.grant(1, "a")
    bench.close()
    bench.eof(1000)

    assert bench.session.next_timeout() is None


# A server asks its embedder.


@pytest.mark.parametrize("announce", [None, "https://x.amazonaws.com/get?s"])
def test_a_server_asks_its_embedder(announce: str | None) -> None:
    bench = Bench(Role.SERVER, upload_url_timeout=30.0, ping_interval=None).open()

    assert bench.send(large()) == [("presign", 1)]
    assert bench.after(1_000.0) == [], "the embedder has all the time"
    granted = UploadGranted(request_id=1, url=upload_url("k"), announce_url=announce)
    assert bench.handle(granted) == [("put", 1, "k")]
    assert bench.handle(granted) == [], "once is enough"
