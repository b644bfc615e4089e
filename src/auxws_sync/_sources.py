"""Where a `Subscription` gets its items from: a mailbox of the desk's router, or one of its feeds.

It knows the desk's doors. It must not know who subscribes.
"""

from __future__ import annotations

import threading
from typing import Any, Generic, TypeVar

from auxws_proto._mailbox import Feed
from auxws_proto._router import MessageBox

from ._desk import Desk

T = TypeVar("T")


class Messages:
    """Messages out of a box, which is opened when they are first wanted."""

    def __init__(self, desk: Desk, box: MessageBox) -> None:
        self._desk = desk
        self._box = box
        self._at_hand = box.at_hand
        self._lock = threading.Lock()
        self._woken: threading.Condition | None = None

    @property
    def dropped(self) -> int:
        """See `Subscription.dropped`."""
        return self._box.dropped

    @property
    def waiting(self) -> int:
        """See `Subscription.waiting`."""
        return len(self._box)

    def open(self) -> threading.Condition:
        """Let the box have what comes from now on; what is returned is notified of it."""
        woken = self._woken
        if woken is None:
            with self._lock:
                woken = self._woken
                if woken is None:
                    woken = self._woken = self._desk.open_box(self._box)
        return woken

    def take(self, deadline: float | None) -> dict[str, Any] | None:
        """The next message."""
        desk = self._desk
        try:
            message = self._at_hand.pop(0) if self._at_hand else None
        except IndexError:
            # Another thread has taken the last of them meanwhile.
            message = None
        if message is None:
            return desk.take(self._box, self.open(), deadline)
        if not desk.is_reading:
            desk.wake_pump()
        return message

    def close(self) -> None:
        """Want no more messages."""
        self._desk.close_box(self._box)


class Reports(Generic[T]):
    """Reports out of a feed, from now on."""

    def __init__(self, desk: Desk, feed: Feed[T]) -> None:
        self._desk = desk
        self._box, self._woken = desk.open_feed(feed)

    @property
    def dropped(self) -> int:
        """See `Subscription.dropped`."""
        return self._box.dropped

    @property
    def waiting(self) -> int:
        """See `Subscription.waiting`."""
        return len(self._box)

    def open(self) -> None:
        """It is open from the start."""

    def take(self, deadline: float | None) -> T | None:
        """The next report."""
        return self._desk.take_report(self._box, self._woken, deadline)

    def close(self) -> None:
        """Want no more reports."""
        with self._desk.lock:
            self._box.finish()
