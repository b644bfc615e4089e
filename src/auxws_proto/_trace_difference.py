"""What of a recorded action must be the same when it is played again, and how a difference is told.

It knows an action as a line of a trace has it. It must not know any machine, nor how one is played.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_NOT_COMPARED: Final = frozenset({"t", "from", "for_send", "for_event", "for_transport"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceDifference:
    """The first action that was not as recorded. None: there was none.

    ``line`` is that of the recorded action, or of the input that it was expected from.
    """

    line: int
    machine: str
    recorded: Mapping[str, Any] | None
    played: Mapping[str, Any] | None

    def __str__(self) -> str:
        return (
            f"line {self.line}, {self.machine}: {_short(self.played)}; recorded: "
            f"{'nothing' if self.recorded is None else _short(self.recorded)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """What came of a replay; its text is one for people."""

    inputs: int
    actions: int
    elided: int
    """Payloads that were filled up, for they were elided."""
    is_whole: bool
    """Whether the trace was ended in order; else its last actions may be missing in it."""
    difference: TraceDifference | None = None

    @property
    def is_same(self) -> bool:
        """Whether every action was as recorded."""
        return self.difference is None

    def __str__(self) -> str:
        text = f"{self.inputs:,} inputs, {self.actions:,} actions: "
        text += "the same" if self.difference is None else f"different at {self.difference}"
        if self.elided:
            text += f" ({self.elided:,} elided payloads were filled up)"
        return text if self.is_whole else f"{text} (the trace is cut off)"


def comparable(action: Mapping[str, Any]) -> dict[str, Any]:
    """What of an action must be the same."""
    fields = {key: value for key, value in action.items() if key not in _NOT_COMPARED}
    for name in ("message", "info"):
        match fields.get(name):
            # Where it is filled up again, a message is as large as what is left of it.
            case {"$e": int(), "json": value}:
                fields[name] = value
            case _:
                pass
    return fields


def _short(action: Mapping[str, Any] | None) -> str:
    """An action on one line."""
    if action is None:
        return "did nothing"
    fields = {key: value for key, value in action.items() if key not in _NOT_COMPARED}
    kind = fields.pop("action", "")
    shown = ", ".join(f"{key}={_cut(value)}" for key, value in fields.items())
    return f"{kind}({shown})"


def _cut(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else f"{text[:100]}… ({len(text):,} characters)"
