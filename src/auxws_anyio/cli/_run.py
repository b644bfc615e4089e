"""Running a command's coroutine so that signals end it cleanly.

It knows event loops, signals and exception groups. It must not know what runs.

Strategy: a task waits for SIGINT and SIGTERM and cancels the rest, which leaves clients and
gateways by their context managers. A second signal meets the default handler.
"""

from __future__ import annotations

import importlib.util
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

import anyio

from ._exit import Exit
from ._out import missing

Work = Callable[[], Awaitable[int]]

_STATUSES = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}


def run(work: Work, *, backend: str) -> int:
    """Run ``work`` to its end; the exit status is its own, or that of a signal.

    Raises what it raises, taken out of exception groups.
    """
    if importlib.util.find_spec(backend) is None:
        raise missing(backend)
    try:
        return anyio.run(_guarded, work, backend=backend)
    except BaseExceptionGroup as group:
        raise leaf(group) from None


def leaf(error: BaseException) -> BaseException:
    """The error that a group is about: the first inside, interrupts before all others."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast("BaseExceptionGroup[BaseException]", error)
    leaves = [leaf(inner) for inner in group.exceptions]
    return next((inner for inner in leaves if not isinstance(inner, Exception)), leaves[0])


async def _guarded(work: Work) -> int:
    statuses: list[int] = []

    async def watch_signals() -> None:
        # An event loop on Windows has no signal handlers; there KeyboardInterrupt comes instead.
        with suppress(NotImplementedError):
            with anyio.open_signal_receiver(*_STATUSES) as signals:
                async for number in signals:
                    statuses.append(_STATUSES[number])
                    break
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        if threading.current_thread() is threading.main_thread():
            group.start_soon(watch_signals)
        status = await work()
        statuses.append(status)
        group.cancel_scope.cancel()
    return statuses[0]
