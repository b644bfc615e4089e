"""Asynchronous iteration over a mailbox.

It knows one mailbox and who waits for it. It must not know where its contents come from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from anyio.lowlevel import checkpoint

from auxws_proto._mailbox import Mailbox

from ._bell import Bell

T_co = TypeVar("T_co", covariant=True)

_LOOK_EVERY = 64
_TURN = 0.002
"""Items that are given out before the time is looked at, and seconds for which they are given out
without letting another task run: a switch for each item would cost more than the item, none at all
would starve the others, and a turn of few items would let the reader fill the mailbox meanwhile."""


def _nothing() -> None:
    """What has nothing to be opened or closed."""


class Subscription(Generic[T_co]):
    """Messages or reports as they come: ``async for item in subscription``.

    With ``with subscription:`` it is closed at the end of the block, which is what ends a
    subscription to messages; without, it lasts until `close` or the end of the client. Several
    tasks may iterate over one; each item goes to one of them. The end of the client ends the
    iteration; so does an error, which is raised: what closed the session for good, or
    `SlowConsumer`.
    """

    def __init__(
        self,
        box: Mailbox[Any],
        take: Callable[[], T_co | None],
        *,
        at_hand: list[T_co] | None = None,
        on_open: Callable[[], None] = _nothing,
        on_close: Callable[[], None] = _nothing,
    ) -> None:
        self._box = box
        self._take = take
        # What it has comes before what `take` gives, which may put more there.
        self._at_hand = at_hand if at_hand is not None else []
        self._on_open = on_open
        self._on_close = on_close
        self._is_open = False
        self._bell = Bell()
        self._given = 0
        self._turn_ends = 0.0
        box.wake = self._bell.ring

    @property
    def dropped(self) -> int:
        """How many items were lost to the limits."""
        return self._box.dropped

    @property
    def waiting(self) -> int:
        """How many items wait to be taken."""
        return len(self._box)

    def close(self) -> None:
        """Want nothing more. Whoever iterates comes to the end."""
        self._box.finish()
        self._on_close()

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __aiter__(self) -> Self:
        self._open()
        return self

    async def __anext__(self) -> T_co:
        if self._at_hand:
            return self._at_hand.pop(0)
        return await self._wait()

    async def _wait(self) -> T_co:
        """The next item, waited for where there is none, and after another task's turn."""
        self._open()
        # Every wait comes before the taking, so that a cancellation loses no item.
        if self._given >= _LOOK_EVERY:
            self._given = 0
            if time.perf_counter() >= self._turn_ends:
                await checkpoint()
                self._turn_ends = time.perf_counter() + _TURN
        while (item := self._next()) is None:
            if self._box.is_finished:
                raise StopAsyncIteration
            self._given = 0
            await self._bell.wait()
            self._turn_ends = time.perf_counter() + _TURN
        return item

    def _next(self) -> T_co | None:
        """The next item, if there is one."""
        if self._at_hand:
            return self._at_hand.pop(0)
        item = self._take()
        if item is not None:
            self._given += 1 + len(self._at_hand)
        return item

    def _open(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._on_open()
