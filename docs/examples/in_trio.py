"""The core on bare trio: a stream, a task that reads, a task that writes, and one alarm.

    python in_trio.py ws://127.0.0.1:8080/Prod

The contract of the core is in `Client.feed`: feed one input, drain the actions, re-arm the timer.
"""

from __future__ import annotations

import math
import ssl
import sys
from collections.abc import Callable
from typing import assert_never
from urllib.parse import urlsplit

import trio
import trio.abc
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

Outgoing = SendBytes | CloseTransport
GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


async def dial(url: str) -> trio.abc.Stream:
    """A connection to the host of a URL. Raises OSError."""
    target = urlsplit(url)
    host = target.hostname or ""
    if target.scheme != "wss":
        return await trio.open_tcp_stream(host, target.port or 80)
    context = ssl.create_default_context()
    line = await trio.open_ssl_over_tcp_stream(
        host, target.port or 443, ssl_context=context, https_compatible=True
    )
    await line.do_handshake()
    return line


class Client:
    """The machine, and the tasks that run it."""

    nursery: trio.Nursery

    def __init__(self, url: str, app: RoundTrip) -> None:
        self.machine = AuxWebSocket(Role.CLIENT, CONFIG, url=url)
        self.app = app
        self.alarm = trio.CancelScope()
        self.lines: dict[int, trio.CancelScope] = {}
        self.outgoing: dict[int, trio.MemorySendChannel[Outgoing]] = {}
        self.may_read = trio.Event()

    async def run(self) -> None:
        """Connect, and wait for the end."""
        async with trio.open_nursery() as self.nursery:
            self.nursery.start_soon(self.watch_clock)
            self.feed(self.machine.connect)
            self.feed(self.machine.send, self.app.opening())

    def feed(self, door: Callable[..., object], *inputs: object, **more: object) -> None:
        """Feed one input, drain the actions, re-arm the timer."""
        now = trio.current_time()
        door(*inputs, now, **more)
        for action in self.machine.actions():
            self.perform(action, now)
        if self.machine.wants_data:
            self.may_read.set()
        elif self.may_read.is_set():
            self.may_read = trio.Event()
        self.alarm.deadline = self.deadline()

    def deadline(self) -> float:
        """When the machine wants to be woken."""
        deadline = self.machine.next_timeout()
        return math.inf if deadline is None else deadline

    async def watch_clock(self) -> None:
        """Wake the machine when it is time; `feed` moves the deadline."""
        while True:
            with trio.CancelScope(deadline=self.deadline()) as self.alarm:
                await trio.sleep_forever()
            self.feed(self.machine.handle_timeout)

    def perform(self, action: Action, now: float) -> None:
        """Do what the machine asks for. What is called here appends to the same queue."""
        match action:
            case OpenTransport():
                self.lines[action.transport] = trio.CancelScope()
                self.nursery.start_soon(self.connect, action)
            case SendBytes() | CloseTransport():
                if action.transport in self.outgoing:
                    self.outgoing[action.transport].send_nowait(action)
            case AbortTransport():
                if action.transport in self.lines:
                    self.lines[action.transport].cancel()
            case PutToUrl() | GetFromUrl():
                self.nursery.start_soon(self.fetch, action)
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
                    self.nursery.cancel_scope.cancel()
            case ReportError() | ReportGap():
                print(action.error, file=sys.stderr)
            case ReportSend() | ReportProgress() | CancelTransfer():
                pass
            case SendText() | SendPing() | AnswerUploadRequest():
                raise AssertionError("that is for sessions and servers")
            case _:
                assert_never(action)

    async def connect(self, action: OpenTransport) -> None:
        """One connection, from its beginning to its end."""
        number = action.transport
        try:
            with self.lines[number]:
                await self.converse(action)
        finally:
            del self.lines[number]
            self.outgoing.pop(number, None)
        # The machine ignores the end of what it has given up itself.
        self.feed(self.machine.receive_eof, transport=number)

    async def converse(self, action: OpenTransport) -> None:
        """Open it, and let it be read and written; the machine is told of it."""
        machine, number = self.machine, action.transport
        try:
            stream = await dial(action.url or "")
        except (OSError, *GONE) as error:
            failure = TransportFailure(kind="connect", detail=str(error))
            self.feed(machine.transport_failed, failure, transport=number)
            return
        # What waits here is bounded by `Config.write_ahead`.
        self.outgoing[number], outgoing = trio.open_memory_channel[Outgoing](math.inf)
        async with stream, trio.open_nursery() as tasks:
            self.feed(machine.transport_opened, transport=number)
            tasks.start_soon(self.write, stream, outgoing, tasks.cancel_scope)
            await self.read(stream, number)
            tasks.cancel_scope.cancel()

    async def read(self, stream: trio.abc.Stream, number: int) -> None:
        """Tell the machine what comes."""
        while True:
            await self.may_read.wait()
            try:
                data = await stream.receive_some(65_536)
            except GONE:
                return
            if not data:
                return
            self.feed(self.machine.receive_bytes, data, transport=number)

    async def write(
        self,
        stream: trio.abc.Stream,
        outgoing: trio.MemoryReceiveChannel[Outgoing],
        line: trio.CancelScope,
    ) -> None:
        """Write what the machine says, in its order."""
        async for action in outgoing:
            if isinstance(action, CloseTransport):
                line.cancel()
                return
            try:
                await stream.send_all(action.data)
            except GONE:
                return
            self.feed(self.machine.data_sent, 1, transport=action.transport)

    async def fetch(self, action: PutToUrl | GetFromUrl) -> None:
        """Talk to the object store."""
        outcome = await trio.to_thread.run_sync(transfer, action)
        self.feed(self.machine.handle, outcome)


async def main(url: str) -> None:
    """Send a large message and get it back."""
    await Client(url, RoundTrip()).run()


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
