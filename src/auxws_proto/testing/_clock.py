"""Time that passes only when it is told to.

It knows moments and what is to happen at each. It must not know what that is.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Alarm:
    """Something that is to happen ``when`` its clock, in seconds, says so; ``cancel`` it, and it
    does not."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when: float = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Let it not happen."""
        self.callback = None


class VirtualClock:
    """A clock for tests, in seconds. What is set for the same moment happens in the order set."""

    def __init__(self, now: float = 0.0) -> None:
        self.now: float = now
        self._heap: list[tuple[float, int, Alarm]] = []
        self._count = 0

    def __call__(self) -> float:
        """The time, for whoever wants a callable such as ``time.monotonic``."""
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Alarm:
        """Let something happen at a moment; what is in the past happens at the next step."""
        self._count += 1
        alarm = Alarm(max(when, self.now), callback)
        heapq.heappush(self._heap, (alarm.when, self._count, alarm))
        return alarm

    def call_later(self, delay: float, callback: Callable[[], None]) -> Alarm:
        """Let something happen in ``delay`` seconds."""
        return self.call_at(self.now + delay, callback)

    def next_alarm(self) -> float | None:
        """When something happens next; None: nothing is set."""
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def step(self) -> bool:
        """Go to the next moment at which something happens, and let one thing happen there."""
        if self.next_alarm() is None:
            return False
        when, _, alarm = heapq.heappop(self._heap)
        self.now = max(self.now, when)
        callback, alarm.callback = alarm.callback, None
        if callback is not None:
            callback()
        return True

    def advance(self, seconds: float) -> None:
        """Let time pass, and everything happen that is set for it."""
        end = self.now + seconds
        while (when := self.next_alarm()) is not None and when <= end:
            self.step()
        self.now = end
