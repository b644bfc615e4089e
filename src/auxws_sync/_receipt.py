"""What `send` returns: how far one message has come.

It knows stages. It must not know the machine; the `Desk` that made it tells it what was reported,
and lends it its lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from auxws_proto import Progress, SendFailed, SendId, Stage

_RANK: Final = {
    Stage.QUEUED: 0,
    Stage.UPLOADING: 1,
    Stage.UPLOADED: 2,
    Stage.SENT: 3,
    Stage.CONFIRMED: 4,
}
"""The stages on the way, in their order; the two others are bad ends."""


class Receipt:
    """One accepted message. Any thread may look at it, and wait."""

    def __init__(self, lock: threading.Lock, check: Callable[[], None]) -> None:
        self._lock = lock
        self._check = check
        self._changed: threading.Condition | None = None
        self._send_id: SendId | None = None
        self._stage = Stage.QUEUED
        self._error: SendFailed | None = None
        self._progress = Progress()
        self._is_final = False
        self._on_failed: Callable[[SendFailed], None] | None = None

    def __repr__(self) -> str:
        return (
            f"<Receipt {self._send_id or '-'}: {self._stage}{', final' if self._is_final else ''}>"
        )

    @property
    def send_id(self) -> SendId:
        """The number of this send, 1 for the first of the client; 0 if it never got one."""
        if self._send_id is None:
            self._check()
            with self._lock:
                while self._send_id is None and not self._is_final:
                    wait_until(self._condition(), None)
        return self._send_id or SendId(0)

    @property
    def stage(self) -> Stage:
        """How far it has come."""
        return self._stage

    @property
    def error(self) -> SendFailed | None:
        """Why it ended as ``FAILED`` or ``UNKNOWN``."""
        return self._error

    @property
    def progress(self) -> Progress:
        """How much of its upload is done, in bytes."""
        return self._progress

    @property
    def is_final(self) -> bool:
        """Whether its outcome is known."""
        return self._is_final

    def wait(self, stage: Stage = Stage.SENT, timeout: float | None = None) -> Stage:
        """Wait until the message has come to ``stage``, or to its outcome; return where it is.

        An outcome short of ``stage`` that is no failure (``SENT``, where no proof of arrival can be
        had) is returned too. Raises `SendFailed` for ``FAILED`` and ``UNKNOWN``, and `TimeoutError`
        after ``timeout`` seconds; the message goes on then, and waiting again is fine.
        """
        self._check()
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            while not self._has_reached(stage):
                if not wait_until(self._condition(), deadline):
                    raise TimeoutError(f"the message is {self._stage} after {timeout:g} s")
            if self._error is not None:
                raise self._error
            return self._stage

    def _has_reached(self, stage: Stage) -> bool:
        return self._is_final or _RANK.get(self._stage, 0) >= _RANK.get(stage, 5)

    def _condition(self) -> threading.Condition:
        if self._changed is None:
            self._changed = threading.Condition(self._lock)
        return self._changed

    # Called by the desk, with the lock held.

    def number(self, send_id: SendId) -> None:
        """The machine has taken it."""
        self._send_id = send_id
        if self._changed is not None:
            self._changed.notify_all()

    def tell_failure(self, listener: Callable[[SendFailed], None]) -> None:
        """Have ``listener`` called, with the lock held, if this ends badly, or has."""
        self._on_failed = listener
        if self._error is not None:
            listener(self._error)

    def advance(self, stage: Stage, error: SendFailed | None, *, is_final: bool) -> None:
        """It has come so far."""
        self._stage, self._is_final = stage, is_final
        if is_final and error is not None:
            self._error = error
            if self._on_failed is not None:
                self._on_failed(error)
        if self._changed is not None:
            self._changed.notify_all()

    def move(self, progress: Progress) -> None:
        """So much of its upload is done."""
        self._progress = progress


def wait_until(condition: threading.Condition, deadline: float | None) -> bool:
    """Wait for a notification; false when ``time.monotonic()`` has passed ``deadline``.

    A signal's handler runs meanwhile, so `KeyboardInterrupt` ends the wait.
    """
    if deadline is None:
        condition.wait()
        return True
    left = deadline - time.monotonic()
    if left <= 0:
        return False
    # A platform has a longest wait; waking up early is harmless, for every caller looks again.
    condition.wait(min(left, threading.TIMEOUT_MAX))
    return True
