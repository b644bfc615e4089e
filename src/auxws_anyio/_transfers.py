"""The transfers that run for a machine, and can be cancelled.

It knows which are under way, and tells the machine what they come to. It must not know HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol

import anyio

from auxws_proto import (
    AuxWebSocket,
    Event,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    PutToUrl,
)

from ._errands import Errands


class Host(Protocol):
    """Whoever runs the machine."""

    def feed(self, door: Callable[[float], None]) -> None: ...
    def spawn(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None: ...


class Transfers:
    """Starts each in a task of its own."""

    __slots__ = ("_errands", "_host", "_machine", "_scopes")

    def __init__(self, host: Host, machine: AuxWebSocket, errands: Errands) -> None:
        self._host = host
        self._machine = machine
        self._errands = errands
        self._scopes: dict[int, anyio.CancelScope] = {}

    def start(self, action: PutToUrl | GetFromUrl) -> None:
        """Make this request; the machine will be told of its progress and its outcome."""
        # From now on: it may be cancelled before its task has had its first turn.
        self._scopes[action.transfer_id] = anyio.CancelScope()
        self._host.spawn(partial(self._run, action))

    def cancel(self, transfer_id: int) -> None:
        """Give it up, if it is still under way."""
        scope = self._scopes.get(transfer_id)
        if scope is not None:
            scope.cancel()

    def cancel_all(self) -> None:
        """Give up every one."""
        for scope in list(self._scopes.values()):
            scope.cancel()

    async def _run(self, action: PutToUrl | GetFromUrl) -> None:
        transfer_id = action.transfer_id

        def progress(done: int, total: int | None) -> None:
            event = HttpProgressed(transfer_id=transfer_id, done=done, total=total)
            self._host.feed(lambda now: self._machine.handle(event, now))

        outcome: Event = HttpFailed(transfer_id=transfer_id, error=HttpFailure(kind="cancelled"))
        try:
            with self._scopes[transfer_id]:
                outcome = await self._errands.transfer(action, self._machine.config, progress)
        finally:
            del self._scopes[transfer_id]
        self._host.feed(lambda now: self._machine.handle(outcome, now))
