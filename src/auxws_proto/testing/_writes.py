"""What a judge makes of what is written: windows, frames, sizes, numbers, and each message once.

It knows witnesses, and what a text says. It must not know where it arrives, nor who calls.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from .._actions import SendBytes, SendText
from .._constants import MAX_FRAME_SIZE, EventType, Role, SendId
from ._arrivals import OWN_TYPES
from ._frames import FrameReader
from ._witness import InvariantBroken, Witness

_ANSWER_ROOM: Final = 8_192
"""Bytes of a login message, which waits for no room in the write window."""


def judge_text(witness: Witness, action: SendText) -> None:
    """Whether this machine may write this text now."""
    transport, data, max_frame = action.transport, action.data, action.max_frame
    _wrote(witness, transport, len(data))
    if max_frame > MAX_FRAME_SIZE:
        raise InvariantBroken(f"{witness.name}: frames of {max_frame} bytes are asked for")
    _said(witness, transport, data)
    _emitted(witness, action.send_id, transport)


def judge_bytes(witness: Witness, action: SendBytes) -> None:
    """Whether this machine may write these bytes now."""
    for text in _texts(witness, action.transport, action.data):
        _said(witness, action.transport, text)
    _emitted(witness, action.send_id, action.transport)


def judge_reported(witness: Witness, count: int, transport: int) -> None:
    """So many writes are done: there is room for more."""
    queue = witness.unreported.get(transport)
    for _ in range(min(count, len(queue or ()))):
        assert queue is not None
        witness.unreported_bytes[transport] -= queue.popleft()


def _wrote(witness: Witness, transport: int, size: int) -> None:
    if transport in witness.over:
        raise InvariantBroken(f"{witness.name}: a text on {transport}, which is given up")
    queue = witness.unreported.setdefault(transport, deque())
    queue.append(size)
    out = witness.unreported_bytes[transport] = witness.unreported_bytes.get(transport, 0) + size
    if out > witness.config.write_ahead + _ANSWER_ROOM and out > max(queue) + _ANSWER_ROOM:
        window = max(witness.config.write_ahead, max(queue))
        raise InvariantBroken(
            f"{witness.name}: {out} bytes are emitted and not reported; the limit is {window}"
        )


def _emitted(witness: Witness, send_id: SendId | None, transport: int) -> None:
    """A send goes out: once, or again where it is in doubt and that is asked for."""
    if send_id is None or send_id not in witness.sent:
        return
    if send_id in witness.outcomes:
        raise InvariantBroken(f"{witness.name}: {send_id} is sent after its outcome")
    before = witness.emitted.get(send_id)
    if before == transport or (before is not None and not witness.config.resend_unknown):
        raise InvariantBroken(f"{witness.name}: {send_id} is sent again")
    witness.emitted[send_id] = transport


def _texts(witness: Witness, transport: int, data: bytes) -> Iterator[bytes]:
    reader = witness.readers.setdefault(transport, FrameReader())
    limit = min(witness.config.inline_limit, MAX_FRAME_SIZE)
    for frame in reader.feed(data):
        if len(frame.payload) > limit:
            raise InvariantBroken(
                f"{witness.name}: a frame of {len(frame.payload)} bytes; the limit is {limit}"
            )
        text = reader.join(frame)
        if text is not None:
            yield text


def _said(witness: Witness, transport: int, data: bytes) -> None:
    event = json.loads(data)
    kind, number = event[0], event[1]
    if kind == EventType.ERROR and event[2].get("errorCode") == "not_supported":
        for client in witness.book.receivers:
            client.is_refused = True
    if witness.role is Role.CLIENT:
        numbers = witness.numbers.setdefault(transport, set())
        if number in numbers:
            raise InvariantBroken(f"{witness.name}: the number {number} is used twice")
        numbers.add(number)
    if kind == EventType.MESSAGE:
        _check_size(witness, event[2], len(data))


def _check_size(witness: Witness, message: dict[str, Any], size: int) -> None:
    """A message that goes inline is small enough, or its peer has no uploads."""
    config = witness.config
    limit = config.inline_limit
    if config.offload == "auto":
        limit = max(limit, config.fragment_limit)
    is_free = config.offload == "never" or (config.offload == "auto" and witness.is_refused)
    is_own = message["type"] in OWN_TYPES or message == config.keepalive_message
    if size > limit and not is_free and not is_own:
        raise InvariantBroken(
            f"{witness.name}: an event of {size} bytes went inline; the limit is {limit}"
        )
