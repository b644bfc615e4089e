"""`AuxClient`: what applications see of this driver.

It knows the names of the public interface. It must not know how anything of it is done: the
`Engine` runs the machine, the `Desk` keeps what has come, `Sender` and `Receiver` wait.
"""

from __future__ import annotations

import itertools
import os
import random
import ssl as tls
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import anyio
from anyio.abc import TaskGroup

from auxws_proto import (
    Config,
    ConnectionFailed,
    Credentials,
    ErrorReport,
    InstConfig,
    LocalProtocolError,
    State,
    StateChange,
    Stats,
    Tally,
)
from auxws_proto._dialogue_websocket import DialogueWebSocket
from auxws_proto._driver_config import driver_config
from auxws_proto._journal import OutboxStore, check_store
from auxws_proto._requests import Where, request_for
from auxws_proto._router import MessageBox
from auxws_proto._target import check_headers, parse_target
from auxws_proto._trace_elision import DEFAULT_LIMIT
from auxws_proto._tracing import TraceTarget
from auxws_proto.observe import Observer

from ._dialogues import DialogueVerbs, Talk
from ._engine import Engine
from ._errands import Connector, Errands, Headers, Source
from ._http import HttpTransport
from ._log import looked_at
from ._receipt import Receipt
from ._receiver import Message, Receiver
from ._sender import Outgoing, Sender
from ._subscription import Subscription
from ._trace_file import tracing
from ._typed import TypedVerbs

_RESTING = (State.IDLE, State.CLOSED)
"""The states in which nothing moves by itself."""

_numbers = itertools.count(1)


