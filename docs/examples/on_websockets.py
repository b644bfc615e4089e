"""The core on top of the library ``websockets``: whole text messages in and out.

    python on_websockets.py ws://127.0.0.1:8080/Prod

The library does the handshake, frames and pongs; `AuxSession` does everything above. Its pings are
the core's, which proves by them what has arrived.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import assert_never

from embedding import CONFIG, LOGIN, RoundTrip, transfer
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from auxws_proto import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    AuxSession,
    CancelTransfer,
    CloseTransport,
    DeliverMessage,
    GetFromUrl,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportSend,
    ReportState,
    Role,
    SendBytes,
    SendPing,
    SendText,
    State,
    TransportFailure,
)

Outgoing = SendText | SendPing | CloseTransport


def frames(action: SendText) -> Iterator[bytes]:
    """A text in frames that API Gateway takes."""
    for start in range(0, len(action.data), action.max_frame):
        yield action.data[start : start + action.max_frame]


class Client:
    """The session, and the tasks that run it."""

    def __init__(self, url: str, app: RoundTrip) -> None:
        self.session = AuxSession(Role.CLIENT, CONFIG, url=url)
        self.app = app
        self.loop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None
        self.outgoing: dict[int, asyncio.Queue[Outgoing]] = {}
        self.lines: dict[int, asyncio.Task[None]] = {}
        self.may_read = asyncio.Event()
        self.closed = asyncio.Event()

    async def run(self) -> None:
        """Connect, and wait for the end."""
        async with asyncio.TaskGroup() as self.tasks:
            self.feed(self.session.connect)
            self.feed(self.session.send, self.app.opening())
            await self.closed.wait()

    def feed(self, door: Callable[..., object], *inputs: object, **more: object) -> None:
        """Feed one input, drain the actions, re-arm the timer."""
        now = self.loop.time()
        door(*inputs, now, **more)
        for action in self.session.actions():
            self.perform(action, now)
        if self.session.wants_data:
            self.may_read.set()
        else:
            self.may_read.clear()
        if self.timer is not None:
            self.timer.cancel()
        deadline = self.session.next_timeout()
        if deadline is not None:
            self.timer = self.loop.call_at(deadline, self.feed, self.session.handle_timeout)

    def perform(self, action: Action, now: float) -> None:
        """Do what the session asks for. What is called here appends to the same queue."""
        match action:
            case OpenTransport():
                self.outgoing[action.transport] = asyncio.Queue()
                self.lines[action.transport] = self.tasks.create_task(self.connect(action))
            case SendText() | SendPing() | CloseTransport():
                if action.transport in self.outgoing:
                    self.outgoing[action.transport].put_nowait(action)
            case AbortTransport():
                if action.transport in self.lines:
                    self.lines[action.transport].cancel()
            case PutToUrl() | GetFromUrl():
                self.tasks.create_task(self.fetch(action))
            case AskForLogin():
                self.session.login(LOGIN, now)
            case DeliverMessage():
                self.session.taken(action.size, now)
                for message in self.app.answers(action.message):
                    self.session.send(message, now)
                if self.app.is_done:
                    self.session.close(now)
            case ReportState():
                if action.state is State.CLOSED:
                    self.closed.set()
            case ReportError() | ReportGap():
                print(action.error, file=sys.stderr)
            case ReportSend() | ReportProgress() | CancelTransfer():
                pass
            case SendBytes() | AnswerUploadRequest():
                raise AssertionError("that is for byte streams and servers")
            case _:
                assert_never(action)

    async def connect(self, action: OpenTransport) -> None:
        """One connection, from its beginning to its end."""
        try:
            await self.converse(action)
        finally:
            del self.outgoing[action.transport], self.lines[action.transport]

    async def converse(self, action: OpenTransport) -> None:
        """Open it, and let it be read and written; the session is told of it."""
        session, number = self.session, action.transport
        try:
            line = await connect(
                action.url or "",
                additional_headers=action.headers,
                compression=None,
                ping_interval=None,
                max_size=CONFIG.max_message_size,
            )
        except (OSError, InvalidHandshake) as error:
            status = error.response.status_code if isinstance(error, InvalidStatus) else None
            kind = "connect" if status is None else "rejected"
            failure = TransportFailure(kind=kind, status=status, detail=str(error))
            self.feed(session.transport_failed, failure, transport=number)
            return
        writer = asyncio.create_task(self.write(line, number))
        try:
            self.feed(session.transport_opened, transport=number)
            await self.read(line, number)
        finally:
            writer.cancel()
            line.transport.abort()
        code, reason = line.close_code or 1006, line.close_reason or ""
        self.feed(session.receive_eof, code=code, reason=reason, transport=number)

    async def read(self, line: ClientConnection, number: int) -> None:
        """Tell the session what comes."""
        while True:
            await self.may_read.wait()
            try:
                data = await line.recv()
            except ConnectionClosed:
                return
            self.feed(self.session.receive_text, data, transport=number)

    async def write(self, line: ClientConnection, number: int) -> None:
        """Send what the session says, in its order."""
        queue = self.outgoing[number]
        async with asyncio.TaskGroup() as pongs:
            while True:
                action = await queue.get()
                try:
                    match action:
                        case SendText():
                            await line.send(frames(action), text=True)
                            self.feed(self.session.data_sent, 1, transport=number)
                        case SendPing():
                            pong = await line.ping(action.payload)
                            pongs.create_task(self.wait_for(pong, action))
                        case CloseTransport():
                            await line.close(action.code, action.reason)
                except ConnectionClosed:
                    return

    async def wait_for(self, pong: Awaitable[float], ping: SendPing) -> None:
        """Tell the session of a pong, if it comes."""
        with suppress(ConnectionClosed):
            await pong
            self.feed(self.session.receive_pong, ping.payload, transport=ping.transport)

    async def fetch(self, action: PutToUrl | GetFromUrl) -> None:
        """Talk to the object store."""
        outcome = await asyncio.to_thread(transfer, action)
        self.feed(self.session.handle, outcome)


async def main(url: str) -> None:
    """Send a large message and get it back."""
    await Client(url, RoundTrip()).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
