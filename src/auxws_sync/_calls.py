"""What a caller asks of the pump and waits for.

It knows how an answer finds its thread. It must not know what is asked. A caller may give up at any
moment (time is up, `KeyboardInterrupt`): then either its wish was met before, or it never will be.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from auxws_proto import LocalProtocolError

from ._pump import Pump
from ._waits import acquire_until, deadline_of

T = TypeVar("T")


def closed() -> LocalProtocolError:
    """What a verb on a closed client raises."""
    return LocalProtocolError("the client is closed for good; make a new one")


class NotYet(Exception):
    """Raised by what a `Wish` runs: it cannot be met now, try again when something has changed."""


class Wish(Generic[T]):
    """One call of ``run(now)`` on the pump's thread, tried again while it raises `NotYet`.

    What else it raises is the answer. ``queues`` says that it comes behind all wishes that
    wait, so that messages keep the order of their `send`.
    """

    def __init__(self, pump: Pump, run: Callable[[float], T], *, queues: bool = False) -> None:
        self._pump = pump
        self._run = run
        self._queues = queues
        self._lock = threading.Lock()
        self._answered = threading.Lock()
        self._answered.acquire()
        self._is_settled = False
        self._result: T | None = None
        self._error: Exception | None = None

    def grant(self, timeout: float | None = None) -> T:
        """Hand it over and wait for the answer; raises that, or `TimeoutError`."""
        if self._pump.owns_current_thread():
            raise LocalProtocolError(
                "called from the client's own thread, which would wait for itself"
            )
        if not self._pump.post(self._submit):
            raise closed()
        met = False
        try:
            met = acquire_until(self._answered, deadline_of(timeout))
        finally:
            # Also when a signal's handler raises: nobody would know what became of it later.
            was_in_time = met
            if not met:
                met = self._withdraw()
        if not met:
            raise TimeoutError("there was no room in the outbox in time")
        if not was_in_time:
            # Met in the last moment: what followed from it is not done yet.
            self._answered.acquire()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    def attempt(self, now: float) -> bool:
        """See `auxws_sync._roles.Waiting`."""
        with self._lock:
            if self._is_settled:
                return True
            try:
                self._result = self._run(now)
            except NotYet:
                return False
            except Exception as error:
                # The caller's, whatever it is: a message may hold anything.
                self._error = error
            self._is_settled = True
        # When the caller goes on, it must see what followed: a new state, an outcome.
        self._pump.after_drain(self._answered.release)
        return True

    def give_up(self) -> None:
        """See `auxws_sync._roles.Waiting`."""
        with self._lock:
            if not self._is_settled:
                self._error = closed()
                self._is_settled = True
                self._answered.release()

    def _submit(self, now: float) -> None:
        if not self._pump.is_running:
            self.give_up()
        elif self._queues:
            self._pump.submit(self, now)
        else:
            self.attempt(now)

    def _withdraw(self) -> bool:
        """Take it back; true if it is too late for that, and the answer there."""
        with self._lock:
            was_settled, self._is_settled = self._is_settled, True
        return was_settled
