"""Whether a connection is tried again, and after what wait.

It knows the policy `Reconnect`, and counts. It must not know transports, states or timers.
"""

from __future__ import annotations

from ._config import Reconnect
from ._shared import Shared


class Attempts:
    """The attempts to have a connection, since it was wanted."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self.count = 0
        """How many of this outage have failed."""
        self._failures = 0
        self._was_ready = False

    def begin(self) -> None:
        """A connection is wanted anew."""
        self._failures = self.count = 0

    def succeeded(self) -> None:
        """There is a connection; it has yet to last."""
        self._was_ready = True

    def lasted(self, seconds: float) -> None:
        """A connection is over that was ready for so long."""
        if seconds >= (self._shared.config.reconnect or Reconnect()).reset_after:
            self.forget_failures()

    def forget_failures(self) -> None:
        """All is well: the next wait is the shortest again."""
        self._failures = 0

    def failed(self, *, final: bool) -> float | None:
        """There is no connection; how many seconds to wait for the next attempt.

        None: there is none, because of the policy or since the failure is ``final``.
        """
        policy = self._shared.config.reconnect
        limit = None
        if policy is not None:
            limit = policy.max_attempts if self._was_ready else policy.first_attempts
        # The loss of a connection is no attempt; a first connection that fails is.
        self.count = self._failures if self._was_ready else self._failures + 1
        self._failures += 1
        if policy is None or final or (limit is not None and self.count >= limit):
            return None
        return self._shared.backoff(policy.base, self._failures - 1, policy.cap)
