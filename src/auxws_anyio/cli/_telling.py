"""How commands tell what every client has: messages, states, errors, outcomes.

It knows the words and the fields of these events. It must not know which command tells them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auxws_proto import ErrorReport, SendFailed, Stage, State, StateChange

from .._client import AuxClient
from ._out import Out, Part
from ._text import SHOWN, as_compact, elide, size, span, type_of, without_type

_STATE_STYLES = {
    State.OPEN: "bold green",
    State.WAITING: "bold yellow",
    State.CLOSED: "bold red",
}
_STAGE_STYLES = {Stage.FAILED: "bold red", Stage.UNKNOWN: "bold yellow"}


def state_style(state: State) -> str:
    """How a state looks."""
    return _STATE_STYLES.get(state, "cyan")


def tell_message(
    out: Out, message: Mapping[str, Any], count: int, path: str, *, limit: int | None = None,
    number: int | None = None,
) -> None:  # fmt: skip
    """A message came: its type, its size in bytes, the path by which it came, and its fields.

    At most ``limit`` characters of the fields are shown; None: as many as a line has room for.
    """
    head: list[Part] = [
        ("← ", "bold blue"), "" if number is None else f"{number:,} ",
        (type_of(message), "bold"), (f"  {size(count)} {path}  ", "dim"),
    ]  # fmt: skip
    out.emit(
        "message", *head, fields_of(out, message, head, limit),
        **({} if number is None else {"number": number}),
        type=message.get("type"), bytes=count, path=path, message=message,
    )  # fmt: skip


def fields_of(
    out: Out, message: Mapping[str, Any], head: Sequence[Part], limit: int | None = None
) -> str:
    """A message's fields for people, behind what else is on the line."""
    if out.as_json:
        return ""
    limit = out.room(*head, otherwise=SHOWN) if limit is None else limit
    return elide(as_compact(without_type(message)), limit)


def tell_outcome(
    out: Out, number: int, kind: str, count: int, path: str, stage: Stage, seconds: float,
    error: SendFailed | None = None,
) -> None:  # fmt: skip
    """What became of a message that was sent."""
    told = [(f": {error}", "red")] if error is not None else []
    out.emit(
        "outcome", ("→ ", "bold magenta"), f"{number:,} ", (kind, "bold"),
        (f"  {size(count)} {path}  ", "dim"), (stage.value, _STAGE_STYLES.get(stage, "green")),
        (f" {span(seconds)}", "dim"), *told,
        number=number, type=kind, bytes=count, path=path, stage=stage.value,
        ms=round(seconds * 1_000, 3), error=None if error is None else str(error),
    )  # fmt: skip


def tell_state(out: Out, change: StateChange) -> None:
    """The state of the connection is another."""
    cause = None if change.cause is None else str(change.cause)
    told = [(f": {cause}", "yellow")] if cause is not None else []
    out.emit(
        "state", ("· ", "dim"), (change.current.value, state_style(change.current)), *told,
        state=change.current.value, previous=change.previous.value, cause=cause,
    )  # fmt: skip


def tell_error(out: Out, report: ErrorReport) -> None:
    """Something went wrong that concerns no message of ours."""
    kind = "gap" if report.is_gap else "error"
    word = "a message could not be had: " if report.is_gap else f"{type(report.error).__name__}: "
    out.emit(
        kind, ("! ", "bold red"), (word, "red"), str(report.error),
        error=str(report.error), kind=type(report.error).__name__, event_id=report.event_id,
    )  # fmt: skip


class Troubles:
    """Tells of errors and lost connections while something else is the point; counts gaps."""

    def __init__(self, client: AuxClient, out: Out, *, all_states: bool = False) -> None:
        self._out = out
        self._states = client.states()
        self._errors = client.errors()
        self._all = all_states
        self._was_lost = False
        self.gaps = 0
        self.errors = 0

    async def watch_states(self) -> None:
        """Until the client ends; only lost connections and what follows them, unless all."""
        async for change in self._states:
            self._was_lost = self._was_lost or change.current is State.WAITING
            if self._all or (self._was_lost and change.current in (State.OPEN, State.WAITING)):
                tell_state(self._out, change)

    async def watch_errors(self) -> None:
        """Until the client ends."""
        async for report in self._errors:
            self.errors += 1
            self.gaps += report.is_gap
            tell_error(self._out, report)
