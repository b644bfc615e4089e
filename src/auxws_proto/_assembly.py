"""A message from its frames: the parts that have come, and the bounds of what may come.

It knows sizes, and when a message is to be refused. It must not know what a frame looks like, nor
what a refusal leads to. What is refused is skipped to its end, and not kept.
"""

from __future__ import annotations

from typing import Final

from ._constants import Violation
from ._errors import RemoteProtocolError

_MAX_HELD_BACK: Final = 3
"""How many bytes of a character wsproto keeps until its last one is there."""


class Assembly:
    """The message that is coming in, in parts of frames."""

    def __init__(self, *, max_message: int, max_frame: int | None) -> None:
        self._max_message = max_message
        self._max_frame = max_frame
        self._parts: list[bytes] = []
        self._message_size = 0
        self._frame_size = 0
        self._refusal: RemoteProtocolError | None = None

    def add(
        self, data: bytes, *, is_binary: bool, ends_frame: bool, ends_message: bool
    ) -> RemoteProtocolError | None:
        """Take the next part. Returns why the message is refused, once it is."""
        self._frame_size += len(data)
        self._message_size += len(data)
        refusal = None
        if self._refusal is None:
            refusal = self._refusal = self._objection(is_binary=is_binary)
            if refusal is None:
                self._parts.append(data)
            else:
                self._parts.clear()
        if ends_frame:
            # The beginning of a character comes with its end, in the next frame of the message.
            self._frame_size = 0 if ends_message else -_MAX_HELD_BACK
        return refusal

    def finish(self) -> bytes | RemoteProtocolError:
        """The whole message, or why it was refused; the next one begins."""
        joined, refusal = self._parts, self._refusal
        self._parts, self._refusal, self._message_size = [], None, 0
        if refusal is not None:
            return refusal
        return joined[0] if len(joined) == 1 else b"".join(joined)

    def _objection(self, *, is_binary: bool) -> RemoteProtocolError | None:
        if is_binary:
            return RemoteProtocolError(
                Violation.BINARY_MESSAGE, "a binary message; events are text"
            )
        if self._max_frame is not None and self._frame_size > self._max_frame:
            detail = f"a frame has over {self._max_frame:,} bytes, the limit"
            return RemoteProtocolError(Violation.FRAME_TOO_LARGE, detail)
        if self._message_size > self._max_message:
            detail = f"a message has over {self._max_message:,} bytes, the limit"
            return RemoteProtocolError(Violation.TOO_LARGE, detail)
        return None
