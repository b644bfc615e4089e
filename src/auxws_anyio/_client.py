"""`AuxClient` and `connect`: what applications see of this driver.

It knows the names of the public interface. It must not know how anything of it is done: the
`Engine` runs the machine, the `Desk` keeps what has come.
"""

from __future__ import annotations

import dataclasses
import random
import ssl as tls
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeAlias

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint_if_cancelled

from auxws_proto import (
    AuxWebSocket,
    Config,
    ConnectionFailed,
    Credentials,
    DeliverMessage,
    ErrorReport,
    LocalProtocolError,
    OutboxFull,
    Role,
    SlowPolicy,
    State,
    StateChange,
    Stats,
    Tally,
)
from auxws_proto._mailbox import MAX_MAILBOX_BYTES, MAX_MAILBOX_MESSAGES, Mailbox, MessageBox
from auxws_proto._target import check_headers, parse_target

from ._engine import Connector, Engine, Headers, Observer, Source
from ._http import HttpTransport
from ._receipt import Receipt
from ._subscription import Subscription

Message: TypeAlias = dict[str, Any]

_UNKNOWN_URL = "wss://url.invalid/"
"""Until a callable has given the first one."""

_RESTING = (State.IDLE, State.CLOSED)
"""The states in which nothing moves by itself."""


