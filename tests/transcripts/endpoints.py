"""Our clients in the place of a recorded one.

They know the machines' doors, and collect what comes out. They must not know recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import wsproto
import wsproto.events as ws

from auxws_proto import (
    Action,
    AuxSession,
    AuxWebSocket,
    CloseTransport,
    Config,
    DeliverMessage,
    GetFromUrl,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportGap,
    ReportSend,
    Role,
    SendBytes,
    SendText,
    Stage,
    TransportFailure,
)

from .recording import Request, Side

URL = "ws://127.0.0.1:8001/Prod"


class Endpoint(Protocol):
    """One of our clients in the place of a recorded one."""

    machine: AuxSession | AuxWebSocket
    side: Side
    transfers: dict[str, int]
    transport: int | None

    def opened(self, now: float) -> None: ...
    def rejected(self, status: int, now: float) -> None: ...
    def frame(self, text: str, fin: bool, now: float) -> None: ...
    def close_frame(self, code: int | None, reason: str, now: float) -> None: ...
    def end(self, now: float) -> None: ...
    def drain(self, now: float) -> None: ...


class _Base:
    def __init__(self, machine: AuxSession | AuxWebSocket) -> None:
        self.machine = machine
        self.side = Side()
        self.transfers: dict[str, int] = {}
        self.transport: int | None = None
        self.failed: list[ReportSend] = []

    def _take(self, action: Action) -> None:
        side = self.side
        match action:
            case OpenTransport(transport=number):
                self.transport = number
            case PutToUrl():
                headers = {name.lower(): value for name, value in action.headers.items()}
                url = action.url.reveal()
                self.transfers[url] = action.transfer_id
                side.requests.append(Request(action.method, url, action.body.decode(), headers))
            case GetFromUrl():
                headers = {name.lower(): value for name, value in action.headers.items()}
                url = action.url.reveal()
                self.transfers[url] = action.transfer_id
                side.requests.append(Request(action.method, url, "", headers))
            case DeliverMessage():
                side.messages.append(action.message)
            case ReportError() | ReportGap():
                side.errors.append(action)
            case ReportSend(stage=Stage.FAILED | Stage.UNKNOWN):
                side.errors.append(action)
            case _:
                pass


class OverSession(_Base):
    """A client that is an `AuxSession`: whole text messages."""

    def __init__(self, config: Config) -> None:
        self.session = AuxSession(Role.CLIENT, config, URL)
        super().__init__(self.session)
        self._parts: list[str] = []
        self._ending: tuple[int, str] = (1006, "")

    def opened(self, now: float) -> None:
        self.session.transport_opened(now, transport=self.transport)
        self.drain(now)

    def rejected(self, status: int, now: float) -> None:
        failure = TransportFailure(kind="rejected", status=status)
        self.session.transport_failed(failure, now, transport=self.transport)
        self.drain(now)

    def frame(self, text: str, fin: bool, now: float) -> None:
        self._parts.append(text)
        if fin:
            self.session.receive_text("".join(self._parts), now, transport=self.transport)
            self._parts.clear()
            self.drain(now)

    def close_frame(self, code: int | None, reason: str, now: float) -> None:
        self._ending = (1005 if code is None else code, reason)

    def end(self, now: float) -> None:
        code, reason = self._ending
        self.session.receive_eof(now, code=code, reason=reason, transport=self.transport)
        self.drain(now)

    def drain(self, now: float) -> None:
        for action in self.session.actions():
            match action:
                case SendText(transport=number):
                    self.side.texts.append(action.text)
                    self.session.data_sent(1, now, transport=number)
                case CloseTransport():
                    self.side.closes += 1
                case _:
                    self._take(action)


class OverWebSocket(_Base):
    """A client that is an `AuxWebSocket`: bytes, with a wsproto server at the other end."""

    def __init__(self, config: Config) -> None:
        self.websocket = AuxWebSocket(Role.CLIENT, config, URL)
        super().__init__(self.websocket)
        self._server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._answer: Callable[[], ws.Event] = ws.AcceptConnection
        self._parts: list[str] = []

    def opened(self, now: float) -> None:
        self._server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._answer = ws.AcceptConnection
        self.websocket.transport_opened(now, transport=self.transport)
        self.drain(now)

    def rejected(self, status: int, now: float) -> None:
        self._server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._answer = lambda: ws.RejectConnection(status_code=status)
        self.websocket.transport_opened(now, transport=self.transport)
        self.drain(now)

    def frame(self, text: str, fin: bool, now: float) -> None:
        self._send(ws.TextMessage(data=text, message_finished=fin), now)

    def close_frame(self, code: int | None, reason: str, now: float) -> None:
        self._send(ws.CloseConnection(code=1005 if code is None else code, reason=reason), now)

    def _send(self, event: ws.Event, now: float) -> None:
        self._receive(self._server.send(event), now)

    def _receive(self, data: bytes, now: float) -> None:
        # In two portions, so that no frame comes whole.
        for part in (data[:3], data[3:]):
            self.websocket.receive_bytes(part, now, transport=self.transport)
        self.drain(now)

    def end(self, now: float) -> None:
        self.websocket.receive_eof(now, transport=self.transport)
        self.drain(now)

    def drain(self, now: float) -> None:
        for action in self.websocket.actions():
            match action:
                case SendBytes(transport=number):
                    self.websocket.data_sent(1, now, transport=number)
                    if action.data:
                        self._server.receive_data(action.data)
                case CloseTransport():
                    pass
                case _:
                    self._take(action)
        for event in self._server.events():
            match event:
                case ws.Request():
                    self._send(self._answer(), now)
                case ws.TextMessage():
                    self._parts.append(event.data)
                    if event.message_finished:
                        self.side.texts.append("".join(self._parts))
                        self._parts.clear()
                case ws.CloseConnection():
                    self.side.closes += 1
                case _:
                    pass
