"""What callers may still send on its way to the machine's outbox, and what is on its way.

It knows counts and sizes. It must not know reports, outcomes or who waits. The desk's lock is held
for every call, but for `is_low`, which the pump's thread asks about its own figures.
"""

from __future__ import annotations

from collections.abc import Iterator

from ._receipt import Entry


class PostedMessages:
    """The messages that are accepted and not with the machine yet, within the outbox's bounds."""

    def __init__(self) -> None:
        self._sizes: dict[Entry, int] = {}
        """In bytes, in the order of acceptance."""
        self._bytes = 0
        self._room = (0, 0)
        """The messages and bytes that the outbox takes besides what is posted."""
        self._most = (0, 0)
        self._takes_any = False
        """Whether one of any size fits, since the outbox is empty."""

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._sizes)

    @property
    def is_low(self) -> bool:
        """Whether less than half of the room is left, by what was told last and taken since.

        Till then it need not be told what has become free: who finds none asks the pump.
        """
        return any(left * 2 < most for left, most in zip(self._room, self._most, strict=True))

    def tell_room(self, messages: int, size: int, *, is_empty: bool) -> None:
        """So much the outbox takes, what is posted not counted."""
        self._room, self._takes_any = (messages, size), is_empty
        self._most = max(messages, self._most[0]), max(size, self._most[1])

    def close(self) -> None:
        """Nothing is accepted any more."""
        self._room, self._takes_any = (0, 0), False

    def add(self, entry: Entry, size: int) -> bool:
        """Post a message; false if there is no room for it."""
        messages, room = self._room
        fits = (self._takes_any and not self._sizes) or (
            len(self._sizes) < messages and self._bytes + size <= room
        )
        if fits:
            self._sizes[entry] = size
            self._bytes += size
        return fits

    def remove(self, entry: Entry) -> int:
        """It is no longer on its way; how large it was."""
        size = self._sizes.pop(entry, 0)
        self._bytes -= size
        return size

    def taken(self, size: int) -> None:
        """The outbox has one message more."""
        messages, room = self._room
        self._room, self._takes_any = (messages - 1, room - size), False
