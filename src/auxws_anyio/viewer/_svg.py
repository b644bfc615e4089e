"""The sequence diagram as one still picture, for documents.

It knows SVG and how to put hostile text into XML. It must not know traces. The picture needs no
font, no script and nothing from elsewhere; it is light or dark as its reader is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Final
from xml.sax.saxutils import escape

from ._texts import line, size_text, time_text
from ._timeline import Kind, Lane, Leg, Row, Span, Timeline, Tone

WIDTH: Final = 1_040
_LANES: Final = (120.0, 370.0, 600.0, 810.0)
_TIME, _BARS, _BAR = 84.0, 868.0, 150.0
_TOP, _ROW, _GAP, _PER_SECOND = 92.0, 30.0, 46.0, 40.0
_SHIFTS: Final = (0.0, 9.0, -9.0, 18.0, -18.0)
_LEGS: Final = {
    "waits": "wait", "waits its turn": "wait", "URL request": "url", "PUT": "upload",
    "GET": "download", "announced": "outcome", "on its way": "message",
}  # fmt: skip
_LARGEST_LABEL: Final = 70

_LIGHT: Final = (
    ("sheet", "#ffffff"), ("ink", "#171b26"), ("faint", "#687086"), ("life", "#c9cfda"),
    ("message", "#4a4fdc"), ("upload", "#0a7f78"), ("download", "#1769c9"),
    ("outcome", "#2a7f43"), ("connection", "#5b647a"), ("ping", "#8a93a6"), ("bad", "#c8243f"),
    ("warn", "#a85a00"), ("wait", "#b3bac8"), ("url", "#e39b1b"), ("outage", "#fbe9e4"),
)  # fmt: skip
_DARK: Final = (
    ("sheet", "#141922"), ("ink", "#e8ebf2"), ("faint", "#8b94a8"), ("life", "#384152"),
    ("message", "#9aa0ff"), ("upload", "#40c9bd"), ("download", "#69b1ff"),
    ("outcome", "#69cf87"), ("connection", "#a4adc0"), ("ping", "#6f788c"), ("bad", "#ff7088"),
    ("warn", "#f0ab52"), ("wait", "#4b5568"), ("url", "#f0ab52"), ("outage", "#33211f"),
)  # fmt: skip
_FONT: Final = 'system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif'


@dataclass(slots=True)
class _Place:
    """Where a row stands."""

    row: Row
    index: int
    top: float

    @property
    def arrow(self) -> float:
        """The height of its arrow."""
        return self.top + 21


def render_picture(timeline: Timeline, *, rows: int | None = None, pings: bool = False) -> str:
    """The picture, of the first ``rows`` events or of all; pings are left out unless asked for."""
    shown = [
        (index, row)
        for index, row in enumerate(timeline.rows)
        if pings or row.kind is not Kind.PING
    ]
    cut = shown if rows is None else shown[:rows]
    places = _place(cut)
    height = (places[-1].top + _ROW if places else _TOP) + 44
    left_out = len(shown) - len(cut)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-labelledby="title" '
        f'font-size="12.5">',
        f'<title id="title">{_xml(timeline.title)}: sequence of {len(cut):,} events</title>',
        f"<style>{_style()}</style>",
        f'<rect class="f-sheet" width="{WIDTH}" height="{height:.0f}" rx="12"/>',
        _heading(timeline),
        *_bands(timeline, places),
        *_lanes(timeline, height - 34),
        *(_span(span, places) for span in timeline.spans if span.is_large),
        *(
            _row(place, before, timeline.inline_limit)
            for place, before in zip(places, [None, *places], strict=False)
        ),
        _foot(timeline, left_out, height),
        "</svg>\n",
    ]
    return "\n".join(part for part in parts if part)


def _style() -> str:
    def rules(colors: tuple[tuple[str, str], ...]) -> str:
        return "".join(f".f-{name}{{fill:{c}}}.s-{name}{{stroke:{c}}}" for name, c in colors)

    return (
        f"text{{font-family:{_FONT};white-space:pre;paint-order:stroke;stroke-width:3px;"
        f"stroke-linejoin:round;stroke:{dict(_LIGHT)['sheet']}}}.b{{font-weight:600}}"
        ".n{font-variant-numeric:tabular-nums}.w{stroke-width:1.4;fill:none}"
        f"{rules(_LIGHT)}@media (prefers-color-scheme:dark){{"
        f"text{{stroke:{dict(_DARK)['sheet']}}}{rules(_DARK)}}}"
    )


def _xml(text: str, limit: int = _LARGEST_LABEL) -> str:
    """A text for one line; what XML cannot say is spelled out like all that cannot be seen."""
    return escape(line(text, limit).replace("\ufffe", "").replace("\uffff", ""))


def _place(rows: list[tuple[int, Row]]) -> list[_Place]:
    places: list[_Place] = []
    top = _TOP
    for index, row in rows:
        if places:
            top += _ROW + min(_GAP, (row.at - places[-1].row.at) * _PER_SECOND)
        places.append(_Place(row, index, top))
    return places


def _height(index: int, places: list[_Place]) -> float | None:
    """The height of a row of the timeline, or of the next that is shown; None if it is cut off."""
    low, high = 0, len(places)
    while low < high:
        middle = (low + high) // 2
        if places[middle].index < index:
            low = middle + 1
        else:
            high = middle
    return places[low].arrow if low < len(places) else None


def _text(
    x: float, y: float, text: str, style: str = "f-ink", *, anchor: str = "start", size: float = 0
) -> str:
    big = f' font-size="{size}"' if size else ""
    at = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}"{at}{big}>{text}</text>'


def _heading(timeline: Timeline) -> str:
    about = " · ".join(
        part
        for part in (
            timeline.url,
            time_text(timeline.duration),
            f"{len(timeline.spans):,} messages",
        )
        if part
    )
    return _text(24, 30, _xml(timeline.title), "f-ink b", size=15) + _text(
        24, 49, _xml(about, 130), "f-faint"
    )


def _lanes(timeline: Timeline, bottom: float) -> list[str]:
    found: list[str] = []
    for x, name in zip(_LANES, timeline.lanes, strict=True):
        found.append(_text(x, 78, _xml(name), "f-ink b", anchor="middle", size=12))
        found.append(f'<path class="w s-life" d="M{x} 86V{bottom:.0f}"/>')
    mark = _BARS + _BAR * _share(timeline.inline_limit)
    found.append(_text(mark, 78, f"{timeline.inline_limit:,}", "f-bad", anchor="middle", size=11))
    found.append(
        f'<path class="w s-bad" stroke-dasharray="2 3" opacity=".6" '
        f'd="M{mark:.1f} 86V{bottom:.0f}"/>'
    )
    return found


def _bands(timeline: Timeline, places: list[_Place]) -> list[str]:
    found: list[str] = []
    for band in timeline.bands:
        top = _height(band.first, places) if band.is_outage else None
        if top is None or not places:
            continue
        low = _height(band.last, places) if band.last is not None else None
        low = places[-1].arrow if low is None else low
        words = f"{band.state} {time_text((band.end or timeline.duration) - band.start)}"
        found.append(
            f'<rect class="f-outage" x="{_TIME + 6}" y="{top:.1f}" width="{_BARS - _TIME - 14}" '
            f'height="{max(0.0, low - top):.1f}"/>'
        )
        if low - top > 24:
            found.append(_text(_BARS - 14, top + 14, _xml(words), "f-faint", anchor="end", size=11))
    return found


def _span(span: Span, places: list[_Place]) -> str:
    start = _height(span.first, places)
    if start is None or not places:
        return ""
    x = _LANES[Lane.CLIENT] + _SHIFTS[span.column]
    found = [_leg(leg, x, places) for leg in span.legs]
    color = "bad" if span.tone is Tone.BAD else span.path.value
    found.append(f'<circle class="f-{color}" cx="{x}" cy="{start:.1f}" r="3.5"/>')
    end = _height(span.last, places) if span.last is not None else None
    if end is not None:
        found.append(f'<circle class="f-{color}" cx="{x}" cy="{end:.1f}" r="3.5"/>')
    return "".join(found)


def _leg(leg: Leg, x: float, places: list[_Place]) -> str:
    top = _height(leg.first, places)
    if top is None:
        return ""
    low = _height(leg.last, places) if leg.last is not None else None
    low = places[-1].arrow if low is None else low
    color = _LEGS.get(leg.name, "wait") if leg.ok else "bad"
    half = 1 if leg.name.startswith("waits") else 3
    return (
        f'<rect class="f-{color}" x="{x - half}" y="{top:.1f}" width="{2 * half}" '
        f'height="{max(2.0, low - top):.1f}" rx="{half}"/>'
    )


def _row(place: _Place, before: _Place | None, limit: int) -> str:
    row, y = place.row, place.arrow
    color = row.tone.value if row.tone in (Tone.BAD, Tone.WARN) else row.kind.value
    color = "bad" if color == "error" else color
    found: list[str] = []
    if before is None or row.at - before.row.at >= 0.0005:
        found.append(_text(_TIME - 6, y + 4, f"{row.at:.3f}", "f-faint n", anchor="end", size=11))
    start, end = _LANES[row.source], _LANES[row.target]
    if row.source is row.target:
        found.append(f'<circle class="f-{color}" cx="{start}" cy="{y:.1f}" r="4"/>')
    else:
        way = 1 if end > start else -1
        dash = "" if row.event is not None or row.kind is Kind.MESSAGE else "5 3"
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        found.append(
            f'<path class="w s-{color}"{dashes} d="M{start} {y:.1f}H{end - 6 * way}"/>'
            f'<path class="f-{color}" d="M{end} {y:.1f}l{-8 * way} -4v8z"/>'
        )
    left = min(row.source, row.target)
    x = _LANES[left] + (26 if left is Lane.CLIENT else 9)
    head, _, rest = _xml(row.label).partition(" ")
    ink = f"f-{color}" if row.tone in (Tone.BAD, Tone.WARN) else "f-ink"
    number = ""
    if row.event_id is not None:
        number = f'<tspan class="f-faint" dx="7">#{row.event_id:g}</tspan>'
    elif row.send_id is not None and row.target is Lane.APPLICATION:
        number = f'<tspan class="f-faint" dx="7">send {row.send_id}</tspan>'
    words = f'<tspan class="b">{head}</tspan>{f" {rest}" if rest else ""}{number}'
    found.append(_text(x, y - 7, words, ink))
    if row.size is not None:
        bar = "upload" if row.size > limit else "message"
        found.append(
            f'<rect class="f-{bar}" x="{_BARS}" y="{y - 2.5:.1f}" rx="2.5" height="5" '
            f'width="{_BAR * _share(row.size):.1f}"/>'
            + _text(_BARS + _BAR, y - 7, size_text(row.size), "f-ink n", anchor="end", size=11)
        )
    return "".join(found)


def _share(size: int) -> float:
    """The length of a size bar: a logarithmic scale from 10 bytes to 10 MB."""
    return min(1.0, max(0.015, log(max(size, 10) / 10) / log(1_000_000)))


def _foot(timeline: Timeline, left_out: int, height: float) -> str:
    words = [*([f"{left_out:,} more events"] if left_out else []), *timeline.notes]
    return _text(24, height - 14, _xml(" · ".join(words), 150), "f-faint") if words else ""
