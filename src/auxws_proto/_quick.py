"""Frozen actions at the price of mutable objects, for the four that each message needs.

A frozen dataclass sets each field through `object.__setattr__`, which takes three times as long as
an assignment; at 100 bytes a message that was a fifth of all its costs. Each maker fills a mutable
twin with the same slots, which then becomes the action. It must not know who makes them or why.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ._actions import DeliverMessage, ReportSend, SendBytes, SendText
from ._constants import SendId, Stage
from ._errors import SendFailed


def twin(frozen: type[Any]) -> type[Any]:
    """A mutable class with the fields of a frozen one: fill an instance, then set its class."""
    return type("_Twin", (), {"__slots__": [field.name for field in fields(frozen)]})


_SendText, _SendBytes = twin(SendText), twin(SendBytes)
_DeliverMessage, _ReportSend = twin(DeliverMessage), twin(ReportSend)


def send_text(transport: int, data: bytes, max_frame: int, send_id: SendId | None) -> SendText:
    """A `SendText`."""
    it: Any = _SendText()
    it.transport = transport
    it.data = data
    it.max_frame = max_frame
    it.send_id = send_id
    it.__class__ = SendText
    made: SendText = it
    return made


def send_bytes(transport: int, data: bytes, send_id: SendId | None) -> SendBytes:
    """A `SendBytes`."""
    it: Any = _SendBytes()
    it.transport = transport
    it.data = data
    it.send_id = send_id
    it.__class__ = SendBytes
    made: SendBytes = it
    return made


def deliver_message(
    message: dict[str, Any], size: int, event_id: float, transport: int, downloaded: bool,
    overlap: bool,
) -> DeliverMessage:  # fmt: skip
    """A `DeliverMessage` that is not used yet."""
    it: Any = _DeliverMessage()
    it.message = message
    it.size = size
    it.event_id = event_id
    it.transport = transport
    it.downloaded = downloaded
    it.overlap = overlap
    it.used = False
    it.__class__ = DeliverMessage
    made: DeliverMessage = it
    return made


def report_send(
    send_id: SendId, stage: Stage, final: bool = False, error: SendFailed | None = None
) -> ReportSend:
    """A `ReportSend`."""
    it: Any = _ReportSend()
    it.send_id = send_id
    it.stage = stage
    it.final = final
    it.error = error
    it.__class__ = ReportSend
    made: ReportSend = it
    return made
