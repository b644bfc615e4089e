"""The core on top of ``aiohttp``, which does both legs: the WebSocket, and the object store.

python on_aiohttp.py ws://127.0.0.1:8080/Prod
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import assert_never

import aiohttp
from embedding import CONFIG, LOGIN, RoundTrip, most
from yarl import URL

from auxws_proto import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    AuxSession,
    CancelTransfer,
    CloseTransport,
    DeliverMessage,
    Event,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
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
    SendPing,
    SendText,
    State,
    TransportFailure,
)

Outgoing = SendText | SendPing | CloseTransport


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
        # Cookies of the one host are no business of the other.
        cookies = aiohttp.DummyCookieJar()
        async with (
            aiohttp.ClientSession(cookie_jar=cookies, auto_decompress=False) as self.http,
            asyncio.TaskGroup() as self.tasks,
        ):
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
            line = await self.http.ws_connect(
                action.url or "",
                headers=action.headers,
                # A pong has to be seen: it proves what has arrived.
                autoping=False,
                max_msg_size=CONFIG.max_message_size,
            )
        except (aiohttp.ClientError, OSError) as error:
            status = error.status if isinstance(error, aiohttp.WSServerHandshakeError) else None
            kind = "connect" if status is None else "rejected"
            failure = TransportFailure(kind=kind, status=status, detail=type(error).__name__)
            self.feed(session.transport_failed, failure, transport=number)
            return
        async with line:
            writer = asyncio.create_task(self.write(line, number))
            try:
                self.feed(session.transport_opened, transport=number)
                await self.read(line, number)
            finally:
                writer.cancel()
        code = line.close_code or 1006
        self.feed(session.receive_eof, code=code, transport=number)

    async def read(self, line: aiohttp.ClientWebSocketResponse, number: int) -> None:
        """Tell the session what comes."""
        session = self.session
        while True:
            await self.may_read.wait()
            message = await line.receive()
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    text: str = message.data
                    self.feed(session.receive_text, text, transport=number)
                case aiohttp.WSMsgType.PONG:
                    pong = bytes(message.data)
                    self.feed(session.receive_pong, pong, transport=number)
                case aiohttp.WSMsgType.PING:
                    await line.pong(message.data)
                case aiohttp.WSMsgType.BINARY:
                    print("a binary message is none of the protocol", file=sys.stderr)
                case _:
                    return

    async def write(self, line: aiohttp.ClientWebSocketResponse, number: int) -> None:
        """Send what the session says, in its order."""
        queue = self.outgoing[number]
        while True:
            action = await queue.get()
            try:
                match action:
                    case SendText():
                        # No larger than a frame may be, unless `Config.fragment_limit` is set.
                        await line.send_str(action.text)
                        self.feed(self.session.data_sent, 1, transport=number)
                    case SendPing():
                        await line.ping(action.payload)
                    case CloseTransport():
                        await line.close(code=action.code, message=action.reason.encode())
            except (aiohttp.ClientError, OSError):
                return

    async def fetch(self, action: PutToUrl | GetFromUrl) -> None:
        """Talk to the object store."""
        outcome = await self.transfer(action)
        self.feed(self.session.handle, outcome)

    async def transfer(self, action: PutToUrl | GetFromUrl) -> Event:
        """Do what the core asks of the object store."""
        try:
            async with self.http.request(
                action.method,
                # It is signed as it is written.
                URL(action.url.reveal(), encoded=True),
                data=action.body if isinstance(action, PutToUrl) else None,
                headers={"Accept-Encoding": "identity", **action.headers},
                allow_redirects=False,
            ) as response:
                limit = most(action, response.status)
                body = bytearray()
                async for part in response.content.iter_chunked(65_536):
                    body += part
                    if len(body) > limit:
                        failure = HttpFailure(kind="too_large", transient=False)
                        return HttpFailed(transfer_id=action.transfer_id, error=failure)
                return HttpResponded(
                    transfer_id=action.transfer_id,
                    status=response.status,
                    headers=tuple(response.headers.items()),
                    body=body,
                )
        except (aiohttp.ClientError, OSError) as error:
            failure = HttpFailure(kind="read", detail=type(error).__name__)
            return HttpFailed(transfer_id=action.transfer_id, error=failure)


async def main(url: str) -> None:
    """Send a large message and get it back."""
    await Client(url, RoundTrip()).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
