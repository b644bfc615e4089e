"""A machine under observation: every input and output is written down and judged.

It knows doors and windows. It must not know the world: whoever holds it feeds it and drains it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .._actions import Action
from .._config import Config
from .._machine import AuxMachine
from .._stats import SessionStats
from .._trace_replay import Player
from .._trace_values import Scribe
from .._traced_session import TracedSession
from ._judge import InvariantBroken, Judge
from ._tape import Call, Tape


def drawing(draw: Callable[[], float], name: str, tape: Tape) -> Callable[[], float]:
    """A ``Config.random`` whose draws are written down."""

    def drawn() -> float:
        value = draw()
        tape.write({"to": name, "draw": value})
        return value

    return drawn


def stats_of(machine: Any) -> SessionStats | None:
    """The figures of a machine, if it shows any."""
    session = getattr(machine, "session", machine)
    stats: SessionStats | None = session.stats() if hasattr(session, "stats") else None
    return stats


class Watched(Player):
    """A machine, and what is seen of it."""

    def __init__(
        self, name: str, machine: AuxMachine, tape: Tape, judge: Judge, *,
        url: str | None = None, serves: tuple[str, int] | None = None,
        succeeds: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, machine)
        self.takes_bytes: bool = hasattr(machine, "receive_bytes")
        self._tape = tape
        self._judge = judge
        config: Config = machine.config
        line: dict[str, Any] = {
            "machine": name,
            "class": type(machine).__name__,
            "role": machine.role.value,
            "config": Scribe().config(config),
        }
        if url is not None:
            line["url"] = url
        if serves is not None:
            line["serves"] = list(serves)
        if succeeds is not None:
            line["succeeds"] = succeeds
        tape.write(line)
        judge.made(name, machine.role, config, serves, succeeds)

    def call(self, door: str, *args: Any, now: float, **kwargs: Any) -> Any:
        """Call a door; what it raises is written down, judged, and raised on if it may be."""
        record = Call(now, self.name, door, args, kwargs)
        self._tape.called(record)
        moment = () if door == "set_on_connect" else (now,)
        try:
            result = getattr(self.machine, door)(*args, *moment, **kwargs)
        except InvariantBroken:
            raise
        except BaseException as error:
            record.raised = type(error).__name__
            self._judge.raised(self.name, door, error)
            raise
        if door == "send":
            record.gave = result
        if door == "data_sent":
            self._judge.reported(self.name, args[0], kwargs["transport"])
        else:
            self._judge.called(self.name, door, args, result, kwargs)
        return result

    def actions(self) -> Iterator[Action]:
        """Drain the machine."""
        for action in self.machine.actions():
            reason = TracedSession.purpose(self.machine, action)
            self._tape.acted(self.name, self.machine.role, action, reason)
            self._judge.acted(self.name, action)
            yield action

    def turned(self, now: float) -> None:
        """The actions of an input are drained."""
        self._judge.turned(self.name, now, self.machine.next_timeout(), stats_of(self.machine))
