"""Runs: like actions in a row, as one, until somebody wants them one by one.

It knows shapes only. A burst of messages, the report of a write or a pong that proves a hundred
sends are each one thing for whoever makes them, and for a layer that passes them on: the price of
an action is paid once, where it is given out, and by a driver that takes runs not even there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from ._actions import DeliverMessage, ReportSend, SendBytes, SendText
from ._constants import SendId, Stage
from ._quick import deliver_message, report_send, send_bytes, send_text


class TextRun:
    """`SendText` actions for one transport: what each sends, and its send id."""

    __slots__ = ("data", "ids", "max_frame", "transport")

    def __init__(
        self,
        transport: int,
        max_frame: int,
        data: Iterable[bytes],
        ids: Iterable[SendId | None],
    ) -> None:
        self.transport: int = transport
        self.max_frame: int = max_frame
        self.data: deque[bytes] = deque(data)
        self.ids: deque[SendId | None] = deque(ids)

    def __len__(self) -> int:
        return len(self.data)

    def take(self) -> Iterator[SendText]:
        """Take the actions."""
        data, ids, transport, max_frame = self.data, self.ids, self.transport, self.max_frame
        while data:
            yield send_text(transport, data.popleft(), max_frame, ids.popleft())


class ByteRun:
    """`SendBytes` actions for one transport: what each writes, and its send id."""

    __slots__ = ("data", "ids", "transport")

    def __init__(self, transport: int, data: Iterable[bytes], ids: Iterable[SendId | None]) -> None:
        self.transport: int = transport
        self.data: deque[bytes] = deque(data)
        self.ids: deque[SendId | None] = deque(ids)

    def __len__(self) -> int:
        return len(self.data)

    def take(self) -> Iterator[SendBytes]:
        """Take the actions."""
        data, ids, transport = self.data, self.ids, self.transport
        while data:
            yield send_bytes(transport, data.popleft(), ids.popleft())


class ReportRun:
    """`ReportSend` actions without an error, by their send ids."""

    __slots__ = ("final", "ids", "stage")

    def __init__(self, stage: Stage, final: bool, ids: Iterable[SendId]) -> None:
        self.stage: Stage = stage
        self.final: bool = final
        self.ids: deque[SendId] = deque(ids)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self) -> Iterator[ReportSend]:
        """Take the actions."""
        ids, stage, final = self.ids, self.stage, self.final
        while ids:
            yield report_send(ids.popleft(), stage, final)


class DeliveryRun:
    """`DeliverMessage` actions of messages that came inline, on one transport: what each delivers,
    its size in bytes, and its event id."""

    __slots__ = ("event_ids", "messages", "overlap", "sizes", "transport")

    def __init__(
        self,
        transport: int,
        overlap: bool,
        messages: Iterable[dict[str, Any]],
        sizes: Iterable[int],
        event_ids: Iterable[float],
    ) -> None:
        self.transport: int = transport
        self.overlap: bool = overlap
        self.messages: deque[dict[str, Any]] = deque(messages)
        self.sizes: deque[int] = deque(sizes)
        self.event_ids: deque[float] = deque(event_ids)

    def __len__(self) -> int:
        return len(self.messages)

    def take(self) -> Iterator[DeliverMessage]:
        """Take the actions."""
        messages, sizes, event_ids = self.messages, self.sizes, self.event_ids
        transport, overlap = self.transport, self.overlap
        while messages:
            yield deliver_message(
                messages.popleft(), sizes.popleft(), event_ids.popleft(), transport, False, overlap
            )


ActionRun: TypeAlias = TextRun | ByteRun | ReportRun | DeliveryRun
"""Whatever ``runs`` gives that is no action. A closed union."""


RUNS: Final[frozenset[type]] = frozenset({TextRun, ByteRun, ReportRun, DeliveryRun})
