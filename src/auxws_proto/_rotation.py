"""Planned rotation: the next transport beside the current one, and the old one behind it.

It knows the next and the old transport, and whether the old one is proven empty. It must not know
what is sent: it says when the new one may be used. Nothing goes out twice or out of order, since
the new transport is used only once the old one is settled.
"""

from __future__ import annotations

from ._config import Reconnect
from ._link import Step
from ._login import TIMER as LOGIN
from ._shared import Shared
from ._transport import Transport
from ._transports import AGE, KEEPALIVE_MESSAGE, OVERLAP, PROOF, Transports
from ._urls import UrlPool


class Rotation:
    """The transports before and after the current one."""

    def __init__(self, shared: Shared, urls: UrlPool, transports: Transports) -> None:
        self._shared = shared
        self._urls = urls
        self._transports = transports
        self._failures = 0
        self.upcoming: Transport | None = None
        self.retiring: Transport | None = None
        self.is_released = True

    def begin(self) -> None:
        """The current transport is old enough: open the next one beside it."""
        self.upcoming = self._transports.open_new(0)

    def postpone(self, aged: Transport) -> bool:
        """Whether the rotation before this one is still under way, and has to end first."""
        if self.retiring is None and aged is not self.upcoming:
            return False
        delay = max(self._shared.config.rotate_overlap, Reconnect().base)
        self._shared.timers.set((AGE, aged.number), self._shared.now, delay)
        return True

    def failed(self, current: Transport, *, final: bool) -> None:
        """The next transport came to nothing; the current one lives, so there is time."""
        self.upcoming = None
        policy = self._shared.config.reconnect
        if policy is None or final:
            return
        self._failures += 1
        delay = self._shared.backoff(policy.base, self._failures, policy.cap)
        name = (AGE, current.number)
        self._shared.timers.set(name, self._shared.now, max(delay, Reconnect().base))

    def promote(self) -> Transport | None:
        """The current transport is lost: the next one, if it is on its way, takes its place."""
        upcoming, self.upcoming = self.upcoming, None
        return upcoming

    def replace(self, old: Transport) -> None:
        """The next transport is ready: the old one sends no more, and is to be proven empty."""
        shared = self._shared
        self.upcoming, self.retiring = None, old
        self.is_released = False
        self._failures = 0
        old.take(Step.REPLACED)
        shared.timers.clear((AGE, old.number))
        shared.timers.clear((KEEPALIVE_MESSAGE, old.number))
        shared.timers.clear((LOGIN, old.number))
        self._urls.transport_replaced(old.number)
        shared.timers.set((PROOF, old.number), shared.now, shared.config.ping_timeout, wire=True)

    def release_if_proven(self) -> bool:
        """Whether the old transport has just come to be proven empty; it is read a while longer."""
        old, shared = self.retiring, self._shared
        if self.is_released or old is None or not old.is_proven or old.unwritten:
            return False
        self.is_released = True
        shared.timers.clear((PROOF, old.number))
        shared.timers.set((OVERLAP, old.number), shared.now, shared.config.rotate_overlap)
        return True

    def settled(self, transport: Transport) -> bool:
        """A transport is settled. True: it was the old one, and the new one waited for that."""
        if transport is not self.retiring:
            return False
        self.retiring = None
        released, self.is_released = self.is_released, True
        return not released

    def clear(self) -> None:
        """There is no connection to rotate."""
        self.upcoming = self.retiring = None
        self.is_released = True
