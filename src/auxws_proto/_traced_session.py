"""`traced`: a machine that writes down every input, every action and every draw of jitter.

It knows the doors of `AuxSession`. It must not know a line's values, which are the `Scribe`'s, nor
when the file is written, which is the `TraceWriter`'s.

Strategy: a session in the place of the one that was there, with the same engine behind it. An
`AuxWebSocket` is traced there too, below its WebSocket: texts can be redacted, and play again
exactly, as bytes with their masks and nonces do not. What goes wrong with a trace never reaches the
session: it is reported once, as an error like others.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar, cast

from ._actions import Action, GetFromUrl, PutToUrl, ReportError
from ._constants import SendId
from ._credentials import Credentials
from ._encoded import Encoded, encode
from ._errors import LocalProtocolError, RemoteProtocolError
from ._events import Event, TransportFailure
from ._runs import ActionRun
from ._session import AuxSession
from ._session_front import SessionFront
from ._trace_elision import DEFAULT_LIMIT
from ._trace_values import Scribe
from ._trace_writer import TraceFailed, TraceFile, TraceWriter, failure

M = TypeVar("M", bound=AuxSession | SessionFront)
T = TypeVar("T")

_PURPOSES: Final = {"for_send": "send_id", "for_event": "event_id", "for_transport": "transport"}
"""What is told of whom a transfer is for, and what that is called there."""

_NAMES: Final = {"receive_text": "data", "send_error": "error", "set_on_connect": "on_connect"}
"""What arguments are, where their type alone does not say how they are written."""


def traced(
    machine: M, to: TraceWriter | TraceFile, *, name: str = "client", limit: int = DEFAULT_LIMIT
) -> M:
    """A machine that writes itself into a trace (``docs/traces.md``): use it in place of the other.

    ``machine`` is an `AuxSession` or `AuxWebSocket` that has had no input; to observe it as well,
    trace it first. ``to`` is an open text file, with payloads elided over ``limit`` bytes, or a
    `TraceWriter`, which several machines may share, each under a ``name`` of its own. Raises
    `TraceFailed` if the file cannot be written, and `LocalProtocolError` for another machine.
    """
    session = getattr(machine, "session", machine)
    if not isinstance(session, AuxSession) or session.now != -math.inf:
        raise LocalProtocolError(
            "traced: only an AuxSession or AuxWebSocket can be traced, from its first input on"
        )
    writer = to if isinstance(to, TraceWriter) else TraceWriter(limit=limit)
    recorded = TracedSession(session, writer, name)
    if not isinstance(to, TraceWriter):
        writer.begin(to)
    if isinstance(machine, SessionFront):
        machine.session = recorded
        return machine
    return cast("M", recorded)


class TracedSession(AuxSession):
    """A session that writes down what goes in and what comes out."""

    def __init__(self, session: AuxSession, writer: TraceWriter, name: str) -> None:
        # A session is no more than its engine and how it was made.
        vars(self).update(vars(session))
        config, engine = self.config, self._engine
        self._writer = writer
        self._name = name
        self._time: float | None = None
        self._scribe = Scribe(writer.redactor, writer.limit, depth=config.max_json_depth)
        line: dict[str, Any] = {
            "machine": name,
            "class": "AuxSession",
            "role": self.role.value,
            "config": self._scribe.config(config),
        }
        if engine.shared.url is not None:
            line["url"] = writer.redactor.url(engine.shared.url)
        if engine.life.transports.headers:
            line["headers"] = self._scribe.dump(
                engine.life.transports.headers, "OpenTransport", "headers"
            )
        if engine.life.on_connect:
            line["on_connect"] = self._scribe.dump(engine.life.on_connect, "", "on_connect")
        writer.write(line)
        writer.flush()
        self._random = engine.shared.random
        engine.shared.random = self._draw

    # Writing.

    def _draw(self) -> float:
        value = self._random()
        if self._writer.is_on:
            self._writer.write({"to": self._name, "draw": value})
        return value

    def _failed(self, error: Exception) -> None:
        self._writer.is_on = False
        told = error if isinstance(error, TraceFailed) else failure(error)
        if told is not error:
            told.__cause__ = error
        self._engine.shared.actions.append(ReportError(error=told))

    def _settle(self) -> None:
        try:
            self._writer.flush()
        except TraceFailed as error:
            self._failed(error)

    def _line(
        self, door: str, now: float, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Write down that a door is called; what comes of it may be added."""
        is_time = math.isfinite(now)
        line: dict[str, Any] = {"t": now if is_time else None, "to": self._name, "call": door}
        if not self._writer.is_on:
            return line
        self._settle()
        if is_time:
            self._time = now
        dump = self._scribe.dump
        try:
            if args:
                line["args"] = [dump(arg, "", _NAMES.get(door, "")) for arg in args]
            if kwargs:
                line["kwargs"] = {key: dump(value, "", key) for key, value in kwargs.items()}
            self._writer.write(line)
        except Exception as error:
            self._failed(error)
        return line

    def _call(self, door: str, now: float, run: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a door, and write that down before: a machine may empty what it is given."""
        line = self._line(door, now, args, kwargs)
        try:
            result = run(*args, now, **kwargs)
        except BaseException as error:
            line["raised"] = type(error).__name__
            raise
        if result is not None:
            line["gave"] = result
        return result

    def _acted(self, action: Action) -> None:
        try:
            line = {"t": self._time, "from": self._name}
            line |= self._scribe.action(action, self.role)
            line |= self.purpose(self, action)
            self._writer.write(line)
            if self._writer.is_long:
                self._settle()
        except Exception as error:
            self._failed(error)

    @staticmethod
    def purpose(machine: Any, action: Action) -> dict[str, Any]:
        """What a request to the object store is for, which its action does not say."""
        session = getattr(machine, "session", machine)
        if not isinstance(action, PutToUrl | GetFromUrl) or not isinstance(session, AuxSession):
            return {}
        job = session._engine.transfers.job(action.transfer_id)
        return {key: getattr(job, name) for key, name in _PURPOSES.items() if hasattr(job, name)}

    @staticmethod
    def greet(session: AuxSession, bodies: Iterable[bytes]) -> None:
        """Have these messages go out after each login, byte for byte."""
        session._engine.life.on_connect = tuple(bodies)

    # Windows.

    def actions(self) -> Iterator[Action]:
        """Drain the FIFO. Verbs called meanwhile append to the same queue."""
        while True:
            for action in super().actions():
                if self._writer.is_on:
                    self._acted(action)
                yield action
            self._settle()
            # It may have something to say itself.
            if not self.has_actions:
                return

    def runs(self) -> Iterator[Action | ActionRun]:
        """The same, one by one: each has a line of its own."""
        yield from self.actions()

    # Doors, each as it is in `AuxSession`.

    def connect(self, now: float) -> None:
        self._call("connect", now, super().connect)

    def disconnect(self, now: float) -> None:
        self._call("disconnect", now, super().disconnect)

    def close(self, now: float) -> None:
        self._call("close", now, super().close)

    def send(
        self, message: Mapping[str, Any] | Encoded, now: float, *, watched: bool = True
    ) -> SendId:
        # What is no message is no input: nothing has changed, and the caller is told.
        if not isinstance(message, Encoded):
            message = encode(message, self.config, self.role)
        send_id = self._call("send", now, super().send, message, watched=watched)
        # At once: when whoever embeds it drains the machine is not in the trace.
        self._engine.catch_up()
        return send_id

    def restore(self, message: Encoded, now: float, *, maybe_arrived: bool = False) -> SendId:
        return self._call("restore", now, super().restore, message, maybe_arrived=maybe_arrived)

    def send_error(
        self, info: Mapping[str, Any], now: float, *, event_id: float | None = -1
    ) -> None:
        self._call("send_error", now, super().send_error, info, event_id=event_id)

    def login(self, credentials: Credentials, now: float) -> None:
        self._call("login", now, super().login, credentials)

    def set_on_connect(self, messages: Iterable[Mapping[str, Any]]) -> None:
        super().set_on_connect(messages)
        now = self._writer.clock if self._time is None else self._time
        self._line("set_on_connect", now, (self._engine.life.on_connect,), {})
        self._settle()

    def taken(self, size: int, now: float) -> None:
        self._call("taken", now, super().taken, size)

    def pause_reading(self, now: float) -> None:
        self._call("pause_reading", now, super().pause_reading)

    def resume_reading(self, now: float) -> None:
        self._call("resume_reading", now, super().resume_reading)

    def transport_opened(
        self, now: float, *, transport: int | None = None, url: str | None = None
    ) -> None:
        call = super().transport_opened
        self._call("transport_opened", now, call, transport=transport, url=url)

    def transport_failed(
        self, failure: TransportFailure, now: float, *, transport: int | None = None
    ) -> None:
        call = super().transport_failed
        self._call("transport_failed", now, call, failure, transport=transport)

    def receive_text(self, data: str | bytes, now: float, *, transport: int | None = None) -> None:
        if isinstance(data, str):
            # Lone surrogates are no UTF-8, and stay what they are.
            with contextlib.suppress(UnicodeEncodeError):
                data = data.encode()
        self._call("receive_text", now, super().receive_text, data, transport=transport)

    def receive_texts(
        self, texts: Iterable[str | bytes], now: float, *, transport: int | None = None
    ) -> None:
        for data in texts:
            self.receive_text(data, now, transport=transport)

    def data_sent(self, count: int, now: float, *, transport: int | None = None) -> None:
        self._call("data_sent", now, super().data_sent, count, transport=transport)

    def receive_pong(self, payload: bytes, now: float, *, transport: int | None = None) -> None:
        self._call("receive_pong", now, super().receive_pong, payload, transport=transport)

    def receive_eof(
        self,
        now: float,
        *,
        code: int = 1006,
        reason: str = "",
        error: RemoteProtocolError | None = None,
        transport: int | None = None,
    ) -> None:
        self._call(
            "receive_eof", now, super().receive_eof,
            code=code, reason=reason, error=error, transport=transport,
        )  # fmt: skip

    def report_violation(
        self, error: RemoteProtocolError, now: float, *, transport: int | None = None
    ) -> None:
        call = super().report_violation
        self._call("report_violation", now, call, error, transport=transport)

    def handle(self, event: Event, now: float) -> None:
        self._call("handle", now, super().handle, event)

    def handle_timeout(self, now: float) -> None:
        self._call("handle_timeout", now, super().handle_timeout)
