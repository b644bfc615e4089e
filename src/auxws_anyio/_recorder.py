"""Recording in an outbox's store what must outlive the process, beside the event loop.

It knows when something is recorded. It must not know what, nor where: a `Journal` says what, and an
`OutboxStore` keeps it. Strategy: the store is called on a worker thread, one call at a time, each
with all that has come up since the last; whoever comes first makes the call for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import anyio
from anyio.to_thread import run_sync

from auxws_proto import Action, AuxError
from auxws_proto._journal import Journal, OutboxStore, OutboxStoreFailed, StoredMessage

from ._bell import Bell

T = TypeVar("T")


class Recorder:
    """One client's use of a store: `load`, any number of `settle`, `close`."""

    def __init__(self, store: OutboxStore, failed: Callable[[AuxError], object]) -> None:
        self.journal: Journal = Journal()
        self._store = store
        self._failed = failed
        self._error: OutboxStoreFailed | None = None
        self._turn = anyio.Lock()
        self._told = Bell()

    def watched(self, actions: Callable[[], Iterator[Action]]) -> Iterator[Action]:
        """The machine's actions, each of which the journal has seen before it is carried out."""
        for action in actions():
            self.journal.watch(action)
            yield action

    async def load(self) -> Sequence[StoredMessage]:
        """What the store has kept; raises `OutboxStoreFailed`."""
        try:
            return await self._call(self._store.load)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.close()
            raise

    def look(self) -> None:
        """There may be something that nobody waits for."""
        if self.journal.has_changes:
            self._told.ring()

    async def run(self) -> None:
        """Record that, for as long as the client lives."""
        while True:
            await self.settle()
            await self._told.wait()

    async def settle(self) -> None:
        """Return when all that the journal was told by now is recorded.

        Raises `OutboxStoreFailed`, which has ended the client.
        """
        if not (self.journal.has_changes or self._turn.locked() or self._error):
            return
        async with self._turn:
            if self._error is not None:
                raise self._error.with_traceback(None)
            changes = self.journal.take()
            if not changes:
                return
            with anyio.CancelScope(shield=True):
                try:
                    await self._call(self._store.record, changes)
                except OutboxStoreFailed as error:
                    self._error = error
                    self._failed(error)
                    raise

    async def close(self) -> None:
        """Record what is left, and let go of the store. Raises `OutboxStoreFailed`."""
        try:
            if self._error is None:
                await self.settle()
        finally:
            await self._call(self._store.close)

    async def _call(self, call: Callable[..., T], *arguments: Any) -> T:
        try:
            return await run_sync(call, *arguments)
        except OutboxStoreFailed:
            raise
        except Exception as error:
            raise OutboxStoreFailed(f"the outbox store raised {type(error).__name__}") from error
