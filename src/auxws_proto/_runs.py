"""Runs: like actions in a row, as one, until somebody wants them one by one.

It knows shapes only. A burst of messages, the report of a write or a pong that proves a hundred
sends are each one thing for whoever makes them, and for a layer that passes them on: the price of
an action is paid once, where it is given out, and by a driver that takes runs not even there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from ._actions import Action, DeliverMessage, ReportSend, SendBytes, SendText
from ._constants import SendId, Stage
from ._quick import report_send, send_bytes, send_text


class TextRun:
    """`SendText` actions for one transport, as pairs of data and send id."""

    __slots__ = ("items", "max_frame", "transport")

    def __init__(
        self, transport: int, max_frame: int, items: Iterable[tuple[bytes, SendId | None]]
    ) -> None:
        self.transport = transport
        self.max_frame = max_frame
        self.items = deque(items)

    def take(self) -> Iterator[SendText]:
        """Take the actions."""
        items, transport, max_frame = self.items, self.transport, self.max_frame
        while items:
            data, send_id = items.popleft()
            yield send_text(transport, data, max_frame, send_id)


class ByteRun:
    """`SendBytes` actions for one transport, as pairs of data and send id."""

    __slots__ = ("items", "transport")

    def __init__(self, transport: int, items: Iterable[tuple[bytes, SendId | None]]) -> None:
        self.transport = transport
        self.items = deque(items)

    def take(self) -> Iterator[SendBytes]:
        """Take the actions."""
        items, transport = self.items, self.transport
        while items:
            data, send_id = items.popleft()
            yield send_bytes(transport, data, send_id)


class ReportRun:
    """`ReportSend` actions without an error, by their send ids."""

    __slots__ = ("final", "items", "stage")

    def __init__(self, stage: Stage, final: bool, items: Iterable[SendId]) -> None:
        self.stage = stage
        self.final = final
        self.items = deque(items)

    def take(self) -> Iterator[ReportSend]:
        """Take the actions."""
        items, stage, final = self.items, self.stage, self.final
        while items:
            yield report_send(items.popleft(), stage, final)


class DeliveryRun:
    """`DeliverMessage` actions, as they are."""

    __slots__ = ("items",)

    def __init__(self, items: Iterable[DeliverMessage]) -> None:
        self.items = deque(items)

    def take(self) -> Iterator[DeliverMessage]:
        """Take the actions."""
        items = self.items
        while items:
            yield items.popleft()


ActionRun: TypeAlias = TextRun | ByteRun | ReportRun | DeliveryRun

RUNS: Final[frozenset[type]] = frozenset({TextRun, ByteRun, ReportRun, DeliveryRun})


def one_by_one(queue: deque[Action | ActionRun]) -> Iterator[Action]:
    """Take every action from a queue, in order, also those that are put in meanwhile.

    A run stays at the head until its last action is taken, so nothing is lost with an iterator that
    is given up.
    """
    while queue:
        head: Any = queue[0]
        kind: type = head.__class__
        if kind not in RUNS:
            queue.popleft()
            yield head
            continue
        yield from head.take()
        # Who else takes from this queue may have taken it away.
        if queue and queue[0] is head:
            queue.popleft()
