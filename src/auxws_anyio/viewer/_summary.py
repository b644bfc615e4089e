"""A session in a few figures, for a terminal: messages by type, legs of large ones, the connection.

It knows the timeline and arithmetic. It must not know a terminal: `Summary` is data, and its text
is plain lines; whoever has rich draws its tables from the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ._texts import size_text, time_text
from ._timeline import Direction, Kind, Lane, Route, Span, Timeline, Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeSummary:
    """The messages of one type that went one way. Times are in seconds, None if none is over."""

    type: str
    direction: Direction
    path: Route
    messages: int
    bytes: int
    failed: int
    median: float | None
    p95: float | None
    longest: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegSummary:
    """One leg of the messages that went over the object store; times are in seconds."""

    name: str
    legs: int
    failed: int
    median: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A whole session. Times are in seconds, sizes in bytes."""

    title: str
    url: str
    machine: str
    duration: float
    events: int
    messages: int
    bytes_out: int
    bytes_in: int
    transports: int
    outages: int
    offline: float
    errors: int
    unfinished: int
    """Messages whose outcome or delivery is not in the trace."""
    latency: float | None
    """The median from a ping to its pong."""
    types: tuple[TypeSummary, ...]
    legs: tuple[LegSummary, ...]
    notes: tuple[str, ...]


TYPE_COLUMNS = ("type", "way", "path", "count", "bytes", "failed", "median", "p95", "longest")
"""The columns of `type_cells`; times are in seconds."""
LEG_COLUMNS = ("leg", "count", "failed", "median", "p95", "longest")
"""The columns of `leg_cells`; times are in seconds."""


def summarize(timeline: Timeline) -> Summary:
    """The figures of a timeline."""
    outages = _outages(timeline)
    return Summary(
        title=timeline.title,
        url=timeline.url,
        machine=timeline.machine,
        duration=timeline.duration,
        events=len(timeline.rows),
        messages=len(timeline.spans),
        bytes_out=sum(s.size or 0 for s in timeline.spans if s.direction is Direction.OUT),
        bytes_in=sum(s.size or 0 for s in timeline.spans if s.direction is Direction.IN),
        transports=len({row.transport for row in timeline.rows if row.transport is not None}),
        outages=len(outages),
        offline=sum(outages),
        errors=sum(row.tone is Tone.BAD for row in timeline.rows),
        unfinished=sum(span.end is None for span in timeline.spans),
        latency=_latency(timeline),
        types=tuple(_types(timeline.spans)),
        legs=tuple(_legs(timeline.spans)),
        notes=tuple(timeline.notes),
    )


def type_cells(row: TypeSummary) -> tuple[str, ...]:
    """A row of the table of types, as texts in the order of `TYPE_COLUMNS`."""
    times = (_time(row.median), _time(row.p95), _time(row.longest))
    failed = str(row.failed) if row.failed else ""
    size = size_text(row.bytes)
    return (
        row.type,
        row.direction.value,
        row.path.value,
        f"{row.messages:,}",
        size,
        failed,
        *times,
    )


def leg_cells(row: LegSummary) -> tuple[str, ...]:
    """A row of the table of legs, as texts in the order of `LEG_COLUMNS`."""
    times = (_time(row.median), _time(row.p95), _time(row.longest))
    return (row.name, f"{row.legs:,}", str(row.failed) if row.failed else "", *times)


def headlines(summary: Summary) -> tuple[tuple[str, str], ...]:
    """The figures above the tables, each with its name."""
    found = [
        ("duration", time_text(summary.duration)),
        ("events", f"{summary.events:,}"),
        ("messages", f"{summary.messages:,}"),
        ("sent", size_text(summary.bytes_out)),
        ("received", size_text(summary.bytes_in)),
        ("transports", f"{summary.transports:,}"),
    ]
    if summary.latency is not None:
        found.append(("latency", time_text(summary.latency)))
    if summary.outages:
        found.append(("offline", f"{time_text(summary.offline)} in {summary.outages:,}"))
    if summary.unfinished:
        found.append(("unfinished", f"{summary.unfinished:,}"))
    found.append(("errors", f"{summary.errors:,}"))
    return tuple(found)


def render_text(summary: Summary) -> str:
    """The summary as plain lines, with a line end at its end."""
    lines = [f"{summary.title}  {summary.machine}  {summary.url}".rstrip(), ""]
    lines += _table((), headlines(summary), left=1)
    if summary.types:
        lines += ["", *_table(TYPE_COLUMNS, map(type_cells, summary.types), left=3)]
    if summary.legs:
        lines += ["", *_table(LEG_COLUMNS, map(leg_cells, summary.legs), left=1)]
    if summary.notes:
        lines += ["", *summary.notes]
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], body: Iterable[Sequence[str]], *, left: int) -> list[str]:
    """Columns under each other, the first ``left`` of them flush left."""
    rows = [*([head] if head else []), *body]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            text.ljust(width) if column < left else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _types(spans: Iterable[Span]) -> Iterable[TypeSummary]:
    groups: dict[tuple[str, Direction, Route], list[Span]] = {}
    for span in spans:
        groups.setdefault((span.type or "?", span.direction, span.path), []).append(span)
    for (type, direction, path), group in sorted(
        groups.items(), key=lambda item: (-len(item[1]), item[0])
    ):
        times = sorted(span.duration for span in group if span.duration is not None)
        yield TypeSummary(
            type=type,
            direction=direction,
            path=path,
            messages=len(group),
            bytes=sum(span.size or 0 for span in group),
            failed=sum(span.tone in (Tone.BAD, Tone.WARN) for span in group),
            median=_quantile(times, 0.5),
            p95=_quantile(times, 0.95),
            longest=_quantile(times, 1.0),
        )


def _legs(spans: Iterable[Span]) -> Iterable[LegSummary]:
    groups: dict[str, list[tuple[float, bool]]] = {}
    for span in spans:
        if span.is_large:
            for leg in span.legs:
                if leg.end is not None:
                    groups.setdefault(leg.name, []).append((leg.end - leg.start, leg.ok))
    for name, group in groups.items():
        times = sorted(took for took, _ in group)
        yield LegSummary(
            name=name,
            legs=len(group),
            failed=sum(not ok for _, ok in group),
            median=_quantile(times, 0.5) or 0.0,
            p95=_quantile(times, 0.95) or 0.0,
            longest=times[-1],
        )


def _outages(timeline: Timeline) -> list[float]:
    """How long each time without a connection was; states that follow each other are one."""
    found: list[float] = []
    before = False
    for band in timeline.bands:
        if band.is_outage:
            took = (timeline.duration if band.end is None else band.end) - band.start
            if before:
                found[-1] += took
            else:
                found.append(took)
        before = band.is_outage
    return found


def _latency(timeline: Timeline) -> float | None:
    sent: dict[tuple[int | None, str], float] = {}
    times: list[float] = []
    for row in timeline.rows:
        if row.kind is not Kind.PING:
            continue
        key = (row.transport, row.label[5:])
        if row.target is Lane.GATEWAY:
            sent[key] = row.at
        elif key in sent:
            times.append(row.at - sent.pop(key))
    return _quantile(sorted(times), 0.5)


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that is not passed by this share of them."""
    if not ordered:
        return None
    place = max(0, -(-round(len(ordered) * share * 1_000) // 1_000) - 1)
    return ordered[min(place, len(ordered) - 1)]


def _time(seconds: float | None) -> str:
    return "" if seconds is None else time_text(seconds)
