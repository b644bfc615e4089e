"""From bytes to event arrays (``docs/protocol.md`` §2).

It knows the shapes of the five event types, and which side may send which. It must not know what an
event leads to, nor which side we are. Decoding never raises: what is not an event comes back as
`Malformed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeGuard

from ._constants import EventType, Role, Violation
from ._errors import RemoteProtocolError
from ._json import LEVEL, FastJson, is_too_deep, load_plain, parse_json

MessageEvent: TypeAlias = tuple[float, dict[str, Any]]
"""The number and the message: nearly all traffic, so it is no more than a pair."""


@dataclass(frozen=True, slots=True)
class UploadRequestEvent:
    event_id: float


@dataclass(frozen=True, slots=True)
class UploadResponseEvent:
    event_id: float
    url: str = field(repr=False)
    method: str
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DownloadRequestEvent:
    event_id: float
    url: str = field(repr=False)
    method: str
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    event_id: float | None
    info: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NoticeObject:
    """A JSON object where an event array should be: API Gateway's own words (§2)."""

    info: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Malformed:
    """What is no event; ``event_id`` where one could be read.

    ``ignored`` marks what the real server does not answer (§7).
    """

    error: RemoteProtocolError
    event_id: float | None = None
    ignored: bool = False


Decoded: TypeAlias = (
    MessageEvent
    | UploadRequestEvent
    | UploadResponseEvent
    | DownloadRequestEvent
    | ErrorEvent
    | NoticeObject
    | Malformed
)

SENT_BY: Final[Mapping[Role, frozenset[EventType]]] = {
    Role.CLIENT: frozenset(
        {EventType.MESSAGE, EventType.UPLOAD_REQUEST, EventType.DOWNLOAD_REQUEST}
    ),
    Role.SERVER: frozenset(
        {
            EventType.MESSAGE,
            EventType.UPLOAD_RESPONSE,
            EventType.DOWNLOAD_REQUEST,
            EventType.ERROR,
        }
    ),
}
"""Which events each side may send (§2, the column "sent by")."""

LENGTHS: Final[Mapping[EventType, int]] = {
    EventType.MESSAGE: 3,
    EventType.UPLOAD_REQUEST: 2,
    EventType.UPLOAD_RESPONSE: 5,
    EventType.DOWNLOAD_REQUEST: 5,
    EventType.ERROR: 3,
}


def decode_message(
    body: bytes | bytearray | str, max_depth: int, fast: FastJson | None = None
) -> dict[str, Any] | RemoteProtocolError:
    """A downloaded body, which is a message without an event array around it (§4).

    A `bytearray` is emptied on the way.
    """
    try:
        return _message(parse_json(body, max_depth, fast))
    except RemoteProtocolError as error:
        return error


def decode_messages(
    texts: list[bytes], max_size: int, max_depth: int, fast: FastJson | None = None
) -> tuple[list[dict[str, Any] | None], list[Any]]:
    """The messages in texts in a row, and their numbers.

    Nearly all traffic, and nothing is wrong with it. For each text that `decode_event` has to look
    at, there is None, and anything for a number.
    """
    # Who brings a library of their own need not have one.
    loader = None if fast is None else getattr(fast, "loader", None)
    load = load_plain if fast is None else loader and loader(texts)
    if load is None:
        return [None] * len(texts), [None] * len(texts)
    # The array around a message is a level of its own.
    max_depth += 1
    all_short = max(map(len, texts), default=0) <= min(max_size, max_depth * LEVEL)
    messages: list[dict[str, Any] | None] = []
    event_ids: list[Any] = []
    event_id: Any = None
    for data in texts:
        found = None
        if all_short or (len(data) <= max_size and not is_too_deep(data, max_depth)):
            try:
                kind, event_id, message = load(data)
                # JSON gives these exact types.
                if (
                    kind.__class__ is int
                    and kind == 1
                    and event_id.__class__ is int
                    and message.__class__ is dict
                    and message["type"].__class__ is str
                ):
                    found = message
            except Exception:
                # No JSON, no array of three, or no type: `decode_event` has the words.
                pass
        messages.append(found)
        event_ids.append(event_id)
    return messages, event_ids


