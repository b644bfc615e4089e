"""The page: a timeline as one self-contained HTML file.

It knows HTML's and CSP's rules for putting hostile data into a page. It must not know traces, nor
how the page draws: markup, style and script lie beside it as files. The script gets its data as
JSON in an element that is never run, and puts every text on the screen as text.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from typing import Any, Final

from auxws_proto import MAX_FRAME_SIZE
from auxws_proto._version import __version__

from ._timeline import Band, Row, Span, Timeline

SCRIPTS: Final = (
    "data.js",
    "filter.js",
    "layout.js",
    "paint.js",
    "overview.js",
    "inspector.js",
    "rows.js",
    "main.js",
    "controls.js",
)
"""In the order in which they run, in one scope."""

_PACKAGE: Final = __name__.rpartition(".")[0]
_IN_SCRIPT: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def render_page(timeline: Timeline) -> str:
    """The page, to be written as UTF-8."""
    css = _read("page.css")
    js = '"use strict";\n(() => {\n' + "\n".join(_read(name) for name in SCRIPTS) + "\n})();\n"
    policy = (
        f"default-src 'none'; script-src '{_digest(js)}'; style-src '{_digest(css)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    )
    parts = {
        "csp": policy,
        "version": html.escape(__version__),
        "title": html.escape(f"{timeline.title} - auxws trace"),
        "css": css,
        "js": js,
        "data": data_text(timeline),
    }
    # What was put in is never looked at again: the template is cut at its placeholders first.
    page: list[str] = []
    for number, piece in enumerate(_read("page.html").replace("}}", "{{").split("{{")):
        page.append(parts[piece] if number % 2 else piece)
    return "".join(page)


def data_text(timeline: Timeline) -> str:
    """The timeline as JSON that can stand in a ``script`` element."""
    text = json.dumps(data_of(timeline), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.translate(_IN_SCRIPT)


def data_of(timeline: Timeline) -> dict[str, Any]:
    """The timeline in the order and shape that ``data.js`` reads."""
    return {
        "title": timeline.title,
        "machine": timeline.machine,
        "role": timeline.role,
        "url": timeline.url,
        "startedAt": timeline.started_at,
        "inlineLimit": timeline.inline_limit,
        "frameLimit": MAX_FRAME_SIZE,
        "duration": timeline.duration,
        "lanes": list(timeline.lanes),
        "notes": timeline.notes,
        "rows": [_row(row) for row in timeline.rows],
        "spans": [_span(span) for span in timeline.spans],
        "bands": [_band(band) for band in timeline.bands],
    }


def _row(row: Row) -> list[Any]:
    return [
        round(row.at, 6),
        int(row.source),
        int(row.target),
        row.kind.value,
        row.direction.value,
        row.tone.value,
        row.label,
        row.type,
        row.event,
        row.event_id,
        row.send_id,
        row.transport,
        row.size,
        row.span,
        row.payload,
        row.payload_size,
        row.transfer,
        row.url,
        row.facts,
    ]


def _span(span: Span) -> list[Any]:
    legs = [
        [leg.name, round(leg.start, 6), leg.end, leg.first, leg.last, leg.ok] for leg in span.legs
    ]
    return [
        span.direction.value,
        span.type,
        span.size,
        span.path.value,
        round(span.start, 6),
        span.end,
        span.first,
        span.last,
        span.outcome,
        span.tone.value,
        span.send_id,
        span.event_ids,
        span.column,
        legs,
    ]


def _band(band: Band) -> list[Any]:
    return [
        band.state,
        round(band.start, 6),
        band.end,
        band.first,
        band.last,
        band.cause,
        band.is_outage,
    ]


def _read(name: str) -> str:
    return (files(_PACKAGE) / "page" / name).read_text("utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
