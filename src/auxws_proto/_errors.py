"""What can go wrong, as types: blame in the class, cause in an enumerated reason, prose for people.

It knows names and texts. It must not know when anything is raised or reported. No error shows a
presigned URL or a token: texts can quote a peer or an embedder, so each goes through `hide`. What
the peer sent stands, as it came, in ``info``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ._constants import FailReason, Stage, Violation
from ._secret import hide


class AuxError(Exception):
    """The base of every error of this library."""

    connection_usable: ClassVar[bool] = True
    """Whether the connection goes on after this error."""

    retryable: bool = False
    """Whether doing the same again can help."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(hide(arg) if isinstance(arg, str) else arg for arg in args))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, dict(self.__dict__)))

    def __deepcopy__(self, memo: object) -> AuxError:
        return self


def _rebuild(kind: type[AuxError], args: tuple[Any, ...], state: dict[str, Any]) -> AuxError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class LocalProtocolError(AuxError):
    """The caller's own mistake, raised at the guilty call, which has changed nothing."""


class ExtraMissing(AuxError, ImportError):
    """A package that is not installed is needed: install the `extra` of this distribution."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; it comes with the extra: auxws[{extra}]")
        self.package = package
        self.extra = extra


class OutboxFull(AuxError):
    """The outbox has no room for this message now. Wait for outcomes, then send again."""

    retryable = True


class RemoteProtocolError(AuxError):
    """The peer broke the protocol; `violation` says how. Reported, never raised by a machine."""

    def __init__(self, violation: Violation, detail: str = "") -> None:
        super().__init__(detail or violation.value)
        self.violation = violation
        self.detail: str = hide(detail)


class ServerError(AuxError):
    """An error event of the peer, ``[5, id, info]`` (``docs/protocol.md`` §2)."""

    def __init__(self, info: Mapping[str, Any], event_id: float | None) -> None:
        code = info.get("errorCode")
        message = info.get("errorMessage")
        self.code: str | None = hide(code) if isinstance(code, str) else None
        self.info = info
        self.event_id = event_id
        super().__init__(f"{self.code}: {message}" if isinstance(message, str) else str(self.code))


class GatewayNotice(AuxError):
    """A JSON object that API Gateway itself put on the socket (``docs/protocol.md`` §2)."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        message = info.get("message")
        self.info = info
        super().__init__(message if isinstance(message, str) else "a notice without a text")


class RateLimited(AuxError):
    """The server dropped a message over its rate limit (``docs/protocol.md`` §7).

    Sending pauses `retry_after` seconds.
    """

    retryable = True

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"rate limited: sending pauses for {retry_after:g} s")
        self.retry_after = retry_after


class UnconfirmedTransport(AuxError):
    """This transport has never answered a ping, so its sends end as ``SENT``, without proof."""


class SendFailed(AuxError):
    """A send ended as ``FAILED`` or ``UNKNOWN``; `reason` says why."""

    def __init__(
        self,
        reason: FailReason,
        detail: str = "",
        *,
        stage: Stage = Stage.FAILED,
        cause: AuxError | None = None,
    ) -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail: str = hide(detail)
        self.stage = stage
        self.cause = cause
        self.retryable: bool = reason not in _PERMANENT


_PERMANENT = frozenset({FailReason.CLOSED, FailReason.URL_REFUSED, FailReason.TOO_LARGE})


class DownloadFailed(AuxError):
    """An incoming message could not be had (``docs/protocol.md`` §4); `reason` says why."""

    def __init__(
        self, reason: FailReason, detail: str = "", *, cause: AuxError | None = None
    ) -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail: str = hide(detail)
        self.cause = cause


class ConnectionFailed(AuxError):
    """A transport could not be opened, or was lost."""

    connection_usable = False

    def __init__(
        self, kind: str, detail: str = "", *, status: int | None = None, retryable: bool = True
    ) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind: str = hide(kind)
        self.detail: str = hide(detail)
        self.status = status
        self.retryable = retryable


class ConnectionClosed(ConnectionFailed):
    """A transport ended; `code` and `reason` are those of RFC 6455 §7.1 (1006: no close frame)."""

    def __init__(self, code: int, reason: str = "", *, retryable: bool = True) -> None:
        text = f"code {code}" + (f" ({reason})" if reason else "")
        super().__init__("closed", text, retryable=retryable)
        self.code = code
        self.reason: str = hide(reason)


class LoginRefused(AuxError):
    """The server refused the login; `code` is its ``errorCode`` (``docs/protocol.md`` §7)."""

    def __init__(self, code: str | None, detail: str, info: Mapping[str, Any]) -> None:
        super().__init__(f"{code}: {detail}" if detail else str(code))
        self.code: str | None = None if code is None else hide(code)
        self.detail: str = hide(detail)
        self.info = info
        self.retryable = True


class LoginTimeout(AuxError):
    """The server did not answer the login in time, or no credentials came in time."""

    connection_usable = False
    retryable = True


class UrlRefused(AuxError):
    """The URL policy refused what the server asked for; `rule` names the rule."""

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(f"{rule}: {detail}" if detail else rule)
        self.rule = rule
        self.detail: str = hide(detail)
