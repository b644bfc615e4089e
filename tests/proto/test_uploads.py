"""`_uploads`: who waits for a URL, which PUTs run, and a peer that has no uploads."""

from __future__ import annotations

import pytest

from auxws_proto import (
    Role,
    UploadRefused,
)

from .helpers import NO_UPLOADS, Bench, large, upload_url


def test_uploads_at_a_time() -> None:
    bench = Bench(max_uploads=2).open()
    for _ in range(5):
        bench.send(large())
    assert bench.all("text") == [("text", 1, 2, 1), ("text", 1, 2, 2)]
    bench.grant(1, "a")
    bench.grant(2, "b")

    # URLs for the next two are had while these are put.
    assert bench.all("text")[2:] == [("text", 1, 2, 3), ("text", 1, 2, 4)]
    assert bench.grant(3, "c") == []
    assert bench.responded(1) == [
        ("put", 3, "c"), ("text", 1, 2, 5), ("text", 1, 4, 6, "a"), ("ping", 1, 6),
    ]  # fmt: skip
    assert bench.session.stats().pending_uploads == 4


def test_an_upload_url_with_headers_that_are_refused() -> None:
    bench = Bench().open()
    bench.send(large())

    assert bench.receive(3, 1, upload_url("k"), "PUT", {"Host": "x"}) == [
        ("end", 1, "FAILED", "url_refused")
    ]


def test_a_url_that_died_is_replaced_and_at_last_the_message_fails() -> None:
    expired = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    bench = Bench(upload_attempts=2).open()
    bench.send(large())
    bench.grant(1, "old")

    assert bench.responded(1, 403, expired) == [("text", 1, 2, 2)]
    assert bench.grant(2, "new") == [("put", 2, "new")]
    assert bench.responded(2, 403, expired) == [("end", 1, "FAILED", "http_status")]
    assert bench.send() == [("text", 1, 1, 3, "small"), ("ping", 1, 3)]


def test_auto_goes_inline_on_this_transport_and_asks_anew_on_the_next() -> None:
    bench = Bench().open()
    bench.send(large())

    assert bench.receive(5, 1, NO_UPLOADS) == [
        ("text", 1, 1, 2, "large"),
        ("ping", 1, 2),
    ]
    assert bench.send(large()) == [("text", 1, 1, 3, "large")]
    bench.eof()
    bench.after(1)
    bench.opened()
    assert bench.send(large()) == [("text", 2, 2, 4)]


def test_a_message_whose_url_is_refused_lets_the_next_by() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.send()

    assert bench.receive(5, 1, {"errorCode": "server_error"})[:2] == [
        ("end", 1, "FAILED", "refused_by_server"),
        ("text", 1, 1, 2, "small"),
    ]


def test_a_refused_url_fails_the_message_that_has_waited_longest() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.send(large())

    assert bench.receive(5, 1, {"errorCode": "server_error"})[0] == (
        "end", 1, "FAILED", "refused_by_server",
    )  # fmt: skip


def test_always_fails_the_message() -> None:
    bench = Bench(offload="always").open()
    bench.send(large())

    assert bench.receive(5, 1, NO_UPLOADS) == [("end", 1, "FAILED", "not_supported")]


def test_an_answer_for_urls_that_nobody_waits_for() -> None:
    bench = Bench(offload="always", upload_urls_ahead=1).open()

    assert bench.receive(5, 1, NO_UPLOADS) == [("error", "ServerError")]
    assert bench.send() == [("text", 1, 1, 2, "small"), ("ping", 1, 2)]


@pytest.mark.parametrize("code", ["not_supported", "server_error"])
def test_a_server_without_uploads_fails_its_message(code: str) -> None:
    bench = Bench(Role.SERVER).open()
    bench.send(large())
    reason = "not_supported" if code == "not_supported" else "refused_by_server"

    assert bench.handle(UploadRefused(request_id=1, error=code)) == [("end", 1, "FAILED", reason)]


def test_a_large_message_wants_a_url() -> None:
    bench = Bench().open()
    uploads = bench.session._engine.outbox.uploads
    before = uploads.wants_url
    bench.send(large())

    assert (before, uploads.wants_url) == (False, True)
    bench.grant(1, "k")
    assert not uploads.wants_url


def test_closing_gives_up_what_waits_and_what_runs() -> None:
    bench = Bench(max_uploads=1).open()
    bench.send(large())
    bench.send(large())
    bench.grant(1, "k")
    before = bench.session.stats().pending_uploads
    bench.close()

    assert (before, bench.session.stats().pending_uploads) == (2, 0)


def test_a_greeting_whose_transport_is_lost_waits_no_longer() -> None:
    bench = Bench(on_connect=[large("big")]).open()
    uploads = bench.session._engine.outbox.uploads
    before = uploads.wants_url
    bench.eof()

    assert (before, uploads.wants_url) == (True, False)


def test_in_offload_never_no_url_is_wanted() -> None:
    bench = Bench(offload="never", upload_urls_ahead=2).open()

    assert bench.send(large())[0] == ("text", 1, 1, 1, "large")
    assert bench.session.stats().pending_uploads == 0


def test_a_greeting_that_is_being_put_when_its_transport_is_lost_waits_for_nothing() -> None:
    bench = Bench(on_connect=[large("big")]).open()
    bench.grant(1, "k")
    bench.eof()

    assert bench.responded(1) == []
    assert bench.session.stats().pending_uploads == 0
