"""What two libraries make of a byte stream, and where they may differ from us.

It knows wsproto's and websockets' sans-I/O interfaces, and the header of a frame (RFC 6455 §5.2),
read here by hand. It must not know our own code: whoever compares brings what we made of it.

A difference is allowed only if a row of the table explains it; a row says what each side must have
made of the stream, so that nothing else hides behind it.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from websockets.client import ClientProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri
from wsproto import events as ws
from wsproto.connection import Connection, ConnectionState, ConnectionType

from auxws_proto import Role

Seen: TypeAlias = list[tuple[Any, ...]]
"""What came out of a stream: ``text``, ``binary``, ``ping``, ``pong`` with their payloads, and at
the end ``close`` with code and reason, or ``fail`` with the code that the connection fails with."""

_PROTOCOL_ERROR: Final = ("fail", 1002)
_BAD_TEXT: Final = ("fail", 1007)


# The libraries.


def seen_by_wsproto(role: Role, data: bytes) -> Seen:
    """What wsproto alone makes of a stream that comes to this side."""
    side = ConnectionType.CLIENT if role is Role.CLIENT else ConnectionType.SERVER
    connection = Connection(side)
    connection.receive_data(data)
    seen: Seen = []
    parts: list[bytes] = []
    for event in connection.events():
        match event:
            case ws.TextMessage():
                parts.append(event.data.encode())
                if event.message_finished:
                    seen.append(("text", b"".join(parts)))
                    parts.clear()
            case ws.BytesMessage():
                if event.message_finished:
                    seen.append(("binary",))
            case ws.Ping():
                seen.append(("ping", bytes(event.payload)))
            case ws.Pong():
                seen.append(("pong", bytes(event.payload)))
            case ws.CloseConnection():
                if connection.state is ConnectionState.OPEN:
                    return [*seen, ("fail", int(event.code))]
                return [*seen, ("close", int(event.code), event.reason or "")]
            case _:
                raise AssertionError(event)
    return seen


_URI: Final = parse_uri("ws://localhost/")


def seen_by_websockets(role: Role, data: bytes) -> Seen:
    """What websockets' parser makes of it, which leaves joining and UTF-8 to its caller."""
    protocol = (
        ClientProtocol(_URI, state=State.OPEN, max_size=None)
        if role is Role.CLIENT
        else ServerProtocol(state=State.OPEN, max_size=None)
    )
    protocol.receive_data(data)
    seen: Seen = []
    parts: list[str] | None = None
    decoder = getincrementaldecoder("utf-8")()
    for frame in protocol.events_received():
        assert isinstance(frame, TheirFrame)
        match frame.opcode:
            case Opcode.PING | Opcode.PONG:
                seen.append((frame.opcode.name.lower(), bytes(frame.data)))
            case Opcode.CLOSE:
                assert protocol.close_rcvd is not None
                return [*seen, ("close", protocol.close_rcvd.code, protocol.close_rcvd.reason)]
            case _:
                if frame.opcode is not Opcode.CONT:
                    parts = [] if frame.opcode is Opcode.TEXT else None
                    decoder.reset()
                if parts is None:
                    if frame.fin:
                        seen.append(("binary",))
                    continue
                try:
                    parts.append(decoder.decode(frame.data, frame.fin))
                except UnicodeDecodeError:
                    return [*seen, _BAD_TEXT]
                if frame.fin:
                    seen.append(("text", "".join(parts).encode()))
    match protocol.parser_exc:
        case None:
            return seen
        case ProtocolError():
            return [*seen, _PROTOCOL_ERROR]
        case UnicodeDecodeError():
            return [*seen, _BAD_TEXT]
        case error:
            raise error


# The stream, read by hand.


@dataclass(frozen=True, slots=True)
class Header:
    """A frame in a stream: where it begins and what its header says."""

    start: int
    opcode: int
    fin: bool
    is_minimal: bool
    """Whether its length is written in the fewest bytes, and below 2^63."""
    payload: bytes
    """Unmasked, as far as it came."""
    is_whole: bool


def headers(data: bytes) -> Iterator[Header]:
    """The frames of a stream, the last perhaps not whole."""
    start = 0
    while start < len(data):
        first, second = data[start], data[start + 1] if start + 1 < len(data) else 0
        size, at = second & 0x7F, start + 2
        is_minimal = True
        if size >= 126:
            width = 2 if size == 126 else 8
            size = int.from_bytes(data[at : at + width], "big")
            is_minimal = at + width > len(data) or (125 if width == 2 else 65_535) < size < 2**63
            at += width
        key = b""
        if second & 0x80:
            key, at = data[at : at + 4], at + 4
        payload = data[at : at + size]
        if key:
            payload = bytes(byte ^ key[i % len(key)] for i, byte in enumerate(payload))
        is_whole = at + size <= len(data)
        yield Header(start, first & 0x0F, bool(first & 0x80), is_minimal, payload, is_whole)
        start = at + size


