"""What the core's tests share: a session on the bench, and a world that does what it is asked.

`Bench` feeds one input, drains, and gives the actions in short: a test arranges, acts once and
compares a list. `World` answers actions as a server, a store and a network in order would.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from auxws_proto import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    AuxSession,
    CancelTransfer,
    CloseTransport,
    Config,
    ConnectionId,
    Credentials,
    DeliverMessage,
    Encoded,
    Event,
    GetFromUrl,
    HttpResponded,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportSend,
    ReportState,
    Role,
    SendBytes,
    SendFailed,
    SendPing,
    SendText,
    TransportFailure,
)

URL = "wss://abc.execute-api.eu-west-1.amazonaws.com/prod"
BUCKET = "https://bucket.s3.amazonaws.com"
SMALL = {"type": "small"}
LOGGED_IN = {"type": "login_result", "success": True, "info": {"connectionId": "c"}}
NO_UPLOADS = {"success": False, "errorCode": "not_supported", "errorMessage": "no"}
UPLOAD_REFUSED = {"success": False, "errorCode": "server_error", "errorMessage": "no"}
REFUSED = {"type": "login_result", "success": False, "errorCode": "invalid_token"}

Brief = tuple[Any, ...]


def upload_url(key: object) -> str:
    """A presigned PUT for this key."""
    return f"{BUCKET}/{key}?X-Amz-SignedHeaders=host%3Bx-amz-acl&X-Amz-Signature=s"


def message_of(body_size: int, name: str = "large") -> dict[str, str]:
    """A message whose JSON has exactly this many bytes."""
    message = {"type": name, "x": ""}
    message["x"] = "x" * (body_size - len(json.dumps(message, separators=(",", ":"))))
    return message


def large(name: str = "large") -> dict[str, str]:
    """A message that is uploaded."""
    return message_of(40_000, name)


def brief(action: Action) -> Brief:
    """An action in short: what it asks for or says, and of whom."""
    match action:
        case OpenTransport():
            return "open", action.transport
        case SendText():
            return "text", action.transport, *_event(action.data)
        case SendBytes():
            raise AssertionError("a session sends no bytes")
        case SendPing():
            return "ping", action.transport, int(action.payload)
        case CloseTransport():
            return "close", action.transport
        case AbortTransport():
            return "abort", action.transport
        case PutToUrl():
            return "put", action.transfer_id, _key(action.url.reveal())
        case GetFromUrl():
            return "get", action.transfer_id, _key(action.url.reveal())
        case CancelTransfer():
            return "cancel", action.transfer_id
        case AskForLogin():
            return "ask", action.transport, action.attempt
        case AnswerUploadRequest():
            return "presign", action.request_id
        case DeliverMessage():
            return "deliver", action.message["type"], *(["overlap"] if action.overlap else [])
        case ReportState():
            return "state", action.state.value
        case ReportSend(final=False):
            return "stage", action.send_id, action.stage.value
        case ReportSend(error=None):
            return "end", action.send_id, action.stage.value
        case ReportSend():
            return "end", action.send_id, action.stage.value, action.reason
        case ReportError():
            return "error", type(action.error).__name__
        case ReportGap():
            return "gap", action.event_id
        case ReportProgress():
            return "progress", action.transfer_id, action.done


def _event(data: bytes) -> list[Any]:
    """The type, the number, and what the event is about."""
    kind, number, *rest = json.loads(data)
    match kind, rest:
        case (1, [message]):
            return [kind, number, message["type"]]
        case (3 | 4, [str(url), *_]):
            return [kind, number, _key(url)]
        case (5, [info]):
            return [kind, number, info["errorCode"]]
    return [kind, number]


def _key(url: str) -> str:
    return url.removeprefix(BUCKET + "/").partition("?")[0]


class Bench:
    """A session under a virtual clock. Each verb is one turn, and gives its actions in short."""

    def __init__(
        self,
        role: Role = Role.CLIENT,
        *,
        on_connect: Iterable[Mapping[str, Any]] = (),
        now: float = 100.0,
        **settings: Any,
    ) -> None:
        self.session = AuxSession(role, Config(**settings), URL, on_connect=on_connect)
        self.now = now
        self.actions: list[Action] = []
        """The actions of the last turn."""
        self.log: list[Action] = []

    def turn(self, door: Callable[..., object], *arguments: Any, **named: Any) -> list[Brief]:
        """Feed one input, drain to the end."""
        door(*arguments, self.now, **named)
        self.actions = list(self.session.actions())
        self.log += self.actions
        due = self.session.next_timeout()
        assert due is None or due > self.now, "a timer in the past"
        self.session.handle_timeout(self.now)
        assert not list(self.session.actions()), "the turn has left something undone"
        return [brief(action) for action in self.actions]

    def all(self, kind: str) -> list[Brief]:
        """Everything of this kind since the beginning."""
        return [short for short in map(brief, self.log) if short[0] == kind]

    def errors(self) -> list[Any]:
        """The errors that were reported, gaps included."""
        return [a.error for a in self.log if isinstance(a, ReportError | ReportGap)]

    @property
    def state(self) -> str:
        return self.session.state.value

    def open(self, transport: int | None = None) -> Bench:
        """Connect, and let the transport open."""
        self.connect()
        self.opened(transport)
        return self

    def connect(self) -> list[Brief]:
        return self.turn(self.session.connect)

    def disconnect(self) -> list[Brief]:
        return self.turn(self.session.disconnect)

    def close(self) -> list[Brief]:
        return self.turn(self.session.close)

    def send(
        self, message: Mapping[str, Any] | Encoded = SMALL, *, watched: bool = False
    ) -> list[Brief]:
        return self.turn(self.session.send, message, watched=watched)

    def login(self, credentials: Credentials | None = None) -> list[Brief]:
        return self.turn(self.session.login, credentials or ConnectionId("c"))

    def opened(self, transport: int | None = None) -> list[Brief]:
        return self.turn(self.session.transport_opened, transport=transport)

    def failed(self, kind: str = "connect", **named: Any) -> list[Brief]:
        transport = named.pop("transport", None)
        failure = TransportFailure(kind=kind, **named)
        return self.turn(self.session.transport_failed, failure, transport=transport)

    def receive(self, *event: Any, transport: int | None = None) -> list[Brief]:
        """An event array came, or one value that is no array."""
        value = event[0] if len(event) == 1 else list(event)
        return self.text(json.dumps(value), transport)

    def text(self, data: str | bytes, transport: int | None = None) -> list[Brief]:
        return self.turn(self.session.receive_text, data, transport=transport)

    def deliver(self, message: Mapping[str, Any], transport: int | None = None) -> list[Brief]:
        """A message came inline."""
        return self.receive(1, 0, message, transport=transport)

    def grant(self, number: int, key: object, transport: int | None = None) -> list[Brief]:
        return self.receive(3, number, upload_url(key), "PUT", {}, transport=transport)

    def sent(self, count: int = 1, transport: int | None = None) -> list[Brief]:
        return self.turn(self.session.data_sent, count, transport=transport)

    def pong(self, serial: int, transport: int | None = None) -> list[Brief]:
        return self.turn(self.session.receive_pong, b"%d" % serial, transport=transport)

    def eof(self, code: int = 1006, transport: int | None = None) -> list[Brief]:
        return self.turn(self.session.receive_eof, code=code, transport=transport)

    def taken(self, size: int) -> list[Brief]:
        return self.turn(self.session.taken, size)

    def handle(self, event: Event) -> list[Brief]:
        return self.turn(self.session.handle, event)

    def responded(self, transfer_id: int, status: int = 200, body: bytes = b"") -> list[Brief]:
        return self.handle(HttpResponded(transfer_id=transfer_id, status=status, body=body))

    def after(self, seconds: float) -> list[Brief]:
        """Let time pass, with a turn for each deadline on the way."""
        end, seen = self.now + seconds, list[Brief]()
        while (due := self.session.next_timeout()) is not None and due <= end:
            self.now = due
            seen += self.turn(self.session.handle_timeout)
        self.now = end
        return seen


def limited(after: object) -> dict[str, Any]:
    """The server's message that it wants nothing sent for so many seconds."""
    return {"type": "rate_limit_exceeded", "retryAfter": after, "totalHits": 9}


