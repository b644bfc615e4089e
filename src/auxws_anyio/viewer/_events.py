"""What an event's text says at a glance: its type, its number, the type of its message.

It knows event arrays (``docs/protocol.md`` §2), also those of which only the beginning is left. It
must not know what they lead to.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, TypeGuard, cast

from auxws_proto import EventType

NAMES: Final = {
    EventType.MESSAGE: "Message",
    EventType.UPLOAD_REQUEST: "UploadRequest",
    EventType.UPLOAD_RESPONSE: "UploadResponse",
    EventType.DOWNLOAD_REQUEST: "DownloadRequest",
    EventType.ERROR: "Error",
}

_WITH_URL: Final = frozenset({EventType.UPLOAD_RESPONSE, EventType.DOWNLOAD_REQUEST})

_PARSED: Final = 65_536
"""Characters of a text that is worth parsing, to find a type that does not come first."""

_HEAD: Final = re.compile(r"\s*\[\s*([1-5])\s*(?:,\s*(-?\d{1,20}(?:\.\d{1,20})?|null)\s*)?[,\]]")
_TYPE: Final = re.compile(r'"type"\s*:\s*"((?:[^"\\]|\\.){0,200})"')
_URL: Final = re.compile(r'\s*\[[^,]{1,20},[^,]{1,40},\s*"([^"\\]{0,8192})"')
_CODE: Final = re.compile(r'"errorCode"\s*:\s*"((?:[^"\\]|\\.){0,200})"')
_NOTICE: Final = re.compile(r'\s*\{\s*"message"\s*:\s*"((?:[^"\\]|\\.){0,200})"')


@dataclass(frozen=True, slots=True)
class Glance:
    """What is to be seen of a text. ``event`` is None for what is no event array."""

    event: EventType | None = None
    number: float | None = None
    word: str = ""
    """The message's type, the error's code, or the text of a gateway's notice."""
    url: str = ""
    """Of an event that names one."""

    @property
    def name(self) -> str:
        """What to call it."""
        if self.event is not None:
            return NAMES[self.event]
        return "Notice" if self.word else "Not an event"


def glance(text: str) -> Glance:
    """What a WebSocket message is, as far as its beginning tells."""
    head = _HEAD.match(text)
    if head is None:
        notice = _NOTICE.match(text)
        return Glance(None, None, notice[1] if notice else "")
    event = EventType(int(head[1]))
    number = None if head[2] in (None, "null") else float(head[2])
    word = ""
    if event is EventType.MESSAGE:
        word = message_type(text)
    elif event is EventType.ERROR:
        code = _CODE.search(text, 0, _PARSED)
        word = code[1] if code else ""
    named = _URL.match(text) if event in _WITH_URL else None
    return Glance(event, number, word, named[1] if named else "")


def message_type(text: str) -> str:
    """The ``type`` of the message in a text, whole or cut off."""
    if len(text) <= _PARSED:
        try:
            value: object = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            if _is_list(value):
                value = value[2] if len(value) > 2 else None
            return _type_of(value)
    found = _TYPE.search(text, 0, _PARSED)
    return found[1] if found else ""


def _type_of(message: object) -> str:
    if not isinstance(message, dict):
        return ""
    kind = cast("dict[str, Any]", message).get("type")
    return kind if isinstance(kind, str) else ""


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