# Where they may differ.


@dataclass(frozen=True, slots=True)
class Case:
    """One stream: on what both sides agree, and what each saw after that."""

    agreed: Seen
    ours: Seen
    theirs: Seen
    frames: list[Header]
    theirs_until: Callable[[int], Seen]
    """What the library sees of so many bytes of it."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A difference that is allowed, and why; ``explains`` says whether a case is one of it."""

    name: str
    why: str
    explains: Callable[[Case], bool]


def _is_unfinished(case: Case) -> bool:
    waits, objects = sorted((case.ours, case.theirs), key=len)
    return (
        waits == [] and objects in ([_PROTOCOL_ERROR], [_BAD_TEXT]) and not case.frames[-1].is_whole
    )


def _is_long_form(case: Case) -> bool:
    odd = next((frame for frame in case.frames if not frame.is_minimal), None)
    return (
        odd is not None
        and case.ours == [_PROTOCOL_ERROR]
        and case.theirs_until(odd.start) == case.agreed
    )


def _is_close_in_a_message(case: Case) -> bool:
    kinds = [kind for kind, *_ in case.ours]
    return kinds == ["close"] and case.theirs == [_PROTOCOL_ERROR] and _is_inside(case)


def _is_inside(case: Case) -> bool:
    """Whether the close frame comes before the end of a fragmented message."""
    is_inside = False
    for frame in case.frames:
        if frame.opcode == 8:
            return is_inside
        if frame.opcode < 8:
            is_inside = not frame.fin
    return False


def _is_bad_gateway(case: Case) -> bool:
    heads = [seen[:2] for seen in case.theirs]
    return case.ours == [_PROTOCOL_ERROR] and heads == [("close", 1014)]


def _is_doubly_bad_close(case: Case) -> bool:
    close = next((frame for frame in case.frames if frame.opcode == 8), None)
    return (
        (case.ours, case.theirs) == ([_PROTOCOL_ERROR], [_BAD_TEXT])
        and close is not None
        and len(close.payload) > 2
    )


_UNFINISHED: Final = Allowed(
    "a frame that is not whole",
    "The stream ends inside a frame that breaks a rule. Who judges it by its header, or its text "
    "portion by portion, objects; who judges it whole, still waits. Ours waits for whole text "
    "frames, wsproto for headers, websockets for the whole of most frames.",
    _is_unfinished,
)

WSPROTO: Final = (_UNFINISHED,)
WEBSOCKETS: Final = (
    _UNFINISHED,
    Allowed(
        "a length in the long form",
        '"The minimal number of bytes MUST be used to encode the length", and its most significant '
        "bit must be 0 (RFC 6455 §5.2). We fail the connection, websockets does not look.",
        _is_long_form,
    ),
    Allowed(
        "a close frame inside a fragmented message",
        '"Control frames MAY be injected in the middle of a fragmented message" (RFC 6455 §5.4). '
        "For us that is a close; websockets insists on the rest of the message.",
        _is_close_in_a_message,
    ),
    Allowed(
        "the close code 1014",
        "Bad gateway was registered with IANA after RFC 6455. websockets admits it; wsproto, and "
        "so we, take it for one of the codes below 3000 that are not defined.",
        _is_bad_gateway,
    ),
    Allowed(
        "a close frame with a bad code and a bad reason",
        "Both are wrong; which of the two is named first is free.",
        _is_doubly_bad_close,
    ),
)


@dataclass(frozen=True, slots=True)
class Oracle:
    """A library, and what it may see otherwise."""

    seen: Callable[[Role, bytes], Seen]
    allowed: tuple[Allowed, ...]


ORACLES: Final[Mapping[str, Oracle]] = {
    "wsproto": Oracle(seen_by_wsproto, WSPROTO),
    "websockets": Oracle(seen_by_websockets, WEBSOCKETS),
}


def explanation(oracle: Oracle, role: Role, data: bytes, ours: Seen) -> str | None:
    """The name of the row that explains a difference: empty without one, None if no row does."""
    theirs = oracle.seen(role, data)
    if ours == theirs:
        return ""
    same = 0
    while same < min(len(ours), len(theirs)) and ours[same] == theirs[same]:
        same += 1
    case = Case(
        ours[:same], ours[same:], theirs[same:], list(headers(data)),
        lambda end: oracle.seen(role, data[:end]),
    )  # fmt: skip
    return next((row.name for row in oracle.allowed if row.explains(case)), None)
