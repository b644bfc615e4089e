"""A few lines of SVG: state diagrams whose nodes stand on a grid, and curves over time.

It knows shapes and text. It must not know what they mean. The output is the same for the same
input, byte for byte, and uses the fonts of whoever looks at it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, TypeAlias

Point: TypeAlias = tuple[float, float]

FONT: Final = "system-ui, sans-serif"
WIDTH: Final = 150.0
HEIGHT: Final = 40.0
STYLE: Final = f"""\
text {{ font-family: {FONT}; fill: #1b1f24; }}
.label {{ font-size: 12px; fill: #444c56; paint-order: stroke; stroke: #fff; stroke-width: 5px; }}
.node rect {{ fill: #eef4fb; stroke: #2f6db5; stroke-width: 1.5px; }}
.node text {{ font-size: 14px; font-weight: 600; }}
.edge {{ fill: none; stroke: #57606a; stroke-width: 1.4px; }}
.grid {{ stroke: #d0d7de; stroke-width: 1px; }}
.axis {{ font-size: 12px; fill: #57606a; }}
.title {{ font-size: 15px; font-weight: 600; }}
"""


def page(width: float, height: float, body: Iterable[str], about: str) -> str:
    """A whole file."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img">'
    )
    arrow = (
        '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L10 5L0 10z" fill="#57606a"/></marker></defs>'
    )
    back = f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>'
    lines = [head, f"<title>{escape(about)}</title>", f"<style>{STYLE}</style>", arrow, back]
    return "\n".join([*lines, *body, "</svg>", ""])


def words(x: float, y: float, lines: Sequence[str], kind: str, anchor: str = "middle") -> str:
    """Lines of text around a point."""
    top = y - (len(lines) - 1) * 7 + 4
    spans = "".join(
        f'<tspan x="{x:.1f}" y="{top + 14 * number:.1f}">{escape(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    return f'<text class="{kind}" text-anchor="{anchor}">{spans}</text>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """From one node to another, or back to itself, for any number of reasons."""

    start: str
    end: str
    labels: tuple[str, ...]
    bend: float = 0.0
    """How far the middle is to the left of the straight line, in pixels."""
    at: float = 0.5
    """Where on the curve the label stands, from 0 to 1."""


def edge_of_box(box: Point, towards: Point) -> Point:
    """Where the line from the middle of a node leaves it."""
    dx, dy = towards[0] - box[0], towards[1] - box[1]
    scale = min(
        (WIDTH / 2 + 3) / abs(dx) if dx else math.inf,
        (HEIGHT / 2 + 3) / abs(dy) if dy else math.inf,
    )
    return box[0] + dx * scale, box[1] + dy * scale


def draw_arrow(arrow: Arrow, places: Mapping[str, Point]) -> tuple[str, str]:
    """The line and its label, apart, so that labels can lie above all lines."""
    (x1, y1), (x2, y2) = places[arrow.start], places[arrow.end]
    if arrow.start == arrow.end:
        top = y1 - HEIGHT / 2
        path = (
            f"M{x1 - 30:.1f} {top:.1f}C{x1 - 40:.1f} {top - 45:.1f} {x1 + 40:.1f} {top - 45:.1f} "
        )
        path += f"{x1 + 30:.1f} {top - 3:.1f}"
        label = words(x1, top - 40 - 7 * (len(arrow.labels) - 1), arrow.labels, "label")
    else:
        length = math.hypot(x2 - x1, y2 - y1)
        normal = (y2 - y1) / length, -(x2 - x1) / length
        middle = (x1 + x2) / 2 + normal[0] * arrow.bend, (y1 + y2) / 2 + normal[1] * arrow.bend
        start, end = edge_of_box((x1, y1), middle), edge_of_box((x2, y2), middle)
        path = f"M{start[0]:.1f} {start[1]:.1f}Q{middle[0]:.1f} {middle[1]:.1f} "
        path += f"{end[0]:.1f} {end[1]:.1f}"
        t = arrow.at
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
        x = a * start[0] + b * middle[0] + c * end[0]
        y = a * start[1] + b * middle[1] + c * end[1]
        label = words(x, y, arrow.labels, "label")
    return f'<path class="edge" marker-end="url(#arrow)" d="{path}"/>', label


def state_diagram(
    places: Mapping[str, Point], arrows: Iterable[Arrow], size: Point, about: str
) -> str:
    """A whole diagram; ``places`` are the middles of the nodes."""
    drawn = [draw_arrow(arrow, places) for arrow in arrows]
    nodes = [
        f'<g class="node"><rect x="{x - WIDTH / 2:g}" y="{y - HEIGHT / 2:g}" width="{WIDTH:g}" '
        f'height="{HEIGHT:g}" rx="8"/>{words(x, y, [name], "name")}</g>'
        for name, (x, y) in places.items()
    ]
    return page(*size, [line for line, _ in drawn] + nodes + [label for _, label in drawn], about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One line of a chart."""

    name: str
    colour: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Curves over a common axis; ``top`` and ``right`` are the ends of the axes."""

    title: str
    x_name: str
    y_name: str
    curves: Sequence[Curve]
    right: float
    top: float
    x_step: float
    y_step: float


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def draw_chart(chart: Chart, x: float, y: float, width: float, height: float) -> list[str]:
    """The chart with its axes in a box whose plot area begins at ``x, y``."""
    sx, sy = width / chart.right, height / chart.top
    out = [words(x, y - 24, [chart.title], "title", "start")]
    tick = 0.0
    while tick <= chart.top + 1e-9:
        level = y + height - tick * sy
        out.append(f'<path class="grid" d="M{x:.1f} {level:.1f}h{width:.1f}"/>')
        out.append(words(x - 8, level, [_number(tick)], "axis", "end"))
        tick += chart.y_step
    tick = 0.0
    while tick <= chart.right + 1e-9:
        out.append(words(x + tick * sx, y + height + 16, [_number(tick)], "axis"))
        tick += chart.x_step
    out.append(words(x + width / 2, y + height + 36, [chart.x_name], "axis"))
    out.append(words(x, y - 8, [chart.y_name], "axis", "start"))
    for curve in chart.curves:
        path = "L".join(
            f"{x + px * sx:.1f} {y + height - min(py, chart.top) * sy:.1f}"
            for px, py in curve.points
            if px <= chart.right
        )
        out.append(f'<path fill="none" stroke="{curve.colour}" stroke-width="2" d="M{path}"/>')
    for number, curve in enumerate(chart.curves):
        level = y + 12 + 18 * number
        left = x + width - 215
        out.append(
            f'<path stroke="{curve.colour}" stroke-width="3" d="M{left:.1f} {level:.1f}h22"/>'
        )
        out.append(words(left + 28, level, [curve.name], "label", "start"))
    return out
