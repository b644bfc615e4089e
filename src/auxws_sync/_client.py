"""`AuxClient` and `connect`: what applications see of this driver.

It knows the names of the public interface. It must not know how anything of it is done: the
`Engine` owns the machine and its thread, the `Desk` keeps what has come.
"""

from __future__ import annotations

import itertools
import os
import random
import ssl as tls
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar

from auxws_proto import (
    Config,
    ConnectionFailed,
    Credentials,
    ErrorReport,
    InstConfig,
    SendId,
    State,
    StateChange,
    Stats,
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

from ._dial import Connector
from ._dialogues import DialogueVerbs
from ._engine import Engine
from ._errands import Asked, Headers, Settings
from ._http import HttpTransport
from ._log import looked_at
from ._process import HERE
from ._receipt import Entry, Receipt
from ._sender import Sender
from ._sockets import check_proxy
from ._sources import Messages, Reports
from ._subscription import Source, Subscription
from ._talk import Room, Talk
from ._trace_file import tracing
from ._typed import Outgoing, TypedVerbs
from ._waits import deadline_of

T = TypeVar("T")

Message: TypeAlias = dict[str, Any]

_numbers = itertools.count(1)


class AuxClient(TypedVerbs, DialogueVerbs):
    """A client of one AUX endpoint, for any number of threads. ``with`` it; `connect` as wanted.

    Entering starts the machinery and opens nothing; leaving sends what is accepted, for at most
    ``config.close_timeout`` seconds, and ends for good (when left by `KeyboardInterrupt`, at
    once). See `connect` for the parameters. In a child after ``os.fork()`` every method raises
    `AuxError`; on the client's own thread, which is where ``observer`` is called, those that wait
    raise `LocalProtocolError`.
    """

    def __init__(
        self,
        url: Asked[str],
        *,
        subprotocol: str | None = None,
        login: Asked[Credentials] | None = None,
        on_connect: Iterable[Mapping[str, Any]] = (),
        config: Config | None = None,
        headers: Asked[Headers] = (),
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
        headers = headers if callable(headers) else check_headers(headers)
        lock = threading.RLock()
        machine = DialogueWebSocket(
            self.config,
            url=None if callable(url) else url,
            subprotocol=subprotocol,
            headers=() if callable(headers) else headers,
            on_connect=on_connect,
            insts=insts,
            lock=lock,
        )
        settings = Settings(
            url=url,
            headers=headers,
            login=login,
            config=self.config,
            ssl=ssl,
            proxy=check_proxy(proxy),
            http=http,
            connector=transport,
        )
        check_store(outbox)
        self._tracing = tracing(trace, trace_limit)
        self._tracing.attach(machine)
        name = f"auxws-{next(_numbers)}"
        machine = looked_at(machine, observer, name)
        self._engine = Engine(machine, settings, name, outbox)
        self._engine.pump.on_end = self._tracing.close
        self._desk = self._engine.desk
        self._check = self._engine.check_started
        self._check_fate = self._engine.check
        self._sender = Sender(self._engine, self.config)
        self._room = Room(lock)
        machine.dialogues.room_made = self._room.made
        self._everything = Messages(self._desk, MessageBox())
        self.restored: tuple[Receipt, ...] = ()
        """The messages that ``outbox`` had kept from an earlier client, in their order."""
        # Nothing in the engine knows the client, so a forgotten one is collected, and its thread
        # ends; at the interpreter's exit, too.
        weakref.finalize(self, self._engine.abandon)

    # The context.

    def __enter__(self) -> Self:
        with self._tracing.begin(time.monotonic()):
            self._engine.start()
        try:
            stored = self._engine.restore()
        except BaseException:
            self._engine.close(0)
            raise
        self.restored = tuple(Receipt(entry, self._engine.check) for entry in stored)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A forked child that leaves the block must leave the parent's connection alone.
        if HERE.number == self._engine.process:
            # Whoever interrupts a program does not want to wait for it.
            self.close(0 if isinstance(exc, KeyboardInterrupt) else None)

    def close(self, timeout: float | None = None) -> None:
        """Send what is accepted, then close; end for good after ``timeout`` seconds in any case.

        The default is ``config.close_timeout``. No thread, socket or descriptor is left, but for a
        callable or a resolver that does not return. Twice is once.
        """
        self._engine.check()
        self._engine.close(self.config.close_timeout if timeout is None else timeout)

    # Connection.

    def connect(self) -> None:
        """Begin to open; `wait_connected` waits for it. Again after `disconnect`; else it is free.

        Raises `LocalProtocolError` if the client has ended.
        """
        self._check()
        self._engine.call(self._engine.machine.connect)

    def disconnect(self) -> None:
        """Close until `connect` is called. What is accepted stays and is sent then."""
        self._check()
        self._engine.call(self._engine.machine.disconnect)
        self._desk.wait_for(lambda: self._desk.state is not State.CLOSING, None)

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
        self._engine.check()
        return self._stream(Reports[StateChange](self._desk, self._desk.states))

    def wait_connected(self, timeout: float | None = None) -> None:
        """Wait until `is_connected`.

        Raises `TimeoutError` after ``timeout`` seconds, and what ended the client if that has
        happened: `ConnectionFailed`, `LoginRefused`.
        """
        self._check()
        desk = self._desk
        desk.wait_for(lambda: desk.state in (State.OPEN, State.CLOSED), deadline_of(timeout))
        state, cause = desk.state, desk.cause
        if state is State.CLOSED:
            raise cause or ConnectionFailed("closed", "the client has ended")
        if state is not State.OPEN:
            text = f": {cause}" if cause is not None else ""
            raise TimeoutError(f"not connected within {timeout:g} s, but {state.value}{text}")

    @property
    def info(self) -> Mapping[str, Any] | None:
        """The connection info of the last login: connectionId, sessionId, userId."""
        return self._desk.info

    @property
    def indicator(self) -> Credentials | None:
        """What this client last logged in with."""
        return self._engine.errands.credentials

    @property
    def origin(self) -> str | None:
        """Scheme, host and port of the URL; None before a callable has given one."""
        url = self._engine.errands.url
        return None if url is None else parse_target(url).origin

    def errors(self) -> Subscription[ErrorReport]:
        """Iterate over what goes wrong without concerning a send.

        Error events of the server, gateway notices, gaps, refused frames. The first call also
        gets what came before it, at most 1,000.
        """
        self._engine.check()
        return self._stream(Reports[ErrorReport](self._desk, self._desk.errors))

    # Sending.

    def send(self, message: Outgoing, timeout: float | None = None) -> Receipt:
        """Accept a message of any size; it is serialized here and now, unless it is `Encoded`.

        Waits while the outbox is full (``config.overflow``) or, if so configured, while there is no
        connection (``config.offline``), in the order of the calls; after ``timeout`` seconds of
        that it raises `TimeoutError` and has accepted nothing. Raises `LocalProtocolError` for what
        is no message or for an ended client, `OutboxFull` or `ConnectionFailed` where the
        configuration says to raise.
        """
        self._check()
        return Receipt(self._sender.send(message, timeout), self._check_fate)

    def _send(
        self,
        message: Outgoing,
        timeout: float | None,
        on_accepted: Callable[[SendId], None] | None = None,
    ) -> Entry:
        return self._sender.send(message, timeout, on_accepted)

    def flush(self, timeout: float | None = None) -> None:
        """Wait until every message accepted so far has an outcome, good or bad.

        Raises `TimeoutError` after ``timeout`` seconds.
        """
        self._check()
        if not self._desk.wait_for(self._desk.settled(), deadline_of(timeout)):
            left = self._desk.unsettled
            raise TimeoutError(f"{left} messages without an outcome after {timeout:g} s")

    # Receiving.

    def _event(self, box: MessageBox) -> Subscription[Any]:
        self._check()
        return self._stream(Messages(self._desk, box))

    def __iter__(self) -> Subscription[Message]:
        """Iterate over every message; each goes to one iteration, and waits while there is none."""
        self._check()
        return iter(self._stream(self._everything))

    def _request(
        self, message: Outgoing, reply: str | None, where: Where | None, timeout: float | None
    ) -> Any:
        return self._talk.ask(request_for(reply, where), message, timeout)

    @property
    def _talk(self) -> Talk:
        self._check()
        # It keeps the client alive for whoever has it, which the client itself must not do.
        return Talk(self._engine, self._send, self._room)

    def _stream(self, source: Source[T]) -> Subscription[T]:
        return Subscription(source, self._engine.check, self)

    # Looking on.

    @property
    def stats(self) -> Stats:
        """A snapshot of the queues and counters."""
        self._engine.check()
        return self._engine.stats()
