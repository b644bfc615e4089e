"""Decisions from one number: a generator of its own, so that a run is the same everywhere.

It knows splitmix64 (Steele, Lea and Flood, 2014). It must not know what is decided. Nothing here
draws from the operating system.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_MASK: Final = (1 << 64) - 1


class Seed:
    """A stream of decisions; the same number gives the same stream, in every process."""

    def __init__(self, number: int = 0) -> None:
        self._state = number & _MASK

    def bits(self) -> int:
        """64 bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        value = self._state
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
        return value ^ (value >> 31)

    def random(self) -> float:
        """A float in [0, 1)."""
        return (self.bits() >> 11) / (1 << 53)

    def below(self, bound: int) -> int:
        """An integer from 0 to ``bound - 1``."""
        return self.bits() % bound

    def between(self, low: float, high: float) -> float:
        """A float in [low, high)."""
        return low + (high - low) * self.random()

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        """One of these."""
        return items[self.below(len(items))]

    def fork(self) -> Seed:
        """A stream of its own, so that one part's decisions do not shift another's."""
        return Seed(self.bits())
