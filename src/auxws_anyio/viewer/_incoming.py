"""The incoming half of the story: each arrival as a span, until it is delivered or reported lost.

It knows arrivals, downloads and deliveries. It must not know sends or connections. The machine
delivers in the order of arrival and starts downloads in that order; that is how they are matched.
"""

from __future__ import annotations

from dataclasses import dataclass

from auxws_proto import EventType
from auxws_proto._secret import PLACEHOLDER

from ._events import Glance
from ._teller import Teller
from ._texts import line
from ._timeline import Direction, Kind, Lane, Leg, Route, Span, Tone

APP, CLIENT, GATEWAY, STORE = Lane


@dataclass(slots=True)
class _Arrival:
    """A message that came and is not delivered yet."""

    span: Span
    number: float | None
    transport: int | None
    is_download: bool
    url: str
    waiting: Leg | None = None
    get: Leg | None = None
    is_done: bool = False


class Incoming:
    """What the peer sent."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._arrivals: list[_Arrival] = []
        self._transfers: dict[int, _Arrival] = {}

    def text(
        self, seen: Glance, size: int, payload: str, payload_size: int | None,
        transport: int | None,
    ) -> None:  # fmt: skip
        """A text came, of a message or of something that is no part of an upload."""
        is_message = seen.event is EventType.MESSAGE
        is_download = seen.event is EventType.DOWNLOAD_REQUEST
        span = None
        if is_message or is_download:
            told = (seen.word, size) if is_message else ("", None)
            span = self._teller.begin(Direction.IN, type=told[0], size=told[1])
            span.path = Route.INLINE if is_message else Route.DOWNLOAD
            if seen.number is not None:
                span.event_ids.append(seen.number)
        kind = (
            Kind.MESSAGE if is_message
            else Kind.DOWNLOAD if is_download
            else Kind.UPLOAD if seen.event is EventType.UPLOAD_REQUEST
            else Kind.ERROR
        )  # fmt: skip
        self._teller.row(
            GATEWAY, CLIENT, kind, f"{seen.name} {seen.word}".rstrip(), span=span,
            event=seen.event, event_id=seen.number, transport=transport, size=size,
            payload=payload, payload_size=payload_size, type=seen.word if is_message else "",
            tone=Tone.BAD if kind is Kind.ERROR else Tone.PLAIN,
        )  # fmt: skip
        if span is not None:
            arrival = _Arrival(span, seen.number, transport, is_download, seen.url)
            arrival.waiting = self._teller.leg(span, "waits" if is_download else "waits its turn")
            self._arrivals.append(arrival)

    def get(self, transfer: int, url: str, number: float | None, transport: int | None) -> None:
        """A download begins, or begins again."""
        idle = [a for a in self._arrivals if a.is_download and a.get is None and not a.is_done]
        arrival = next((a for a in idle if a.url == url), None)
        if arrival is None:
            # The trace does not tell URLs apart; it may tell what the transfer is for.
            named = (number, transport)
            alike = (a for a in idle if named in ((a.number, a.transport), (None, None)))
            arrival = next(alike, None) if url == PLACEHOLDER else None
        if arrival is None:
            # Its announcement is not in the trace, which may have bytes in place of texts.
            span = self._teller.begin(Direction.IN)
            span.path = Route.DOWNLOAD
            arrival = _Arrival(span, number, transport, True, url)
            self._arrivals.append(arrival)
        span = arrival.span
        row = self._teller.row(
            CLIENT, STORE, Kind.DOWNLOAD, "GET", span=span, transfer=transfer, url=url
        )
        self._transfers[transfer] = arrival
        if arrival.waiting is not None and arrival.waiting.start == self._teller.at:
            span.legs.remove(arrival.waiting)
        else:
            self._teller.finish(arrival.waiting)
        arrival.waiting = None
        arrival.get = self._teller.leg(span, "GET", row=row)

    def get_ended(
        self, transfer: int, *, label: str, ok: bool, size: int | None, type: str, payload: str,
        payload_size: int | None, status: int | None,
    ) -> bool:  # fmt: skip
        """A download ended in some way; says whether there was one of that id."""
        arrival = self._transfers.pop(transfer, None)
        if arrival is None:
            return False
        span = arrival.span
        if ok:
            span.size, span.type = size, line(type)
            for row in range(span.first, len(self._teller.timeline.rows)):
                if self._teller.timeline.rows[row].span == span.number:
                    self._teller.timeline.rows[row].type = span.type
        self._teller.row(
            STORE, CLIENT, Kind.DOWNLOAD, label, span=span, size=size, payload=payload,
            payload_size=payload_size, tone=Tone.PLAIN if ok else Tone.BAD,
            transfer=transfer, status=status,
        )  # fmt: skip
        self._teller.finish(arrival.get, ok=ok)
        arrival.get, arrival.is_done = None, ok
        arrival.waiting = self._teller.leg(span, "waits its turn" if ok else "waits")
        return True

    def delivered(
        self, type: str, size: int | None, number: float | None, transport: int | None, *,
        downloaded: bool, payload: str, payload_size: int | None, marks: tuple[str, ...],
    ) -> None:  # fmt: skip
        """A message is given to the application."""
        arrival = self._take(number, transport, downloaded=downloaded)
        if arrival is not None and not arrival.span.type:
            arrival.span.type = line(type)
        label = " ".join([f"deliver {type}".rstrip(), *(f"({mark})" for mark in marks)])
        self._teller.row(
            CLIENT, APP, Kind.MESSAGE, label, span=arrival.span if arrival else None, type=type,
            event_id=number, transport=transport, size=size, payload=payload,
            payload_size=payload_size,
        )  # fmt: skip
        if arrival is not None:
            arrival.span.size = size if size is not None else arrival.span.size
            self._finish(arrival, "DELIVERED", Tone.GOOD)

    def lost(self, error: str, number: float | None, transport: int | None) -> None:
        """A message could not be had."""
        arrival = self._take(number, transport, downloaded=True)
        self._teller.row(
            CLIENT, APP, Kind.ERROR, f"gap: {error}", span=arrival.span if arrival else None,
            event_id=number, transport=transport, tone=Tone.BAD, facts=[("error", error)],
        )  # fmt: skip
        if arrival is not None:
            self._finish(arrival, "GAP", Tone.BAD)

    def _finish(self, arrival: _Arrival, outcome: str, tone: Tone) -> None:
        waiting = arrival.waiting
        if waiting is not None and waiting.start == self._teller.at:
            arrival.span.legs.remove(waiting)
        self._teller.end(arrival.span, outcome, tone)

    def _take(
        self, number: float | None, transport: int | None, *, downloaded: bool
    ) -> _Arrival | None:
        for place, arrival in enumerate(self._arrivals):
            if (
                arrival.is_download == downloaded
                and arrival.number in (number, None)
                and arrival.transport in (transport, None)
            ):
                return self._arrivals.pop(place)
        return None
