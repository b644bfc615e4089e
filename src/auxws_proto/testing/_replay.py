"""A recorded run, played again by the core's `Replay`, under the same judge.

It knows what a judge must see of a replay. It must not know the world that made the trace: a
driver's recording, or one of a single machine, plays like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._machine import AuxMachine
from .._trace_reader import TraceError, trace_of
from .._trace_replay import Factory, Hooks, Player, Replay
from ._judge import InvariantBroken, Judge
from ._tape import Tape
from ._watched import Watched

__all__ = ["Factory", "Replayed", "TraceError", "read", "replay"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay. ``recorded`` and ``failure`` are the failures, empty without one."""

    recorded: str
    failure: str
    lines: int
    """How many lines were played."""
    different: str
    """The first action that was not the recorded one, empty if there is none."""

    @property
    def is_same(self) -> bool:
        """Whether it went as recorded."""
        return self.failure == self.recorded and not self.different


class _Judged(Hooks):
    """Every machine is watched."""

    def __init__(self) -> None:
        self._judge = Judge()
        self._tape = Tape()

    def player(self, name: str, machine: AuxMachine, row: Mapping[str, Any]) -> Player:
        serves = (row["serves"][0], row["serves"][1]) if "serves" in row else None
        return Watched(
            name, machine, self._tape, self._judge, url=row.get("url"), serves=serves,
            succeeds=row.get("succeeds"),
        )  # fmt: skip

    def note(self, row: Mapping[str, Any]) -> None:
        match row:
            case {"foreign": str(name), "data": str(data)}:
                self._judge.foreign(name, data.encode())
            case {"died": str(name)}:
                self._judge.died(name, **{key: row[key] for key in row if key != "died"})
            case {"pushed": message}:
                self._judge.pushed(message)
            case {"check": "rest"}:
                self._judge.at_rest()
            case _:
                pass


def read(text: str) -> list[dict[str, Any]]:
    """The lines of a trace, of which none may be torn; raises `TraceError`."""
    trace = trace_of(text.split("\n"))
    if trace.is_torn:
        raise TraceError(f"line {trace.torn_line} is not JSON")
    return [dict(row) for _, row in trace.rows]


def replay(
    lines: Iterable[Mapping[str, Any]], machines: Mapping[str, Factory] | None = None
) -> Replayed:
    """Play a trace again. ``machines`` makes those of other classes than ours, by class name.

    Raises `TraceError` for a class that is unknown.
    """
    rows = [dict(line) for line in lines]
    recorded = "".join(row["failure"] for row in rows if "failure" in row)
    run = Replay(trace_of(rows), machines or {}, _Judged())
    failure = ""
    try:
        run.run()
    except InvariantBroken as error:
        failure = str(error)
    difference = run.difference
    different = "" if difference is None else str(difference)
    return Replayed(recorded, failure, run.played, different)
