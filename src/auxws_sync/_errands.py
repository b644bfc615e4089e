"""What blocks, done on workers: dialling, transfers, and the user's own callables.

It knows how to do these and where to post the outcome. It must not touch the machine but on the
pump's thread, and holds no lock while it calls anybody.

Strategy: two groups of threads, so that a login callable that waits for a person holds back no
transfer. Whatever happens, an outcome is posted; what comes too late is the machine's to ignore.
"""

from __future__ import annotations

import contextlib
import ssl as tls
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar, cast

from auxws_proto import (
    AskForLogin,
    Config,
    ConnectionId,
    ConnectionToken,
    Credentials,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    LocalProtocolError,
    LoginUnavailable,
    OpenTransport,
    PutToUrl,
    Secret,
    TransportFailure,
)
from auxws_proto._addresses import is_loopback_address
from auxws_proto._target import check_encryption, check_headers, parse_target

from ._dial import Connector, Dial, DialFailed
from ._http import HttpClient, HttpTransport
from ._links import Opened
from ._pump import Pump
from ._sockets import default_tls, reason_of
from ._stream import Stream
from ._transfer import Cancellation
from ._workers import Workers

T = TypeVar("T")

Asked: TypeAlias = T | Callable[[], T]
"""A value, or whatever gives one when it is asked."""

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]

MAX_ERRANDS = 4
"""Attempts and questions at the same time: two transports, as in a rotation, and their logins."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the user gave to `connect` and this module needs.

    Raises `LocalProtocolError` for a URL that cannot be used.
    """

    url: Asked[str] = field(repr=False)
    headers: Asked[Headers] = field(repr=False)
    login: Asked[Credentials] | None
    config: Config
    ssl: tls.SSLContext | None
    proxy: Secret | None
    http: HttpTransport | None
    connector: Connector | None

    def __post_init__(self) -> None:
        if not callable(self.url):
            check_encryption(parse_target(self.url), self.config.url_policy)


class _Attempt:
    """One `OpenTransport`, from the question for its URL to the socket."""

    def __init__(self) -> None:
        self.is_abandoned = False
        self._dial: Dial | None = None
        self._lock = threading.Lock()

    def begin(self, *place: Any, **how: Any) -> Dial:
        """The dial of this attempt; raises `DialFailed` if nobody waits for it any more."""
        with self._lock:
            if self.is_abandoned:
                raise DialFailed("connect", "cancelled")
            self._dial = Dial(*place, **how)
            return self._dial

    def abandon(self) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self.is_abandoned = True
            if self._dial is not None:
                self._dial.cancel()


