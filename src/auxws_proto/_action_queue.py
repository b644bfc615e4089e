"""The FIFO that a machine's actions wait in until they are drained.

It knows actions and runs. It must not know who puts them in, nor who takes them.

Strategy: a list and a place in it. An empty deque has 760 bytes, and an idle machine has two queues
of which nothing is ever seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._actions import Action
from ._runs import RUNS, ActionRun

_COMPACT = 64
"""Items that may have been taken before the list is made shorter."""


class ActionQueue:
    """Actions and runs, in order; what is put in while it is drained comes out in that drain."""

    __slots__ = ("_at", "items")

    def __init__(self) -> None:
        self.items: list[Any] = []
        """Put new ones at its end. It is empty when there is nothing to take."""
        self._at = 0

    def append(self, item: Action | ActionRun) -> None:
        """Put this behind all others."""
        self.items.append(item)

    def waiting(self) -> list[Action | ActionRun]:
        """What would be taken next, in order."""
        return self.items[self._at :]

    def take(self) -> Action | ActionRun:
        """The head, a run as it is. There must be something."""
        items, at = self.items, self._at
        head: Action | ActionRun = items[at]
        # What is taken is not to be held until the list is made shorter.
        items[at] = None
        at += 1
        if at == len(items):
            items.clear()
            at = 0
        elif at >= _COMPACT and 2 * at >= len(items):
            del items[:at]
            at = 0
        self._at = at
        return head

    def one_by_one(self) -> Iterator[Action]:
        """Take every action, those of runs too.

        A run stays at the head until its last action is taken, and no longer: nothing is lost with
        an iterator that is given up, and nothing empty is left.
        """
        items = self.items
        while items:
            head: Any = items[self._at]
            kind: type = head.__class__
            if kind not in RUNS:
                self.take()
                yield head
                continue
            for action in head.take():
                if not head:
                    self.take()
                yield action
