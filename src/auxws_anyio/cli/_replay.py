"""Play a trace through the core again: the same inputs must give the same actions.

It knows how the result is told. What is played, and compared, is `auxws_proto.replay_trace`'s
business.
"""

from __future__ import annotations

import argparse

from auxws_proto import TraceError, replay_trace

from ._exit import Exit, Failure
from ._options import add_json
from ._out import Out
from ._text import as_compact, elide
from ._trace import load

SHOWN = 1_000
"""Characters of an action."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to play."""
    parser.add_argument("file", metavar="FILE", help="a trace; - is standard input")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Play it, and say where it first differs."""
    out = Out(as_json=options.json)
    name: str = options.file
    trace = load(name)
    try:
        result = replay_trace(trace)
    except TraceError as error:
        raise Failure(f"{name}: {error}", exit=Exit.USAGE) from None
    difference = result.difference
    counts = f"{result.inputs:,} inputs, {result.actions:,} actions"
    more = f", {result.elided:,} elided payloads filled up" if result.elided else ""
    more += "" if result.is_whole else "; the trace is cut off, so its last actions are not known"
    if difference is None:
        out.emit("", ("SAME", "bold green"), f": {counts}{more}")
    else:
        out.emit("", ("DIFFERENT", "bold red"), f" at line {difference.line:,}: {counts}{more}")
        for label, action in (("recorded", difference.recorded), ("played", difference.played)):
            text = "nothing" if action is None else elide(as_compact(dict(action)), SHOWN)
            out.emit("", (f"  {label:<9}", "bold"), text)
    out.emit(
        "replayed", same=result.is_same, inputs=result.inputs, actions=result.actions,
        elided=result.elided, whole=result.is_whole,
        line=None if difference is None else difference.line,
        machine=None if difference is None else difference.machine,
        recorded=None if difference is None else difference.recorded,
        played=None if difference is None else difference.played,
    )  # fmt: skip
    return Exit.DONE if result.is_same else Exit.FAILED