class Errands:
    """See `auxws_sync._roles.Errands`; `join` follows `stop`."""

    def __init__(self, settings: Settings, pump: Pump, name: str) -> None:
        self._settings = settings
        self._pump = pump
        config = settings.config
        self._workers = Workers(MAX_ERRANDS, f"{name}-errand")
        self._movers = Workers(config.max_uploads + config.max_downloads, f"{name}-transfer")
        self._attempts: dict[int, _Attempt] = {}
        self._transfers: dict[int, Cancellation] = {}
        self._own_http: HttpClient | None = None
        self.url = None if callable(settings.url) else settings.url
        """The URL of the newest attempt."""
        self.credentials: Credentials | None = None
        """What was last given to the machine to log in with."""

    def owns_current_thread(self) -> bool:
        """Whether the caller is one of the workers."""
        return self._workers.owns_current_thread() or self._movers.owns_current_thread()

    def join(self, deadline: float) -> None:
        """Wait for the threads until ``time.monotonic()`` is ``deadline``, then give all back.

        A thread that blocks in a resolver or in a callable of the user's may be left; it ends when
        that returns.
        """
        self._workers.join(deadline)
        self._movers.join(deadline)
        if self._own_http is not None:
            self._own_http.close()

    def run(self, job: Callable[[], None]) -> bool:
        """Run something of the user's on a worker; false if it will not run."""
        return self._workers.submit(job)

    # Called on the pump's thread.

    def stop(self) -> None:
        """Give everything up and end the threads as soon as what blocks them lets go."""
        for number in list(self._attempts):
            self.abandon_transport(number)
        for cancellation in self._transfers.values():
            cancellation.cancel()
        self._workers.close()
        self._movers.close()

    def open_transport(self, action: OpenTransport) -> None:
        """Open a socket for this transport; the outcome is posted."""
        attempt = self._attempts[action.transport] = _Attempt()
        if not self._workers.submit(lambda: self._open(action.transport, attempt)):
            self._not_opened(action.transport, TransportFailure(kind="thread"))

    def abandon_transport(self, transport: int) -> None:
        """Nobody waits for this transport any more."""
        attempt = self._attempts.pop(transport, None)
        if attempt is not None:
            attempt.abandon()

    def start_transfer(self, action: PutToUrl | GetFromUrl) -> None:
        """Make this request; the outcome is posted."""
        cancellation = self._transfers[action.transfer_id] = Cancellation()
        http = self._http()
        if not self._movers.submit(lambda: self._transfer(http, action, cancellation)):
            failure = HttpFailure(kind="thread", detail="no thread can be started")
            self._transferred(HttpFailed(transfer_id=action.transfer_id, error=failure))

    def cancel_transfer(self, transfer_id: int) -> None:
        """End this transfer soon; an outcome is posted all the same."""
        cancellation = self._transfers.get(transfer_id)
        if cancellation is not None:
            cancellation.cancel()

    def ask_for_login(self, action: AskForLogin) -> None:
        """Give the credentials, or ask for them; the answer is posted."""
        login = self._settings.login
        if isinstance(login, ConnectionToken | ConnectionId):
            self._log_in(login)
        elif login is None:
            self._no_login(action.transport, "no login= was given")
        elif not self._workers.submit(lambda: self._ask(action.transport, login)):
            self._no_login(action.transport, "no thread can be started")

    def _http(self) -> HttpTransport:
        if self._settings.http is not None:
            return self._settings.http
        if self._own_http is None:
            self._own_http = HttpClient(ssl=self._settings.ssl, proxy=self._settings.proxy)
        return self._own_http

    # Called on a worker.

    def _open(self, number: int, attempt: _Attempt) -> None:
        settings = self._settings
        try:
            url = settings.url() if callable(settings.url) else settings.url
            headers = settings.headers() if callable(settings.headers) else settings.headers
            headers = check_headers(headers)
            target = parse_target(url)
            policy = settings.config.url_policy
            check_encryption(target, policy)
            # "localhost" is a name like any other to a resolver that lies.
            is_exempt = not (target.is_secure or policy.allow_insecure)
            dial = attempt.begin(
                target.host, target.port, settings.config.connect_timeout,
                proxy=settings.proxy, connector=settings.connector,
                check=is_loopback_address if is_exempt else None,
            )  # fmt: skip
            sock = dial.run()
        except DialFailed as error:
            self._not_opened(number, error.failure)
            return
        except LocalProtocolError as error:
            self._not_opened(number, TransportFailure(kind="url", detail=str(error)))
            return
        except Exception as error:
            # What the user's own callable says may quote a signed URL, what it is may not.
            detail = f"url= or headers= raised {type(error).__name__}"
            self._not_opened(number, TransportFailure(kind="url", detail=detail))
            return
        try:
            stream = Stream(
                sock, (settings.ssl or default_tls()) if target.is_secure else None, target.host
            )
        except (ValueError, OSError) as error:
            sock.close()
            self._not_opened(number, TransportFailure(kind="tls", detail=reason_of(error)))
            return
        opened = Opened(number=number, stream=stream, url=url, headers=headers)
        if not self._pump.post(lambda _now: self._opened(opened, attempt)):
            stream.close()

    def _transfer(
        self, http: HttpTransport, action: PutToUrl | GetFromUrl, cancellation: Cancellation
    ) -> None:
        try:
            outcome = http.transfer(
                action,
                policy=self._settings.config.url_policy,
                websocket_url=self.url,
                timeout=self._settings.config.transfer_timeout,
                progress=lambda done, total: self._progressed(action.transfer_id, done, total),
                cancellation=cancellation,
            )
        except Exception as error:
            # Only a user's own HttpTransport raises.
            failure = HttpFailure(kind="failed", detail=type(error).__name__)
            outcome = HttpFailed(transfer_id=action.transfer_id, error=failure)
        self._transferred(outcome)

    def _progressed(self, transfer_id: int, done: int, total: int | None) -> None:
        event = HttpProgressed(transfer_id=transfer_id, done=done, total=total)
        self._pump.post(lambda now: self._pump.machine.handle(event, now))

    def _ask(self, transport: int, login: Callable[[], Credentials]) -> None:
        try:
            credentials = cast("object", login())
        except Exception as error:
            # Its text may hold a token, its type may not.
            self._no_login(transport, f"login= raised {type(error).__name__}")
            return
        if isinstance(credentials, ConnectionToken | ConnectionId):
            self._log_in(credentials)
        else:
            self._no_login(transport, f"login= returned {type(credentials).__name__}")

    # The outcomes: posted from any thread, run on the pump's.

    def _opened(self, opened: Opened, attempt: _Attempt) -> None:
        if attempt.is_abandoned:
            opened.stream.close()
            return
        self._attempts.pop(opened.number, None)
        self.url = opened.url
        self._pump.opened(opened)

    def _not_opened(self, number: int, failure: TransportFailure) -> None:
        def run(now: float) -> None:
            if self._attempts.pop(number, None) is not None:
                self._pump.machine.transport_failed(failure, now, transport=number)

        self._pump.post(run)

    def _transferred(self, outcome: HttpResponded | HttpFailed) -> None:
        def run(now: float) -> None:
            self._transfers.pop(outcome.transfer_id, None)
            self._pump.machine.handle(outcome, now)

        self._pump.post(run)

    def _log_in(self, credentials: Credentials) -> None:
        def run(now: float) -> None:
            self.credentials = credentials
            # The session may have been closed for good meanwhile: nobody asks any more.
            with contextlib.suppress(LocalProtocolError):
                self._pump.machine.login(credentials, now)

        self._pump.post(run)

    def _no_login(self, transport: int, error: str) -> None:
        event = LoginUnavailable(transport=transport, error=error)
        self._pump.post(lambda now: self._pump.machine.handle(event, now))
