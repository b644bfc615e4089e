"""The clock of the event loop that runs, and one alarm on it.

It knows asyncio and anyio. It must not know what the time is for.

Strategy: what anyio offers works everywhere, and is dear for what every message asks (the time) and
every idle client has (a task that sleeps, with its scopes: 3 KB). asyncio has both for next to
nothing, so there they are taken from it; elsewhere, from anyio. What is due is called in a task
either way: outside of one, anyio knows the event loop only where it has itself started that.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TypeAlias

import anyio
from anyio.abc import TaskGroup


def start_clock(group: TaskGroup, due: Callable[[], None]) -> Clock:
    """The clock of this event loop; tasks that it needs run in ``group``, to the end of it."""
    try:
        # A task, and not the loop: trio can run as a guest of asyncio's.
        is_asyncio = asyncio.current_task() is not None
    except RuntimeError:
        is_asyncio = False
    return _LoopClock(due) if is_asyncio else _TaskClock(group, due)


class _LoopClock:
    """By asyncio's own means."""

    __slots__ = ("_due", "_loop", "_pending", "_when", "now")

    def __init__(self, due: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = due
        self._pending: asyncio.TimerHandle | asyncio.Task[None] | None = None
        """The alarm, and then the task that it has made."""
        self._when = math.inf
        self.now: Callable[[], float] = self._loop.time
        """The time, as `anyio.current_time` gives it."""

    def wake_at(self, when: float) -> None:
        """Call ``due`` at this time, or before. Setting it back is free, and need not be done."""
        if when < self._when:
            self._forget()
            self._when = when
            self._pending = self._loop.call_at(when, self._ring)

    def stop(self) -> None:
        """Do not call any more."""
        self._forget()
        # No time that it may still be told comes before.
        self._when = -math.inf

    def _forget(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None

    def _ring(self) -> None:
        self._pending = self._loop.create_task(self._wake())

    async def _wake(self) -> None:
        self._pending = None
        self._when = math.inf
        self._due()


class _TaskClock:
    """The same, by anyio's."""

    __slots__ = ("_due", "_is_stopped", "_scope", "now")

    def __init__(self, group: TaskGroup, due: Callable[[], None]) -> None:
        self._due = due
        self._is_stopped = False
        self._scope = anyio.CancelScope()
        self.now: Callable[[], float] = anyio.current_time
        group.start_soon(self._run)

    def wake_at(self, when: float) -> None:
        if when < self._scope.deadline:
            self._scope.deadline = when

    def stop(self) -> None:
        self._is_stopped = True
        self._scope.cancel()

    async def _run(self) -> None:
        while not self._is_stopped:
            with self._scope:
                await anyio.sleep_forever()
            self._scope = anyio.CancelScope()
            if not self._is_stopped:
                self._due()


Clock: TypeAlias = _LoopClock | _TaskClock
"""Tells the time, and calls ``due`` when it has come."""
