"""Look at a recorded trace: a summary here, or a page, a picture or an archive in a file.

It knows files and what to make of them. It must not know how a trace is drawn: `..viewer` does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from auxws_proto import Trace, TraceError, read_trace

from ._exit import Exit, Failure
from ._options import add_json, count
from ._out import Out
from ._text import size

if TYPE_CHECKING:
    from rich.table import Table

    from ..viewer import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to look at, and how."""
    parser.add_argument("file", metavar="FILE", help="a trace; - is standard input")
    parser.add_argument("--html", metavar="OUT", help="write one page for a browser")
    parser.add_argument("--svg", metavar="OUT", help="write a picture")
    parser.add_argument("--har", metavar="OUT", help="write an archive for developer tools")
    parser.add_argument("--machine", metavar="NAME", help="which of several machines")
    parser.add_argument("--rows", metavar="N", type=count, help="of a picture: the first N events")
    parser.add_argument("--pings", action="store_true", help="show pings in a picture")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Read it, and show or write what was asked for."""
    from .. import viewer

    out = Out(as_json=options.json)
    name: str = options.file
    machine: str | None = options.machine
    trace = load(name)
    title = "standard input" if name == "-" else Path(name).name

    def html() -> str:
        return viewer.render_html(trace, machine=machine, title=title)

    def svg() -> str:
        return viewer.render_svg(
            trace, machine=machine, title=title, rows=options.rows, pings=options.pings
        )

    def har() -> str:
        return viewer.render_har(trace, machine=machine, title=title)

    targets: list[tuple[str, str | None, Callable[[], str]]] = [
        ("html", options.html, html),
        ("svg", options.svg, svg),
        ("har", options.har, har),
    ]
    try:
        wanted = [(kind, target, make) for kind, target, make in targets if target is not None]
        for kind, target, make in wanted:
            _write(out, name, kind, target, make())
        if not wanted:
            _show(out, viewer.summary(trace, machine=machine, title=title))
    except TraceError as error:
        raise Failure(f"{name}: {error}", exit=Exit.USAGE) from None
    return Exit.DONE


def load(name: str) -> Trace:
    """The trace in a file, or on standard input for ``-``. Raises `Failure`."""
    try:
        if name == "-":
            return read_trace(sys.stdin)
        with Path(name).open(encoding="utf-8") as file:
            return read_trace(file)
    except TraceError as error:
        shown = "standard input" if name == "-" else name
        raise Failure(f"{shown}: {error}", exit=Exit.USAGE) from None
    except OSError as error:
        raise Failure(f"{name}: {error.strerror}", exit=Exit.USAGE) from None


def _write(out: Out, source: str, kind: str, target: str, text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    if target == "-":
        sys.stdout.write(text)
        return
    path = Path(target)
    try:
        if source != "-" and path.exists() and path.samefile(source):
            raise Failure(f"--{kind}: {target} is the trace itself", exit=Exit.USAGE)
        path.write_bytes(data)
    except OSError as error:
        raise Failure(f"{target}: {error.strerror}") from None
    out.emit("written", "wrote ", (target, "bold"), f", {size(len(data))}",
             kind=kind, file=target, bytes=len(data))  # fmt: skip


def _show(out: Out, summary: Summary) -> None:
    from ..viewer import LEG_COLUMNS, TYPE_COLUMNS, leg_cells, render_text, type_cells

    out.emit("summary", **asdict(summary))
    if out.as_json:
        return
    if not out.is_terminal:
        for line in render_text(summary).splitlines():
            out.line(line)
        return
    from ..viewer import headlines

    out.line((summary.title, "bold"), f"  {summary.machine}  ", (summary.url, "cyan"))
    for label, value in headlines(summary):
        bad = label in ("errors", "unfinished", "offline") and value != "0"
        out.line((f"  {label:<11}", "dim"), (value, "bold red" if bad else "bold"))
    if summary.types:
        out.console.print(make_table(TYPE_COLUMNS, [type_cells(row) for row in summary.types], 3))
    if summary.legs:
        out.console.print(make_table(LEG_COLUMNS, [leg_cells(row) for row in summary.legs], 1))
    for note in summary.notes:
        out.line((note, "yellow"))


def make_table(columns: tuple[str, ...], rows: list[tuple[str, ...]], left: int) -> Table:
    """A table of texts, the first ``left`` columns flush left."""
    from rich import box
    from rich.table import Table

    from ._out import styled

    table = Table(box=box.SIMPLE_HEAD, header_style="dim")
    for number, column in enumerate(columns):
        right = number >= left
        style = "bold red" if column == "failed" else ""
        table.add_column(column, justify="right" if right else "left", style=style)
    for row in rows:
        table.add_row(*(styled(cell) for cell in row))
    return table
