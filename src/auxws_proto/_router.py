"""Who gets which delivered message: the mailboxes that want it, or the backlog until one does.

It knows message types, and what counts as taken. It must not know how a mailbox keeps its limits,
how a consumer is woken, nor any lock: whoever owns it serialises the calls.

Strategy: a message lies in every mailbox that wants it. Only mailboxes with the policy ``"block"``
hold the wire back, so a message counts as taken when the last of those gave it out; where there are
several, a parcel around it counts them. A driver passes what `Router.collect` returns to the
machine's ``taken``, and stops reading while `Router.is_full`.

A call for each message would cost more than the rest of its way: messages that lie in a row are put
at hand (`Router.reach`), where the consumer pops them by itself, and what it has popped is found
out when somebody asks.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby
from typing import Any

from ._actions import DeliverMessage
from ._errors import AuxError
from ._mailbox import MAX_MAILBOX_BYTES, MAX_MAILBOX_MESSAGES, Mailbox, SlowPolicy


class _Parcel:
    """One message in several places, and how many of those that hold the wire back still have it.

    A message that lies in one mailbox, as nearly all do, needs none.
    """

    __slots__ = ("delivery", "shares")

    def __init__(self, delivery: DeliverMessage) -> None:
        self.delivery = delivery
        self.shares = 0

    @property
    def message(self) -> dict[str, Any]:
        """What is in it."""
        return self.delivery.message


class MessageBox(Mailbox[DeliverMessage | _Parcel]):
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
        self.at_hand: list[dict[str, Any]] = []
        """Messages that the consumer may take from the front, before it asks for any."""
        self.reached: list[tuple[DeliverMessage | _Parcel, int]] = []
        """What was put at hand and is not known to be taken from there, in the same order."""

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
        for _ in range(min(most, len(items))):
            # One at a time: whatever interrupts a thread here costs it one message at most.
            item = items.popleft()
            self.reached.append(item)
            self.at_hand.append(item[0].message)

    def popped(self) -> list[tuple[DeliverMessage | _Parcel, int]]:
        """What was taken from `at_hand` since the last call; until now it was held."""
        count = len(self.reached) - len(self.at_hand)
        popped = self.reached[:count]
        if popped:
            del self.reached[:count]
            self.size -= sum([size for _, size in popped])
        return popped

    def put_back(self) -> None:
        """Have nothing at hand any more: what is there comes first again."""
        self.at_hand.clear()
        self._items.extendleft(reversed(self.reached))
        self.reached.clear()


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
        self._backlog: list[_Parcel] | None = []
        self._finished = False
        self._error: AuxError | None = None
        self._dropped_before = 0

    @property
    def is_full(self) -> bool:
        """Whether a blocking mailbox is full: stop reading the wire until it is not."""
        for box in self._boxes:
            if box.reached:
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
            sum(p.delivery.size for p in backlog) + sum(box.size for box in self._boxes),
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
            for parcel in backlog:
                kind = parcel.delivery.message.get("type")
                if box not in self._by_kind.get(kind, self._for_all):
                    self.undelivered += 1
                    self._release(parcel)
                    continue
                # A blocking box inherits the share of the backlog.
                if box.policy != "block":
                    self._release(parcel)
                box.put(parcel, parcel.delivery.size)
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
        self._count(box)
        box.put_back()
        while len(box):
            self.take(box)

    def deliver(self, delivery: DeliverMessage) -> None:
        """Route one message; nobody else need want one that a dialogue has used."""
        boxes = self._by_kind.get(delivery.message.get("type"), self._for_all)
        if len(boxes) == 1 and self._backlog is None:
            box = boxes[0]
            if box.policy == "block" and not box.is_finished:
                box.append(delivery, delivery.size)
                return
        self._share(delivery, boxes)

    def deliver_all(self, deliveries: Collection[DeliverMessage]) -> None:
        """`deliver` for messages in a row: those in a row of one type are routed at once."""
        by_kind, for_all = self._by_kind, self._for_all
        kinds = {delivery.message["type"] for delivery in deliveries}
        if len(kinds) == 1:
            self._deliver_row(deliveries, by_kind.get(kinds.pop(), for_all))
            return
        for kind, row in groupby(deliveries, _type_of):
            self._deliver_row(list(row), by_kind.get(kind, for_all))

    def _deliver_row(self, row: Collection[DeliverMessage], boxes: list[MessageBox]) -> None:
        if len(boxes) == 1 and self._backlog is None:
            box = boxes[0]
            if box.policy == "block" and not box.is_finished:
                box.extend(row, [delivery.size for delivery in row])
                return
        for delivery in row:
            self._share(delivery, boxes)

    def take(self, box: MessageBox) -> DeliverMessage | None:
        """The next message of ``box``; None when there is none now. Raises as `Mailbox.pop`.

        Only with nothing at hand.
        """
        if box.reached:
            self._count(box)
        item = box.pop()
        if isinstance(item, _Parcel):
            if box.policy == "block":
                self._release(item)
            return item.delivery
        if item is not None and box.policy == "block":
            self.freed += item.size
        return item

    def reach(self, box: MessageBox, most: int) -> None:
        """Put up to ``most`` messages of ``box`` at hand, where nothing is.

        A mailbox that may lose its oldest message gives out each by `take`.
        """
        if box.policy == "block":
            self._count(box)
            box.reach(most)

    def put_back(self) -> None:
        """Have nothing at hand anywhere: from now on, what is taken is known at once."""
        for box in self._boxes:
            self._count(box)
            box.put_back()

    def collect(self) -> int:
        """The bytes that were taken since the last call: tell them the machine, if any."""
        for box in self._boxes:
            if box.reached:
                self._count(box)
        freed, self.freed = self.freed, 0
        return freed

    def finish(self, error: AuxError | None = None) -> None:
        """Nothing more comes: end every mailbox, those opened later too."""
        if not self._finished:
            self._finished, self._error = True, error
            for box in self._boxes:
                box.finish(error)

    def _share(self, delivery: DeliverMessage, boxes: list[MessageBox]) -> None:
        """Route a message that none, several or a dropping mailbox wants, or the backlog."""
        parcel = _Parcel(delivery)
        # The shares are complete before any consumer is woken, who may take at once.
        parcel.shares = sum(box.policy == "block" and not box.is_finished for box in boxes)
        if self._backlog is not None and not delivery.used:
            parcel.shares += 1
            self._backlog.append(parcel)
        elif not boxes and not delivery.used:
            self.undelivered += 1
        if not parcel.shares:
            self.freed += delivery.size
        for box in list(boxes):
            box.put(parcel, delivery.size)

    def _sort(self) -> None:
        """Find out again who wants what: mailboxes come and go less often than messages."""
        self._for_all = [box for box in self._boxes if box.kind is None]
        self._by_kind = {
            kind: [box for box in self._boxes if box.kind in (None, kind)]
            for kind in {box.kind for box in self._boxes}
            if kind is not None
        }

    def _count(self, box: MessageBox) -> None:
        """Find out what was popped from what this mailbox has at hand."""
        for item, size in box.popped():
            if isinstance(item, _Parcel):
                self._release(item)
            else:
                self.freed += size

    def _release(self, parcel: _Parcel) -> None:
        parcel.shares -= 1
        if not parcel.shares:
            self.freed += parcel.delivery.size


def _type_of(delivery: DeliverMessage) -> str:
    kind: str = delivery.message["type"]
    return kind
