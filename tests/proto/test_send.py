"""`_send`: one message's stages on the way, and its one outcome."""

from __future__ import annotations

import json

import pytest

from auxws_proto import (
    FailReason,
    HttpProgressed,
    PutToUrl,
    ReportProgress,
    ReportSend,
    SendFailed,
    SendText,
    Stage,
    Tally,
)
from auxws_proto._send import UPLOAD_STEPS, Upload, UploadStep

from .helpers import BUCKET, SMALL, Bench, large, upload_url

EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


def failure(bench: Bench) -> SendFailed:
    """The error of the last outcome."""
    errors = [a.error for a in bench.log if isinstance(a, ReportSend) and a.error is not None]
    return errors[-1]


def test_a_large_message_from_beginning_to_end() -> None:
    bench = Bench().open()
    message = large()

    assert bench.send(message, watched=True) == [("text", 1, 2, 1)]
    assert bench.grant(1, "key") == [("stage", 1, "UPLOADING"), ("put", 1, "key")]
    put = bench.actions[1]
    assert isinstance(put, PutToUrl)
    assert put.method == "PUT"
    assert put.url.reveal() == upload_url("key")
    assert json.loads(put.body) == message
    assert put.headers == {
        "Content-Type": "application/json",
        "x-amz-acl": "bucket-owner-full-control",
    }
    assert bench.responded(1) == [
        ("stage", 1, "UPLOADED"),
        ("text", 1, 4, 2, "key"),
        ("ping", 1, 2),
    ]
    text = bench.actions[1]
    assert isinstance(text, SendText)
    assert json.loads(text.data) == [4, 2, f"{BUCKET}/key", "GET", {}]
    assert bench.sent(2) == [("stage", 1, "SENT")]
    assert bench.pong(2) == [("end", 1, "CONFIRMED")]
    assert bench.session.stats().sent == {"upload": Tally(messages=1, bytes=40_000)}


def test_a_put_that_fails_for_good_lets_the_next_message_by() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.send()
    bench.grant(1, "k")

    assert bench.responded(1, 400, b"<Code>BadDigest</Code>") == [
        ("end", 1, "FAILED", "http_status"),
        ("text", 1, 1, 2, "small"),
        ("ping", 1, 2),
    ]
    assert failure(bench).reason is FailReason.HTTP_STATUS


def test_a_message_that_goes_inline() -> None:
    bench = Bench().open()
    bench.send(watched=True)

    assert bench.sent() == [("stage", 1, "SENT")]
    assert bench.pong(1) == [("end", 1, "CONFIRMED")]


def test_without_confirm_a_write_is_the_end() -> None:
    bench = Bench(confirm=False).open()

    assert bench.send(watched=True) == [("text", 1, 1, 1, "small")]
    assert bench.sent() == [("end", 1, "SENT")]
    assert bench.eof() == [("state", "WAITING")]


def test_without_a_watcher_only_the_outcome_is_reported() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.grant(1, "k")
    bench.handle(HttpProgressed(transfer_id=1, done=10, total=40_000))
    bench.responded(1)
    bench.sent(2)

    assert bench.pong(2) == [("end", 1, "CONFIRMED")]
    assert bench.all("stage") == bench.all("progress") == []


def test_a_pong_that_overtakes_the_report_of_the_write() -> None:
    bench = Bench().open()
    bench.send(watched=True)

    assert bench.pong(1) == [("end", 1, "CONFIRMED")]
    assert bench.sent() == [], "nothing follows an outcome"


def test_progress() -> None:
    bench = Bench().open()
    bench.send(large(), watched=True)
    bench.grant(1, "k")

    assert bench.handle(HttpProgressed(transfer_id=1, done=10, total=40_000)) == [
        ("progress", 1, 10)
    ]
    progress = bench.actions[0]
    assert isinstance(progress, ReportProgress)
    assert (progress.send_id, progress.total) == (1, 40_000)


def test_a_greeting_reports_no_progress() -> None:
    bench = Bench(on_connect=[large()]).open()
    bench.grant(1, "k")

    assert bench.handle(HttpProgressed(transfer_id=1, done=10)) == []
    assert bench.responded(1)[0] == ("text", 1, 4, 2, "k")
    assert bench.sent(2) == []
    assert bench.eof() == [("state", "WAITING")]


def test_a_greeting_that_arrives_is_not_reported() -> None:
    assert Bench(on_connect=[SMALL]).open().pong(1) == []


def test_what_was_emitted_and_not_proven_is_unknown() -> None:
    bench = Bench().open()
    bench.send()

    assert bench.eof() == [("end", 1, "UNKNOWN", "transport_lost"), ("state", "WAITING")]
    error = failure(bench)
    assert (error.reason, error.stage, error.retryable) == (
        FailReason.TRANSPORT_LOST,
        Stage.UNKNOWN,
        True,
    )


def test_what_is_in_doubt_is_sent_again_where_that_is_asked_for() -> None:
    bench = Bench(resend_unknown=True).open()
    bench.send()
    bench.eof()
    bench.after(1)

    assert bench.opened()[:2] == [("state", "OPEN"), ("text", 2, 1, 2, "small")]


def test_a_put_that_failed_gives_its_place_to_the_next() -> None:
    bench = Bench(max_uploads=1).open()
    bench.send(large())
    bench.send(large())
    bench.grant(1, "a")
    bench.grant(2, "b")

    assert bench.responded(1, 403, b"<Code>SignatureDoesNotMatch</Code>") == [
        ("end", 1, "FAILED", "http_status"),
        ("put", 2, "b"),
    ]


def test_what_may_have_arrived_and_is_not_repeated_after_all_is_unknown() -> None:
    bench = Bench(resend_unknown=True).open()
    bench.send()
    assert bench.eof() == [("state", "WAITING")]

    assert bench.close()[0] == ("end", 1, "UNKNOWN", "closed")


def test_a_url_that_died_is_replaced_and_at_last_the_message_fails() -> None:
    bench = Bench(upload_attempts=2).open()
    bench.send(large())
    bench.grant(1, "old")

    assert bench.responded(1, 403, EXPIRED) == [("text", 1, 2, 2)]
    assert bench.grant(2, "new") == [("put", 2, "new")]
    assert bench.responded(2, 403, EXPIRED) == [("end", 1, "FAILED", "http_status")]


def test_a_greeting_whose_url_died_has_failed() -> None:
    bench = Bench(on_connect=[large()]).open()
    bench.grant(1, "old")

    assert bench.responded(1, 403, EXPIRED) == [("error", "SendFailed")]


def test_where_no_proof_can_be_had_a_send_ends_as_sent() -> None:
    bench = Bench(ping_timeout=20.0).open()
    bench.send()
    bench.sent()

    assert bench.after(20.0) == [("end", 1, "SENT"), ("error", "UnconfirmedTransport")]


@pytest.mark.parametrize("state", list(Upload))
def test_the_upload_machine_names_every_state(state: Upload) -> None:
    assert set(UPLOAD_STEPS[state]) <= set(UploadStep)
