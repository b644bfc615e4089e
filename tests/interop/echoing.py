"""`AuxWebSocket` as an echo, in both roles, for a suite that sends frames which are no events.

It knows the machine's contract: feed one input, drain the actions. The session, which would refuse
what is no event array, is replaced by one that sends every text back; all else is the machine's.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from auxws_proto import (
    AbortTransport,
    Action,
    ActionRun,
    AuxSession,
    AuxWebSocket,
    CloseTransport,
    Config,
    OpenTransport,
    Role,
    SendBytes,
    SendText,
)

CONFIG = Config(
    confirm=False,
    ping_interval=None,
    reconnect=None,
    close_on_violation=True,
    mask_keys=os.urandom,
)


class EchoSession(AuxSession):
    """A session that sends every text back in one frame."""

    def __init__(self, role: Role, url: str | None) -> None:
        super().__init__(role, CONFIG, url)
        self._echoes: deque[SendText] = deque()

    def receive_texts(
        self, texts: Iterable[str | bytes], now: float, *, transport: int | None = None
    ) -> None:
        assert transport is not None
        for data in texts:
            body = data.encode() if isinstance(data, str) else data
            size = max(len(body), 1)
            self._echoes.append(SendText(transport=transport, data=body, max_frame=size))

    @property
    def has_actions(self) -> bool:
        return bool(self._echoes) or super().has_actions

    def runs(self) -> Iterator[Action | ActionRun]:
        yield from super().runs()
        while self._echoes:
            yield self._echoes.popleft()


def make_machine(role: Role, url: str | None) -> AuxWebSocket:
    machine = AuxWebSocket(role, CONFIG, url)
    machine.session = EchoSession(role, url)
    return machine


class Echo(asyncio.Protocol):
    """The machine on one connection of asyncio."""

    def __init__(self, role: Role, url: str | None = None) -> None:
        self._machine = make_machine(role, url)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._machine.role is Role.CLIENT:
            self._machine.connect(self._loop.time())
        else:
            self._machine.transport_opened(self._loop.time())
        self._dispatch()

    def data_received(self, data: bytes) -> None:
        self._machine.receive_bytes(data, self._loop.time())
        self._dispatch()

    def eof_received(self) -> None:
        self._machine.receive_eof(self._loop.time())
        self._dispatch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._machine.receive_eof(self._loop.time())
        self._dispatch()
        if self._timer is not None:
            self._timer.cancel()
        self.over.set()

    def _dispatch(self) -> None:
        now = self._loop.time()
        for action in self._machine.actions():
            match action:
                case OpenTransport(transport=number) if self._machine.role is Role.CLIENT:
                    self._machine.transport_opened(now, transport=number)
                case SendBytes(transport=number, data=data):
                    self._transport.write(data)
                    self._machine.data_sent(1, now, transport=number)
                case CloseTransport():
                    self._transport.close()
                case AbortTransport():
                    self._transport.abort()
                case _:
                    pass
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._machine.next_timeout()
        self._timer = None if due is None else self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._machine.handle_timeout(self._loop.time())
        self._dispatch()


async def echo_as_client(url: str) -> None:
    """Connect, send back what comes, and return when the connection has ended."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    _, echo = await loop.create_connection(
        lambda: Echo(Role.CLIENT, url), parts.hostname or "", parts.port or 80
    )
    await echo.over.wait()
