"""`AuxSession`: the protocol over whole text messages, pure and deterministic.

It knows the doors; the windows are its base. It must not know what is behind them: each door checks
its caller, hands the input to the engine, and ends in its pump. A session outlives its transports.

The contract: feed one input, drain ``actions()`` to the end, re-arm one timer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from ._config import Config
from ._constants import Role, SendId, State
from ._credentials import ConnectionId, ConnectionToken, Credentials
from ._encoded import Encoded, check_fields
from ._encoding import encode_message, error_event
from ._engine import Engine
from ._errors import LocalProtocolError, RemoteProtocolError
from ._events import (
    Event,
    HttpFailed,
    HttpProgressed,
    HttpResponded,
    LoginUnavailable,
    TransportFailure,
    UploadGranted,
    UploadRefused,
)
from ._link import Link
from ._session_windows import SessionWindows


class AuxSession(SessionWindows):
    """One side of the protocol, in whole text messages.

    ``url`` is the WebSocket's URL: it goes into ``OpenTransport`` and into the URL policy.
    ``on_connect`` are messages that go out after each login, before everything else.
    Every door may raise `LocalProtocolError` for a mistake of the caller, which then has changed
    nothing; what the peer sends never raises.
    """

    def __init__(
        self,
        role: Role,
        config: Config | None = None,
        url: str | None = None,
        *,
        headers: Iterable[tuple[str, str]] = (),
        on_connect: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        self.role = role
        self.config: Config = config if config is not None else Config()
        self._engine = Engine(role, self.config, url, headers)
        self.set_on_connect(on_connect)

    # Verbs.

    def connect(self, now: float) -> None:
        """Begin to open a transport; again after ``disconnect``. Nothing if that is under way."""
        self._check_not_over("connect")
        self._engine.at(now)
        self._engine.life.connect()
        self._engine.pump()

    def disconnect(self, now: float) -> None:
        """Close until ``connect`` is called. The outbox stays and transfers finish."""
        self._engine.at(now)
        if not self._engine.life.is_over:
            self._engine.life.disconnect()
        self._engine.pump()

    def close(self, now: float) -> None:
        """Close for good: what is queued ends as ``FAILED("closed")``."""
        self._engine.at(now)
        if not self._engine.life.is_over:
            self._engine.life.finish()
        self._engine.pump()

    def send(
        self, message: Mapping[str, Any] | Encoded, now: float, *, watched: bool = True
    ) -> SendId:
        """Accept a message of any size; it is serialized here and now.

        With ``watched=False`` only its final outcome is reported. Raises `LocalProtocolError` for
        what is no message, what JSON cannot carry or a closed session, and `OutboxFull`.
        """
        engine, config = self._engine, self.config
        if engine.life.is_over:
            self._check_not_over("send")
        if isinstance(message, Encoded):
            body, kind = message.body, message.type
        else:
            body = encode_message(message, config.max_json_depth, config.json)
            if config.validate:
                check_fields(message, self.role)
            kind = message["type"]
        if now != engine.shared.now or now < 0:
            # A session that has had no input is at minus infinity, which is no time.
            engine.tick(now)
        # It moves with all that are sent in a row: before any other input, or when it is drained.
        send_id = engine.outbox.accept(body, watched=watched)
        engine.is_behind = True
        if kind == "login":
            engine.life.login.by_application += 1
        return send_id

    def restore(self, message: Encoded, now: float, *, maybe_arrived: bool = False) -> SendId:
        """Take up a message that an earlier process accepted; call it before the first `send`.

        The outbox's bounds do not count: it was admitted then. ``maybe_arrived`` says that it was
        emitted (see ``SendText.send_id``) and not proven: without ``Config.resend_unknown`` it ends
        as ``UNKNOWN`` at once, and a ``ReportError`` has the message in ``info``. Raises
        `LocalProtocolError` for a closed session.
        """
        self._check_not_over("restore")
        self._engine.at(now)
        send_id = self._engine.outbox.restore(message.body, maybe_arrived=maybe_arrived)
        self._engine.pump()
        return send_id

    def send_error(
        self, info: Mapping[str, Any], now: float, *, event_id: float | None = -1
    ) -> None:
        """Send an error event (server role): ``[5, id or null, info]``."""
        if self.role is not Role.SERVER:
            raise LocalProtocolError("only a server sends error events")
        self._check_not_over("send_error")
        data = error_event(event_id, info)
        current = self._engine.life.current
        if current is None or current.link is not Link.READY:
            raise LocalProtocolError("send_error: there is no open connection")
        self._engine.at(now)
        current.queue(data)
        self._engine.pump()

    def login(self, credentials: Credentials, now: float) -> None:
        """Answer ``AskForLogin``; else log in with these from now on, on this transport too."""
        self._check_not_over("login")
        if self.role is not Role.CLIENT:
            raise LocalProtocolError("only a client logs in")
        _check_credentials(credentials)
        self._engine.at(now)
        self._engine.life.provide_login(credentials)
        self._engine.pump()

    def set_on_connect(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Replace the messages that go out after each login; from the next login on."""
        depth = self.config.max_json_depth
        self._engine.life.on_connect = tuple(encode_message(m, depth) for m in messages)

    def taken(self, size: int, now: float) -> None:
        """The application has taken delivered messages of ``size`` bytes in all."""
        _check_count("taken", size)
        engine = self._engine
        engine.at(now)
        engine.inbox.taken(size)
        if engine.shared.timers.is_still or engine.shared.now >= engine.shared.timers.earliest:
            # Else everything is at rest, and room that there was anyway moves nothing.
            engine.pump()

    def pause_reading(self, now: float) -> None:
        """The embedder stops reading for reasons of its own: ``wants_data`` is false until
        ``resume_reading``, and the deadlines of answers stand still."""
        self._engine.at(now)
        self._engine.is_reading = False
        self._engine.pump()

    def resume_reading(self, now: float) -> None:
        """The embedder reads again."""
        self._engine.at(now)
        self._engine.is_reading = True
        self._engine.pump()

    def _check_not_over(self, verb: str) -> None:
        if self._engine.is_behind:
            # What was sent before comes first, and may lead to the end.
            self._engine.catch_up()
        if self._engine.life.is_over:
            raise LocalProtocolError(f"{verb}: the session is closed for good; make a new one")

    # The wire.

    def transport_opened(
        self, now: float, *, transport: int | None = None, url: str | None = None
    ) -> None:
        """The transport is open, its handshake done. A server's first may come unasked.

        ``url`` is the one that it was opened with, if that is not the session's own: from now on
        the URL policy goes by it.
        """
        self._engine.at(now)
        if self.role is Role.SERVER and self.state is State.IDLE and transport is None:
            self._engine.life.connect()
        found = self._engine.life.transports.find(transport)
        if found is not None:
            if url is not None:
                self._engine.shared.url = url
            self._engine.life.opened(found)
        self._engine.pump()

    def transport_failed(
        self, failure: TransportFailure, now: float, *, transport: int | None = None
    ) -> None:
        """The transport could not be opened."""
        self._engine.at(now)
        found = self._engine.life.transports.find(transport)
        if found is not None:
            if found.link is Link.CLOSING or found.opened_at is not None:
                self._engine.life.ended(found, 1006, "")
            else:
                self._engine.life.failed(found, failure)
        self._engine.pump()

    def receive_text(self, data: str | bytes, now: float, *, transport: int | None = None) -> None:
        """One whole text message came: a `str`, or its UTF-8 bytes."""
        self._engine.at(now)
        self._engine.reception.receive((data,), transport)

    def receive_texts(
        self, texts: Iterable[str | bytes], now: float, *, transport: int | None = None
    ) -> None:
        """Whole text messages came at once: the same as one ``receive_text`` after the other."""
        self._engine.at(now)
        self._engine.reception.receive(texts, transport)

    def data_sent(self, count: int, now: float, *, transport: int | None = None) -> None:
        """A completed write took the first ``count`` unreported ``SendText`` of this transport."""
        _check_count("data_sent", count)
        engine = self._engine
        engine.at(now)
        found = engine.life.transports.find(transport)
        if found is not None:
            is_at_rest = engine.is_at_rest(found) and not found.is_nearly_full
            found.written(count)
            if is_at_rest:
                # Nothing waits for the room that this makes.
                return
        engine.pump()

    def receive_pong(self, payload: bytes, now: float, *, transport: int | None = None) -> None:
        """A pong came."""
        engine = self._engine
        engine.at(now)
        found = engine.life.transports.find(transport)
        if found is not None:
            found.last_received = engine.shared.now
            engine.pulse.pong(found, bytes(payload))
            if engine.is_at_rest(found):
                engine.pulse.prove(found, paused=False)
                return
        engine.pump()

    def receive_eof(
        self,
        now: float,
        *,
        code: int = 1006,
        reason: str = "",
        error: RemoteProtocolError | None = None,
        transport: int | None = None,
    ) -> None:
        """The transport ended, with the code and reason of its close frame (1006: it had none).

        ``error`` is what the peer did that the layer below ended it for.
        """
        self._engine.at(now)
        found = self._engine.life.transports.find(transport)
        if found is not None:
            if error is not None:
                self._engine.reception.report(error, found)
            self._engine.life.ended(found, code, reason)
        self._engine.pump()

    def report_violation(
        self, error: RemoteProtocolError, now: float, *, transport: int | None = None
    ) -> None:
        """The layer below met something that is no text message, and goes on."""
        self._engine.at(now)
        self._engine.reception.report(error, self._engine.life.transports.find(transport))
        self._engine.pump()

    # Helpers and the clock.

    def handle(self, event: Event, now: float) -> None:
        """The outcome of an action. A late one (of something given up) is ignored."""
        self._engine.at(now)
        match event:
            case HttpResponded():
                self._engine.transfers.responded(event)
            case HttpFailed():
                self._engine.transfers.failed(event)
            case HttpProgressed():
                self._engine.transfers.progressed(event)
            case UploadGranted():
                self._engine.answers.embedder_granted(event)
            case UploadRefused():
                self._engine.answers.embedder_refused(event)
            case LoginUnavailable():
                found = self._engine.life.transports.find(event.transport)
                if found is not None:
                    self._engine.life.login_unavailable(found, event.error)
            case _:
                assert_never(event)
        self._engine.pump()

    def handle_timeout(self, now: float) -> None:
        """Do what is due. Free when nothing is."""
        self._engine.at(now)
        if self._engine.shared.timers.next() is not None:
            self._engine.pump()


def _check_count(door: str, count: int) -> None:
    if count < 0:
        raise LocalProtocolError(f"{door}: {count} is negative")


def _check_credentials(given: object) -> None:
    if not isinstance(given, ConnectionToken | ConnectionId):
        kind = type(given).__name__
        raise LocalProtocolError(f"login needs a ConnectionToken or a ConnectionId, not {kind}")
