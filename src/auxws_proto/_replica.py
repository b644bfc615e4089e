"""Replicas of a document, as a `DocSync` sees them, and what can go wrong with them.

It knows shapes only. It must not know which package makes replicas, nor when anything is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, Self

from ._errors import AuxError
from ._inst_shapes import BranchKey

__all__ = [
    "CorruptUpdate",
    "DocumentFault",
    "NotSynced",
]

NO_UPDATE: Final = b"\x00\x00"
"""The update that changes nothing: no structs, and no deletions."""


class CorruptUpdate(AuxError):
    """The branch holds something that is no update of a document; it was left out.

    What else the branch holds is applied. Changes that are built on this one have no effect until
    somebody adds it again, whole. `update` is what came, in base64.
    """

    def __init__(self, key: BranchKey, update: str, reason: str) -> None:
        _, inst, branch = key
        super().__init__(
            f"an update of {len(update):,} characters in branch {branch!r} of inst {inst!r} is "
            f"no Yjs update, and was left out: {reason}"
        )
        self.key = key
        self.update = update
        self.reason = reason


class DocumentFault(AuxError):
    """The document, or an observer of it, raised an error when an update was applied.

    An observer's error is the cause of this one; the update has been applied.
    """


def unexpected(cause: Exception) -> DocumentFault:
    """What ends a shared document that meets a defect of this library."""
    fault = DocumentFault(f"the document is shared no longer: an unexpected {cause!r}")
    fault.__cause__ = cause
    return fault


class NotSynced(AuxError):
    """A shared document was left before the branch had all of it. Share it again to go on."""

    retryable = True


class Replica(Protocol):
    """One copy of a document."""

    def apply(self, updates: Iterable[bytes]) -> list[tuple[bytes, str]]:
        """Apply updates in one transaction; those that are none come back, with the reason.

        Raises `DocumentFault`; after that nothing is known of the replica.
        """
        ...

    def state(self) -> bytes:
        """What it has, in short: for `missing`."""
        ...

    def missing(self, state: bytes | None = None) -> bytes:
        """An update with everything that a replica of that state lacks; None: an empty one."""
        ...

    def watch(self, changed: Callable[[bytes], None]) -> None:
        """Call ``changed`` with each change from now on, within its transaction.

        Raises `DocumentFault` within a transaction.
        """
        ...

    def unwatch(self) -> None:
        """Call nobody any more. Twice is once."""
        ...

    def fresh(self) -> Self:
        """A new replica of an empty document."""
        ...

    def merge(self, updates: Sequence[bytes]) -> bytes:
        """One update for several."""
        ...
