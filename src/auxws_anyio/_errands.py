"""What waits for somebody else: opening transports, transfers, questions to the application.

It knows where the settings of `connect` lead. It must not know the machine: it is asked, and
answers with what the machine takes. What the application's own callables raise is told by its type
alone, since its text may hold a token or a URL.
"""

from __future__ import annotations

import inspect
import ssl as tls
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from anyio.abc import ByteStream

from auxws_proto import (
    AskForLogin,
    Config,
    Credentials,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpResponded,
    LocalProtocolError,
    LoginUnavailable,
    PutToUrl,
    UrlPolicy,
)
from auxws_proto._addresses import is_loopback_address
from auxws_proto._target import check_encryption, check_headers, parse_target

from ._dial import DialFailed, check_proxy, default_tls, dial, start_tls
from ._http import HttpClient, HttpTransport, Progress
from ._link import Handshake

T = TypeVar("T")

Source: TypeAlias = T | Callable[[], T | Awaitable[T]]
"""A value, or whatever gives one when it is asked."""

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]


class Connector(Protocol):
    """What ``transport=`` takes: opens a stream of bytes to ``host``.

    It is awaited once for each attempt and cancelled when its time is up; it may raise anything.
    The stream belongs to the client from then on, which adds TLS for ``wss:`` URLs.
    """

    async def __call__(self, host: str, port: int) -> ByteStream: ...


async def ask(source: Source[T]) -> T:
    """The value of ``source`` now."""
    value: Any = source() if callable(source) else source
    return cast("T", await value if inspect.isawaitable(value) else value)


class Errands:
    """Runs them, one at a time or any number; each may be cancelled."""

    __slots__ = (
        "_connector", "_headers", "_http", "_login", "_owns_http", "_policy", "_proxy", "_tls",
        "_url", "credentials", "url",
    )  # fmt: skip

    def __init__(
        self,
        *,
        url: Source[str],
        headers: Source[Headers],
        login: Source[Credentials] | None,
        ssl: tls.SSLContext | None,
        proxy: str | None,
        http: HttpTransport | None,
        connector: Connector | None,
        policy: UrlPolicy,
    ) -> None:
        """Raises `LocalProtocolError` for a URL or a proxy that cannot be used."""
        self.url: str | None = None if callable(url) else url
        """The URL of the newest attempt."""
        self.credentials: Credentials | None = None
        """What was last given to log in with."""
        self._url = url
        self._headers = headers
        self._login = login
        self._tls = ssl
        self._proxy = check_proxy(proxy)
        self._http = http
        self._owns_http = http is None
        self._connector = connector
        self._policy = policy
        if self.url is not None:
            check_encryption(parse_target(self.url), policy)

    async def open_transport(self) -> tuple[ByteStream, Handshake]:
        """A stream to where the URL points now. Raises `DialFailed`, or what a connector raises."""
        try:
            self.url = await ask(self._url)
            headers = check_headers(await ask(self._headers))
            target = parse_target(self.url)
            check_encryption(target, self._policy)
        except LocalProtocolError as error:
            raise DialFailed("url", str(error)) from None
        except Exception as error:
            raise DialFailed("url", f"url= or headers= raised {type(error).__name__}") from None
        handshake = Handshake(self.url, headers)
        if self._connector is not None:
            stream = await self._connector(target.host, target.port)
        else:
            # "localhost" is a name like any other to a resolver that lies.
            is_exempt = not (target.is_secure or self._policy.allow_insecure)
            check = is_loopback_address if is_exempt else None
            stream = await dial(target.host, target.port, proxy=self._proxy, check=check)
        if target.is_secure:
            stream = await start_tls(stream, self._tls or default_tls(), target.host)
        return stream, handshake

    async def transfer(
        self, action: PutToUrl | GetFromUrl, config: Config, progress: Progress
    ) -> HttpResponded | HttpFailed:
        """Make a request to the object store."""
        if self._http is None:
            proxy = None if self._proxy is None else self._proxy.reveal()
            self._http = HttpClient(ssl=self._tls, proxy=proxy)
        try:
            return await self._http.transfer(
                action,
                policy=config.url_policy,
                websocket_url=self.url,
                timeout=config.transfer_timeout,
                progress=progress,
            )
        except Exception as error:
            failure = HttpFailure(kind="failed", detail=type(error).__name__)
            return HttpFailed(transfer_id=action.transfer_id, error=failure)

    async def ask_for_login(self, action: AskForLogin) -> Credentials | LoginUnavailable:
        """Credentials for a transport."""
        if self._login is None:
            return LoginUnavailable(transport=action.transport, error="no login= was given")
        try:
            credentials: Credentials = await ask(self._login)
        except Exception as error:
            return LoginUnavailable(
                transport=action.transport, error=f"login= raised {type(error).__name__}"
            )
        self.credentials = credentials
        return credentials

    async def release(self) -> None:
        """Close what was made here."""
        if self._owns_http and self._http is not None:
            http, self._http = self._http, None
            await http.aclose()
