"""A run as a trace (``docs/traces.md``): every call, every action, every draw of jitter.

It knows the lines of a world. It must not know what they lead to, nor how values are written, which
is the core's `Scribe`. Nothing is redacted or elided: the secrets of a world are nobody's, but for
the URLs in actions, which say nothing that the inputs do not.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

from .._actions import Action
from .._constants import Role
from .._trace_values import Scribe
from .._trace_writer import VERSION

_SCRIBE = Scribe()


@dataclasses.dataclass(slots=True)
class Call:
    """One input of one machine."""

    now: float
    name: str
    door: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    raised: str = ""
    gave: int | None = None

    def line(self) -> dict[str, Any]:
        """The input as a line."""
        line: dict[str, Any] = {"t": self.now, "to": self.name, "call": self.door}
        if self.args:
            line["args"] = [_SCRIBE.dump(arg) for arg in self.args]
        if self.kwargs:
            line["kwargs"] = {key: _SCRIBE.dump(value) for key, value in self.kwargs.items()}
        if self.gave is not None:
            line["gave"] = self.gave
        if self.raised:
            line["raised"] = self.raised
        return line


class Tape:
    """The lines of a run. Calls and actions are kept as they are and written when they are read."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any] | Call | tuple[str, Role, Action, dict[str, Any]]] = []
        self.write({"auxws_trace": VERSION})

    def write(self, line: dict[str, Any]) -> None:
        """Add a line."""
        self._entries.append(line)

    def called(self, call: Call) -> None:
        """Add an input."""
        self._entries.append(call)

    def acted(
        self, name: str, role: Role, action: Action, purpose: dict[str, Any] | None = None
    ) -> None:
        """Add an output."""
        self._entries.append((name, role, action, purpose or {}))

    def lines(self) -> Iterator[dict[str, Any]]:
        """The run, line by line."""
        now = 0.0
        for entry in self._entries:
            match entry:
                case Call():
                    now = entry.now
                    yield entry.line()
                case (name, role, action, purpose):
                    yield {"t": now, "from": name, **_SCRIBE.action(action, role), **purpose}
                case _:
                    yield entry

    def text(self) -> str:
        """The run as JSON lines."""
        return "".join(
            json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n"
            for line in self.lines()
        )
