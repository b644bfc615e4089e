"""A trace is told as rows, spans, legs and bands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auxws_anyio.viewer import Direction, Kind, Lane, Route, Span, Timeline, Tone, tell
from auxws_proto import TraceError, read_trace
from tests.viewer.traces import STORE, Script, everyday

APP, CLIENT, GATEWAY, OBJECTS = Lane
SAMPLE = Path(__file__).parent.parent / "traces" / "sample.auxtrace.jsonl"


def legs(span: Span) -> list[tuple[str, float, float | None, bool]]:
    """Each leg's name, its times since the span's start, and whether it went well."""
    return [
        (
            leg.name,
            round(leg.start - span.start, 6),
            None if leg.end is None else round(leg.end - span.start, 6),
            leg.ok,
        )
        for leg in span.legs
    ]


def labels(timeline: Timeline) -> list[str]:
    return [row.label for row in timeline.rows]


def test_a_small_message_goes_inline() -> None:
    timeline = tell(Script().connect().send("a/b").trace())

    (span,) = timeline.spans
    assert (span.direction, span.type, span.path, span.outcome, span.tone) == (
        Direction.OUT, "a/b", Route.INLINE, "CONFIRMED", Tone.GOOD,
    )  # fmt: skip
    assert legs(span) == [("on its way", 0.0, 0.02, True)]
    sent = timeline.rows[span.first]
    assert (sent.source, sent.target, sent.label, sent.size) == (APP, CLIENT, "send a/b", 15)


def test_an_upload_is_one_span_with_its_legs() -> None:
    timeline = tell(Script().connect().upload(90_000).trace())

    (span,) = timeline.spans
    assert legs(span) == [
        ("URL request", 0.0, 0.04, True),
        ("PUT", 0.04, 0.12, True),
        ("announced", 0.12, 0.15, True),
    ]
    assert (span.path, span.size, span.event_ids) == (Route.UPLOAD, 90_000, [1, 2])
    assert [row.label for row in timeline.rows if row.span == 0] == [
        "send repo/add_updates", "UploadRequest", "UploadResponse", "PUT", "200 OK",
        "DownloadRequest", "confirmed",
    ]  # fmt: skip
    assert {row.type for row in timeline.rows if row.span == 0} == {"repo/add_updates"}


def test_a_put_that_is_tried_again_is_a_leg_of_the_same_message() -> None:
    timeline = tell(Script().connect().upload(statuses=(503, 200)).trace())

    (span,) = timeline.spans
    assert [(name, ok) for name, _, _, ok in legs(span)] == [
        ("URL request", True), ("PUT", False), ("PUT", True), ("announced", True),
    ]  # fmt: skip
    assert [row.tone for row in timeline.rows if row.status == 503] == [Tone.BAD]


def test_uploads_at_once_are_told_apart_by_their_urls() -> None:
    script = Script().connect()
    left: Any = {"$e": 50_000, "json": {"type": "t"}}
    first = script.accept({"$": "Encoded", "type": "t", "body": left})
    second = script.accept({"$": "Encoded", "type": "t", "body": left})
    for number in (1, 2):
        script.act("SendText", transport=1, data=script.event(2, number), max_frame=32_000)
    for number in (1, 2):
        answer = script.event(3, number, f"{STORE}/redacted-{number}", "PUT", {})
        script.wait(0.1).call("receive_text", answer, transport=1)
    for transfer, send_id, url in ((1, second, "redacted-2"), (2, first, "redacted-1")):
        script.wait(0.1).act(
            "PutToUrl", transfer_id=transfer, url=f"{STORE}/{url}", body=left, for_send=send_id
        )

    timeline = tell(script.trace())

    assert [span.event_ids for span in timeline.spans] == [[1], [2]]
    assert [legs(span)[-1] for span in timeline.spans] == [
        ("PUT", 0.4, None, True),
        ("PUT", 0.3, None, True),
    ]
    assert [span.column for span in timeline.spans] == [0, 1]


def test_a_download_is_one_span_with_its_legs() -> None:
    timeline = tell(Script().connect().download(120_000).trace())

    (span,) = timeline.spans
    assert legs(span) == [("GET", 0.0, 0.06, True)]
    assert (span.direction, span.path, span.size, span.outcome, span.type) == (
        Direction.IN, Route.DOWNLOAD, 120_000, "DELIVERED", "repo/add_updates",
    )  # fmt: skip


def test_what_waits_behind_a_download_shows_that_it_waits() -> None:
    script = Script().connect()
    url = script.announce()
    script.get(url)
    script.call("receive_text", script.event(1, 0, {"type": "small"}), transport=1)
    script.wait(0.5).respond(200, {"$u": '{"type":"large"}'})
    script.deliver({"type": "large"}, 16, -1, downloaded=True).deliver({"type": "small"}, 20)

    timeline = tell(script.trace())

    assert [legs(span) for span in timeline.spans] == [
        [("GET", 0.0, 0.5, True)],
        [("waits its turn", 0.0, 0.5, True)],
    ]


def test_a_download_that_failed_is_a_gap() -> None:
    script = Script().connect()
    url = script.announce()
    script.get(url).wait(0.1).respond(403)
    error = {"$": "DownloadFailed", "text": "http_status: 403", "reason": "http_status"}
    script.act("ReportGap", error=error, event_id=-1, transport=1)

    timeline = tell(script.trace())

    (span,) = timeline.spans
    assert (span.outcome, span.tone, legs(span)) == (
        "GAP", Tone.BAD, [("GET", 0.0, 0.1, False)],
    )  # fmt: skip
    assert timeline.rows[-1].label == "gap: http_status: 403"


@pytest.mark.parametrize(
    ("stage", "tone", "label"),
    [("FAILED", Tone.BAD, "failed: closed"), ("UNKNOWN", Tone.WARN, "fate unknown: closed"),
     ("SENT", Tone.GOOD, "sent: closed")],
)  # fmt: skip
def test_outcomes(stage: str, tone: Tone, label: str) -> None:
    script = Script().connect()
    send_id = script.accept(script.encoded("t"))
    script.report(send_id, stage, text="closed: the session ended", reason="closed")

    timeline = tell(script.trace())

    (span,) = timeline.spans
    assert (span.outcome, span.tone, timeline.rows[-1].label) == (stage, tone, label)


def test_an_outage_is_a_band_from_state_to_state() -> None:
    timeline = tell(everyday().trace())

    assert [(band.state, band.is_outage) for band in timeline.bands] == [
        ("CONNECTING", False), ("OPEN", False), ("WAITING", True), ("CONNECTING", True),
        ("OPEN", False),
    ]  # fmt: skip
    waiting = timeline.bands[2]
    assert waiting.end is not None
    assert round(waiting.end - waiting.start, 6) == 2.5
    assert timeline.bands[-1].end is None


def test_errors_stand_out_and_keep_their_object() -> None:
    timeline = tell(everyday().trace())

    bad = [row for row in timeline.rows if row.kind is Kind.ERROR]
    assert [row.label for row in bad] == [
        "Error not_authorized",
        "error: not_authorized: You may not.",
    ]
    assert all(row.tone is Tone.BAD for row in bad)
    assert '"errorCode":"not_authorized"' in bad[1].payload


def test_what_connecting_says() -> None:
    script = Script().call("connect").act("OpenTransport", transport=1, attempt=2, headers=[])
    failure = {"$": "TransportFailure", "kind": "rejected", "status": 503, "detail": ""}
    script.call("transport_failed", failure, transport=1)
    script.act("AskForLogin", transport=2, attempt=0, error=None)
    script.call("login", {"$": "ConnectionId", "connection_id": "me"})
    script.act("CloseTransport", transport=2, code=1000, reason="bye")
    script.act("AbortTransport", transport=2)
    script.call("receive_eof", code=1001, reason="Going away", transport=2)
    script.act("CancelTransfer", transfer_id=4)

    timeline = tell(script.trace())

    assert labels(timeline) == [
        "connect", "open transport 1, attempt 2", "transport failed: rejected 503",
        "ask for login", "login", "close 1000 bye", "drop the transport", "closed 1001 Going away",
        "give transfer 4 up",
    ]  # fmt: skip


def test_a_server_is_told_from_its_side() -> None:
    script = Script(role="server")
    script.call("receive_text", script.event(2, 1), transport=1)
    script.act("AnswerUploadRequest", request_id=1)
    script.call("handle", {"$": "UploadGranted", "request_id": 1, "url": "x"})
    script.call("handle", {"$": "UploadRefused", "request_id": 2, "error": "not_supported"})

    timeline = tell(script.trace())

    assert timeline.lanes == ("Application", "Server", "Peer", "Object store")
    assert labels(timeline) == [
        "UploadRequest", "presign for request 1", "presigned for request 1",
        "upload refused: not_supported",
    ]  # fmt: skip


def test_an_input_that_raised_changed_nothing_but_is_shown() -> None:
    script = Script().call("send", {"$": "Encoded", "type": "t", "body": {"$u": "{}"}})
    script.lines[-1]["raised"] = "OutboxFull"

    timeline = tell(script.trace())

    assert (labels(timeline), timeline.spans) == (["send: OutboxFull"], [])


def test_a_send_that_the_session_made_itself_is_told_from_its_text() -> None:
    script = Script().connect()
    text = script.event(1, 1, {"type": "repo/watch_branch"})
    script.act("SendText", transport=1, data=text, max_frame=32_000, send_id=1)
    script.report(1, "CONFIRMED")

    timeline = tell(script.trace())

    assert [(span.send_id, span.outcome) for span in timeline.spans] == [(1, "CONFIRMED")]


def test_a_message_in_frames() -> None:
    script = Script().connect()
    send_id = script.accept(script.encoded("t", text="x" * 70_000))
    text = script.event(1, 1, {"type": "t", "text": "x" * 70_000})
    script.act("SendText", transport=1, data=text, max_frame=32_000, send_id=send_id)

    timeline = tell(script.trace())

    assert timeline.spans[0].path is Route.FRAMES
    assert timeline.rows[-1].facts == (("frames", "3"),)


def test_times_begin_at_nought_and_know_the_time_of_day() -> None:
    timeline = tell(Script().wait(20).connect().wait(1).send().trace())

    assert (timeline.rows[0].at, timeline.started_at) == (0.0, 1_764_000_020.0)
    assert round(timeline.duration, 6) == 1.07


def test_a_clock_that_runs_backwards_does_not_turn_the_order_around() -> None:
    script = Script().connect().wait(-50).send()

    times = [row.at for row in tell(script.trace()).rows]

    assert times == sorted(times)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_numbers_that_are_none_do_no_harm(broken: float) -> None:
    script = Script().connect().receive(number=0)
    script.lines[-1]["event_id"] = broken
    script.lines[-2]["t"] = broken

    timeline = tell(script.trace())

    assert timeline.rows[-1].event_id is None


def test_the_end_of_a_trace_is_told() -> None:
    whole, cut = Script().connect().end(), Script().connect()
    torn = read_trace([*cut.text().splitlines(keepends=True), '{"t": 1'])

    assert tell(whole.trace()).notes == []
    assert tell(cut.trace()).notes == [
        "The trace has no end: the program was killed, or still runs."
    ]
    assert tell(torn).notes == ["The last line of the trace is torn."]


def test_one_machine_of_several_is_chosen_by_name() -> None:
    script = Script().connect()
    script.lines.append({"machine": "other", "class": "X", "role": "client", "config": {}})
    script.lines.append({"t": 1.0, "to": "other", "call": "close"})

    assert labels(tell(script.trace(), machine="other")) == ["close"]
    with pytest.raises(TraceError, match="no machine 'none'; it has 'client', 'other'"):
        tell(script.trace(), machine="none")


def test_a_line_with_something_else_where_a_value_should_be_is_named_or_ignored() -> None:
    script = Script().connect()
    script.act("PutToUrl", transfer_id={}, url=5, body=[], for_send="x")
    script.call("handle", {"$": "HttpResponded", "transfer_id": [], "status": "?", "body": {}})
    script.act("ReportSend", send_id=None, stage={}, final=1, error=[])
    script.act("DeliverMessage", message=None, size="x", event_id="y")

    assert len(tell(script.trace()).rows) == 7


def test_payloads_are_kept_up_to_a_limit() -> None:
    timeline = tell(Script().connect().send("t", text="x" * 5_000).trace(), payload_limit=100)

    sent = next(row for row in timeline.rows if row.label == "send t")
    assert (len(sent.payload), sent.payload_size) == (100, sent.size)


def test_the_story_agrees_with_the_transfers_that_the_core_reads() -> None:
    with SAMPLE.open(encoding="utf-8") as file:
        trace = read_trace(file)

    timeline = tell(trace)

    large = [span for span in timeline.spans if span.is_large]
    told = sorted((s.size or 0, s.outcome, s.send_id) for s in large if s.direction == "out")
    read = sorted((t.size or 0, t.outcome or "", t.send_id) for t in trace.uploads())
    assert told == read
    told_in = sorted((s.outcome, len([x for x in s.legs if x.name == "GET"])) for s in large
                     if s.direction == "in")  # fmt: skip
    read_in = sorted((t.outcome or "", len([x for x in t.legs if x.kind == "http"]))
                     for t in trace.downloads())  # fmt: skip
    assert told_in == read_in
    assert len(told) > 2
    assert len(told_in) > 2
