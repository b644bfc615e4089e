"""The core in a browser: Python by Pyodide, the browser's WebSocket and its fetch.

    pyodide.pyimport("in_pyodide").main("wss://…", globalThis)

It needs nothing but the standard library and `auxws_proto`. A browser cannot ping, so that
confirmations come by ``sync/time``; it splits no message into frames, and sets no headers.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from typing import Any, assert_never

from embedding import LOGIN, RoundTrip, most

from auxws_proto import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    AuxSession,
    CancelTransfer,
    CloseTransport,
    Config,
    DeliverMessage,
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

CONFIG = Config(
    ask_for_login=True,
    can_ping=False,
    barrier="message",
    resend_unknown=True,
    random=random.random,
)
DRAIN = 0.02
"""Seconds between two looks at what the browser has not sent yet; it does not tell by itself."""


class Client:
    """The session, and what runs it. ``js`` is the page's global object."""

    def __init__(self, url: str, js: Any, app: RoundTrip) -> None:
        self.session = AuxSession(Role.CLIENT, CONFIG, url=url)
        self.js = js
        self.app = app
        self.loop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None
        self.sockets: dict[int, Any] = {}
        self.unreported: dict[int, int] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.closed = asyncio.Event()

    async def run(self) -> None:
        """Connect, and wait for the end."""
        self.feed(self.session.connect)
        self.feed(self.session.send, self.app.opening())
        await self.closed.wait()

    def feed(self, door: Callable[..., object], *inputs: object, **more: object) -> None:
        """Feed one input, drain the actions, re-arm the timer."""
        now = self.loop.time()
        door(*inputs, now, **more)
        for action in self.session.actions():
            self.perform(action, now)
        if self.timer is not None:
            self.timer.cancel()
        deadline = self.session.next_timeout()
        if deadline is not None:
            left = max(0.0, deadline - now)
            self.timer = self.loop.call_later(left, self.feed, self.session.handle_timeout)

    def perform(self, action: Action, now: float) -> None:
        """Do what the session asks for. What is called here appends to the same queue."""
        match action:
            case OpenTransport():
                self.open(action)
            case SendText():
                self.send(action)
            case CloseTransport() | AbortTransport():
                socket = self.sockets.get(action.transport)
                if socket is not None:
                    socket.close()
            case PutToUrl() | GetFromUrl():
                self.start(self.fetch(action))
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
                print(action.error)
            case ReportSend() | ReportProgress() | CancelTransfer():
                pass
            case SendPing() | SendBytes() | AnswerUploadRequest():
                raise AssertionError("that is for those who can ping, and for servers")
            case _:
                assert_never(action)

    def open(self, action: OpenTransport) -> None:
        """Open a socket, whose events are inputs."""
        number, session = action.transport, self.session
        socket = self.sockets[number] = self.js.WebSocket.new(action.url)
        has_opened = False

        def opened(_event: Any) -> None:
            nonlocal has_opened
            has_opened = True
            self.feed(session.transport_opened, transport=number)

        def received(event: Any) -> None:
            self.feed(session.receive_text, event.data, transport=number)

        def ended(event: Any) -> None:
            del self.sockets[number]
            if has_opened:
                code, reason = event.code, event.reason
                self.feed(session.receive_eof, code=code, reason=reason, transport=number)
            else:
                # A page is not told why, not even the status.
                failure = TransportFailure(kind="connect", detail="the browser does not say why")
                self.feed(session.transport_failed, failure, transport=number)

        socket.onopen, socket.onmessage, socket.onclose = opened, received, ended
        # What goes wrong ends in a close, too.
        socket.onerror = lambda _event: None

    def send(self, action: SendText) -> None:
        """Hand a text to the browser; it is reported once the browser has sent it."""
        number = action.transport
        if number not in self.sockets:
            return
        self.sockets[number].send(action.text)
        self.unreported[number] = self.unreported.get(number, 0) + 1
        if self.unreported[number] == 1:
            self.loop.call_later(0, self.report_sent, number)

    def report_sent(self, number: int) -> None:
        """Tell the session what has gone out, so that a slow network fills its outbox alone."""
        if number not in self.sockets:
            self.unreported.pop(number, None)
        elif self.sockets[number].bufferedAmount:
            self.loop.call_later(DRAIN, self.report_sent, number)
        else:
            count = self.unreported.pop(number)
            self.feed(self.session.data_sent, count, transport=number)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that takes time; its outcome is an input like any other."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def fetch(self, action: PutToUrl | GetFromUrl) -> None:
        """Talk to the object store."""
        self.feed(self.session.handle, await self.transfer(action))

    async def transfer(self, action: PutToUrl | GetFromUrl) -> HttpResponded | HttpFailed:
        """Do what the core asks of the object store."""
        options: dict[str, Any] = {
            "method": action.method,
            "headers": dict(action.headers),
            "credentials": "omit",
            "redirect": "error",
        }
        if isinstance(action, PutToUrl):
            options["body"] = str(action.body, "utf-8")
        try:
            # JSON makes an object of JavaScript's, without a word of Pyodide's own.
            js_options = self.js.JSON.parse(json.dumps(options))
            response = await self.js.fetch(action.url.reveal(), js_options)
            body = (await response.arrayBuffer()).to_bytes()
        except Exception as error:
            failure = HttpFailure(kind="read", detail=type(error).__name__)
            return HttpFailed(transfer_id=action.transfer_id, error=failure)
        if len(body) > most(action, response.status):
            failure = HttpFailure(kind="too_large", transient=False)
            return HttpFailed(transfer_id=action.transfer_id, error=failure)
        headers = tuple((str(name), str(value)) for name, value in response.headers)
        return HttpResponded(
            transfer_id=action.transfer_id, status=response.status, headers=headers, body=body
        )


async def main(url: str, js: Any) -> None:
    """Send a large message and get it back."""
    await Client(url, js, RoundTrip()).run()
