"""Who gets which delivered message: the mailboxes that want it, or the backlog until one does.

It knows message types, and what counts as taken. It must not know how a mailbox keeps its limits,
how a consumer is woken, nor any lock: whoever owns it serialises the calls.

Strategy: a message lies in every mailbox that wants it. Only mailboxes with the policy ``"block"``
hold the wire back, so a message counts as taken when the last of those gave it out; where there are
several, its size counts them. A driver passes what `Router.collect` returns to the machine's
``taken``, and stops reading while `Router.is_full`.

A call for each message would cost more than the rest of its way: messages that lie in a row are put
at hand (`Router.reach`), where the consumer pops them by itself. A mailbox has the sizes of its
messages apart, so what was popped is found out, when somebody asks, by how many sizes are too many.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from itertools import groupby, islice, repeat
from operator import call
from typing import Any, TypeAlias

from ._actions import DeliverMessage
from ._errors import AuxError
from ._mailbox import MAX_MAILBOX_BYTES, MAX_MAILBOX_MESSAGES, Mailbox, SlowPolicy

Message: TypeAlias = dict[str, Any]


class _SharedSize(int):
    """The bytes of a message in several places, and how many of those that hold the wire back
    still have it.

    A message that lies in one mailbox, as nearly all do, has a plain size.
    """

    shares: int = 0


class MessageBox(Mailbox[Message]):
    """A mailbox of a `Router`; see `Mailbox` for the parameters.

    Make one, `Router.open` it, `Router.take` from it, `Router.close` it.
    """

    def __init__(
        self,
        kind: str | None = None,
        *,
        policy: SlowPolicy = "block",
        max_messages: int = MAX_MAILBOX_MESSAGES,
        max_bytes: int = MAX_MAILBOX_BYTES,
    ) -> None:
        super().__init__(kind, policy=policy, max_messages=max_messages, max_bytes=max_bytes)
        self.at_hand: list[Message] = []
        """Messages that the consumer may take from the front, before it asks for any."""

    def __len__(self) -> int:
        return len(self._items) + len(self.at_hand)

    @property
    def is_full(self) -> bool:
        """Whether it holds as much as its limits allow, what is at hand included."""
        held = len(self._items) + len(self.at_hand)
        return held >= self.max_messages or self.size >= self.max_bytes

    def reach(self, most: int) -> None:
        """Put at hand what comes next. There must be nothing there."""
        items = self._items
        # As one step: what interrupts a thread comes before it or behind it, and loses nothing.
        self.at_hand.extend(map(call, repeat(items.popleft, min(most, len(items)))))

    def pop(self) -> Message | None:
        """As `Mailbox.pop`; its size is among those that `popped` gives."""
        return self._items.popleft() if self._items else super().pop()

    def put_back(self) -> None:
        """Have nothing at hand any more: what is there comes first again."""
        # Until there is none: other threads may be taking some.
        with contextlib.suppress(IndexError):
            self._items.extendleft(map(call, repeat(self.at_hand.pop)))


class Router:
    """Gives each delivered message to the mailboxes that want it.

    Until a first consumer is opened, messages wait in a backlog, which is not taken, so that
    reading stops at the core's bound; the first consumer gets what it wants of it, in order.
    """

    def __init__(self) -> None:
        self.undelivered = 0
        """How many messages came that nobody wanted."""
        self.freed = 0
        """The bytes that are known to be taken since the last `collect`."""
        self._boxes: list[MessageBox] = []
        self._for_all: list[MessageBox] = []
        """The mailboxes for a type that none of them names."""
        self._by_kind: dict[str | None, list[MessageBox]] = {}
        """The mailboxes for each of the types that they name."""
        self._backlog: list[tuple[Message, _SharedSize]] | None = []
        self._finished = False
        self._error: AuxError | None = None
        self._dropped_before = 0

    @property
    def is_full(self) -> bool:
        """Whether a blocking mailbox is full: stop reading the wire until it is not."""
        for box in self._boxes:
            self._count(box)
            if box.policy == "block" and box.is_full:
                return True
        return False

    @property
    def has_backlog(self) -> bool:
        """Whether messages wait for a first consumer."""
        return bool(self._backlog)

    @property
    def waiting(self) -> tuple[int, int]:
        """The messages that wait in mailboxes and backlog, and their bytes."""
        backlog = self._backlog or ()
        for box in self._boxes:
            self._count(box)
        return (
            len(backlog) + sum(len(box) for box in self._boxes),
            sum(size for _, size in backlog) + sum(box.size for box in self._boxes),
        )

    @property
    def dropped(self) -> int:
        """How many messages mailboxes have lost to their limits, those closed since included."""
        return self._dropped_before + sum(box.dropped for box in self._boxes)

    def open(self, box: MessageBox) -> None:
        """Let ``box`` have what comes; the first one gets the backlog too."""
        self._boxes.append(box)
        self._sort()
        if self._backlog is not None:
            backlog, self._backlog = self._backlog, None
            for message, size in backlog:
                if box not in self._by_kind.get(message["type"], self._for_all):
                    self.undelivered += 1
                    self._release(size)
                    continue
                # A blocking box inherits the share of the backlog.
                if box.policy != "block":
                    self._release(size)
                box.put(message, size)
        if self._finished:
            box.finish(self._error)

    def close(self, box: MessageBox) -> None:
        """Let ``box`` have nothing more; what it held counts as taken. Twice is once."""
        if box not in self._boxes:
            return
        self._boxes.remove(box)
        self._sort()
        self._dropped_before += box.dropped
        box.finish()
        box.put_back()
        while len(box):
            box.pop()
        self._count(box)

    def deliver(self, delivery: DeliverMessage) -> None:
        """Route one message; nobody else need want one that a dialogue has used."""
        message, size = delivery.message, delivery.size
        boxes = self._by_kind.get(message["type"], self._for_all)
        if len(boxes) == 1 and self._backlog is None:
            box = boxes[0]
            if box.policy == "block" and not box.is_finished:
                box.append(message, size)
                return
        self._share(message, size, boxes, used=delivery.used)

    def deliver_all(self, messages: Collection[Message], sizes: Collection[int]) -> None:
        """`deliver` for messages in a row: those in a row of one type are routed at once."""
        by_kind, for_all = self._by_kind, self._for_all
        kinds = {message["type"] for message in messages}
        if len(kinds) == 1:
            self._deliver_row(messages, sizes, by_kind.get(kinds.pop(), for_all))
            return
        left = iter(sizes)
        for kind, group in groupby(messages, _type_of):
            row = list(group)
            self._deliver_row(row, [*islice(left, len(row))], by_kind.get(kind, for_all))

    def _deliver_row(
        self, messages: Collection[Message], sizes: Collection[int], boxes: list[MessageBox]
    ) -> None:
        if len(boxes) == 1 and self._backlog is None:
            box = boxes[0]
            if box.policy == "block" and not box.is_finished:
                box.extend(messages, sizes)
                return
        for message, size in zip(messages, sizes, strict=True):
            self._share(message, size, boxes)

    def take(self, box: MessageBox) -> Message | None:
        """The next message of ``box``; None when there is none now. Raises as `Mailbox.pop`.

        Only with nothing at hand.
        """
        message = box.pop()
        self._count(box)
        return message

    def reach(self, box: MessageBox, most: int) -> None:
        """Put up to ``most`` messages of ``box`` at hand, where nothing is.

        A mailbox that may lose its oldest message gives out each by `take`.
        """
        if box.policy == "block":
            box.reach(most)

    def put_back(self) -> None:
        """Have nothing at hand anywhere: from now on, what is taken is known at once."""
        for box in self._boxes:
            box.put_back()
            self._count(box)

    def collect(self) -> int:
        """The bytes that were taken since the last call: tell them the machine, if any."""
        for box in self._boxes:
            self._count(box)
        freed, self.freed = self.freed, 0
        return freed

    def finish(self, error: AuxError | None = None) -> None:
        """Nothing more comes: end every mailbox, those opened later too."""
        if not self._finished:
            self._finished, self._error = True, error
            for box in self._boxes:
                box.finish(error)

    def _share(
        self, message: Message, plain: int, boxes: list[MessageBox], *, used: bool = False
    ) -> None:
        """Route a message that none, several or a dropping mailbox wants, or the backlog."""
        size = _SharedSize(plain)
        # The shares are complete before any consumer is woken, who may take at once.
        size.shares = sum(box.policy == "block" and not box.is_finished for box in boxes)
        if self._backlog is not None and not used:
            size.shares += 1
            self._backlog.append((message, size))
        elif not boxes and not used:
            self.undelivered += 1
        if not size.shares:
            self.freed += size
        for box in list(boxes):
            box.put(message, size)

    def _sort(self) -> None:
        """Find out again who wants what: mailboxes come and go less often than messages."""
        self._for_all = [box for box in self._boxes if box.kind is None]
        self._by_kind = {
            kind: [box for box in self._boxes if box.kind in (None, kind)]
            for kind in {box.kind for box in self._boxes}
            if kind is not None
        }

    def _count(self, box: MessageBox) -> None:
        """Find out what was taken from this mailbox."""
        popped = box.popped()
        if not popped or box.policy != "block":
            # It has held nothing back.
            return
        if {*map(type, popped)} == {int}:
            # Nearly always.
            self.freed += sum(popped)
            return
        for size in popped:
            if isinstance(size, _SharedSize):
                self._release(size)
            else:
                self.freed += size

    def _release(self, size: _SharedSize) -> None:
        size.shares -= 1
        if not size.shares:
            self.freed += size


def _type_of(message: Message) -> str:
    kind: str = message["type"]
    return kind
