"""An `AuxWebSocket` on the bench, with wsproto on the other side."""

from __future__ import annotations

import json
from typing import Any

from wsproto import events as ws

from auxws_proto import (
    Action,
    AuxWebSocket,
    Config,
    ReportState,
    Role,
    SendBytes,
)

from .peer import KEY, TEXT, Peer

URL = "wss://abc.execute-api.us-east-1.amazonaws.com/dev"
CLIENT, SERVER = Role.CLIENT, Role.SERVER
MESSAGE = {"type": "greeting"}
QUIET: dict[str, Any] = {"confirm": False, "ping_interval": None}


class Bench:
    """A machine and its peer, wsproto; what the machine wrote is read with `wrote`."""

    def __init__(self, role: Role = CLIENT, *, open: bool = True, **settings: Any) -> None:
        config = Config(mask_keys=lambda n: (KEY * n)[:n], **{**QUIET, **settings})
        self.machine = AuxWebSocket(role, config, URL if role is CLIENT else None)
        self.peer = Peer(role)
        self.now = 0.0
        self.unwritten = 0
        if open:
            self.machine.connect(0)
            self.machine.transport_opened(0)
            if role is CLIENT:
                self.peer.receive(self.wrote())
                self.feed(self.peer.send(ws.AcceptConnection()))
            else:
                self.feed(self.peer.send(ws.Request(host="h", target="/")))
                self.peer.receive(self.wrote())
            self.actions()
            self.write()

    def actions(self) -> list[Action]:
        """Everything but the bytes, which go to `bytes_out`."""
        rest: list[Action] = []
        self.bytes_out = b""
        for action in self.machine.actions():
            if isinstance(action, SendBytes):
                self.bytes_out += action.data
                self.unwritten += 1
            else:
                rest.append(action)
        return rest

    def wrote(self) -> bytes:
        self.actions()
        return self.bytes_out

    def write(self) -> list[Action]:
        """A completed write took everything."""
        count, self.unwritten = self.unwritten, 0
        self.machine.data_sent(count, self.now)
        return self.actions()

    def feed(self, data: bytes) -> None:
        self.machine.receive_bytes(data, self.now)

    def fed(self, data: bytes) -> list[Action]:
        self.feed(data)
        return self.actions()

    def event(self, value: object) -> bytes:
        return self.peer.frame(TEXT, json.dumps(value).encode())


def states(actions: list[Action]) -> list[str]:
    return [action.state.value for action in actions if isinstance(action, ReportState)]


def cause_of(actions: list[Action]) -> Any:
    return next(a.cause for a in actions if isinstance(a, ReportState))
