"""Where things wait for the application: bounded queues, of one consumer or of all who listen.

It knows sizes, and what to do about a slow consumer. It must not know what waits there, how a
consumer is woken (a driver sets `Mailbox.wake`), nor any lock: whoever owns it serialises the
calls.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterable
from itertools import repeat
from operator import call
from typing import Generic, Literal, TypeAlias, TypeVar

from ._errors import AuxError, LocalProtocolError

T = TypeVar("T")

SlowPolicy: TypeAlias = Literal["block", "drop_oldest", "error"]
"""What a full mailbox does: stop the reading, lose its oldest message, or end with an error."""

MAX_MAILBOX_MESSAGES = 10_000
MAX_MAILBOX_BYTES = 16 * 1024 * 1024


class SlowConsumer(AuxError):
    """A subscription with the policy ``"error"`` was full when a message came; it has ended.

    What it held before is still given out. `dropped` is how many messages it has lost so far.
    """

    def __init__(self, messages: int, size: int, dropped: int) -> None:
        super().__init__(
            f"the subscription holds {messages} messages of {size} bytes and takes no more; "
            "read it faster, give it larger limits, or another policy"
        )
        self.dropped = dropped


def _nothing() -> None:
    """What an unattended mailbox does when something comes."""


class Mailbox(Generic[T]):
    """A bounded queue for one consumer.

    ``kind`` is the message type that it wants; None wants every message. Sizes are in bytes. A
    message larger than `max_bytes` is admitted when the mailbox is empty. Raises
    `LocalProtocolError` for limits under 1 and for an unknown policy.
    """

    def __init__(
        self,
        kind: str | None = None,
        *,
        policy: SlowPolicy = "block",
        max_messages: int = MAX_MAILBOX_MESSAGES,
        max_bytes: int = MAX_MAILBOX_BYTES,
    ) -> None:
        if policy not in ("block", "drop_oldest", "error"):
            raise LocalProtocolError(
                f"policy is {policy!r}; it must be 'block', 'drop_oldest' or 'error'"
            )
        for name, limit in (("max_messages", max_messages), ("max_bytes", max_bytes)):
            if limit < 1:
                raise LocalProtocolError(f"{name} is {limit!r}; it must be at least 1")
        self.kind = kind
        self.policy = policy
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.wake: Callable[[], None] = _nothing
        """Called after every change that a waiting consumer must look at."""
        self.dropped = 0
        """How many messages this mailbox has lost to its limits."""
        self.size: int = 0
        """The bytes that it holds."""
        self.is_finished = False
        """True when nothing more will be put in; what it holds can still be taken."""
        self._error: AuxError | None = None
        self._items: deque[T] = deque()
        self._sizes: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_full(self) -> bool:
        """Whether it holds as much as its limits allow."""
        return len(self._items) >= self.max_messages or self.size >= self.max_bytes

    def put(self, item: T, size: int) -> bool:
        """Add ``item``; return whether it was kept. Never raises."""
        if self.is_finished:
            self.dropped += 1
            return False
        if self.policy != "block":
            while self._items and self._would_pass(size):
                if self.policy == "error":
                    self.dropped += 1
                    self.finish(SlowConsumer(len(self._items), self.size, self.dropped))
                    return False
                self._items.popleft()
                self.popped()
                self.dropped += 1
        self._items.append(item)
        self._sizes.append(size)
        self.size += size
        self.wake()
        return True

    def append(self, item: T, size: int) -> None:
        """The short form of `put`, for a mailbox that blocks and is not finished."""
        items = self._items
        items.append(item)
        self._sizes.append(size)
        self.size += size
        if len(items) == 1:
            # Whoever waits has found it empty.
            self.wake()

    def extend(self, items: Iterable[T], sizes: Collection[int]) -> None:
        """`append` for items in a row, of which there is one at least."""
        was_empty = not self._items
        self._items += items
        self._sizes += sizes
        self.size += sum(sizes)
        if was_empty:
            self.wake()

    def pop(self) -> T | None:
        """Take the oldest item; None when there is none now (see `is_finished`).

        Raises the error that ended the mailbox, each time, once everything before it is taken.
        """
        if self._items:
            item = self._items.popleft()
            self.popped()
            return item
        if self._error is not None:
            raise self._error.with_traceback(None)
        return None

    def popped(self) -> list[int]:
        """The sizes of what was taken since the last call; until now it was held.

        They are found by counting, so that nothing is out of step for good when an interrupted
        thread has taken an item and nothing else.
        """
        count = len(self._sizes) - len(self)
        if count <= 0:
            return []
        popped = [*map(call, repeat(self._sizes.popleft, count))]
        self.size -= sum(popped)
        return popped

    def finish(self, error: AuxError | None = None) -> None:
        """Nothing more comes, because of ``error`` if one is given. Only the first call counts."""
        if not self.is_finished:
            self.is_finished = True
            self._error = error
            self.wake()

    def _would_pass(self, size: int) -> bool:
        return len(self._items) >= self.max_messages or self.size + size > self.max_bytes


class Feed(Generic[T]):
    """Reports for whoever listens: each listener gets its own bounded queue, oldest lost first.

    ``keep`` reports are kept for the first listener. A listener that was forgotten (not closed, but
    no longer referenced) costs nothing.
    """

    def __init__(self, *, keep: int = 0, limit: int = 1_000) -> None:
        self._limit = limit
        self._boxes: weakref.WeakSet[Mailbox[T]] | None = None
        self._keep = keep
        self._kept: deque[T] | None = None
        self._finished = False
        self._error: AuxError | None = None

    def open(self) -> Mailbox[T]:
        """A new listener's mailbox; hold on to it for as long as it is wanted."""
        box: Mailbox[T] = Mailbox(policy="drop_oldest", max_messages=self._limit)
        kept, self._kept, self._keep = self._kept, None, 0
        for item in kept or ():
            box.put(item, 0)
        if self._boxes is None:
            # It takes 950 bytes, and most feeds are never listened to.
            self._boxes = weakref.WeakSet()
        self._boxes.add(box)
        if self._finished:
            box.finish(self._error)
        return box

    def publish(self, item: T) -> None:
        """Give ``item`` to every listener."""
        if self._keep:
            if self._kept is None:
                self._kept = deque(maxlen=self._keep)
            self._kept.append(item)
        for box in list(self._boxes or ()):
            box.put(item, 0)

    def finish(self, error: AuxError | None = None) -> None:
        """Nothing more comes: end every listener, those that come later too."""
        if not self._finished:
            self._finished, self._error = True, error
            for box in list(self._boxes or ()):
                box.finish(error)
