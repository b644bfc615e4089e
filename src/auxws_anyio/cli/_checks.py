"""What a check found: its shape, its line, and the checks of a network path up to TLS.

It knows names, sockets and certificates, by the driver's own ways of opening streams. It must not
know the WebSocket or what is said on it.
"""

from __future__ import annotations

import socket
import ssl as tls
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, Literal, TypeAlias, cast

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute

from auxws_proto import LocalProtocolError, Secret
from auxws_proto._target import Target, check_encryption, parse_target

from .._dial import DialFailed, check_proxy, default_tls, dial, start_tls
from ._explain import BY_KIND
from ._out import Out
from ._session import Settings
from ._text import shown_url, span

Result: TypeAlias = Literal["ok", "warn", "fail", "skip"]

_STYLES: Final[Mapping[Result, str]] = {
    "ok": "green",
    "warn": "bold yellow",
    "fail": "bold red",
    "skip": "dim",
}

WARN_DAYS: Final = 14
"""A certificate that ends sooner is worth a word."""

_TLS_ADVICE: Final = (
    ("wrong version number", "this port does not speak TLS: use ws:, or the port that does"),
    ("record layer failure", "this port does not speak TLS: use ws:, or the port that does"),
    ("hostname mismatch", "use the name that the certificate is for"),
    ("ip address mismatch", "use the name that the certificate is for"),
    ("self-signed", "trust its authority with --ca FILE"),
    ("self signed", "trust its authority with --ca FILE"),
    ("unable to get local issuer", "trust its authority with --ca FILE"),
    ("expired", "the server needs a fresh certificate; check this machine's clock too"),
    ("not yet valid", "check this machine's clock"),
    ("hung up", "the port may not speak TLS, or a middlebox cuts it"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the doctor's: `text` says what is so, `advice` what to do."""

    name: str
    result: Result
    text: str
    advice: str = ""
    seconds: float | None = None


class Stop(Exception):
    """A check failed that all further ones need."""


class Report:
    """The checks so far; each is told as it is made."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self.checks: list[Check] = []

    def add(
        self, name: str, result: Result, text: str, advice: str = "", seconds: float | None = None
    ) -> None:
        """A check was made."""
        check = Check(name=name, result=result, text=text, advice=advice, seconds=seconds)
        self.checks.append(check)
        word = result.upper() if result == "fail" else result
        time = [] if seconds is None else [(f" ({span(seconds)})", "dim")]
        told = [("; ", "dim"), (advice, "bold")] if advice else []
        self._out.emit(
            "check", (f"{word:<5}", _STYLES[result]), (f" {name:<12} ", "bold"), text, *time, *told,
            check=name, result=result, text=text, advice=advice,
            ms=None if seconds is None else round(seconds * 1_000, 3),
        )  # fmt: skip

    def skip(self, name: str) -> None:
        """A check was not tried, since one before it failed; people need no line for that."""
        self.checks.append(Check(name=name, result="skip", text="not tried"))
        self._out.emit("check", check=name, result="skip", text="not tried", advice="", ms=None)

    def stop(self, name: str, text: str, advice: str) -> Stop:
        """A check failed, and there is no way past it."""
        self.add(name, "fail", text, advice)
        return Stop()

    def having(self, result: Result) -> list[str]:
        """The names of the checks with this result."""
        return [check.name for check in self.checks if check.result == result]


async def timed(call: Callable[[], Awaitable[Any]]) -> tuple[Any, float]:
    """What a call gives, and how many seconds it took."""
    began = monotonic()
    value = await call()
    return value, monotonic() - began


async def examine_network(settings: Settings, report: Report) -> None:
    """From the URL to TLS. Raises `Stop` when the rest makes no sense."""
    target = _examine_url(settings, report)
    proxy = _examine_proxy(settings, report)
    await _examine_name(target, proxy, report)
    with anyio.move_on_after(settings.config.connect_timeout) as scope:
        stream = await _examine_tcp(target, proxy, report)
        try:
            stream = await _examine_tls(settings, target, stream, report)
        finally:
            await anyio.aclose_forcefully(stream)
    if scope.cancelled_caught:
        limit = settings.config.connect_timeout
        step = "tls" if any(check.name == "tcp" for check in report.checks) else "tcp"
        raise report.stop(step, f"no answer within {limit:g} s", BY_KIND["connect"])


def _examine_url(settings: Settings, report: Report) -> Target:
    try:
        target = parse_target(settings.url)
        check_encryption(target, settings.config.url_policy)
    except LocalProtocolError as error:
        raise report.stop("url", str(error), BY_KIND["url"]) from None
    shown = shown_url(settings.url)
    if target.path == "/" and target.host.endswith(".amazonaws.com"):
        report.add(
            "url", "warn", f"{shown} has no path", "add the stage: wss://…amazonaws.com/prod"
        )
    else:
        report.add("url", "ok", shown)
    return target


def _examine_proxy(settings: Settings, report: Report) -> Secret | None:
    try:
        proxy = check_proxy(settings.proxy)
    except LocalProtocolError as error:
        raise report.stop("proxy", str(error), BY_KIND["proxy"]) from None
    if proxy is None:
        report.add("proxy", "skip", "none given")
    return proxy


async def _examine_name(target: Target, proxy: Secret | None, report: Report) -> None:
    if proxy is not None:
        report.add("name", "skip", "the proxy resolves it")
        return
    try:
        found, seconds = await timed(
            lambda: anyio.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError):
        text = f"{target.host} cannot be resolved"
        raise report.stop("name", text, BY_KIND["resolve"]) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if addresses == [target.host]:
        report.add("name", "ok", f"{target.host} is an address")
    else:
        report.add("name", "ok", f"{target.host} is {', '.join(addresses)}", seconds=seconds)


async def _examine_tcp(target: Target, proxy: Secret | None, report: Report) -> ByteStream:
    step = "tcp" if proxy is None else "proxy"
    try:
        stream, seconds = await timed(lambda: dial(target.host, target.port, proxy=proxy))
    except DialFailed as failed:
        advice = BY_KIND.get(failed.failure.kind, BY_KIND["connect"])
        raise report.stop(step, failed.failure.detail, advice) from None
    if proxy is not None:
        report.add("proxy", "ok", f"tunnels to {target.host} port {target.port}", seconds=seconds)
    else:
        peer: Any = stream.extra(SocketAttribute.remote_address, None)
        address = target.host if peer is None else peer[0]
        report.add("tcp", "ok", f"{address} port {target.port} answers", seconds=seconds)
    return cast("ByteStream", stream)


async def _examine_tls(
    settings: Settings, target: Target, stream: ByteStream, report: Report
) -> ByteStream:
    if not target.is_secure:
        report.add("tls", "skip", "the URL is ws:, without encryption")
        return stream
    try:
        context = settings.ssl or default_tls()
        secured, seconds = await timed(lambda: start_tls(stream, context, target.host))
    except DialFailed as failed:
        detail = failed.failure.detail
        lowered = detail.lower()
        advice = next((tip for words, tip in _TLS_ADVICE if words in lowered), BY_KIND["tls"])
        raise report.stop("tls", detail, advice) from None
    version = str(secured.extra(TLSAttribute.tls_version, "TLS"))
    days = _days_left(secured.extra(TLSAttribute.peer_certificate, None))
    text = version if days is None else f"{version}, the certificate is good for {days:,} days"
    if days is not None and days < WARN_DAYS:
        report.add("tls", "warn", text, "renew it soon", seconds)
    else:
        report.add("tls", "ok", text, seconds=seconds)
    return cast("ByteStream", secured)


def _days_left(certificate: Any) -> int | None:
    ends = None if certificate is None else certificate.get("notAfter")
    if not isinstance(ends, str):
        return None
    left = datetime.fromtimestamp(tls.cert_time_to_seconds(ends), UTC) - datetime.now(UTC)
    return left.days
