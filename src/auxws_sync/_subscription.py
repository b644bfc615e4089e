"""What a caller iterates over: messages, state changes, error reports.

It knows iteration and timeouts. It must not know what it yields, nor where that waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Source(Protocol[T_co]):
    """Where the items come from; `take` opens it too."""

    @property
    def dropped(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    def open(self) -> object: ...
    def take(self, deadline: float | None) -> T_co | None: ...
    def close(self) -> None: ...


class Subscription(Generic[T_co]):
    """Messages or reports as they come: ``for item in subscription``.

    With ``with subscription:`` it is closed at the end of the block, which is what ends a
    subscription to messages; without, it lasts until `close` or the end of the client. Any number
    of threads may iterate over one; each item goes to one of them. The end of the client ends the
    iteration; so does an error, which is raised: what closed the session for good, or
    `SlowConsumer`.
    """

    def __init__(
        self, source: Source[T_co], check: Callable[[], None], owner: object = None
    ) -> None:
        self._source = source
        self._check = check
        # A client lives as long as somebody waits for what it brings.
        self._owner = owner

    def __enter__(self) -> Self:
        self._check()
        self._source.open()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        self._check()
        self._source.open()
        return self

    def __next__(self) -> T_co:
        self._check()
        item = self._source.take(None)
        if item is None:
            raise StopIteration
        return item

    @property
    def dropped(self) -> int:
        """How many items were lost to the limits."""
        return self._source.dropped

    @property
    def waiting(self) -> int:
        """How many items wait to be taken."""
        return self._source.waiting

    def receive(self, timeout: float | None = None) -> T_co | None:
        """The next item, waited for; None when nothing more comes.

        Raises `TimeoutError` after ``timeout`` seconds, `SlowConsumer` when the policy ``"error"``
        ended it, and the fault that ended the client.
        """
        self._check()
        return self._source.take(None if timeout is None else time.monotonic() + timeout)

    def close(self) -> None:
        """Want nothing more. Twice is once."""
        self._check()
        self._source.close()