class AuxClient(TypedVerbs, DialogueVerbs):
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
        outbox: OutboxStore | None = None,
        insts: InstConfig | None = None,
        trace: TraceTarget | None = None,
        trace_limit: int = DEFAULT_LIMIT,
        observer: Observer | None = None,
    ) -> None:
        self.config: Config = driver_config(
            config,
            answers_logins=login is not None,
            random=random.random,
            entropy=os.urandom,
            process=os.getpid,
        )
        machine = DialogueWebSocket(
            self.config,
            url=None if callable(url) else url,
            subprotocol=subprotocol,
            headers=() if callable(headers) else headers,
            on_connect=on_connect,
            insts=insts,
        )
        self._errands = Errands(
            url=url,
            headers=headers if callable(headers) else check_headers(headers),
            login=login,
            ssl=ssl,
            proxy=proxy,
            http=http,
            connector=transport,
            policy=self.config.url_policy,
        )
        check_store(outbox)
        self._tracing = tracing(trace, trace_limit)
        self._tracing.attach(machine)
        machine = looked_at(machine, observer, f"anyio-{next(_numbers)}")
        self._engine = Engine(machine, errands=self._errands, store=outbox)
        self._desk = self._engine.desk
        self._sender = Sender(self._engine, self.config)
        self._receiver = Receiver(self._engine)
        self._talking = Talk(self._engine, self._sender)
        machine.on_sent = self._sender.note
        self.restored: tuple[Receipt, ...] = ()
        """The messages that ``outbox`` had kept from an earlier client, in their order."""
        self._group: TaskGroup | None = None
        self._thread: int | None = None

    # The context.

    async def __aenter__(self) -> Self:
        if self._thread is not None:
            raise LocalProtocolError("a client is entered once; make a new one")
        self._thread = threading.get_ident()
        with self._tracing.begin(anyio.current_time()):
            stored = await self._sender.load()
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._engine.start(self._group)
        self.restored = self._sender.restore(stored)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        is_cancelled = isinstance(exc, anyio.get_cancelled_exc_class())
        # Whoever interrupts a program does not want to wait for it.
        in_hurry = exc is not None and not isinstance(exc, Exception)
        assert self._group is not None
        try:
            if not in_hurry:
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
                    await self._errands.release()
                    if self._engine.recorder is not None:
                        await self._engine.recorder.close()
                    self._tracing.close()

    async def aclose(self) -> None:
        """Send what is accepted, for at most ``config.close_timeout`` seconds; end for good."""
        engine = self._engine
        if engine.error is not None:
            return
        self._check()
        deadline = anyio.current_time() + self.config.close_timeout
        with anyio.CancelScope(deadline=deadline):
            if self.state not in _RESTING:
                await self._sender.flush()
        if engine.error is None:
            engine.call(engine.machine.close)
        with anyio.CancelScope(deadline=deadline):
            await self._desk.wait_for(lambda: self.state is State.CLOSED and engine.is_idle)
        engine.links.end()

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
        await self._desk.wait_for(lambda: self.state is not State.CLOSING)

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
            await self._desk.wait_for(lambda: self.state in (State.OPEN, State.CLOSED))
        if self.state is State.CLOSED:
            cause = self._desk.cause or ConnectionFailed("closed", "the client has ended")
            raise cause.with_traceback(None)
        if self.state is not State.OPEN:
            why = f": {self._desk.cause}" if self._desk.cause is not None else ""
            raise TimeoutError(f"not connected within {timeout:g} s, but {self.state.value}{why}")

    @property
    def info(self) -> Mapping[str, Any] | None:
        """The connection info of the last login: connectionId, sessionId, userId."""
        return self._desk.info

    @property
    def indicator(self) -> Credentials | None:
        """What this client last logged in with."""
        return self._errands.credentials

    @property
    def origin(self) -> str | None:
        """Scheme, host and port of the URL; None before a callable has given one."""
        url = self._errands.url
        return None if url is None else parse_target(url).origin

    def errors(self) -> Subscription[ErrorReport]:
        """Iterate over what goes wrong without concerning a send.

        Error events of the server, gateway notices, gaps, refused frames. The first call also
        gets what came before it, at most 1,000.
        """
        box = self._desk.errors.open()
        return Subscription(box, box.pop)

    # Sending.

    async def send(self, message: Outgoing) -> Receipt:
        """Accept a message of any size; it is serialized here and now, unless it is `Encoded`.

        Waits while the outbox is full (``config.overflow``) or, if so configured, while there is no
        connection (``config.offline``), in the order of the calls. Cancelled, it has accepted
        nothing. Raises `LocalProtocolError` for what is no message or for an ended client,
        `OutboxFull` or `ConnectionFailed` where the configuration says to raise.
        """
        if self._engine.error is not None or self._thread != threading.get_ident():
            self._check()
        entry = self._sender.follow(message)
        return await self._sender.send(message) if entry is None else Receipt(entry)

    async def flush(self, timeout: float | None = None) -> None:
        """Wait until every message accepted so far has an outcome, good or bad.

        Raises `TimeoutError` after ``timeout`` seconds.
        """
        self._check()
        with anyio.move_on_after(timeout) as scope:
            await self._sender.flush()
        if scope.cancelled_caught:
            left = len(self._desk.entries)
            raise TimeoutError(f"{left} messages without an outcome after {timeout:g} s")

    # Receiving.

    def _event(self, box: MessageBox) -> Subscription[Any]:
        self._check()
        return self._receiver.subscribe(box)

    def __aiter__(self) -> Subscription[Message]:
        """Iterate over every message; each goes to one iteration, and waits while there is none."""
        self._check()
        return aiter(self._receiver.everything())

    async def _request(
        self, message: Outgoing, reply: str | None, where: Where | None, timeout: float | None
    ) -> Any:
        return await self._talk.ask(request_for(reply, where), message, timeout)

    @property
    def _talk(self) -> Talk:
        self._check()
        return self._talking

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
            transports=self._engine.transports,
            latency=now.latency,
        )

    def _check(self) -> None:
        """The client is entered, and this is its thread."""
        if self._engine.error is not None:
            raise self._engine.error
        if self._thread is None:
            raise LocalProtocolError("enter the client first: async with AuxClient(…) as client")
        if self._thread != threading.get_ident():
            raise LocalProtocolError("a client is used from the thread that entered it")
