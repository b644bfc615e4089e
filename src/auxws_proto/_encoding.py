"""From messages to event arrays in bytes (``docs/protocol.md`` §2).

It knows how each of the five event types is written. It must not know when one is sent, nor who may
send it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from typing import Any, TypeGuard

from ._constants import EventType
from ._errors import LocalProtocolError
from ._json import LEVEL, FastJson, is_too_deep, write_json


def encode_message(
    message: Mapping[str, Any], max_depth: int, fast: FastJson | None = None
) -> bytes:
    """The JSON of a message, as UTF-8; lone surrogates become escapes, as in JavaScript (§3).

    Raises `LocalProtocolError` for what is no message or what JSON cannot carry.
    """
    if message.__class__ is not dict and not _is_mapping(message):
        raise LocalProtocolError(
            f"a message must be a mapping with a string 'type', not {type(message).__name__}"
        )
    if not isinstance(message.get("type"), str):
        raise LocalProtocolError("a message must have a string 'type'")
    data = None if fast is None else fast.write(message)
    # What is as short as this cannot be too deep; and the call costs as much as a short text.
    short = max_depth * LEVEL
    if data is not None and (len(data) <= short or not is_too_deep(data, max_depth)):
        return data
    try:
        text = write_json(message if isinstance(message, dict) else dict(message))
    except RecursionError:
        raise LocalProtocolError(
            f"the message is nested too deeply; the limit is {max_depth} levels"
        ) from None
    except (TypeError, ValueError, OverflowError) as error:
        raise LocalProtocolError(f"the message cannot be written as JSON: {error}") from None
    data = text.encode("utf-8", "backslashreplace")
    if len(data) > short and is_too_deep(data, max_depth):
        raise LocalProtocolError(
            f"the message is nested too deeply; the limit is {max_depth} levels"
        )
    return data


def message_event(number: int, body: bytes) -> bytes:
    """``[1, number, message]`` around a message that is JSON already."""
    return b"[1,%d,%b]" % (number, body)


def message_events(number: int, step: int, bodies: list[bytes]) -> list[bytes]:
    """`message_event` for messages in a row; ``step`` is from one number to the next."""
    numbers = range(number, number + len(bodies)) if step else repeat(number)
    return [b"[1,%d,%b]" % pair for pair in zip(numbers, bodies, strict=False)]


def message_event_size(number: int, body_size: int) -> int:
    """The size in bytes of `message_event`, without making it."""
    return body_size + len(str(number)) + 5


def upload_request(number: int) -> bytes:
    """``[2, number]``."""
    return b"[2,%d]" % number


def upload_response(event_id: float, url: str, method: str, headers: Mapping[str, str]) -> bytes:
    """``[3, id, url, method, headers]``."""
    return _event(EventType.UPLOAD_RESPONSE, event_id, url, method, dict(headers))


def download_request(number: int, url: str) -> bytes:
    """``[4, number, url, "GET", {}]``."""
    return _event(EventType.DOWNLOAD_REQUEST, number, url, "GET", {})


def error_event(event_id: float | None, info: Mapping[str, Any]) -> bytes:
    """``[5, id or null, info]``; raises `LocalProtocolError` for what JSON cannot carry."""
    try:
        return _event(EventType.ERROR, event_id, dict(info))
    except (TypeError, ValueError, RecursionError) as error:
        raise LocalProtocolError(f"the info cannot be written as JSON: {error}") from None


def _event(*items: Any) -> bytes:
    # A `Secret` is written as its text: the C encoder reads the string itself.
    return write_json([int(items[0]), *items[1:]]).encode("utf-8", "backslashreplace")


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)
