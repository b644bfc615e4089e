"""The life of the connection: which transport is current, waiting, login.

It knows transports and states. It must not know messages: it tells the outbox and the pool of URLs
that a transport is gone, and everybody that the session is over. Nor does it count: whether it is
tried again, and after what wait, is for `Attempts` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ._actions import ReportError, ReportState
from ._attempts import Attempts
from ._config import Reconnect
from ._constants import State
from ._credentials import Credentials
from ._errors import (
    AuxError,
    ConnectionClosed,
    ConnectionFailed,
    LoginRefused,
    LoginTimeout,
)
from ._events import TransportFailure
from ._link import IS_OPEN, Link, Step
from ._login import TIMER as LOGIN
from ._login import LoginGate, refusal
from ._outbox import Outbox
from ._pulse import Pulse
from ._rotation import Rotation
from ._shared import Shared
from ._transfers import Transfers
from ._transport import Transport
from ._transports import AGE, CONNECT, KEEPALIVE_MESSAGE, Transports
from ._urls import UrlPool

BACKOFF: Final = "backoff"


class Life:
    """The transports, and what becomes of the session with them."""

    def __init__(
        self, shared: Shared, outbox: Outbox, urls: UrlPool, transfers: Transfers, pulse: Pulse,
        headers: tuple[tuple[str, str], ...], tear_down: Callable[[], None],
    ) -> None:  # fmt: skip
        self._shared = shared
        self._tear_down = tear_down
        self._outbox = outbox
        self._urls = urls
        self._transfers = transfers
        self.pulse = pulse
        self.login = LoginGate(shared)
        self.state = State.IDLE
        self.transports = Transports(shared, pulse, headers, outbox)
        self.current: Transport | None = None
        self.rotation = Rotation(shared, urls, self.transports)
        self.on_connect: tuple[bytes, ...] = ()
        self.is_over = False
        self._wanted = False
        self._attempts = Attempts(shared)
        self._final_cause: AuxError | None = None

    # Verbs.

    def connect(self) -> None:
        """Begin to open, unless that is under way or done."""
        if not self._wanted:
            self._wanted = True
            self._attempts.begin()
            self._open()

    def disconnect(self, cause: AuxError | None = None) -> None:
        """Close until opened again."""
        self._wanted = False
        self._shared.timers.clear((BACKOFF, 0))
        for transport in list(self.transports):
            transport.reads_to_end = False
            if transport.link is Link.OPENING:
                self.transports.abort(transport)
                self.transports.drop(transport)
            elif transport.link in IS_OPEN:
                self._close(transport)
        self.current = None
        self.rotation.clear()
        if self.is_over:
            self._tear_down()
        self._come_to_rest(cause)

    def finish(self, cause: AuxError | None = None) -> None:
        """Close for good."""
        self.is_over = True
        self.disconnect(cause)

    def _come_to_rest(self, cause: AuxError | None = None) -> None:
        """The state without a wanted connection."""
        if self.is_over and cause is not None:
            self._final_cause = cause
        if len(self.transports):
            self._report(State.CLOSING, cause)
        else:
            self._report(State.CLOSED if self.is_over else State.IDLE, self._final_cause)
            if self.is_over:
                self._shared.timers.clear_all()

    def provide_login(self, credentials: Credentials) -> None:
        """Credentials came: an answer, or for later, or to log in anew."""
        self.login.provide(credentials)
        for transport in self.transports:
            if transport.link is Link.ASKING:
                self.login.begin(transport)
                return
        if self.current is not None and self.current.link is Link.READY:
            self.login.begin(self.current)
            self._report(State.AUTHENTICATING)

    # Opening.

    def _open(self) -> None:
        self.current = self.transports.open_new(self._attempts.count)
        self._report(State.CONNECTING)

    def opened(self, transport: Transport) -> None:
        """The handshake is over."""
        shared, number = self._shared, transport.number
        if transport.link is not Link.OPENING or transport.opened_at is not None:
            return
        shared.timers.clear((CONNECT, number))
        transport.opened_at = transport.last_received = shared.now
        shared.is_online = True
        self._transfers.wake()
        self.pulse.opened(transport)
        if shared.config.max_age is not None:
            jitter = shared.config.max_age_jitter * shared.random()
            shared.timers.set((AGE, number), shared.now, shared.config.max_age * (1 - jitter))

    def authenticate(self) -> None:
        """Log in on what has opened; without a login it is ready."""
        for transport in (self.current, self.rotation.upcoming):
            if (
                transport is not None
                and transport.link is Link.OPENING
                and transport.opened_at is not None
            ):
                if self.login.begin(transport):
                    if transport is self.current:
                        self._report(State.AUTHENTICATING)
                else:
                    transport.take(Step.LOGIN_NOT_NEEDED)
                    self._ready(transport)

    def failed(self, transport: Transport, failure: TransportFailure) -> None:
        """A transport could not be opened."""
        policy = self._shared.config.reconnect or Reconnect()
        final = failure.status in policy.final_statuses or failure.kind == "subprotocol"
        error = ConnectionFailed(
            failure.kind, failure.detail, status=failure.status, retryable=not final
        )
        self.lost(transport, error, final=final, at_least=failure.retry_after or 0.0)

    # Login.

    def login_result(self, transport: Transport, message: Mapping[str, Any]) -> None:
        """The server's word about a login."""
        if transport.link is Link.RETIRING and transport.login_number is not None:
            # A login that the rotation overtook: what counts is said on the new transport.
            return
        if transport.link is not Link.LOGGING_IN:
            if self.login.unexpected(transport, message):
                self._shared.actions.append(ReportState(state=self.state, info=self.login.info))
        elif message.get("success") is True:
            self.login.accept(transport, message.get("info"))
            self._ready(transport)
        else:
            self.login_refused(transport, refusal(message))

    def login_refused(self, transport: Transport, error: LoginRefused) -> None:
        """Refused: other credentials may help, up to a point."""
        if not self.login.refuse(transport, error):
            self._give_up(transport, error, final=True)

    def login_unavailable(self, transport: Transport, detail: str) -> None:
        """There are no (better) credentials."""
        if transport.link is Link.ASKING:
            error = LoginRefused(None, detail or "there are no credentials", {})
            self._give_up(transport, error, final=transport.login_attempts > 0)

    def _ready(self, transport: Transport) -> None:
        first = transport.ready_at is None
        self._attempts.succeeded()
        if first:
            shared = self._shared
            transport.ready_at = shared.now
            if shared.config.keepalive_message is not None:
                name = (KEEPALIVE_MESSAGE, transport.number)
                shared.timers.set(name, shared.now, shared.config.keepalive_interval)
        if transport is self.rotation.upcoming:
            assert self.current is not None
            self.rotation.replace(self.current)
            self.current = transport
            self._attempts.forget_failures()
        else:
            self._greet()
        self._report(State.OPEN)

    # Losing.

    def ended(self, transport: Transport, code: int, reason: str) -> None:
        """The end of a transport came over the wire."""
        if transport.link is Link.CLOSING:
            self.transports.drop(transport)
            if not self._wanted:
                self._come_to_rest()
        else:
            self.lost(transport, ConnectionClosed(code, reason))

    def timed_out(self, transport: Transport, kind: str) -> None:
        """A time-out of handshake, login, pong or close: drop the transport now."""
        config = self._shared.config
        errors: dict[str, AuxError] = {
            CONNECT: ConnectionFailed(
                "timeout", f"no handshake within {config.connect_timeout:g} s"
            ),
            LOGIN: LoginTimeout(f"no login within {config.login_timeout:g} s"),
        }
        self.transports.abort(transport)
        if transport.link is Link.CLOSING:
            self.ended(transport, 1006, "")
        else:
            dead = ConnectionFailed("timeout", f"no pong within {config.ping_timeout:g} s")
            self.lost(transport, errors.get(kind, dead))

    def _give_up(self, transport: Transport, error: AuxError, *, final: bool) -> None:
        """Close a transport that is in order but of no use."""
        self._close(transport)
        self.lost(transport, error, final=final)

    def lost(
        self, transport: Transport, error: AuxError, *, final: bool = False, at_least: float = 0.0
    ) -> None:
        """A transport that we did not close is gone: settle, and open another if that is wanted."""
        if transport.link is not Link.CLOSING:
            self.transports.drop(transport)
        was_retiring = transport is self.rotation.retiring
        self._settle(transport)
        if was_retiring:
            return
        if transport is self.rotation.upcoming:
            assert self.current is not None
            self._shared.actions.append(ReportError(error=error, transport=transport.number))
            self.rotation.failed(self.current, final=final)
            return
        if transport.ready_at is not None:
            self._attempts.lasted(self._shared.now - transport.ready_at)
        self.current = self.rotation.promote()
        if self.current is not None:
            self._adopt(self.current, error)
        else:
            self._wait_or_finish(error, final=final, at_least=at_least)

    def _adopt(self, transport: Transport, error: AuxError) -> None:
        """The next transport was on its way already when the current one was lost."""
        opening = transport.link is Link.OPENING
        self._report(State.CONNECTING if opening else State.AUTHENTICATING, error)

    def _wait_or_finish(self, error: AuxError, *, final: bool, at_least: float) -> None:
        delay = self._attempts.failed(final=final)
        if delay is None:
            self.finish(error)
            return
        self._shared.timers.set((BACKOFF, 0), self._shared.now, max(delay, at_least))
        self._report(State.WAITING, error)

    def waited(self) -> None:
        """The wait is over."""
        self._open()

    def _close(self, transport: Transport) -> None:
        """Start the closing handshake; the transport is settled here and now."""
        self.transports.close(transport)
        self._settle(transport)

    def _settle(self, transport: Transport) -> None:
        if transport is self.current:
            self._outbox.transport_lost()
        transport.settle()
        self._urls.transport_lost(transport.number)
        if self.rotation.settled(transport):
            self._greet()

    @property
    def may_send(self) -> bool:
        """Whether the outbox may go out on the current transport."""
        current = self.current
        return current is not None and current.link is Link.READY and self.rotation.is_released

    def release_if_proven(self) -> None:
        """Once the old transport is empty, everything goes to the new one."""
        if self.rotation.release_if_proven():
            self._greet()

    def _greet(self) -> None:
        """What goes out after each login, before the outbox."""
        if self.may_send:
            self._outbox.accept_first(self.on_connect)

    def fire(self, kind: str, transport: Transport) -> None:
        """A timer of this transport is due."""
        match kind:
            case "age":
                if not self.rotation.postpone(transport):
                    self.rotation.begin()
            case "proof":
                self.transports.abort(transport)
                self.lost(transport, ConnectionFailed("timeout", "not proven empty"))
            case "overlap":
                # What it still brings until its end may come on it alone.
                transport.reads_to_end = True
                self._close(transport)
            case "pong":
                if self.pulse.pong_timed_out(transport):
                    self.timed_out(transport, kind)
            case _:
                self.timed_out(transport, kind)

    def _report(self, state: State, cause: AuxError | None = None) -> None:
        if state is not self.state or cause is not None:
            self.state = state
            info = self.login.info if state is State.OPEN else None
            self._shared.actions.append(ReportState(state=state, cause=cause, info=info))
