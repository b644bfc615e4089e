"""Large messages as wholes: their parts stand far apart in a trace.

It knows which lines speak of the same message. It must not know how anything is drawn or played.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from ._constants import EventType, SendId
from ._trace_records import TraceAction, TraceInput, TraceLeg, TraceRecord, TraceTransfer


class _Request:
    """One request to the object store."""

    def __init__(self, transfer_id: int, url: str, begun: float) -> None:
        self.transfer_id = transfer_id
        self.url = url
        self.begun = begun
        self.ended: float | None = None
        self.status: int | None = None
        self.detail: str | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    def leg(self) -> TraceLeg:
        return TraceLeg(
            kind="http",
            begun=self.begun,
            ended=self.ended,
            transfer_id=self.transfer_id,
            status=self.status,
            detail=self.detail,
        )


class _Message:
    """One large message, while its lines are read."""

    def __init__(self, record: TraceInput, begun: float, event_id: float | None = None) -> None:
        payload = record.payload
        self.machine = record.machine
        self.begun = begun
        self.event_id = event_id
        self.transport: int | None = record.arguments.get("transport")
        self.send_id: SendId | None = None
        self.size = None if payload is None else payload.size
        self.type = None if payload is None else payload.type
        self.url = ""
        self.requests: list[_Request] = []
        self.passed_on: float | None = None
        self.ended: float | None = None
        self.outcome: str | None = None

    @property
    def is_between(self) -> bool:
        """Whether it has been asked for, in vain so far."""
        return bool(self.requests) and self.requests[-1].ended is not None and (
            not self.requests[-1].is_good and self.outcome is None
        )  # fmt: skip

    def finish(self, direction: Literal["upload", "download"]) -> TraceTransfer:
        legs = [request.leg() for request in self.requests]
        if direction == "upload" and legs:
            legs.insert(0, TraceLeg(kind="queued", begun=self.begun, ended=legs[0].begun))
        through = self.requests[-1].ended if self.requests else None
        if through is not None and self.requests[-1].is_good:
            legs.append(TraceLeg(kind="waiting", begun=through, ended=self.passed_on or self.ended))
        if direction == "upload" and self.passed_on is not None:
            legs.append(TraceLeg(kind="proving", begun=self.passed_on, ended=self.ended))
        return TraceTransfer(
            direction=direction,
            machine=self.machine,
            size=self.size,
            begun=self.begun,
            send_id=self.send_id,
            event_id=self.event_id,
            type=self.type,
            ended=self.ended,
            outcome=self.outcome,
            legs=tuple(legs),
        )


class _Requests:
    """The requests that are out, and whose they are."""

    def __init__(self) -> None:
        self._out: dict[tuple[str, int], _Request] = {}

    def ask(self, message: _Message, action: TraceAction) -> None:
        number = action.fields["transfer_id"]
        request = _Request(number, str(action.fields.get("url")), action.time)
        message.requests.append(request)
        self._out[action.machine, number] = request

    def look(self, record: TraceRecord) -> None:
        """End the request that this ends."""
        match record:
            case TraceInput(
                door="handle", arguments={"event": {"transfer_id": int(number)} as event}
            ):
                if event["$"] != "HttpProgressed":
                    self._end(record, number, event)
            case TraceAction(kind="CancelTransfer", fields={"transfer_id": int(number)}):
                self._end(record, number, {"error": "cancelled"})
            case _:
                pass

    def _end(self, record: TraceInput | TraceAction, number: int, event: Mapping[str, Any]) -> None:
        request = self._out.pop((record.machine, number), None)
        if request is not None:
            request.ended = record.time
            request.status = event.get("status")
            match event.get("error"):
                case {"kind": str(kind), "detail": str(detail)}:
                    request.detail = f"{kind}: {detail}" if detail else kind
                case str(text):
                    request.detail = text
                case _:
                    request.detail = None


def uploads(records: Iterable[TraceRecord]) -> list[TraceTransfer]:
    """The messages that went out through the object store."""
    sends: dict[tuple[str, int], _Message] = {}
    requests = _Requests()
    for record in records:
        requests.look(record)
        match record:
            case TraceInput(door="send" | "restore", gave=int(send_id)):
                sent = sends[record.machine, send_id] = _Message(record, record.time)
                sent.send_id = SendId(send_id)
            case TraceAction(kind="PutToUrl", fields={"for_send": int(send_id)}):
                message = sends.get((record.machine, send_id))
                if message is not None:
                    requests.ask(message, record)
            case TraceAction(kind="SendText", fields={"send_id": int(send_id)}):
                message = sends.get((record.machine, send_id))
                if message is not None:
                    message.passed_on = record.time
                    message.event_id = _event_id(record)
            case TraceAction(kind="ReportSend", fields={"send_id": int(send_id), "final": True}):
                message = sends.get((record.machine, send_id))
                if message is not None:
                    message.ended, message.outcome = record.time, record.fields["stage"]
            case _:
                pass
    return [message.finish("upload") for message in sends.values() if message.requests]


def downloads(records: Iterable[TraceRecord]) -> list[TraceTransfer]:
    """The messages that came, or did not come, through the object store."""
    messages: list[_Message] = []
    requests = _Requests()
    for record in records:
        requests.look(record)
        match record:
            case TraceInput(door="receive_text"):
                event_id = _event_id(record)
                if _is_announcement(record) and event_id is not None:
                    message = _Message(record, record.time, event_id)
                    message.size = None
                    assert record.payload is not None
                    message.url = record.payload.data[2]
                    messages.append(message)
            case TraceAction(kind="GetFromUrl"):
                found = _asked_for(record, messages)
                if found is not None:
                    requests.ask(found, record)
            case TraceAction(kind="DeliverMessage", fields={"downloaded": True}):
                _settle(record, messages, "DELIVERED")
            case TraceAction(kind="ReportGap"):
                _settle(record, messages, "GAP")
            case _:
                pass
    return [message.finish("download") for message in messages]


def _event_id(record: TraceInput | TraceAction) -> float | None:
    match None if record.payload is None else record.payload.data:
        case [int(), int() | float() as event_id, *_]:
            return event_id
        case _:
            return None


def _is_announcement(record: TraceInput) -> bool:
    match None if record.payload is None else record.payload.data:
        case [EventType.DOWNLOAD_REQUEST, _, str(), str(), dict()]:
            return True
        case _:
            return False


def _asked_for(action: TraceAction, messages: Iterable[_Message]) -> _Message | None:
    """Whose request this is: another attempt, or the first of the next in line."""
    mine = [m for m in messages if m.machine == action.machine and m.outcome is None]
    again = [m for m in mine if m.is_between]
    fresh = [m for m in mine if not m.requests]
    url = action.fields.get("url")
    same = [m for m in (*again, *fresh) if m.url == url]
    return next(iter((*same, *again, *fresh)), None)


def _settle(action: TraceAction, messages: Iterable[_Message], outcome: str) -> None:
    key = (action.machine, action.fields.get("event_id"), action.fields.get("transport"))
    for message in messages:
        if message.outcome is None and key == (
            message.machine, message.event_id, message.transport,
        ):  # fmt: skip
            message.ended, message.outcome = action.time, outcome
            if action.payload is not None:
                message.size, message.type = action.payload.size, action.payload.type
            return
