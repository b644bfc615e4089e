"""Named deadlines behind one opaque one.

It knows names and times. It must not know what a name stands for: whoever set it is told that it is
due. A timer of the wire (an answer that comes over the transport) stands still while nothing is
read from it, and goes on with what was left, so that not reading never looks like a silent peer.
"""

from __future__ import annotations

import math
from typing import TypeAlias

Name: TypeAlias = tuple[str, int]
"""What the timer is for, and the transport, request or transfer that it concerns (0: none)."""


class Timers:
    """A handful of timers; looking for the next one is a scan, which is cheapest for a handful."""

    def __init__(self) -> None:
        self._deadlines: dict[Name, float] = {}
        self._wire: list[Name] = []
        self._left: dict[Name, float] | None = None
        self.earliest = math.inf
        """The earliest deadline, which is asked for with each message."""

    def set(self, name: Name, now: float, delay: float, *, wire: bool = False) -> None:
        """Let `name` be due ``delay`` seconds from `now`, in place of what it was before."""
        if name in self._deadlines or name in self._wire:
            self.clear(name)
        if wire:
            self._wire.append(name)
            if self._left is not None:
                self._left[name] = delay
                return
        self._deadlines[name] = now + delay
        self.earliest = min(self.earliest, now + delay)

    def clear(self, name: Name) -> None:
        """Forget `name`, if it is set."""
        if self._deadlines.pop(name, math.inf) == self.earliest:
            self._look()
        if name in self._wire:
            self._wire.remove(name)
        if self._left is not None:
            self._left.pop(name, None)

    def clear_all(self) -> None:
        """Forget every timer."""
        self._deadlines.clear()
        self._look()
        self._wire.clear()
        if self._left is not None:
            self._left.clear()

    def is_set(self, name: Name) -> bool:
        """Whether `name` runs or stands still."""
        return name in self._deadlines or (self._left is not None and name in self._left)

    def due(self, name: Name) -> float | None:
        """When `name` is due; None if it is not set, or stands still."""
        return self._deadlines.get(name)

    def stand_still(self, now: float) -> None:
        """Stop the timers of the wire; each keeps what it has left."""
        if self._left is None:
            self._left = {}
            for name in self._wire:
                self._left[name] = max(0.0, self._deadlines.pop(name) - now)
            self._look()

    def go_on(self, now: float) -> None:
        """Let the timers of the wire go on with what they had left."""
        if self._left is not None:
            for name, left in self._left.items():
                self._deadlines[name] = now + left
            self._left = None
            self._look()

    @property
    def is_still(self) -> bool:
        """Whether the timers of the wire stand still."""
        return self._left is not None

    def next(self) -> float | None:
        """The earliest deadline."""
        return None if self.earliest == math.inf else self.earliest

    def _look(self) -> None:
        self.earliest = min(self._deadlines.values(), default=math.inf)

    def pop_due(self, now: float) -> Name | None:
        """Take the earliest timer that is due at `now`; earliest set first among equals."""
        if self.earliest > now:
            return None
        name = min(self._deadlines, key=self._deadlines.__getitem__)
        self.clear(name)
        return name
