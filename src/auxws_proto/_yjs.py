"""Yjs documents of the package pycrdt, as replicas for a `DocSync`.

It knows pycrdt, which no other module imports; whoever imports this one without the extra ``yjs``
gets `ExtraMissing`. It must not know branches.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self, cast

from ._errors import ExtraMissing
from ._replica import DocumentFault

try:
    from pycrdt import Doc as Doc
    from pycrdt import TransactionEvent, merge_updates
except ImportError:
    raise ExtraMissing("pycrdt", "yjs") from None


class YReplica:
    """A document of pycrdt. With threads, whoever has ``lock`` has the document to itself."""

    def __init__(self, doc: Doc[Any], lock: AbstractContextManager[object] | None = None) -> None:
        self._doc = doc
        self._lock = nullcontext() if lock is None else lock
        self._subscription: Any = None

    def apply(self, updates: Iterable[bytes]) -> list[tuple[bytes, str]]:
        """See `Replica`."""
        refused: list[tuple[bytes, str]] = []
        with _faults(), self._lock, self._doc.transaction():
            for update in updates:
                try:
                    self._doc.apply_update(update)
                except ValueError as error:
                    # It was not decoded, so the document has nothing of it.
                    refused.append((update, str(error)))
        return refused

    def state(self) -> bytes:
        """See `Replica`."""
        with _faults(), self._lock, self._doc.transaction():
            return self._doc.get_state()

    def missing(self, state: bytes | None = None) -> bytes:
        """See `Replica`."""
        with _faults(), self._lock, self._doc.transaction():
            return self._doc.get_update(state)

    def watch(self, changed: Callable[[bytes], None]) -> None:
        """See `Replica`."""

        def observe(event: TransactionEvent) -> None:
            changed(event.update)

        with _faults(), self._lock:
            self._subscription = self._doc.observe(observe)

    def unwatch(self) -> None:
        """See `Replica`."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with _faults(), self._lock:
                self._doc.unobserve(subscription)

    def fresh(self) -> Self:
        """See `Replica`."""
        return type(self)(Doc[Any]())

    def merge(self, updates: Sequence[bytes]) -> bytes:
        """See `Replica`."""
        return merge_updates(*updates)


@contextmanager
def _faults() -> Generator[None]:
    try:
        yield
    except BaseException as error:
        # A panic is no `Exception`, and its type cannot be imported.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise DocumentFault(_told(error)) from error
        raise


def _told(error: BaseException) -> str:
    """The error in words; of several observers' errors, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return f"{type(error).__name__}: {error}"
