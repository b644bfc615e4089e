"""What an error means to whoever typed the command: one line, what to do, and an exit status.

It knows the library's errors and the advice for each. It must not know the command that failed. The
library's texts hold no URL and no token; a server's words in them are escaped where they are shown.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final

from auxws_proto import (
    AuxError,
    ConnectionFailed,
    ExtraMissing,
    FailReason,
    InternalError,
    LocalProtocolError,
    LoginRefused,
    LoginTimeout,
    OutboxStoreFailed,
    SendFailed,
    Stage,
    TraceFailed,
    UrlRefused,
)

from ._exit import Exit, Failure

BY_ERRNO: Final[Mapping[int | None, str]] = {
    errno.EADDRINUSE: (
        "another program listens on this --port or --store-port, perhaps this one from before: "
        "end it, or take another; 0 takes a free one"
    ),
}

BY_KIND: Final[Mapping[str, str]] = {
    "resolve": "check the spelling of the host and this machine's DNS",
    "connect": "check host and port, that the server runs, and firewalls on the way",
    "tls": (
        "check that the port speaks TLS and the certificate is good for this host; "
        "--ca FILE trusts an authority of your own"
    ),
    "proxy": "check --proxy or AUXWS_PROXY, and that the proxy allows this host and port",
    "timeout": "check that the server answers; --connect-timeout waits longer",
    "handshake": "check that the URL is that of a WebSocket endpoint",
    "subprotocol": (
        "inst endpoints take no subprotocol, records endpoints --subprotocol casualos.records"
    ),
    "url": "check the URL: wss://{api-id}.execute-api.{region}.amazonaws.com/{stage}",
    "address": "the host's addresses are not allowed here; use 127.0.0.1 or ::1 for this machine",
    "closed": "the server hung up; its log says why",
    "offline": "connect first",
}

BY_STATUS: Final[Mapping[int, str]] = {
    400: "check --subprotocol: none for inst endpoints, casualos.records for records endpoints",
    401: "the endpoint wants credentials: give its headers with --header-file",
    403: "check the stage in the URL's path, and headers that an authorizer or API key wants "
    "(--header-file)",
    404: "check the path of the URL",
    408: "the handshake took too long; try again",
    410: "check the stage in the URL's path",
    429: "too many connections; try again later",
    500: "the endpoint's connect route failed; its log says why",
    502: "the endpoint cannot reach its integration; try again later",
    503: "the endpoint is overloaded or being deployed; try again later",
}

BY_LOGIN_CODE: Final[Mapping[str, str]] = {
    "unacceptable_connection_token": "give a whole token, vCT1.…, with --token-file",
    "invalid_token": "make a fresh token from a connection key, for this very inst",
    "session_expired": "log in to CasualOS again and make a token from the new key",
    "user_is_banned": "the user is banned; use another",
    "unacceptable_connection_id": "give an id with --login ID",
    "not_logged_in": "log in with --login ID or --token-file FILE",
}

BY_REASON: Final[Mapping[FailReason, str]] = {
    FailReason.CLOSED: "it was not sent; send it again",
    FailReason.NOT_SUPPORTED: "this server takes no uploads; --fragment-limit 131072 may do",
    FailReason.REFUSED_BY_SERVER: "the server's log says why",
    FailReason.URL_REFUSED: (
        "the server gave a URL that is not allowed; --allow-host HOST admits its host"
    ),
    FailReason.ANSWER_TIMEOUT: "the server did not answer; is it an AUX endpoint?",
    FailReason.TRANSFER_TIMEOUT: "check the network to the object store; auxws doctor URL looks",
    FailReason.TRANSFER_FAILED: "check the network to the object store; auxws doctor URL looks",
    FailReason.HTTP_STATUS: "auxws doctor URL looks at presigned URLs",
    FailReason.TOO_LARGE: "send less at once",
    FailReason.BAD_CONTENT: "what the object store gave is no message",
    FailReason.CANCELLED: "send it again",
    FailReason.TRANSPORT_LOST: "it may have arrived; --resend-unknown sends such messages again",
}


def explain(error: BaseException) -> Failure:
    """What to tell, and the status to end with."""
    match error:
        case Failure():
            return error
        case LoginRefused():
            advice = BY_LOGIN_CODE.get(error.code or "", "check the credentials")
            return Failure(f"login refused: {error}", advice, exit=Exit.NOT_CONNECTED)
        case LoginTimeout():
            advice = "is it an AUX endpoint that knows logins? without --login none is needed"
            return Failure(str(error), advice, exit=Exit.NOT_CONNECTED)
        case ConnectionFailed():
            return Failure(_said(error), _connection_advice(error), exit=Exit.NOT_CONNECTED)
        case SendFailed():
            unknown = error.stage is Stage.UNKNOWN
            outcome = "nobody knows whether the message arrived" if unknown else "not sent"
            return Failure(
                f"{outcome}: {error}",
                BY_REASON.get(error.reason, ""),
                exit=Exit.UNKNOWN if unknown else Exit.FAILED,
            )
        case UrlRefused():
            return Failure(f"URL refused: {error}", BY_REASON[FailReason.URL_REFUSED])
        case LocalProtocolError():
            return Failure(str(error), exit=Exit.USAGE)
        case OutboxStoreFailed():
            return Failure(str(error), "check the outbox file")
        case ExtraMissing():
            advice = f"pip install 'auxws[{error.extra}]'"
            return Failure(str(error), advice, exit=Exit.MISSING)
        case TraceFailed():
            return Failure(str(error), "check --trace FILE", exit=Exit.USAGE)
        case InternalError():
            return Failure(str(error), "please report this")
        case AuxError():
            return Failure(str(error))
        case TimeoutError():
            return Failure(str(error) or "timed out", exit=Exit.TIMED_OUT)
        case OSError():
            return Failure(_of_the_system(error), BY_ERRNO.get(error.errno, ""))
        case _:
            return Failure(str(error) or type(error).__name__)


def _said(error: ConnectionFailed) -> str:
    if error.status is not None:
        return f"the handshake was refused with HTTP {error.status}"
    return str(error)


def _connection_advice(error: ConnectionFailed) -> str:
    if error.status is not None:
        return BY_STATUS.get(error.status, BY_KIND["handshake"])
    return BY_KIND.get(error.kind, "")


def _of_the_system(error: OSError) -> str:
    if error.strerror:
        name = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return f"{name}{error.strerror}"
    return str(error) or type(error).__name__
