"""Waits that a signal ends. Own tests of `_waits`."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from auxws_sync._waits import acquire_until, wait_until


class Noted(threading.Condition):
    """Writes down how long it is to wait, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.timeouts: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.timeouts.append(timeout)
        return False


class NotedLock:
    """Writes down for how long it is waited for, and comes at the third time."""

    def __init__(self) -> None:
        self.timeouts: list[float] = []

    def acquire(self, *, timeout: float) -> bool:
        self.timeouts.append(timeout)
        return len(self.timeouts) == 3


def wait_long() -> list[float | None]:
    condition, lock = Noted(), NotedLock()
    as_lock: Any = lock
    with condition:
        assert wait_until(condition, None)
        assert wait_until(condition, time.monotonic() + 1_000)
    assert acquire_until(as_lock, None)
    return [*condition.timeouts, *lock.timeouts]


def test_the_main_thread_looks_soon_whether_a_signal_has_come_and_others_need_not() -> None:
    found: list[float | None] = []
    thread = threading.Thread(target=lambda: found.extend(wait_long()))
    thread.start()
    thread.join()

    assert wait_long() == [0.5] * 5
    assert found[0] == threading.TIMEOUT_MAX
    assert found[1] == pytest.approx(1_000, abs=100)
    assert found[2:] == [threading.TIMEOUT_MAX] * 3


def test_a_deadline_that_has_passed_is_not_waited_for() -> None:
    condition, lock = Noted(), threading.Lock()
    past = time.monotonic() - 1
    with condition, lock:
        assert not wait_until(condition, past)
        assert not acquire_until(lock, past)
    assert condition.timeouts == []
    assert acquire_until(lock, past)


class Torn(threading.Condition):
    """A signal comes when the lock has been let go of, and before anybody would take it again."""

    def wait(self, timeout: float | None = None) -> bool:
        self.release()
        raise KeyboardInterrupt


class Held(threading.Condition):
    """A signal comes when the lock has not been let go of."""

    def wait(self, timeout: float | None = None) -> bool:
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", [Torn, Held])
def test_whoever_is_interrupted_holds_the_lock_and_lets_go_of_it(
    kind: type[threading.Condition],
) -> None:
    lock = threading.RLock()
    condition = kind(lock)
    taken: list[bool] = []
    thread = threading.Thread(target=lambda: taken.append(lock.acquire(timeout=10)))

    with pytest.raises(KeyboardInterrupt), condition:
        wait_until(condition, None)
    thread.start()
    thread.join()

    assert taken == [True]