def errors_of(bench: Bench) -> list[SendFailed]:
    """What sends have failed of, in order."""
    return [a.error for a in bench.log if isinstance(a, ReportSend) and a.error is not None]


def aged(**settings: Any) -> Bench:
    """A session whose next transport is asked for, at an age of 90 s."""
    bench = Bench(max_age=100.0, random=lambda: 1.0, ping_interval=None, **settings).open()
    assert bench.after(89.9) == []
    assert bench.after(0.1) == [("open", 2)]
    return bench


class World:
    """A server, a store and a network that do what the bench's session asks, at once."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.arrived: list[str] = []
        """The types of the messages that the server handled, in its order."""
        self.store: dict[str, bytes] = {}
        self._seen = 0

    def run(self, seconds: float = 0.0) -> World:
        """Do what is asked until nothing is, and again at each deadline that comes up."""
        end = self.bench.now + seconds
        while True:
            self._settle()
            due = self.bench.session.next_timeout()
            if due is None or due > end:
                self.bench.now = end
                return self
            self.bench.after(due - self.bench.now)

    def _settle(self) -> None:
        waiting = deque[Action]()
        while True:
            waiting.extend(self.bench.log[self._seen :])
            self._seen = len(self.bench.log)
            if not waiting:
                return
            self.answer(waiting.popleft())

    def forget(self) -> None:
        """What was asked until now is not done any more."""
        self._seen = len(self.bench.log)

    def answer(self, action: Action) -> None:
        """Do one thing."""
        bench = self.bench
        match action:
            case OpenTransport():
                bench.opened(action.transport)
            case CloseTransport():
                bench.eof(1000, action.transport)
            case SendText():
                bench.sent(1, action.transport)
                self._serve(json.loads(action.data), action.transport)
            case SendPing():
                bench.turn(bench.session.receive_pong, action.payload, transport=action.transport)
            case PutToUrl():
                self.store[_key(action.url)] = action.body
                bench.responded(action.transfer_id)
            case AskForLogin():
                bench.login()

    def _serve(self, event: list[Any], transport: int) -> None:
        match event:
            case [1, _, {"type": "login"}]:
                self.bench.deliver(LOGGED_IN, transport)
            case [1, _, message]:
                self.arrived.append(message["type"])
            case [2, number]:
                self.bench.grant(number, f"world{transport}.{number}", transport)
            case [4, _, url, *_]:
                self.arrived.append(json.loads(self.store[_key(url)])["type"])
