"""The numbers and the closed sets of names that the whole library shares.

It knows the wire's constants. It must not know any behaviour: nothing here decides anything.
"""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum
from typing import Final, NewType

MAX_MESSAGE_SIZE: Final = 32_000
"""The largest event, in bytes, that the reference sends inline (``docs/protocol.md`` §3)."""

MAX_FRAME_SIZE: Final = 32_768
"""API Gateway's limit for one WebSocket frame, in bytes (``docs/protocol.md`` §5)."""

MAX_FRAGMENTED_SIZE: Final = 131_072
"""API Gateway's limit for one message over all its frames, in bytes (``docs/protocol.md`` §5)."""

SendId = NewType("SendId", int)
"""Names one accepted send in every action that speaks of it; 1 for the first."""


class EventType(IntEnum):
    """The first item of an event array (``docs/protocol.md`` §2)."""

    MESSAGE = 1
    UPLOAD_REQUEST = 2
    UPLOAD_RESPONSE = 3
    DOWNLOAD_REQUEST = 4
    ERROR = 5


class Role(Enum):
    """Which side of the protocol a machine plays."""

    CLIENT = "client"
    SERVER = "server"


class State(StrEnum):
    """The public state of a session."""

    IDLE = "IDLE"
    CONNECTING = "CONNECTING"
    AUTHENTICATING = "AUTHENTICATING"
    OPEN = "OPEN"
    WAITING = "WAITING"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"


class Stage(StrEnum):
    """How far a send has come. The last four may be final; every send ends in exactly one of them.

    ``SENT`` is final only with ``Config.confirm = False`` or where no proof of arrival can be had.
    """

    QUEUED = "QUEUED"
    UPLOADING = "UPLOADING"
    UPLOADED = "UPLOADED"
    SENT = "SENT"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


class Violation(StrEnum):
    """What was wrong with something that the peer sent, by ``docs/protocol.md`` §1 to §4."""

    INVALID_UTF8 = "invalid_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    NOT_AN_ARRAY = "not_an_array"
    EMPTY_ARRAY = "empty_array"
    UNKNOWN_TYPE = "unknown_type"
    WRONG_LENGTH = "wrong_length"
    WRONG_ID = "wrong_id"
    WRONG_MESSAGE = "wrong_message"
    WRONG_URL = "wrong_url"
    WRONG_METHOD = "wrong_method"
    WRONG_HEADERS = "wrong_headers"
    WRONG_INFO = "wrong_info"
    WRONG_DIRECTION = "wrong_direction"
    UNEXPECTED_ANSWER = "unexpected_answer"
    BINARY_MESSAGE = "binary_message"
    FRAME_TOO_LARGE = "frame_too_large"
    WEBSOCKET = "websocket"
    HANDSHAKE = "handshake"


class FailReason(StrEnum):
    """Why a send failed, or why a transfer or a gap could not be had."""

    CLOSED = "closed"
    NOT_SUPPORTED = "not_supported"
    REFUSED_BY_SERVER = "refused_by_server"
    URL_REFUSED = "url_refused"
    ANSWER_TIMEOUT = "answer_timeout"
    TRANSFER_TIMEOUT = "transfer_timeout"
    TRANSFER_FAILED = "transfer_failed"
    HTTP_STATUS = "http_status"
    TOO_LARGE = "too_large"
    BAD_CONTENT = "bad_content"
    CANCELLED = "cancelled"
    TRANSPORT_LOST = "transport_lost"
