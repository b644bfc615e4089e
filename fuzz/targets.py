"""What is fuzzed: functions of bytes, each of which raises if a promise is broken.

They know the machines' doors and their promises. They must not know the engine that feeds them.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import wsproto.events as ws
from wsproto.connection import Connection, ConnectionType

from auxws_proto import (
    Action,
    AuxSession,
    AuxWebSocket,
    Config,
    DeliverMessage,
    GetFromUrl,
    HttpResponded,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportGap,
    ReportSend,
    ReportState,
    Role,
    SendBytes,
    State,
    UploadGranted,
    Violation,
)
from auxws_proto._received import Closed, Pinged, Ponged, Texts, Violated
from auxws_proto._target import parse_target
from auxws_proto._websocket import WebSocket
from auxws_proto.testing import (
    CRASHES,
    GRANT_FAULTS,
    LOGIN_FAULTS,
    OPEN_FAULTS,
    OPERATIONS,
    STORE_FAULTS,
    WATCH,
    Faults,
    MemoryOutbox,
    Operation,
    World,
    perform,
)

from .oracles import ORACLES, Seen, explanation

URL: Final = "wss://abc123.execute-api.us-east-1.amazonaws.com/Prod"
STORE: Final = "https://messages.s3.us-east-1.amazonaws.com/"
SEPARATOR: Final = b"\0"
"""Between texts; no JSON text holds it."""
_LONGEST_PAUSE: Final = 3_700.0
_MAX_FRAME: Final = 300
"""Some texts of a corpus are longer, and go out in fragments."""


class Broken(AssertionError):
    """A promise was broken."""


def texts(data: bytes) -> None:
    """Hostile texts stop nothing: whatever came, the next message is delivered."""
    for role in Role:
        machine = AuxSession(role, Config(), URL)
        if role is Role.CLIENT:
            machine.connect(0.0)
        machine.transport_opened(0.0)
        held: list[Action] = []
        for text in data.split(SEPARATOR):
            machine.receive_text(text, 1.0)
            held += machine.actions()
            for action in held:
                if isinstance(action, GetFromUrl):
                    machine.handle(HttpResponded(transfer_id=action.transfer_id, status=404), 1.0)
            held = list(machine.actions())
        if machine.state is not State.OPEN:
            raise Broken(f"{role.value}: {machine.state} after texts")
        machine.receive_text(b'[1,0,{"type":"last"}]', 1.0)
        actions = [*held, *machine.actions()]
        last = [a for a in actions if isinstance(a, DeliverMessage) and a.message["type"] == "last"]
        if not last:
            raise Broken(f"{role.value}: the message after them was not delivered")


def byte_streams(data: bytes) -> None:
    """Hostile bytes never raise, and their portions make no difference."""
    for role in Role:
        whole = _said(role, [data], short_path=True)
        halves = _said(role, [data[: len(data) // 2], data[len(data) // 2 :]], short_path=True)
        if whole != halves:
            raise Broken(f"{role.value}: portions: {whole} and {halves}")
        if not data.isascii():
            bytewise = _said(role, [bytes((byte,)) for byte in data[:500]], short_path=True)
            once = _said(role, [data[:500]], short_path=True)
            if bytewise != once:
                raise Broken(f"{role.value}: portions: {once} and {bytewise}")


def short_path(data: bytes) -> None:
    """With the short path and without it, bytes that come and texts that go lead to the same."""
    row = [part.decode(errors="ignore").encode() for part in data.split(SEPARATOR)]
    for role in Role:
        ours = _said(role, [data], short_path=True)
        theirs = _said(role, [data], short_path=False)
        if ours != theirs and not _is_waiting(ours, theirs):
            raise Broken(f"{role.value}: {ours}, wsproto {theirs}")
        sent = [_sent(role, row, is_short=is_short) for is_short in (True, False)]
        if sent[0] != sent[1]:
            raise Broken(f"{role.value} sends {sent[0]}, wsproto {sent[1]}")


def differential(data: bytes) -> None:
    """Our WebSocket layer sees what wsproto alone sees, and what websockets sees."""
    for role in Role:
        ours = {is_short: seen_by_us(role, data, is_short=is_short) for is_short in (True, False)}
        for name, oracle in ORACLES.items():
            for seen in ours.values():
                if explanation(oracle, role, data, seen) is None:
                    raise Broken(f"{role.value}: {seen}, {name} {oracle.seen(role, data)}")


def seen_by_us(role: Role, data: bytes, *, is_short: bool) -> Seen:
    """What our WebSocket layer makes of a stream that comes to this side."""
    socket = _open_socket(role, is_short)
    seen: Seen = []
    for received in socket.receive(data):
        match received:
            case Texts(payloads):
                seen.extend(("text", payload) for payload in payloads)
            case Violated(error):
                seen.append(("binary",) if error.violation is Violation.BINARY_MESSAGE
                            else ("violated", error))  # fmt: skip
            case Pinged(payload):
                seen.append(("ping", payload))
            case Ponged(payload):
                seen.append(("pong", payload))
            case Closed(code, reason, error):
                seen.append(("close", code, reason) if error is None else ("fail", code))
            case _:
                # What goes out is the business of `short_path`.
                pass
    return seen


def _sent(role: Role, row: list[bytes], *, is_short: bool) -> list[list[ws.Event]]:
    """What wsproto, on the other side, makes of the frames of each text that is sent."""
    other = ConnectionType.SERVER if role is Role.CLIENT else ConnectionType.CLIENT
    peer = Connection(other)
    sent: list[list[ws.Event]] = []
    for frames in _open_socket(role, is_short).texts(row, _MAX_FRAME):
        peer.receive_data(frames)
        sent.append(list(peer.events()))
    return sent


def _open_socket(role: Role, is_short: bool) -> WebSocket:
    """Our WebSocket layer with its handshake done; no size is too large for it."""
    socket = WebSocket(role, max_message=2**63, short_path=is_short, mask_keys=_keys)
    request = socket.request(parse_target(URL), None, ()) if role is Role.CLIENT else b""
    for _ in socket.receive(_answer(request) if request else _REQUEST):
        pass
    return socket


def _keys(size: int) -> bytes:
    return bytes(range(1, 256)).ljust(size, b"\7")[:size]


def _is_waiting(ours: list[Any], theirs: list[Any]) -> bool:
    # The short path waits for a whole frame; wsproto objects to one before its end has come.
    return ours[-1] is State.OPEN is not theirs[-1] and theirs[: len(ours) - 1] == ours[:-1]


def _said(role: Role, parts: Iterable[bytes], *, short_path: bool) -> list[Any]:
    machine = _opened(role, short_path)
    seen: list[Any] = []
    for part in parts:
        machine.receive_bytes(part, 1.0)
        for action in machine.actions():
            match action:
                case SendBytes(data=data):
                    seen.append(len(data))
                case ReportError(error=error, event_id=event_id):
                    seen.append((type(error).__name__, event_id))
                case ReportState(state=state):
                    seen.append(state)
                case ReportGap(event_id=event_id):
                    seen.append(("gap", event_id))
                case _:
                    seen.append(repr(action))
    return [*seen, machine.state]


def _opened(role: Role, short_path: bool) -> AuxWebSocket:
    machine = AuxWebSocket(role, Config(short_path=short_path), URL)
    if role is Role.CLIENT:
        machine.connect(0.0)
    machine.transport_opened(0.0)
    written = b"".join(a.data for a in machine.actions() if isinstance(a, SendBytes))
    machine.receive_bytes(_answer(written) if written else _REQUEST, 0.0)
    for _ in machine.actions():
        pass
    return machine


_REQUEST: Final = (
    b"GET /Prod HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_KEY: Final = re.compile(rb"sec-websocket-key: *([^\r]*)", re.IGNORECASE)


def _answer(request: bytes) -> bytes:
    """What a server says to this (RFC 6455 §4.2.2)."""
    key = _KEY.search(request)
    assert key is not None
    digest = hashlib.sha1(
        key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False
    ).digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


def handshakes(data: bytes) -> None:
    """Whatever comes in the handshake ends in a state, and never raises."""
    for role in Role:
        machine = AuxWebSocket(role, Config(reconnect=None), URL)
        if role is Role.CLIENT:
            machine.connect(0.0)
        machine.transport_opened(0.0)
        machine.receive_bytes(data[: len(data) // 2], 0.0)
        machine.receive_bytes(data[len(data) // 2 :], 0.0)
        machine.receive_eof(0.0)
        list(machine.actions())
        if machine.state is not State.CLOSED:
            raise Broken(f"{role.value}: {machine.state} after its end")


def responses(data: bytes) -> None:
    """Whatever the object store answers, a send has one outcome, and a download one place."""
    cut = data.find(SEPARATOR)
    head, body = (data[:cut], data[cut + 1 :]) if cut >= 0 else (data[:4], data[4:])
    status = 100 + int.from_bytes(head[:2], "big") % 900
    location = head[2:].decode("latin-1")
    machine = AuxSession(Role.SERVER, Config(inline_limit=256, confirm=False))
    machine.transport_opened(0.0)
    machine.send({"type": "large", "text": "x" * 300}, 0.0)
    get = f'[4,1,"{STORE}k","GET",{{}}]'
    machine.receive_text(get, 0.0)
    machine.handle(UploadGranted(request_id=1, url=STORE + "p"), 0.0)
    outcomes, places, now = 0, 0, 0.0
    for _ in range(100):
        for action in machine.actions():
            match action:
                case PutToUrl(transfer_id=transfer_id) | GetFromUrl(transfer_id=transfer_id):
                    answer = HttpResponded(
                        transfer_id=transfer_id, status=status, body=body,
                        headers=[("Location", location)],
                    )  # fmt: skip
                    machine.handle(answer, now)
                case ReportSend(final=True):
                    outcomes += 1
                case DeliverMessage() | ReportGap():
                    places += 1
                case OpenTransport():
                    pass
                case _:
                    if type(action).__name__ == "AnswerUploadRequest":
                        request_id: int = getattr(action, "request_id", 0)
                        granted = UploadGranted(request_id=request_id, url=STORE + "p")
                        machine.handle(granted, now)
        machine.data_sent(9, now)
        due = machine.next_timeout()
        if due is None or (outcomes and places):
            break
        now = max(now, due)
        machine.handle_timeout(now)
    for action in machine.actions():
        outcomes += isinstance(action, ReportSend) and action.final
        places += isinstance(action, DeliverMessage | ReportGap)
    if (outcomes, places) != (1, 1):
        raise Broken(f"{outcomes} outcomes and {places} places")


_TEXTS: Final = (
    "not JSON", "[]", "[9,1]", '{"message":"Internal server error"}', "[2,1]", "null",
    '[5,-1,{"success":false,"errorCode":"server_error"}]',
    '[5,2,{"success":false,"errorCode":"not_supported"}]',
    '[3,1,"https://evil.example/","PUT",{}]', '[4,-1,"https://evil.example/","GET",{}]',
    '[1,0,{"type":"rate_limit_exceeded","retryAfter":2.5,"totalHits":1}]',
    '[1,0,{"type":"login_result","success":false}]',
)  # fmt: skip
_ARGUMENTS: Final[Mapping[str, tuple[tuple[Any, ...], ...]]] = {
    "send": tuple((size, font) for size in (1, 200, 215, 230, 900, 2_000) for font in "xé漢"),
    "server_send": ((1,), (215,), (230,), (2_000,)),
    "run": ((0.0,), (0.02,), (0.2,), (1.0,), (5.0,), (40.0,)),
    "stall": (("up",), ("down",), ("both",)),
    "open_fault": tuple((kind,) for kind in OPEN_FAULTS),
    "grant_fault": tuple((kind,) for kind in GRANT_FAULTS),
    "login_fault": tuple((kind,) for kind in LOGIN_FAULTS),
    "store_fault": tuple((kind,) for kind in STORE_FAULTS),
    "inject": tuple((text,) for text in _TEXTS),
    "inject_up": tuple((text,) for text in _TEXTS),
    "mute": ((True,), (False,)),
    "crash_at_record": tuple((moment,) for moment in CRASHES),
    "push": ((1,), (215,), (2_000,)),
}
_SETTINGS: Final[Mapping[str, tuple[Any, ...]]] = {
    "inline_limit": (256, 300),
    "ordering": ("strict", "relaxed"),
    "confirm": (True, False),
    "resend_unknown": (False, True),
    "offload": ("auto", "always", "never"),
    "fragment_limit": (0, 900),
    "upload_urls_ahead": (0, 1, 4),
    "max_uploads": (4, 1),
    "max_downloads": (8, 1),
    "write_ahead": (262_144, 600, 1),
    "read_ahead": (10**7, 500, 1),
    "max_held": (10**8, 5_000, 1),
    "max_download_size": (10**6, 1_500),
    "max_outbox_messages": (10_000, 5),
    "ping_interval": (60.0, 5.0, None),
    "barrier": ("ping", "message"),
    "max_age": (None, 20.0),
    "ask_for_login": (False, True),
}
_NAMES: Final = tuple(OPERATIONS)
_MAX_OPERATIONS: Final = 60


def operations(data: bytes) -> None:
    """A world in which anything happens comes to rest, and breaks no promise on the way."""
    head = data[: len(_SETTINGS) + 2].ljust(len(_SETTINGS) + 2, b"\0")
    kind: Any = ("session", "websocket")[head[0] % 2]
    settings: dict[str, Any] = {
        name: choices[byte % len(choices)]
        for (name, choices), byte in zip(_SETTINGS.items(), head[2:], strict=True)
    }
    config = Config(**settings)
    faults = Faults(split=0.5, join=0.5, late_timers=(0.0, 0.1))
    world = World(
        head[1], client=config, server=Config(inline_limit=256), kind=kind, faults=faults,
        outbox=MemoryOutbox(), on_connect=[WATCH],
    )  # fmt: skip
    world.client.call("connect")
    perform(world, decode(data[len(head) :]))
    world.calm()
    world.rest(within=2 * _LONGEST_PAUSE)


def decode(data: bytes) -> list[Operation]:
    """Operations from pairs of bytes."""
    found: list[Operation] = []
    for at in range(0, min(len(data) - 1, 2 * _MAX_OPERATIONS), 2):
        name = _NAMES[data[at] % len(_NAMES)]
        choices = _ARGUMENTS.get(name, ((),))
        found.append(Operation(name, choices[data[at + 1] % len(choices)]))
    return found


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "texts": texts,
    "byte_streams": byte_streams,
    "short_path": short_path,
    "differential": differential,
    "handshakes": handshakes,
    "responses": responses,
    "operations": operations,
}
"""Every target by its name."""

OF_BYTE_STREAMS: Final = ("byte_streams", "short_path", "differential")
"""Those whose input is what comes after a handshake."""
