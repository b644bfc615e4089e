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

    __slots__ = ("_at", "_items")

    def __init__(self) -> None:
        self._items: list[Any] = []
        self._at = 0

    def __len__(self) -> int:
        return len(self._items) - self._at

    def __iter__(self) -> Iterator[Action | ActionRun]:
        return iter(self._items[self._at :])

    def append(self, item: Action | ActionRun) -> None:
        """Put this behind all others."""
        self._items.append(item)

    def actions(self) -> Iterator[Action]:
        """Take every action, those of runs one by one.

        A run stays at the head until its last action is taken, so nothing is lost with an iterator
        that is given up.
        """
        while self._items:
            head: Any = self._items[self._at]
            kind: type = head.__class__
            if kind not in RUNS:
                self._pop()
                yield head
                continue
            yield from head.take()
            # Who else takes from this queue may have taken it away.
            if self._items and self._items[self._at] is head:
                self._pop()

    def runs(self) -> Iterator[Action | ActionRun]:
        """Take everything, runs as they are."""
        while self._items:
            head: Any = self._items[self._at]
            self._pop()
            yield head

    def _pop(self) -> None:
        items, at = self._items, self._at
        # It is not to be held until the list is made shorter.
        items[at] = None
        at += 1
        if at == len(items):
            items.clear()
            at = 0
        elif at >= _COMPACT and 2 * at >= len(items):
            del items[:at]
            at = 0
        self._at = at
