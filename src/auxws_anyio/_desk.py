"""The application's side of a client: messages, reports, receipts and the state.

It knows what the machine said and who wants to hear it. It must not know the machine, nor any task:
everything here is synchronous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import anyio

from auxws_proto import (
    AuxError,
    ErrorReport,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportState,
    SendId,
    Stage,
    State,
    StateChange,
)
from auxws_proto._mailbox import Feed
from auxws_proto._router import Router

from ._bell import Bell
from ._receipt import Entry

_KEPT_ERRORS = 1_000
"""Reports that wait for the first listener: faults of the first second are the interesting ones."""

_NOBODY_READS = (
    "reading has stopped, for what came waits for a first subscription; subscribe to something, "
    "or iterate over the client"
)


class Desk:
    """Where the application finds what has come."""

    __slots__ = (
        "_has_warned", "cause", "changed", "entries", "error_count", "errors", "info", "line",
        "router", "state", "states",
    )  # fmt: skip

    def __init__(self) -> None:
        self.router: Router = Router()
        self.errors: Feed[ErrorReport] = Feed(keep=_KEPT_ERRORS)
        self.states: Feed[StateChange] = Feed()
        self.entries: dict[SendId, Entry] = {}
        """The accepted messages without an outcome, in their order."""
        self.state: State = State.IDLE
        self.info: Mapping[str, Any] | None = None
        self.cause: AuxError | None = None
        """Why the state is what it is."""
        self.error_count: int = 0
        self.changed: Bell = Bell()
        """Rings when the state may have changed."""
        self.line: list[anyio.Event] = []
        """Those who wait to send, first come first served; only the head may try."""
        self._has_warned = False

    def state_reported(self, action: ReportState) -> None:
        """The state, its cause or the connection info is new."""
        previous, self.state, self.cause = self.state, action.state, action.cause
        if action.info is not None:
            self.info = action.info
        if previous is not action.state or action.cause is not None:
            change = StateChange(previous=previous, current=action.state, cause=action.cause)
            self.states.publish(change)
        if action.state is State.CLOSED:
            self.finish(action.cause)
        self.changed.ring()
        self.admit()

    def sends_reported(
        self, ids: Iterable[SendId], stage: Stage, error: AuxError | None = None, *, is_final: bool
    ) -> None:
        """Messages have come to a stage."""
        take = self.entries.pop if is_final else self.entries.get
        for send_id in ids:
            entry = take(send_id, None)
            if entry is not None:
                entry.advance(stage, error, is_final=is_final)
        if self.line and is_final:
            self.admit()

    def progress_reported(self, action: ReportProgress) -> None:
        """A transfer has come further."""
        entry = None if action.send_id is None else self.entries.get(action.send_id)
        if entry is not None:
            entry.progressed(action)

    def error_reported(self, action: ReportError) -> None:
        """Something went wrong that concerns no message of ours."""
        self._report(
            ErrorReport(
                error=action.error,
                info=action.info,
                event_id=action.event_id,
                transport=action.transport,
            )
        )

    def gap_reported(self, action: ReportGap) -> None:
        """A message could not be had."""
        self._report(
            ErrorReport(
                error=action.error,
                event_id=action.event_id,
                transport=action.transport,
                is_gap=True,
            )
        )

    def reading_stopped(self) -> None:
        """The wire is not read on before the application has taken something."""
        # Each message that is taken now may be the one that the reading waits for.
        self.router.put_back()
        if self.router.has_backlog and not self._has_warned:
            self._has_warned = True
            self.error_reported(ReportError(error=AuxError(_NOBODY_READS)))

    def _report(self, report: ErrorReport) -> None:
        self.error_count += 1
        self.errors.publish(report)

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition``, which must depend on the state, is true."""
        while not condition():
            await self.changed.wait()

    def admit(self) -> None:
        """There may be room: let the first in the line try."""
        if self.line:
            self.line[0].set()

    def finish(self, error: AuxError | None) -> None:
        """Nothing more comes."""
        self.router.finish(error)
        self.errors.finish()
        self.states.finish()
        self.admit()

    def crash(self, error: AuxError) -> None:
        """The driver has failed: everybody who waits for anything learns it."""
        self.router.finish(error)
        self.errors.finish(error)
        self.states.finish(error)
        entries, self.entries = self.entries, {}
        for entry in entries.values():
            entry.advance(entry.stage, error, is_final=True)
        self.state, self.cause = State.CLOSED, error
        self.changed.ring()
        self.admit()
