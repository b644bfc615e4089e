"""The outgoing half of the story: each ``send()`` as a span, with the legs that it took.

It knows sends, their texts and their uploads. It must not know arrivals or connections. A trace
names a send in some actions only; what it leaves open is matched by what the machine promises: URLs
are used in the order in which they were granted, and a body is the message's JSON.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from auxws_proto import EventType
from auxws_proto._secret import PLACEHOLDER

from ._events import NAMES, Glance
from ._teller import Teller
from ._timeline import Direction, Kind, Lane, Leg, Route, Span, Tone

APP, CLIENT, GATEWAY, STORE = Lane
OUTCOMES = {
    "CONFIRMED": (Tone.GOOD, "confirmed"),
    "SENT": (Tone.GOOD, "sent"),
    "FAILED": (Tone.BAD, "failed"),
    "UNKNOWN": (Tone.WARN, "fate unknown"),
}


@dataclass(slots=True)
class _Grant:
    """An upload URL, from the request for it."""

    number: float | None
    url: str
    asked: float
    asked_row: int
    came: float | None = None
    came_row: int = 0


@dataclass(slots=True)
class _Send:
    """A send under way."""

    span: Span
    waiting: Leg | None = None
    put: Leg | None = None
    confirm: Leg | None = None
    transfer: int | None = None
    url: str = ""
    is_up: bool = False


class Outgoing:
    """What the application sent."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._sends: dict[int, _Send] = {}
        self._upcoming = 1
        self._grants: deque[_Grant] = deque()
        self._asked: dict[float | None, _Grant] = {}
        self._transfers: dict[int, _Send] = {}
        self._named: int | None = None

    # Verbs.

    def send(
        self, type: str, size: int | None, payload: str, payload_size: int | None,
        send_id: int | None = None,
    ) -> None:  # fmt: skip
        """The application sends a message."""
        number = self._upcoming if send_id is None else send_id
        self._upcoming = number + 1
        span = self._begin(number, type, size)
        self._teller.row(
            APP, CLIENT, Kind.MESSAGE, f"send {type}".rstrip(), span=span, size=size,
            send_id=number, payload=payload, payload_size=payload_size,
        )  # fmt: skip
        self._sends[number].waiting = self._teller.leg(span, "waits")

    def _begin(self, send_id: int, type: str, size: int | None) -> Span:
        span = self._teller.begin(Direction.OUT, type=type, size=size)
        span.send_id = send_id
        self._sends[send_id] = _Send(span)
        return span

    def of(self, send_id: int | None) -> Span | None:
        """The span of a send that is under way."""
        send = self._sends.get(send_id) if send_id is not None else None
        return send.span if send else None

    # Texts.

    def text(
        self, seen: Glance, size: int, payload: str, payload_size: int | None, *,
        send_id: int | None, transport: int | None, frames: int,
    ) -> None:  # fmt: skip
        """A text is put on the wire."""
        send = self._find(send_id, seen.word)
        span = send.span if send else None
        kind, label = Kind.MESSAGE, f"{seen.name} {seen.word}".rstrip()
        if seen.event in (EventType.UPLOAD_REQUEST, EventType.DOWNLOAD_REQUEST):
            kind = Kind.UPLOAD
        if seen.event is EventType.ERROR:
            kind = Kind.ERROR
        row = self._teller.row(
            CLIENT, GATEWAY, kind, label, span=span, event=seen.event, event_id=seen.number,
            send_id=send_id, transport=transport, size=size, payload=payload,
            payload_size=payload_size, type=seen.word if kind is Kind.MESSAGE else "",
            facts=[("frames", frames if frames > 1 else None)],
        )  # fmt: skip
        if seen.event is EventType.UPLOAD_REQUEST:
            self._asked[seen.number] = _Grant(seen.number, "", self._teller.at, row)
        if send is None:
            return
        if seen.number is not None:
            send.span.event_ids.append(seen.number)
        if seen.event is EventType.DOWNLOAD_REQUEST:
            send.span.path = Route.UPLOAD
        elif send.span.path is Route.UNKNOWN:
            send.span.path = Route.FRAMES if frames > 1 else Route.INLINE
        self._teller.finish(send.waiting)
        self._teller.finish(send.confirm, ok=False)
        name = "announced" if send.span.is_large else "on its way"
        send.confirm = self._teller.leg(send.span, name)

    def _find(self, send_id: int | None, type: str) -> _Send | None:
        if send_id is None:
            return None
        if send_id not in self._sends:
            # A send that the session, or a dialogue above it, made by itself.
            self._begin(send_id, type, None)
            self._upcoming = max(self._upcoming, send_id + 1)
        return self._sends[send_id]

    # Upload URLs.

    def granted(
        self, seen: Glance, size: int, payload: str, payload_size: int | None, transport: int | None
    ) -> None:
        """An upload URL came."""
        row = self._teller.row(
            GATEWAY, CLIENT, Kind.UPLOAD, NAMES[EventType.UPLOAD_RESPONSE], event=seen.event,
            event_id=seen.number, transport=transport, size=size, payload=payload,
            payload_size=payload_size,
        )  # fmt: skip
        grant = self._asked.pop(seen.number, None)
        if grant is not None:
            grant.came, grant.came_row, grant.url = self._teller.at, row, seen.url
            self._grants.append(grant)

    # Transfers.

    def put(self, transfer: int, size: int, url: str, send_id: int | None) -> None:
        """The upload of a message begins, or begins again."""
        send = self._uploading(size, url, send_id)
        span = send.span if send else None
        row = self._teller.row(
            CLIENT, STORE, Kind.UPLOAD, "PUT", span=span, size=size,
            send_id=span.send_id if span else None, transfer=transfer, url=url,
        )  # fmt: skip
        if send is None or span is None:
            return
        span.path, send.transfer = Route.UPLOAD, transfer
        self._transfers[transfer] = send
        self._teller.finish(send.waiting)
        known = (grant for grant in self._grants if url in (grant.url, PLACEHOLDER))
        grant = next(known, None)
        if grant is not None:
            self._grants.remove(grant)
            self._show_grant(span, grant, send.waiting)
        send.url = url
        send.waiting = None
        send.put = self._teller.leg(span, "PUT", row=row)

    def _uploading(self, size: int, url: str, send_id: int | None) -> _Send | None:
        named, self._named = send_id if send_id is not None else self._named, None
        if named is not None and named in self._sends:
            return self._sends[named]
        alike = [
            send
            for send in self._sends.values()
            if send.transfer is None and not send.is_up and send.confirm is None
            and send.span.size == size
        ]  # fmt: skip
        again = (send for send in alike if send.url == url)
        return next(again, alike[0] if alike else None)

    def _show_grant(self, span: Span, grant: _Grant, waiting: Leg | None) -> None:
        """Split the wait before an upload into the wait for its URL and what is left."""
        if grant.came is None or grant.came <= span.start:
            return
        start, first = max((grant.asked, grant.asked_row), (span.start, span.first))
        if waiting is not None and waiting.start < start:
            waiting.end, waiting.last = start, first
        elif waiting is not None:
            span.legs.remove(waiting)
        leg = Leg(name="URL request", start=start, first=first)
        leg.finish(grant.came, grant.came_row)
        span.legs.append(leg)
        for row in (grant.asked_row, grant.came_row):
            if row >= span.first and self._teller.timeline.rows[row].span is None:
                self._teller.timeline.rows[row].span = span.number
                self._teller.timeline.rows[row].type = span.type
        if grant.number is not None and grant.number not in span.event_ids:
            span.event_ids.append(grant.number)

    def put_ended(
        self, transfer: int, *, label: str, ok: bool, status: int | None, payload: str = "",
        payload_size: int | None = None,
    ) -> bool:  # fmt: skip
        """An upload ended in some way; says whether there was one of that id."""
        send = self._transfers.pop(transfer, None)
        if send is None:
            return False
        self._teller.row(
            STORE, CLIENT, Kind.UPLOAD, label, span=send.span, send_id=send.span.send_id,
            tone=Tone.PLAIN if ok else Tone.BAD, transfer=transfer, status=status,
            payload=payload, payload_size=payload_size,
        )  # fmt: skip
        self._teller.finish(send.put, ok=ok)
        send.put, send.transfer, send.is_up = None, None, ok
        send.waiting = self._teller.leg(send.span, "waits its turn" if ok else "waits")
        return True

    # Outcomes.

    def reported(self, send_id: int, stage: str, *, final: bool, reason: str, detail: str) -> None:
        """The machine tells how far a send has come."""
        if stage == "UPLOADING":
            self._named = send_id
        if not final or stage not in OUTCOMES:
            return
        send = self._sends.pop(send_id, None)
        tone, word = OUTCOMES[stage]
        span = send.span if send else None
        self._teller.row(
            CLIENT, APP, Kind.OUTCOME, f"{word}: {reason}" if reason else word, span=span,
            send_id=send_id, tone=tone, facts=[("stage", stage), ("error", detail or None)],
        )  # fmt: skip
        if span is not None:
            self._teller.end(span, stage, tone)
