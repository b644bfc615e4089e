"""Recording in an outbox's store what must outlive the process, on the pump's thread.

It knows when something is recorded. It must not know what, nor where: a `Journal` says what, and an
`OutboxStore` keeps it. Strategy: the pump waits for the store once a drain, before it writes to a
socket or answers a caller; so what many threads send at a time is recorded at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from auxws_proto._journal import Journal, OutboxStore, OutboxStoreFailed, StoredMessage

T = TypeVar("T")


class Recorder:
    """One client's use of a store: `load`, any number of `settle`, `close`."""

    def __init__(self, store: OutboxStore) -> None:
        self.journal: Journal = Journal()
        self._store = store
        self._is_broken = False

    def load(self) -> Sequence[StoredMessage]:
        """What the store has kept; raises `OutboxStoreFailed`."""
        return _call(self._store.load)

    def settle(self) -> None:
        """Record all that the journal was told by now. Raises `OutboxStoreFailed`."""
        changes = self.journal.take()
        if changes and not self._is_broken:
            self._is_broken = True
            _call(self._store.record, changes)
            self._is_broken = False

    def close(self) -> None:
        """Record what is left, and let go of the store. Raises `OutboxStoreFailed`."""
        try:
            self.settle()
        finally:
            _call(self._store.close)


def _call(call: Callable[..., T], *arguments: Any) -> T:
    try:
        return call(*arguments)
    except OutboxStoreFailed:
        raise
    except Exception as error:
        raise OutboxStoreFailed(f"the outbox store raised {type(error).__name__}") from error
