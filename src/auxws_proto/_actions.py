"""What a machine asks for: actions, in the imperative, drained from one FIFO by ``actions()``.

It knows shapes only. The first group is for whoever does the I/O, the second for the application.
``Action`` is a closed union: ``match`` on it and end with ``assert_never``, and the type checker
names what a driver forgot. A ``repr`` shows no URL, header, body or message: those can hold
secrets, and megabytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ._constants import SendId, Stage, State
from ._errors import AuxError, SendFailed
from ._secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTransport:
    """Open a connection, then report ``transport_opened`` or ``transport_failed``.

    ``attempt`` is 0 for the first of an outage. Whoever opens may replace ``url`` and ``headers``.
    """

    transport: int
    attempt: int
    url: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendText:
    """Send one text message, in frames of at most ``max_frame`` bytes; then ``data_sent``.

    ``send_id`` is the send that this text carries (the message, or the announcement of its upload):
    once it is written, the message may have arrived. None for all else.
    """

    transport: int
    data: bytes = field(repr=False)
    max_frame: int
    send_id: SendId | None = None

    @property
    def text(self) -> str:
        """The message, decoded."""
        return self.data.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class SendBytes:
    """Write these bytes to the transport; then ``data_sent``. ``send_id`` is as in `SendText`."""

    transport: int
    data: bytes = field(repr=False)
    send_id: SendId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPing:
    """Send a WebSocket ping behind all text emitted before it; report ``receive_pong``."""

    transport: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseTransport:
    """Close after everything emitted before it, then report ``receive_eof``.

    From a session: start a closing handshake with ``code`` and ``reason``. From `AuxWebSocket`: the
    handshake is over, close the byte stream.
    """

    transport: int
    code: int = 1000
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortTransport:
    """Drop the transport now, and whatever of it was not written. Nothing need be reported."""

    transport: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PutToUrl:
    """Send ``body`` to the object store; answer with ``HttpResponded`` or ``HttpFailed``.

    Send a Content-Length and no credentials, follow no redirect (``docs/protocol.md`` §8), and
    read at most ``max_error_bytes`` of the response's body.
    """

    transfer_id: int
    method: str
    url: Secret
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    max_error_bytes: int = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class GetFromUrl:
    """Fetch a body of at most ``max_bytes`` decoded bytes; answer as for `PutToUrl`.

    Of a response that is no 2xx, read at most ``max_error_bytes`` (``docs/protocol.md`` §4, §8).
    """

    transfer_id: int
    method: str
    url: Secret
    headers: Mapping[str, str] = field(repr=False)
    max_bytes: int
    max_error_bytes: int = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTransfer:
    """Give this transfer up. Its outcome may still be reported; it is ignored."""

    transfer_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskForLogin:
    """Answer with the verb ``login`` or the event ``LoginUnavailable``.

    ``attempt`` is 0 for the first on this transport; ``error`` is why the last one failed.
    """

    transport: int
    attempt: int
    error: AuxError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerUploadRequest:
    """Presign an upload (server role); answer with ``UploadGranted`` or ``UploadRefused``."""

    request_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverMessage:
    """An incoming message, in order. Call ``taken(size, now)`` once the application has it.

    ``size`` is in bytes; ``event_id`` is the peer's number; ``downloaded`` says by which path it
    came; ``overlap`` marks what came while two transports were read, and may come on both;
    ``used`` that a dialogue above the session was waiting for it.
    """

    message: dict[str, Any] = field(repr=False)
    size: int
    event_id: float
    transport: int
    downloaded: bool = False
    overlap: bool = False
    used: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportState:
    """The public state changed. ``info`` is the connection info of the login, with ``OPEN``."""

    state: State
    cause: AuxError | None = None
    info: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSend:
    """A send reached ``stage``; ``error`` tells why for ``FAILED`` and ``UNKNOWN``.

    ``final`` says that no other report of this send follows.
    """

    send_id: SendId
    stage: Stage
    final: bool = False
    error: SendFailed | None = None

    @property
    def reason(self) -> str | None:
        """The reason of a failure, as a word."""
        return None if self.error is None else self.error.reason.value


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportError:
    """Something went wrong that concerns no send; the stream goes on.

    ``event_id`` is the peer's number where the event had one; ``info`` is the object of an error
    event or of a gateway's notice. ``send_id`` is the send whose event an error event names by its
    number; that send may have come to a good end before.
    """

    error: AuxError
    event_id: float | None = None
    info: Mapping[str, Any] | None = field(default=None, repr=False)
    transport: int | None = None
    send_id: SendId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportGap:
    """An incoming message that could not be had, in its place in the order."""

    error: AuxError
    event_id: float
    transport: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportProgress:
    """``done`` of ``total`` bytes of a transfer; ``send_id`` is None for a download."""

    transfer_id: int
    send_id: SendId | None
    done: int
    total: int | None


Action: TypeAlias = (
    OpenTransport
    | SendText
    | SendBytes
    | SendPing
    | CloseTransport
    | AbortTransport
    | PutToUrl
    | GetFromUrl
    | CancelTransfer
    | AskForLogin
    | AnswerUploadRequest
    | DeliverMessage
    | ReportState
    | ReportSend
    | ReportError
    | ReportGap
    | ReportProgress
)
"""Whatever `AuxMachine.actions` gives. A closed union: ``assert_never`` finds what is forgotten."""
