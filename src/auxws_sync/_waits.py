"""Waiting on a thread: until a deadline, and so that a signal ends it.

It knows locks and the clock. It must not know what is waited for: every caller looks again.

Strategy: Python runs a signal's handler between two of its instructions, on the main thread. One
that comes just before a lock begins to wait is not seen until that wait ends, so on the main thread
none is long. One that comes while a condition has let go of its lock leaves the lock with nobody,
or with another thread; so it is taken again, since whoever holds it in a block will release it.
"""

from __future__ import annotations

import contextlib
import threading
import time

_LOOK = 0.5
"""Seconds after which the main thread looks whether a signal has come."""


def deadline_of(timeout: float | None) -> float | None:
    """When ``timeout`` seconds from now are over, on the clock of `time.monotonic`."""
    return None if timeout is None else time.monotonic() + timeout


def wait_until(condition: threading.Condition, deadline: float | None) -> bool:
    """Wait for a notification, or less; false when ``deadline`` has passed.

    The condition's lock must be one that can be taken twice, and is held again in any case. What a
    signal's handler raises ends the wait.
    """
    left = _left(deadline)
    if left <= 0:
        return False
    try:
        condition.wait(left)
    except BaseException:
        with contextlib.suppress(RuntimeError):
            condition.release()
        condition.acquire()
        raise
    return True


def acquire_until(lock: threading.Lock, deadline: float | None) -> bool:
    """Acquire ``lock``; false when ``deadline`` has passed."""
    while not lock.acquire(timeout=max(0.0, _left(deadline))):
        if deadline is not None and time.monotonic() >= deadline:
            return False
    return True


def _left(deadline: float | None) -> float:
    """How long to wait at a time."""
    # A platform has a longest wait.
    most = threading.TIMEOUT_MAX
    if threading.current_thread() is threading.main_thread():
        most = _LOOK
    return most if deadline is None else min(most, deadline - time.monotonic())
