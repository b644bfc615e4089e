"""What callers have sent that is not with the machine yet, and how much more they may send.

It knows counts and sizes, and batches. It must not know reports, nor who waits for outcomes.

Strategy: messages that are sent in a row are one command for the pump, unless another command came
between them, so that everything keeps the order in which it was called. A batch is bounded: who is
faster than the pump goes the longer way, which waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TypeAlias

from auxws_proto import (
    AuxError,
    Encoded,
    FailReason,
    LocalProtocolError,
    OutboxFull,
    SendFailed,
    SendId,
    Stage,
)

from ._commands import Commands
from ._outcomes import Outcomes
from ._receipt import Entry
from ._roles import Waiting

MAX_BATCH_MESSAGES = 512
MAX_BATCH_BYTES = 4 * 1024 * 1024
"""A batch that has as much takes no more; the first of a batch may have any size. A batch is a
round of the pump: a quarter of the bytes, or half of the messages, cost 10 % more; twice as many
gain nothing, and hold more."""

Accept: TypeAlias = Callable[[Encoded, float], SendId]
Submit: TypeAlias = Callable[[Waiting, float], None]


class Batch:
    """Messages in a row: a command for the pump, and what waits there if there is no room.

    Callers add to `items` until the pump begins; it alone takes them away, in order.
    """

    __slots__ = ("_at", "_posted", "items", "size")

    def __init__(self, posted: Posted) -> None:
        self.items: list[tuple[Entry, Encoded]] = []
        self.size: int = 0
        """In bytes."""
        self._at = 0
        """How many are no longer on their way."""
        self._posted = posted

    def __len__(self) -> int:
        return len(self.items) - self._at

    def __iter__(self) -> Iterator[tuple[Entry, Encoded]]:
        return iter(self.items[self._at :])

    def __call__(self, now: float) -> None:
        """See `auxws_sync._roles.Command`."""
        self._posted.begin(self, now)

    def attempt(self, now: float) -> bool:
        """See `auxws_sync._roles.Waiting`."""
        try:
            self._pass_on(now)
        except OutboxFull:
            return False
        except LocalProtocolError:
            self.give_up()
        return True

    def _pass_on(self, now: float) -> None:
        accept = self._posted.accept
        arrived: list[tuple[Entry, SendId]] = []
        try:
            for entry, message in self:
                arrived.append((entry, accept(message, now)))
        finally:
            # In this order: who looks for one meanwhile finds it twice, which is harmless.
            self._posted.outcomes.arrived(arrived)
            self._at += len(arrived)

    def give_up(self) -> None:
        """See `auxws_sync._roles.Waiting`."""
        self._posted.refuse(self)

    def refuse(self, error: AuxError) -> None:
        """Nobody takes what is left; with the desk's lock held."""
        for entry, _ in self:
            entry.advance(Stage.FAILED, error, is_final=True)
        self._at = len(self.items)


class Posted:
    """The messages that are accepted and not with the machine yet, within the outbox's bounds.

    The desk's lock is held for every call under "With the lock held", and taken by the others.
    """

    accept: Accept
    submit: Submit

    def __init__(
        self, lock: threading.RLock, changed: threading.Condition, commands: Commands,
        outcomes: Outcomes,
    ) -> None:  # fmt: skip
        self.outcomes = outcomes
        self._lock = lock
        self._changed = changed
        self._commands = commands
        self._batch: Batch | None = None
        """The one that takes more."""
        self._batches: list[Batch] = []
        """Those of which some are on their way, in the order of acceptance."""
        self._messages = self._bytes = 0
        """What may still be posted."""
        self._most = (0, 0)
        self._takes_any = False
        """Whether one of any size may be, since the outbox is empty."""
        self._is_closed = False

    def attach(self, submit: Submit, accept: Accept) -> None:
        """Batches go to ``submit``, and their messages to ``accept``, on the pump's thread."""
        self.submit, self.accept = submit, accept

    # Called from any thread.

    def add(self, entry: Entry, message: Encoded) -> bool:
        """Post a message; false if there is no room for it now."""
        size = len(message.body)
        with self._lock:
            if (self._messages < 1 or size > self._bytes) and not self._takes_any:
                return False
            batch, is_new = self._batch, False
            if batch is None or self._commands.last is not batch:
                self._batch = batch = Batch(self)
                self._batches.append(batch)
                is_new = True
            elif len(batch.items) >= MAX_BATCH_MESSAGES or batch.size + size > MAX_BATCH_BYTES:
                return False
            batch.items.append((entry, message))
            batch.size += size
            self._messages -= 1
            self._bytes -= size
            self._takes_any = False
        if is_new:
            self._post(batch)
        return True

    def _post(self, batch: Batch) -> None:
        is_posted = False
        try:
            # If the pump takes no more, it has still to refuse what it finds here.
            self._commands.post(batch)
            is_posted = True
        finally:
            if not is_posted:
                # A signal's handler raised: nothing may wait for what never sets out. To find it
                # twice is harmless.
                self._commands.post(batch)

    # Called on the pump's thread.

    @property
    def is_low(self) -> bool:
        """Whether less than half of the room is left.

        Till then it need not be told what has become free: who finds none asks the pump.
        """
        messages, size = self._most
        return self._messages * 2 < messages or self._bytes * 2 < size

    def begin(self, batch: Batch, now: float) -> None:
        """Have the machine take a batch, which takes no more itself."""
        with self._lock:
            if self._batch is batch:
                self._batch = None
        self.submit(batch, now)

    def refuse(self, batch: Batch) -> None:
        """The machine will never take the rest of a batch, since the client was closed."""
        with self._lock:
            batch.refuse(SendFailed(FailReason.CLOSED, "the client was closed"))
            self._changed.notify_all()

    # With the lock held.

    def __len__(self) -> int:
        return sum(map(len, self._batches))

    def __iter__(self) -> Iterator[tuple[Entry, Encoded]]:
        for batch in self._batches:
            yield from batch

    def tell_room(self, messages: int, size: int, *, is_empty: bool) -> None:
        """So much the outbox takes, what is posted not counted."""
        if self._is_closed:
            return
        self._most = max(messages, self._most[0]), max(size, self._most[1])
        self._messages = messages - len(self)
        self._bytes = size - sum(len(message.body) for _, message in self)
        self._takes_any = is_empty and not len(self)

    def taken(self, size: int) -> None:
        """The outbox has one message more, which was not posted."""
        self._messages -= 1
        self._bytes -= size
        self._takes_any = False

    def forget(self) -> None:
        """Look no longer after batches that are with the machine, as `Outcomes` knows."""
        if self._batches:
            self._batches = [batch for batch in self._batches if len(batch)]

    def close(self) -> None:
        """Nothing is accepted any more."""
        self._messages = self._bytes = 0
        self._takes_any = False
        self._is_closed = True

    def finish(self, error: AuxError) -> None:
        """Nothing is taken any more: what is left was not sent."""
        self.close()
        for batch in self._batches:
            batch.refuse(error)
        self._batches.clear()