class AuxClient:
    """A client of one AUX endpoint. ``async with`` it, then `connect` and `disconnect` as wanted.

    Entering starts the machinery and opens nothing; leaving sends what is accepted, for at most
    ``config.close_timeout`` seconds, and ends for good (when left by cancellation, at once). All
    methods are called from the task group's own thread. See `connect` for the parameters.
    """

    def __init__(
        self,
        url: Source[str],
        *,
        subprotocol: str | None = None,
        login: Source[Credentials] | None = None,
        on_connect: Iterable[Mapping[str, Any]] = (),
        config: Config | None = None,
        headers: Source[Headers] = (),
        ssl: tls.SSLContext | None = None,
        proxy: str | None = None,
        http: HttpTransport | None = None,
        transport: Connector | None = None,
        outbox: None = None,
        trace: None = None,
        observer: Observer | None = None,
    ) -> None:
        for name, value in (("outbox", outbox), ("trace", trace)):
            if value is not None:
                raise LocalProtocolError(f"{name}= is not supported by this version")
        config = config if config is not None else Config()
        if config.random is Config().random:
            # The core draws no randomness; without it all clients would reconnect in step.
            config = dataclasses.replace(config, random=random.random)
        self.config = dataclasses.replace(config, ask_for_login=login is not None)
        machine = AuxWebSocket(
            Role.CLIENT,
            self.config,
            url=_UNKNOWN_URL if callable(url) else url,
            subprotocol=subprotocol,
            headers=() if callable(headers) else headers,
            on_connect=on_connect,
        )
        self._engine = Engine(
            machine,
            url=url,
            headers=headers if callable(headers) else check_headers(headers),
            login=login,
            ssl=ssl,
            proxy=proxy,
            http=http,
            connector=transport,
            observer=observer,
        )
        self._desk = self._engine.desk
        self._everything: Subscription[Message] | None = None
        self._group: TaskGroup | None = None
        self._thread: int | None = None

    # The context.

    async def __aenter__(self) -> Self:
        if self._thread is not None:
            raise LocalProtocolError("a client is entered once; make a new one")
        self._thread = threading.get_ident()
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._engine.start(self._group)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        is_cancelled = isinstance(exc, anyio.get_cancelled_exc_class())
        assert self._group is not None
        try:
            if not is_cancelled and self._engine.error is None:
                await self.aclose()
        finally:
            self._end()
            try:
                # Only a cancellation goes through the task group, which accounts for it; anything
                # else would come out of it in an ExceptionGroup.
                if is_cancelled:
                    await self._group.__aexit__(exc_type, exc, traceback)
                else:
                    await self._group.__aexit__(None, None, None)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._engine.release()

    async def aclose(self) -> None:
        """Send what is accepted, for at most ``config.close_timeout`` seconds; end for good."""
        self._check()
        deadline = anyio.current_time() + self.config.close_timeout
        with anyio.CancelScope(deadline=deadline):
            if self.state not in _RESTING:
                await self._flush()
        self._engine.call(self._engine.machine.close)
        with anyio.CancelScope(deadline=deadline):
            await self._wait_for(lambda: self.state is State.CLOSED and self._engine.is_idle)

    def _end(self) -> None:
        """Drop what is left, and give everything back."""
        engine = self._engine
        if engine.error is None:
            engine.call(engine.machine.close)
        self._desk.finish(None)
        engine.stop()

    # Connection.

    async def connect(self) -> None:
        """Begin to open; `wait_connected` waits for it. Again after `disconnect`; else it is free.

        Raises `LocalProtocolError` if the client has ended.
        """
        self._check()
        self._engine.call(self._engine.machine.connect)

    async def disconnect(self) -> None:
        """Close until `connect` is called. What is accepted stays and is sent then."""
        self._check()
        self._engine.call(self._engine.machine.disconnect)
        await self._wait_for(lambda: self.state is not State.CLOSING)

    @property
    def state(self) -> State:
        """The state of the connection."""
        return self._desk.state

    @property
    def is_connected(self) -> bool:
        """Whether messages go out now: connected, and logged in if there is a login."""
        return self.state is State.OPEN

    def states(self) -> Subscription[StateChange]:
        """Iterate over the changes of the state from now on."""
        box = self._desk.states.open()
        return Subscription(box, box.pop)

    async def wait_connected(self, timeout: float | None = None) -> None:
        """Wait until `is_connected`.

        Raises `TimeoutError` after ``timeout`` seconds, and what ended the client if that has
        happened: `ConnectionFailed`, `LoginRefused`.
        """
        self._check()
        with anyio.move_on_after(timeout):
            await self._wait_for(lambda: self.state in (State.OPEN, State.CLOSED))
        if self.state is State.CLOSED:
            raise self._desk.cause or ConnectionFailed("closed", "the client has ended")
        if self.state is not State.OPEN:
            cause = f": {self._desk.cause}" if self._desk.cause is not None else ""
            raise TimeoutError(f"not connected within {timeout:g} s, but {self.state.value}{cause}")

    @property
    def info(self) -> Mapping[str, Any] | None:
        """The connection info of the last login: connectionId, sessionId, userId."""
        return self._desk.info

    @property
    def indicator(self) -> Credentials | None:
        """What this client last logged in with."""
        return self._engine.credentials

    @property
    def origin(self) -> str | None:
        """Scheme, host and port of the URL; None before a callable has given one."""
        url = self._engine.url
        return None if url is None else parse_target(url).origin

    def errors(self) -> Subscription[ErrorReport]:
        """Iterate over what goes wrong without concerning a send.

        Error events of the server, gateway notices, gaps, refused frames. The first call also
        gets what came before it, at most 1,000.
        """
        box = self._desk.errors.open()
        return Subscription(box, box.pop)

    # Sending.

    async def send(self, message: Mapping[str, Any]) -> Receipt:
        """Accept a message of any size; it is serialized here and now.

        Waits while the outbox is full (``config.overflow``) or, if so configured, while there is no
        connection (``config.offline``), in the order of the calls. Cancelled, it has accepted
        nothing. Raises `LocalProtocolError` for what is no message or for an ended client,
        `OutboxFull` or `ConnectionFailed` where the configuration says to raise.
        """
        self._check()
        await checkpoint_if_cancelled()
        await self._wait_until_online()
        if not self._desk.line:
            try:
                return self._accept(message)
            except OutboxFull:
                if self.config.overflow == "raise":
                    raise
        return await self._accept_in_turn(message)

    def _accept(self, message: Mapping[str, Any]) -> Receipt:
        machine = self._engine.machine

        def accept(now: float) -> Receipt:
            # Known before the machine is drained, which may report its outcome at once.
            receipt = Receipt(machine.send(message, now))
            self._desk.receipts[receipt.send_id] = receipt
            return receipt

        return self._engine.call(accept)

    async def _accept_in_turn(self, message: Mapping[str, Any]) -> Receipt:
        line = self._desk.line
        turn = anyio.Event()
        line.append(turn)
        try:
            while True:
                await turn.wait()
                try:
                    return self._accept(message)
                except OutboxFull:
                    # Still the head of the line, for the next outcome.
                    line[0] = turn = anyio.Event()
        finally:
            line.remove(turn)
            self._desk.admit()

    async def _wait_until_online(self) -> None:
        if self.config.offline == "queue" or self.is_connected:
            return
        if self.config.offline == "raise":
            raise ConnectionFailed("offline", f"the client is {self.state.value}")
        await self._wait_for(lambda: self.state in (State.OPEN, State.CLOSED))

    async def flush(self, timeout: float | None = None) -> None:
        """Wait until every message accepted so far has an outcome, good or bad.

        Raises `TimeoutError` after ``timeout`` seconds.
        """
        self._check()
        with anyio.move_on_after(timeout) as scope:
            await self._flush()
        if scope.cancelled_caught:
            left = len(self._desk.receipts)
            raise TimeoutError(f"{left} messages without an outcome after {timeout:g} s")

    async def _flush(self) -> None:
        for receipt in list(self._desk.receipts.values()):
            while not receipt.is_final:
                await receipt._bell.wait()

    # Receiving.

    def event(
        self,
        type: str,
        *,
        policy: SlowPolicy = "block",
        max_messages: int = MAX_MAILBOX_MESSAGES,
        max_bytes: int = MAX_MAILBOX_BYTES,
    ) -> Subscription[Message]:
        """Subscribe to messages of one type: ``with client.event(t) as stream: async for …``.

        When it holds ``max_messages`` messages or ``max_bytes`` bytes, ``policy`` says what happens:
        ``"block"`` stops the reading of the connection (pongs and upload URLs wait too),
        ``"drop_oldest"`` loses and counts, ``"error"`` ends it with `SlowConsumer`. Messages that
        came before the first subscription of the client wait for it.
        """
        self._check()
        box = MessageBox(type, policy=policy, max_messages=max_messages, max_bytes=max_bytes)
        return self._subscribe(box)

    def __aiter__(self) -> Subscription[Message]:
        """Iterate over every message; each goes to one iteration, and waits while there is none."""
        self._check()
        if self._everything is None:
            self._everything = self._subscribe(MessageBox())
        return self._everything.__aiter__()

    async def request(
        self,
        message: Mapping[str, Any],
        *,
        reply: str | None = None,
        where: Callable[[Message], bool] | None = None,
        timeout: float | None = None,
    ) -> Message:
        """Send a message, and wait for the first of type ``reply`` for which ``where`` is true.

        Raises `SendFailed` if the message failed, `TimeoutError` after ``timeout`` seconds, and
        `LocalProtocolError` if neither ``reply`` nor ``where`` is given.
        """
        self._check()
        if reply is None and where is None:
            raise LocalProtocolError("say what the reply is: give reply= or where=, or both")
        box = MessageBox(reply)
        router = self._desk.router
        router.open(box, watcher=True)
        stream = Subscription(
            box, lambda: self._take(box), on_close=lambda: self._close(box)
        )
        with stream, anyio.move_on_after(timeout):
            receipt = await self.send(message)
            receipt._on_failed = stream._finish
            if receipt.error is not None:
                raise receipt.error
            async for delivery in stream:
                if where is None or where(delivery.message):
                    router.claim(delivery)
                    return delivery.message
            raise ConnectionFailed("closed", "the client ended before a reply came")
        raise TimeoutError(f"no reply within {timeout:g} s")

    def _subscribe(self, box: MessageBox) -> Subscription[Message]:
        def take() -> Message | None:
            delivery = self._take(box)
            return None if delivery is None else delivery.message

        def opened() -> None:
            self._desk.router.open(box)
            self._engine.settle()

        return Subscription(box, take, on_open=opened, on_close=lambda: self._close(box))

    def _take(self, box: MessageBox) -> DeliverMessage | None:
        delivery = self._desk.router.take(box)
        # What was taken is told when it matters: when nothing is left, or the reading waits for it.
        if delivery is None or not self._engine.wants_data:
            self._engine.settle()
        return delivery

    def _close(self, box: Mailbox[Any]) -> None:
        self._desk.router.close(box)
        self._engine.settle()

    # Looking on.

    @property
    def stats(self) -> Stats:
        """A snapshot of the queues and counters."""
        now = self._engine.machine.session.stats()
        waiting = Tally(messages=self._desk.router.waiting[0], bytes=self._desk.router.waiting[1])
        return Stats(
            pending_uploads=now.pending_uploads,
            pending_downloads=now.pending_downloads,
            outbox_messages=now.outbox_messages,
            outbox_bytes=now.outbox_bytes,
            sent=now.sent,
            received=now.received,
            waiting=waiting,
            undelivered=self._desk.router.undelivered,
            dropped=self._desk.router.dropped,
            errors=self._desk.error_count,
            latency=now.latency,
        )

    async def _wait_for(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._desk.changed.wait()

    def _check(self) -> None:
        """The client is entered, and this is its thread."""
        if self._engine.error is not None:
            raise self._engine.error
        if self._thread is None:
            raise LocalProtocolError("enter the client first: async with AuxClient(…) as client")
        if self._thread != threading.get_ident():
            raise LocalProtocolError("a client is used from the thread that entered it")


@asynccontextmanager
async def connect(
    url: Source[str],
    *,
    subprotocol: str | None = None,
    login: Source[Credentials] | None = None,
    on_connect: Iterable[Mapping[str, Any]] = (),
    config: Config | None = None,
    headers: Source[Headers] = (),
    ssl: tls.SSLContext | None = None,
    proxy: str | None = None,
    http: HttpTransport | None = None,
    transport: Connector | None = None,
    outbox: None = None,
    trace: None = None,
    observer: Observer | None = None,
) -> AsyncIterator[AuxClient]:
    """A connecting client: ``async with connect(url) as client``.

    ``url`` (``wss:``, ``ws:``, or ``https:``, ``http:``, which mean the same) and ``headers`` may be
    callables, also asynchronous ones, that are asked for each attempt; so may ``login`` (a
    `ConnectionToken` or `ConnectionId`), for each connection. ``on_connect`` are messages that go
    out after each login. ``ssl`` is the TLS context of both legs, ``proxy`` an ``http://`` or
    ``socks5://`` URL for both. ``http`` and ``transport`` replace what makes requests and opens
    connections; an ``http`` can be shared by any number of clients. ``observer`` is called with each
    action of the machine. Raises `LocalProtocolError` for a mistake in any of these; that the
    server cannot be reached is told by `AuxClient.wait_connected` and `AuxClient.states`.
    """
    client = AuxClient(
        url,
        subprotocol=subprotocol,
        login=login,
        on_connect=on_connect,
        config=config,
        headers=headers,
        ssl=ssl,
        proxy=proxy,
        http=http,
        transport=transport,
        outbox=outbox,
        trace=trace,
        observer=observer,
    )
    async with client:
        await client.connect()
        yield client
