"""`AuxWebSocket`: the protocol over a byte stream. It *has* an `AuxSession`, and a WebSocket per
transport.

It knows which bytes belong to which transport. It must not know the protocol's events, which are
the session's business, nor frames, which are `_websocket`'s: it carries between the two.

The contract: feed one input, drain ``actions()`` to the end, re-arm one timer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ._action_queue import ActionQueue
from ._actions import (
    AbortTransport,
    Action,
    CloseTransport,
    DeliverMessage,
    OpenTransport,
    ReportSend,
    SendPing,
    SendText,
)
from ._config import Config
from ._constants import Role, State
from ._errors import LocalProtocolError
from ._events import TransportFailure
from ._policy import header_problem
from ._received import (
    Accepted,
    Other,
    Pinged,
    Ponged,
    Refused,
    Reply,
    Texts,
    Violated,
)
from ._runs import ActionRun, DeliveryRun, ReportRun, TextRun
from ._session import AuxSession
from ._session_front import SessionFront
from ._target import Target, check_headers, parse_target
from ._websocket import WebSocket
from ._wire import Wire

_AS_THEY_ARE = frozenset({DeliverMessage, DeliveryRun, ReportRun, ReportSend})
"""Nearly all actions that need no translation; the rest of them take the longer way."""


class AuxWebSocket(SessionFront):
    """One side of the protocol, in bytes.

    ``url`` is the WebSocket's URL (``ws``, ``wss``, ``http`` or ``https``), which a client may also
    give with each ``transport_opened``; ``subprotocol`` is ``"casualos.records"`` or None;
    ``headers`` go into the handshake. Raises `LocalProtocolError` for a URL, a subprotocol or
    headers that cannot be used.
    """

    def __init__(
        self,
        role: Role,
        config: Config | None = None,
        url: str | None = None,
        subprotocol: str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        on_connect: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        if subprotocol is not None and header_problem(subprotocol, "") is not None:
            raise LocalProtocolError("the subprotocol must be a token (RFC 6455 §4.1)")
        pairs = check_headers(headers)
        self._target: Target | None = None
        if role is Role.CLIENT and url is not None:
            self._target = parse_target(url)
        self._headers = pairs
        self.subprotocol = subprotocol
        self.session: AuxSession = AuxSession(
            role, config, url, headers=pairs, on_connect=on_connect
        )
        self._wires: dict[int, Wire] = {}
        self._newest = 0
        self._queue = ActionQueue()

    # Windows.

    @property
    def wants_data(self) -> bool:
        """Whether to go on reading the byte stream."""
        return self.session.wants_data

    def actions(self) -> Iterator[Action]:
        """Drain the FIFO. Verbs called meanwhile append to the same queue."""
        while True:
            yield from self._queue.one_by_one()
            if not self.session.has_actions:
                return
            self._translate()

    def runs(self) -> Iterator[Action | ActionRun]:
        """The same for what takes many at once: like ones in a row come as one `ActionRun`."""
        queue, items = self._queue, self._queue.items
        while True:
            while items:
                yield queue.take()
            if not self.session.has_actions:
                return
            self._translate()

    # The wire.

    def transport_opened(
        self,
        now: float,
        *,
        transport: int | None = None,
        url: str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    ) -> None:
        """The byte stream (TCP, and TLS with ``wss``) is open; the handshake begins.

        ``url`` and ``headers`` replace those of ``OpenTransport`` for this attempt. A server's
        first transport may come unasked. Raises `LocalProtocolError` for a URL or headers that
        cannot be used.
        """
        target = self._target if url is None else parse_target(url)
        pairs = self._headers if headers is None else check_headers(headers)
        if self.role is Role.SERVER and self.state is State.IDLE and transport is None:
            self.connect(now)
        wire = self._find(transport)
        if wire is None or wire.is_begun:
            return
        if self.role is Role.SERVER:
            wire.socket.expect(self.subprotocol)
        elif target is None:
            raise LocalProtocolError("transport_opened: a client needs the WebSocket's URL")
        else:
            wire.write(wire.socket.request(target, self.subprotocol, pairs))
        wire.is_begun = True
        wire.url = url
        self._catch_up(now)

    def transport_failed(
        self, failure: TransportFailure, now: float, *, transport: int | None = None
    ) -> None:
        """The byte stream could not be opened."""
        self._translate()
        wire = self._find(transport)
        if wire is not None:
            self._forget(wire)
            self.session.transport_failed(failure, now, transport=wire.number)
            self._translate()

    def receive_bytes(
        self, data: bytes | bytearray | memoryview, now: float, *, transport: int | None = None
    ) -> None:
        """Bytes came, in any portions."""
        # What was sent before goes out before what these may bring, which may be the end.
        self._translate()
        wire = self._find(transport)
        if wire is not None and len(data):
            for received in wire.socket.receive(bytes(data)):
                if isinstance(received, Texts):
                    self.session.receive_texts(received.data, now, transport=wire.number)
                    self._translate()
                else:
                    self._received(received, wire, now)
        self._catch_up(now)

    def data_sent(self, count: int, now: float, *, transport: int | None = None) -> None:
        """A completed write took the first ``count`` unreported ``SendBytes`` of this transport."""
        wire = self._find(transport)
        if wire is None:
            self._catch_up(now)
            return
        texts = wire.written(count)
        if texts:
            self.session.data_sent(texts, now, transport=wire.number)
            self._translate()
        else:
            self._catch_up(now)

    def receive_eof(
        self, now: float, *, code: int = 1006, reason: str = "", transport: int | None = None
    ) -> None:
        """The byte stream ended. ``code`` and ``reason`` are for embedders that know better."""
        self._translate()
        wire = self._find(transport)
        if wire is None:
            self._catch_up(now)
            return
        self._forget(wire)
        for received in wire.socket.receive_eof():
            if isinstance(received, Refused):
                self.session.transport_failed(received.failure, now, transport=wire.number)
            else:
                self.session.receive_eof(now, code=code, reason=reason, transport=wire.number)
        self._translate()

    def _catch_up(self, now: float) -> None:
        """An input that says nothing to the session still lets happen what is due."""
        due = self.session.next_timeout()
        if due is not None and due <= now:
            self.handle_timeout(now)

    def _find(self, number: int | None) -> Wire | None:
        return self._wires.get(self._newest if number is None else number)

    def _forget(self, wire: Wire) -> None:
        self._wires.pop(wire.number, None)

    # From the WebSocket to the session.

    def _received(self, received: Other, wire: Wire, now: float) -> None:
        session, number = self.session, wire.number
        match received:
            case Ponged(payload):
                session.receive_pong(payload, now, transport=number)
            case Pinged(payload):
                wire.pinged(payload)
            case Reply(data):
                wire.write(data)
            case Violated(error):
                session.report_violation(error, now, transport=number)
            case Accepted():
                session.transport_opened(now, transport=number, url=wire.url)
            case Refused(failure):
                self._end(wire)
                session.transport_failed(failure, now, transport=number)
            case _:
                self._end(wire)
                session.receive_eof(
                    now,
                    code=received.code,
                    reason=received.reason,
                    error=received.error,
                    transport=number,
                )
        self._translate()

    def _end(self, wire: Wire) -> None:
        """The WebSocket is over: write what is left, then close the byte stream."""
        self._forget(wire)
        self._queue.append(CloseTransport(transport=wire.number))

    # From the session to the WebSocket.

    def _translate(self) -> None:
        if not self.session.has_actions:
            return
        queue = self._queue
        for action in self.session.runs():
            if action.__class__ in _AS_THEY_ARE:
                queue.append(action)
                continue
            match action:
                case TextRun():
                    self._wires[action.transport].texts(action)
                case SendText():
                    self._wires[action.transport].text(action)
                case SendPing():
                    wire = self._wires[action.transport]
                    wire.write(wire.socket.ping(action.payload))
                case CloseTransport():
                    self._wires[action.transport].close(action.code, action.reason)
                case OpenTransport(transport=number):
                    self._newest = number
                    self._wires[number] = Wire(number, self._new_socket(), queue)
                    queue.append(action)
                case AbortTransport(transport=number):
                    self._wires.pop(number, None)
                    queue.append(action)
                case _:
                    queue.append(action)

    def _new_socket(self) -> WebSocket:
        config = self.config
        return WebSocket(
            self.role,
            max_message=config.max_message_size,
            max_frame=config.max_frame_size,
            close_on_violation=config.close_on_violation,
            short_path=config.short_path,
            mask_keys=config.mask_keys,
            apply_mask=config.mask,
        )
