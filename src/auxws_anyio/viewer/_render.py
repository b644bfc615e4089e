"""From a trace to what is looked at, in one call each.

It knows which timeline each way of drawing needs. It must not know how any of them draws.
"""

from __future__ import annotations

from typing import Final

from auxws_proto import Trace

from ._har import har_text
from ._page import render_page
from ._story import tell
from ._summary import Summary, summarize
from ._svg import render_picture
from ._timeline import Timeline

_WHOLE: Final = 1_048_576
"""Characters of a payload in an archive, which is for programs."""


def render_html(
    trace: Trace | Timeline, *, machine: str | None = None, title: str = "auxws trace"
) -> str:
    """One self-contained page; write it as UTF-8. ``title`` is the file's name, for example.

    Raises `TraceError`, as all of these do, if the trace has no ``machine`` of that name, or is
    not as the format has it.
    """
    return render_page(_timeline(trace, machine, title))


def render_svg(
    trace: Trace | Timeline,
    *,
    machine: str | None = None,
    title: str = "auxws trace",
    rows: int | None = None,
    pings: bool = False,
) -> str:
    """A picture of the sequence, of its first ``rows`` events or of all."""
    return render_picture(_timeline(trace, machine, title), rows=rows, pings=pings)


def render_har(
    trace: Trace | Timeline, *, machine: str | None = None, title: str = "auxws trace"
) -> str:
    """An HTTP archive (HAR 1.2) for the developer tools of browsers, as JSON."""
    if isinstance(trace, Timeline):
        return har_text(trace)
    return har_text(tell(trace, machine=machine, title=title, payload_limit=_WHOLE))


def summary(
    trace: Trace | Timeline, *, machine: str | None = None, title: str = "auxws trace"
) -> Summary:
    """The figures of a session; `render_text` writes them as plain lines."""
    return summarize(_timeline(trace, machine, title))


def _timeline(trace: Trace | Timeline, machine: str | None, title: str) -> Timeline:
    if isinstance(trace, Timeline):
        return trace
    return tell(trace, machine=machine, title=title)
