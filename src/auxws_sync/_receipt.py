"""What `AuxClient.send` returns: how far one message has come.

It knows stages and their order, and how to wait for one. It must not know why a message goes from
one to the next. The `Desk` that keeps the entries lends them its lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from auxws_proto import AuxError, Progress, SendId, Stage

from ._waits import wait_until

_RANK: Final[Mapping[Stage, int]] = {
    stage: rank
    for rank, stage in enumerate(
        (Stage.QUEUED, Stage.UPLOADING, Stage.UPLOADED, Stage.SENT, Stage.CONFIRMED)
    )
}


_NOTHING_YET: Final = Progress()


class Entry:
    """What is known of one accepted message. The desk writes it, with its lock held."""

    __slots__ = ("_changed", "error", "is_final", "lock", "progress", "send_id", "stage")

    def __init__(self, lock: threading.RLock) -> None:
        self.lock: threading.RLock = lock
        self.send_id: SendId | None = None
        """None until the machine has taken it."""
        self.stage: Stage = Stage.QUEUED
        self.error: AuxError | None = None
        self.progress: Progress = _NOTHING_YET
        self.is_final: bool = False
        self._changed: threading.Condition | None = None
        """To be notified of every change of this, if it is there."""

    def advance(self, stage: Stage, error: AuxError | None, *, is_final: bool) -> None:
        """It came to a stage."""
        self.stage, self.is_final = stage, is_final
        if is_final:
            self.error = error
        self._notify()

    def number(self, send_id: SendId) -> None:
        """The machine has taken it."""
        self.send_id = send_id
        self._notify()

    def _notify(self) -> None:
        if self._changed is not None:
            self._changed.notify_all()

    def wait_for(self, is_so: Callable[[], bool], deadline: float | None) -> bool:
        """Wait, with the lock held, until ``is_so()``; false when time is up."""
        while not is_so():
            if self._changed is None:
                # Most are never waited for.
                self._changed = threading.Condition(self.lock)
            if not wait_until(self._changed, deadline):
                return False
        return True

    def has_reached(self, stage: Stage) -> bool:
        """Whether it has come to ``stage``, or to its end."""
        return self.is_final or _RANK.get(self.stage, 0) >= _RANK.get(stage, len(_RANK))


class Receipt:
    """The fate of one accepted message. It goes on whether anybody looks or not."""

    __slots__ = ("__weakref__", "_check", "_entry")

    def __init__(self, entry: Entry, check: Callable[[], None]) -> None:
        self._entry = entry
        self._check = check

    def __repr__(self) -> str:
        entry = self._entry
        number = "-" if entry.send_id is None else entry.send_id
        return f"<Receipt {number}: {entry.stage.value}{', final' if entry.is_final else ''}>"

    @property
    def send_id(self) -> SendId:
        """Names the message in the machine's actions; 0 if the client was closed before."""
        entry = self._entry
        if entry.send_id is None:
            self._check()
            with entry.lock:
                entry.wait_for(lambda: entry.send_id is not None or entry.is_final, None)
        return entry.send_id or SendId(0)

    @property
    def stage(self) -> Stage:
        """How far it is. A reconnect may put it back to an earlier stage."""
        return self._entry.stage

    @property
    def error(self) -> AuxError | None:
        """Why it ended as ``FAILED`` or ``UNKNOWN``: a `SendFailed`."""
        return self._entry.error

    @property
    def progress(self) -> Progress:
        """How much of its upload is done, in bytes."""
        return self._entry.progress

    @property
    def is_final(self) -> bool:
        """Whether its stage is its outcome."""
        return self._entry.is_final

    def wait(self, stage: Stage = Stage.SENT, timeout: float | None = None) -> Stage:
        """Wait until the message has come to ``stage``, or to its outcome; return where it is.

        An outcome short of ``stage`` that is no failure (``SENT``, where no proof of arrival can be
        had) is returned too. Raises `SendFailed` for ``FAILED`` and ``UNKNOWN``, and `TimeoutError`
        after ``timeout`` seconds; the message goes on then, and waiting again is fine.
        """
        self._check()
        entry = self._entry
        deadline = None if timeout is None else time.monotonic() + timeout
        with entry.lock:
            in_time = entry.wait_for(lambda: entry.has_reached(stage), deadline)
            if entry.error is not None:
                raise entry.error
            if not in_time:
                raise TimeoutError(f"the message is {entry.stage.value} after {timeout:g} s")
            return entry.stage
