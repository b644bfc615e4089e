"""A session that can be looked at: a trace as a page, a picture, an archive, or a few figures.

`tell` makes a `Timeline` of a trace; everything else draws one. ``render_html``, ``render_svg`` and
``render_har`` give whole files as text (to be written as UTF-8), `summary` figures for a terminal.
What a peer sent is hostile: wherever it is shown, it is escaped, cut and made visible.
"""

from __future__ import annotations

from ._render import render_har, render_html, render_svg, summary
from ._story import tell
from ._summary import (
    LEG_COLUMNS,
    TYPE_COLUMNS,
    LegSummary,
    Summary,
    TypeSummary,
    headlines,
    leg_cells,
    render_text,
    type_cells,
)
from ._timeline import Band, Direction, Kind, Lane, Leg, Route, Row, Span, Timeline, Tone

__all__ = [
    "LEG_COLUMNS",
    "TYPE_COLUMNS",
    "Band",
    "Direction",
    "Kind",
    "Lane",
    "Leg",
    "LegSummary",
    "Route",
    "Row",
    "Span",
    "Summary",
    "Timeline",
    "Tone",
    "TypeSummary",
    "headlines",
    "leg_cells",
    "render_har",
    "render_html",
    "render_svg",
    "render_text",
    "summary",
    "tell",
    "type_cells",
]
