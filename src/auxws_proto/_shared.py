"""What the parts of one session share: the clock's last word, one FIFO, one counter, the timers.

It knows no behaviour. Parts call each other directly where the design says who owns what; this is
only the bench that they all work at.
"""

from __future__ import annotations

from ._action_queue import ActionQueue
from ._config import Config
from ._constants import Role
from ._reports import Tally
from ._timers import Timers


class Counts:
    """Messages and bytes, by path."""

    def __init__(self) -> None:
        self._by_path: dict[str, list[int]] = {}

    def of(self, path: str) -> list[int]:
        """The messages and the bytes of one path, to count on: it is done for each message."""
        return self._by_path.setdefault(path, [0, 0])

    def add(self, path: str, size: int) -> None:
        """Count one message of `size` bytes."""
        count = self.of(path)
        count[0] += 1
        count[1] += size

    def tallies(self) -> dict[str, Tally]:
        """The counts so far, of the paths that were taken."""
        counts = self._by_path.items()
        return {path: Tally(messages=n, bytes=size) for path, (n, size) in counts if n}


class Shared:
    """The common ground of a session's parts."""

    def __init__(self, role: Role, config: Config, url: str | None) -> None:
        self.role = role
        self.config = config
        self.url = url
        self.now = float("-inf")
        self.is_online = False
        """Whether any transport is open."""
        self.random = config.random
        """Where jitter comes from; a trace puts itself in between."""
        self.actions = ActionQueue()
        self.timers = Timers()
        # A server's own events carry 0 (``docs/protocol.md`` §2).
        self.step = 1 if role is Role.CLIENT else 0
        """From one number to the next."""
        self.upcoming_number = self.step
        """The number that the next numbered event would have; `next_number` takes it."""
        self._transfer = 0

    def next_number(self) -> int:
        """Take the next event number."""
        number = self.upcoming_number
        self.upcoming_number += self.step
        return number

    def next_transfer(self) -> int:
        """Take the next transfer id; 1 is the first."""
        self._transfer += 1
        return self._transfer

    def backoff(self, base: float, attempt: int, cap: float) -> float:
        """Full jitter: ``uniform(0, min(cap, base * 2**attempt))`` seconds."""
        ceiling = min(cap, base * 2.0 ** min(attempt, 60))
        return min(max(self.random(), 0.0), 1.0) * ceiling
