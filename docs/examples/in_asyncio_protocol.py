"""The core in a bare `asyncio.Protocol`: bytes in, bytes out, and one timer.

    python in_asyncio_protocol.py ws://127.0.0.1:8080/Prod

The contract of the core is in `Client.feed`: feed one input, drain the actions, re-arm the timer.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable, Coroutine
from typing import Any, assert_never, cast
from urllib.parse import urlsplit

from embedding import CONFIG, LOGIN, RoundTrip, transfer

from auxws_proto import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    AuxWebSocket,
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


class Line(asyncio.Protocol):
    """One connection. What it is told, it tells the client."""

    transport: asyncio.Transport

    def __init__(self, client: Client, number: int) -> None:
        self.client = client
        self.number = number
        self.is_full = False
        self.unreported = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.client.lines[self.number] = self
        self.client.feed(self.client.machine.transport_opened, transport=self.number)

    def data_received(self, data: bytes) -> None:
        self.client.feed(self.client.machine.receive_bytes, data, transport=self.number)

    def connection_lost(self, exc: Exception | None) -> None:
        del self.client.lines[self.number]
        self.client.feed(self.client.machine.receive_eof, transport=self.number)

    # A full socket fills the outbox of the core, and no hidden buffer.

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        self.client.feed(self.report_written)

    def report_written(self, now: float) -> None:
        if self.unreported and not self.is_full:
            count, self.unreported = self.unreported, 0
            self.client.machine.data_sent(count, now, transport=self.number)


class Client:
    """The machine, and whatever runs it."""

    def __init__(self, url: str, app: RoundTrip) -> None:
        self.machine = AuxWebSocket(Role.CLIENT, CONFIG, url=url)
        self.app = app
        self.lines: dict[int, Line] = {}
        self.opening: dict[int, asyncio.Task[None]] = {}
        self.loop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.closed = asyncio.Event()

    async def run(self) -> None:
        """Connect, and wait for the end."""
        self.feed(self.machine.connect)
        self.feed(self.machine.send, self.app.opening())
        await self.closed.wait()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def feed(self, door: Callable[..., object], *inputs: object, **more: object) -> None:
        """Feed one input, drain the actions, re-arm the timer."""
        now = self.loop.time()
        door(*inputs, now, **more)
        for action in self.machine.actions():
            self.perform(action, now)
        for line in self.lines.values():
            if self.machine.wants_data:
                line.transport.resume_reading()
            else:
                line.transport.pause_reading()
        if self.timer is not None:
            self.timer.cancel()
        deadline = self.machine.next_timeout()
        if deadline is not None:
            self.timer = self.loop.call_at(deadline, self.feed, self.machine.handle_timeout)

    def perform(self, action: Action, now: float) -> None:
        """Do what the machine asks for. What is called here appends to the same queue."""
        match action:
            case OpenTransport():
                self.opening[action.transport] = self.start(self.open(action))
            case SendBytes():
                line = self.lines[action.transport]
                line.transport.write(action.data)
                line.unreported += 1
                line.report_written(now)
            case CloseTransport():
                self.lines[action.transport].transport.close()
            case AbortTransport():
                if action.transport in self.lines:
                    self.lines[action.transport].transport.abort()
                elif action.transport in self.opening:
                    self.opening[action.transport].cancel()
            case PutToUrl() | GetFromUrl():
                self.start(self.fetch(action))
            case AskForLogin():
                self.machine.login(LOGIN, now)
            case DeliverMessage():
                self.machine.taken(action.size, now)
                for message in self.app.answers(action.message):
                    self.machine.send(message, now)
                if self.app.is_done:
                    self.machine.close(now)
            case ReportState():
                if action.state is State.CLOSED:
                    self.closed.set()
            case ReportError() | ReportGap():
                print(action.error, file=sys.stderr)
            case ReportSend() | ReportProgress() | CancelTransfer():
                pass
            case SendText() | SendPing() | AnswerUploadRequest():
                raise AssertionError("that is for sessions and servers")
            case _:
                assert_never(action)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something that takes time; its outcome is an input like any other."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def open(self, action: OpenTransport) -> None:
        """Open a connection: `Line` tells of it, but for a failure."""
        number = action.transport
        target = urlsplit(action.url or "")
        context = ssl.create_default_context() if target.scheme == "wss" else None
        port = target.port or (80 if context is None else 443)
        try:
            await self.loop.create_connection(
                lambda: Line(self, number), target.hostname or "", port, ssl=context
            )
        except OSError as error:
            failure = TransportFailure(kind="connect", detail=str(error))
            self.feed(self.machine.transport_failed, failure, transport=number)
        finally:
            del self.opening[number]

    async def fetch(self, action: PutToUrl | GetFromUrl) -> None:
        """Talk to the object store."""
        outcome = await asyncio.to_thread(transfer, action)
        self.feed(self.machine.handle, outcome)


async def main(url: str) -> None:
    """Send a large message and get it back."""
    await Client(url, RoundTrip()).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