def decode_event(
    data: bytes | str, sender: Role, max_depth: int, fast: FastJson | None = None
) -> Decoded:
    """The event in one text message that `sender` sent."""
    event_id: float | None = None
    ignored = True
    try:
        # One level more: the array around a message is none of its own, and `encode_message` and
        # `decode_message` must agree about the same message.
        value: Any = parse_json(data, max_depth + 1, fast)
        if value.__class__ is list and len(value) == 3:
            number, plain_id, message = value
            if (
                number.__class__ is int
                and number == 1
                and plain_id.__class__ is int
                and message.__class__ is dict
                and message.get("type").__class__ is str
            ):
                # Nearly all traffic, and nothing is wrong with it: JSON gives these exact types.
                return plain_id, message
        # "Silently ignored by the server: text that is not JSON, JSON strings and numbers, events
        # of type 3 and 5" (§7)
        ignored = isinstance(value, str | int | float) and not isinstance(value, bool)
        if _is_object(value) and sender is Role.SERVER:
            return NoticeObject(value)
        if not _is_array(value):
            raise RemoteProtocolError(
                Violation.NOT_AN_ARRAY, f"an event must be an array, not {_kind(value)}"
            )
        if not value:
            raise RemoteProtocolError(Violation.EMPTY_ARRAY, "an event must not be empty")
        if len(value) > 1 and _is_number(value[1]):
            event_id = value[1]
        return _event_of(value, sender)
    except RemoteProtocolError as error:
        ignored = ignored or error.violation is Violation.WRONG_DIRECTION
        return Malformed(error, event_id, ignored)


def _event_of(value: list[Any], sender: Role) -> Decoded:
    number = value[0]
    # True == 1 in Python, but it is no number in JSON.
    if not _is_number(number) or number not in LENGTHS:
        shown = number if _is_number(number) and abs(number) < 1e9 else _kind(number)
        raise RemoteProtocolError(
            Violation.UNKNOWN_TYPE, f"an event's type must be 1 to 5, not {shown}"
        )
    kind = EventType(int(number))
    if kind not in SENT_BY[sender]:
        raise RemoteProtocolError(
            Violation.WRONG_DIRECTION, f"a {sender.value} may not send an event of type {kind:d}"
        )
    if kind is EventType.MESSAGE and len(value) == 2:
        # The real server calls this a bad message, not a bad event (§7).
        raise RemoteProtocolError(
            Violation.WRONG_MESSAGE, "an event of type 1 has a message, which is missing"
        )
    if len(value) != LENGTHS[kind]:
        raise RemoteProtocolError(
            Violation.WRONG_LENGTH,
            f"an event of type {kind:d} has {LENGTHS[kind]} items, not {len(value)}",
        )
    if kind is EventType.ERROR:
        return _error(value[1], value[2])
    event_id = value[1]
    if not _is_number(event_id):
        raise RemoteProtocolError(
            Violation.WRONG_ID, f"an event's id must be a number, not {_kind(event_id)}"
        )
    match kind:
        case EventType.MESSAGE:
            return event_id, _message(value[2])
        case EventType.UPLOAD_REQUEST:
            return UploadRequestEvent(event_id)
        case EventType.UPLOAD_RESPONSE:
            return UploadResponseEvent(event_id, *_request(*value[2:]))
        case _:
            return DownloadRequestEvent(event_id, *_request(*value[2:]))


def _error(event_id: object, info: object) -> ErrorEvent:
    if event_id is not None and not _is_number(event_id):
        raise RemoteProtocolError(
            Violation.WRONG_ID, f"an error's id must be a number or null, not {_kind(event_id)}"
        )
    if not _is_object(info):
        raise RemoteProtocolError(
            Violation.WRONG_INFO, f"an error's info must be an object, not {_kind(info)}"
        )
    return ErrorEvent(event_id, info)


def _message(value: object) -> dict[str, Any]:
    if not _is_object(value):
        raise RemoteProtocolError(
            Violation.WRONG_MESSAGE, f"a message must be an object, not {_kind(value)}"
        )
    if not isinstance(value.get("type"), str):
        raise RemoteProtocolError(
            Violation.WRONG_MESSAGE,
            f"a message's type must be a string, not {_kind(value.get('type'))}",
        )
    return value


def _request(url: object, method: object, headers: object) -> tuple[str, str, dict[str, str]]:
    if not isinstance(url, str):
        raise RemoteProtocolError(Violation.WRONG_URL, f"a URL must be a string, not {_kind(url)}")
    if not isinstance(method, str):
        raise RemoteProtocolError(
            Violation.WRONG_METHOD, f"a method must be a string, not {_kind(method)}"
        )
    if not _is_object(headers) or not all(isinstance(v, str) for v in headers.values()):
        raise RemoteProtocolError(Violation.WRONG_HEADERS, "headers must be an object of strings")
    return url, method, headers


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_array(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: object) -> str:
    """The JSON name of a value's type, for error texts: the value itself may be huge or secret."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    return "a number"
