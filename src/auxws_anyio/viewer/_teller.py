"""The bench that all parts of the story work at: rows are put down here, and spans are begun.

It knows the timeline and the moment. It must not know which machine's words make which row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._texts import block, line, store_url
from ._timeline import Direction, Kind, Lane, Leg, Route, Row, Span, Timeline, Tone

WAITS = frozenset({"waits", "waits its turn"})
"""Legs in which nothing of the message moves."""

PAYLOAD_LIMIT = 4_096
"""Characters of a payload that a page keeps, unless told otherwise."""


class Teller:
    """Puts rows and spans down, in the order in which things happened."""

    def __init__(
        self, timeline: Timeline, *, payload_limit: int = PAYLOAD_LIMIT, is_redacted: bool = False
    ) -> None:
        self.timeline = timeline
        self.at = 0.0
        self._limit = payload_limit
        self._is_redacted = is_redacted

    def row(
        self,
        source: Lane,
        target: Lane,
        kind: Kind,
        label: str,
        *,
        span: Span | None = None,
        payload: str = "",
        payload_size: int | None = None,
        facts: Iterable[tuple[str, object]] = (),
        type: str = "",
        **values: Any,
    ) -> int:
        """Put a row down; its place is returned."""
        rows = self.timeline.rows
        kept = block(payload, self._limit, is_redacted=self._is_redacted)
        if payload_size is None and len(payload) > self._limit:
            payload_size = len(payload.encode("utf-8", "backslashreplace"))
        values.setdefault("direction", _direction(source, target))
        url = store_url(values.pop("url", ""), is_redacted=self._is_redacted)
        rows.append(
            Row(
                at=self.at,
                source=source,
                target=target,
                kind=kind,
                label=line(label),
                type=line(type or (span.type if span else "")),
                span=span.number if span else None,
                payload=kept,
                payload_size=payload_size,
                url=url,
                facts=tuple((name, line(str(value))) for name, value in facts if value is not None),
                **values,
            )
        )
        if span is not None:
            span.last = len(rows) - 1
        return len(rows) - 1

    def begin(self, direction: Direction, *, type: str = "", size: int | None = None) -> Span:
        """A message begins with the row that comes next."""
        spans = self.timeline.spans
        span = Span(
            number=len(spans),
            direction=direction,
            start=self.at,
            first=len(self.timeline.rows),
            type=line(type),
            size=size,
        )
        spans.append(span)
        return span

    def leg(self, span: Span, name: str, *, row: int | None = None) -> Leg:
        """A leg begins with the last row, or with the one that is named."""
        first = len(self.timeline.rows) - 1 if row is None else row
        leg = Leg(name=name, start=self.at, first=first)
        span.legs.append(leg)
        return leg

    def finish(self, leg: Leg | None, *, ok: bool = True) -> None:
        """A leg ends with the last row."""
        if leg is not None and leg.end is None:
            leg.finish(self.at, len(self.timeline.rows) - 1, ok=ok)

    def end(self, span: Span, outcome: str, tone: Tone) -> None:
        """A message has come to its end with the last row."""
        span.end, span.last = self.at, len(self.timeline.rows) - 1
        span.outcome, span.tone = line(outcome), tone
        for leg in span.legs:
            if leg.end is None:
                leg.finish(self.at, len(self.timeline.rows) - 1, ok=tone is not Tone.BAD)
        # A wait that took no time is none.
        span.legs = [leg for leg in span.legs if leg.name not in WAITS or not leg.is_instant]


def _direction(source: Lane, target: Lane) -> Direction:
    if source is target:
        return Direction.LOCAL
    return Direction.OUT if target > source else Direction.IN


def lay_columns(spans: Iterable[Span], last_row: int, columns: int = 5) -> None:
    """Give spans that overlap different columns, as far as there are columns."""
    ends: list[int] = []
    for span in spans:
        if span.path not in (Route.UPLOAD, Route.DOWNLOAD):
            continue
        last = last_row if span.last is None else span.last
        free = next((n for n, end in enumerate(ends) if end <= span.first), None)
        if free is None:
            if len(ends) < columns:
                ends.append(last)
                span.column = len(ends) - 1
                continue
            free = min(range(len(ends)), key=ends.__getitem__)
        ends[free] = last
        span.column = free
