"""Which actions and inputs make which event."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    AuxError,
    CancelTransfer,
    CloseTransport,
    ConnectionClosed,
    DeliverMessage,
    DownloadFailed,
    FailReason,
    GetFromUrl,
    HttpProgressed,
    HttpResponded,
    InternalError,
    LoginRefused,
    OpenTransport,
    PutToUrl,
    RateLimited,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportSend,
    ReportState,
    Secret,
    SendBytes,
    SendFailed,
    SendId,
    SendPing,
    SendText,
    ServerError,
    Stage,
    State,
)
from auxws_proto.observe import ObserverEvent, TransferStarted, line_of
from auxws_proto.observe._observation import Observation, Queues
from auxws_proto.observe._teller import Teller

BODY = b'{"type":"n"}'
FAILED = SendFailed(FailReason.CLOSED, "the session was closed")
GAP = DownloadFailed(FailReason.HTTP_STATUS, "404")
URL = Secret("https://bucket.s3.amazonaws.com/key?X-Amz-Signature=s")


class Scene:
    """An observation, and the lines of what it tells."""

    def __init__(self, *, notable_only: bool = False) -> None:
        self.events: list[ObserverEvent] = []
        self.teller = Teller([self.events.append], lambda error: None)
        self.observation = Observation(
            self.teller, client="c", url_lifetime=3_000.0, notable_only=notable_only
        )

    def act(self, *actions: Action, now: float = 10.0) -> list[str]:
        for action in actions:
            self.observation.acted(action, now)
        return self.lines()

    def lines(self) -> list[str]:
        self.events.clear()
        self.teller.tell()
        assert all(event.client == "c" for event in self.events)
        return [line_of(event) for event in self.events]

    def queued(self, number: int = 1, kind: str = "n", body: bytes = BODY) -> Scene:
        self.observation.queued(SendId(number), kind, body, 9.0)
        self.lines()
        return self


@pytest.fixture
def scene() -> Scene:
    return Scene()


def text(data: bytes, send_id: int | None = None, max_frame: int = 100) -> SendText:
    named = None if send_id is None else SendId(send_id)
    return SendText(transport=1, data=data, max_frame=max_frame, send_id=named)


def ended(stage: Stage, error: SendFailed | None = None) -> ReportSend:
    return ReportSend(send_id=SendId(1), stage=stage, final=True, error=error)


def put(transfer: int = 3) -> PutToUrl:
    return PutToUrl(transfer_id=transfer, method="PUT", url=URL, headers={}, body=BODY)


def get(transfer: int = 3) -> GetFromUrl:
    return GetFromUrl(transfer_id=transfer, method="GET", url=URL, headers={}, max_bytes=9)


def delivery(*, downloaded: bool, **message: Any) -> DeliverMessage:
    return DeliverMessage(
        message={"type": "n", **message}, size=12, event_id=0, transport=1, downloaded=downloaded
    )


def test_a_message_is_told_by_type_and_size_alone(scene: Scene) -> None:
    scene.observation.queued(SendId(1), "n" * 60, b"x" * 1_000, 9.0)

    assert scene.lines() == [f"send 1: {'n' * 49}…, 1,000 bytes, accepted"]
    assert b"xx".decode() not in repr(scene.events)


def test_a_message_and_an_upload_url_on_their_way(scene: Scene) -> None:
    scene.queued()
    lines = scene.act(text(b"[2,5]"), text(b"[1,7,xx]", 1))
    scene.observation.came(b"[3,5,", 10.5)

    assert lines + scene.lines() == [
        "upload URL 5: asked for on connection 1",
        "send 1: n, 12 bytes, sent by path inline on connection 1 after 1000.0 ms",
        "upload URL 5: granted after 500.0 ms",
    ]


def test_only_the_outcome_ends_a_send(scene: Scene) -> None:
    scene.queued()
    on_the_way = ReportSend(send_id=SendId(1), stage=Stage.SENT)

    assert scene.act(on_the_way, ended(Stage.FAILED, FAILED), ended(Stage.FAILED)) == [
        "send 1: n, 12 bytes, FAILED after 1000.0 ms: SendFailed: closed: the session was closed"
    ]


def test_what_is_sent_of_the_sessions_own_accord_is_no_message(scene: Scene) -> None:
    assert scene.act(text(b"[1,1,{}]"), text(b"[1,2,{}]", 9), put()) == [
        "upload 3: begins, attempt 1, 12 bytes"
    ]


def test_a_granted_url_is_that_of_the_next_upload(scene: Scene) -> None:
    scene.queued()
    scene.act(text(b"[2,5]"))
    scene.observation.came(b"[3,5,", 10.5)

    scene.act(put(), now=11.0)

    started = [event for event in scene.events if isinstance(event, TransferStarted)]
    assert [(e.url_asked_at, e.url_answered_at) for e in started] == [(10.0, 10.5)]


def test_a_request_ends_with_its_transport(scene: Scene) -> None:
    scene.act(text(b"[2,5]"))

    scene.act(AbortTransport(transport=1))
    scene.observation.came(b"[3,5,", 10.5)

    assert scene.lines() == []


def test_transfers(scene: Scene) -> None:
    scene.queued()
    lines = scene.act(put(3), get(4))
    scene.observation.progressed(HttpProgressed(transfer_id=3, done=6, total=12), 10.5)
    scene.observation.transferred(HttpResponded(transfer_id=3, status=200), 0, 11.0)
    scene.observation.transferred(HttpResponded(transfer_id=4, status=200), 12, 11.0)
    lines += scene.lines() + scene.act(delivery(downloaded=True))

    assert lines == [
        "upload 3 of send 1: begins, attempt 1, 12 bytes",
        "download 4: begins, attempt 1",
        "upload 3 of send 1: 6 of 12 bytes",
        "upload 3 of send 1: HTTP 200 after 1000.0 ms, 12 bytes",
        "download 4: HTTP 200 after 1000.0 ms, 12 bytes",
        "received n, 12 bytes, by path download on connection 1",
    ]
    assert [getattr(event, "download", None) for event in scene.events] == [4]


@pytest.mark.parametrize(("is_over", "word"), [(False, "timeout"), (True, "cancelled")])
def test_why_a_transfer_was_given_up(scene: Scene, is_over: bool, word: str) -> None:
    scene.act(get(4))
    scene.observation.is_over = is_over

    assert scene.act(CancelTransfer(transfer_id=4), CancelTransfer(transfer_id=9)) == [
        f"download 4: {word} after 0.0 ms"
    ]


def test_what_came(scene: Scene) -> None:
    marked = delivery(downloaded=False, marked="marked")

    assert scene.act(marked) == ["received n, 12 bytes, by path inline on connection 1"]
    assert "marked" not in repr(scene.events)


def test_a_gap(scene: Scene) -> None:
    scene.act(get(4))
    scene.observation.transferred(HttpResponded(transfer_id=4, status=404), 9, 11.0)
    scene.lines()

    assert scene.act(ReportGap(error=GAP, event_id=1, transport=1)) == [
        "a message on connection 1 is lost: DownloadFailed: http_status: 404"
    ]
    assert [getattr(event, "download", None) for event in scene.events] == [4]


def test_a_connection(scene: Scene) -> None:
    lost = ConnectionClosed(1006)
    lines = scene.act(OpenTransport(transport=1, attempt=2), now=10.0)
    scene.observation.links.opened(1, 10.5)
    lines += scene.act(
        AskForLogin(transport=1, attempt=1, error=LoginRefused("x", "y", {})),
        ReportState(state=State.OPEN),
        ReportState(state=State.OPEN, info={"connectionId": "marked"}),
        SendPing(transport=1, payload=b"3"),
        now=11.0,
    )
    scene.observation.links.ponged(1, b"3", 11.5)
    scene.observation.ended(1, 12.0, code=1006)
    lines += scene.act(ReportState(state=State.WAITING, cause=lost), now=12.0)
    scene.observation.waiting(15.0, lost, 12.0)
    scene.observation.waiting(11.0, None, 12.0)

    assert lines + scene.lines() == [
        "connection 1: opening, attempt 2",
        "connection 1: open after 500.0 ms",
        "connection 1: credentials wanted, attempt 1: LoginRefused: x: y",
        "state IDLE -> OPEN",
        "connection 1: ping answered after 500.0 ms",
        "connection 1: lost after 1.5 s, code 1006",
        "state OPEN -> WAITING: ConnectionClosed: closed: code 1006",
        "connecting again in 3.00 s: ConnectionClosed: closed: code 1006",
        "connecting again in 0.00 s",
    ]


def test_a_connection_that_this_side_closes(scene: Scene) -> None:
    scene.act(OpenTransport(transport=1, attempt=0), CloseTransport(transport=1))

    assert scene.act(AbortTransport(transport=1)) == ["connection 1: given up before it was open"]


def test_the_same_state_with_a_cause_is_told(scene: Scene) -> None:
    lost = ConnectionClosed(1006)
    scene.act(ReportState(state=State.WAITING))

    assert scene.act(ReportState(state=State.WAITING, cause=lost)) == [
        "state WAITING -> WAITING: ConnectionClosed: closed: code 1006"
    ]


def test_errors(scene: Scene) -> None:
    server = ReportError(
        error=ServerError({"errorCode": "x", "marked": "marked"}, 3),
        info={"marked": "marked"},
        transport=1,
        send_id=SendId(3),
    )

    assert scene.act(server, ReportError(error=RateLimited(2.0), transport=1)) == [
        "error on connection 1 about send 3: ServerError: x",
        "rate limited: nothing is sent for 2 s",
    ]
    assert "marked" not in repr(scene.events)


def test_a_report_is_news_when_it_is_given_out_only_if_the_session_did_not_make_it(
    scene: Scene,
) -> None:
    ours, above = ReportError(error=AuxError("ours")), ReportError(error=AuxError("above"))
    scene.act(ours)

    for report in (above, ours, ours):
        scene.observation.passed(report, 10.0)

    assert scene.lines() == ["error: AuxError: above", "error: AuxError: ours"]


def test_a_crash_is_an_error_and_the_end(scene: Scene) -> None:
    scene.observation.crashed(InternalError(KeyError("marked")), 10.0)

    text = "InternalError: the client has stopped: an unexpected KeyError"
    assert scene.lines() == [f"error: {text}", f"state IDLE -> CLOSED: {text}"]


def test_queues_are_told_when_they_have_changed(scene: Scene) -> None:
    for messages in (0, 1, 1, 0):
        scene.observation.looked(Queues(messages, 0, 0, 0, 0, 0), 10.0)

    rest = "0 bytes; 0 uploads, 0 downloads; 0 bytes held, 0 untaken"
    assert scene.lines() == [f"outbox 1 messages, {rest}", f"outbox 0 messages, {rest}"]


def test_queues_are_not_told_any_more_when_all_is_over(scene: Scene) -> None:
    scene.act(ReportState(state=State.CLOSED))

    scene.observation.looked(Queues(0, 0, 0, 0, 0, 5), 10.0)

    assert scene.lines() == []


def test_what_makes_no_event(scene: Scene) -> None:
    progress = ReportProgress(transfer_id=1, send_id=None, done=1, total=2)

    assert scene.act(
        progress, SendBytes(transport=1, data=b"x"), AnswerUploadRequest(request_id=1)
    ) == []  # fmt: skip


def test_only_what_is_notable() -> None:
    scene = Scene(notable_only=True)

    assert scene.act(
        OpenTransport(transport=1, attempt=0),
        text(b"[2,5]"),
        text(b"[1,6,{}]", 1),
        SendPing(transport=1, payload=b"1"),
        put(1),
        get(2),
        delivery(downloaded=True),
        ended(Stage.CONFIRMED),
        ended(Stage.FAILED, FAILED),
        ReportGap(error=GAP, event_id=1, transport=1),
    ) == [
        "connection 1: opening, attempt 0",
        "error about send 1: SendFailed: closed: the session was closed",
        "a message on connection 1 is lost: DownloadFailed: http_status: 404",
    ]  # fmt: skip
