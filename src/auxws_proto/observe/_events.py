"""What an observer is told: one small object for each thing that happened to a client.

It knows shapes only. Nothing in here quotes a payload, a URL or a token: of a message there are
type, size and path, of an error its kind and its text, from which `hide` has taken what is secret.
`ObserverEvent` is a closed union: ``match`` on it and end with ``assert_never``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .._constants import SendId, Stage, State

Direction: TypeAlias = Literal["upload", "download"]
"""Which way a body goes between a client and the object store."""

SentPath: TypeAlias = Literal["inline", "fragments", "upload"]
"""By which path a message went: in one frame, in several, or by the object store."""

ReceivedPath: TypeAlias = Literal["inline", "download"]
"""By which path a message came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error without what the peer sent with it.

    ``kind`` is the name of its class, ``text`` what it says, ``code`` the server's ``errorCode`` or
    the word for the reason, where there is one; ``retryable`` says whether trying again can help.
    """

    kind: str
    text: str
    code: str | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What all events have: when (seconds on the machine's clock), and the name of the client."""

    at: float
    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChanged(Observed):
    """The public state went from `previous` to `current`; `cause` is the fault that made it so."""

    previous: State
    current: State
    cause: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectScheduled(Observed):
    """The connection is lost, and the next attempt is made in ``delay`` seconds."""

    delay: float
    cause: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionAttempted(Observed):
    """A transport is being opened. ``attempt`` is 0 for the first of an outage."""

    transport: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOpened(Observed):
    """The WebSocket's handshake is done, ``elapsed`` seconds after the attempt began."""

    transport: int
    elapsed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionEnded(Observed):
    """A transport is over, or could not be opened.

    ``expected`` says that this side closed it. ``code`` is that of the close frame (1006: there was
    none), ``lasted`` the seconds since it was open; both are None if it never was. ``fault`` is why
    it could not be opened. A transport that was given up for its silence has neither.
    """

    transport: int
    expected: bool
    code: int | None = None
    lasted: float | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAsked(Observed):
    """Credentials were asked for. ``fault`` is why those before were of no use."""

    transport: int
    attempt: int
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQueued(Observed):
    """``send()`` accepted a message of ``size`` bytes."""

    send_id: SendId
    type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(Observed):
    """A message was given to the transport, ``waited`` seconds after ``send()``.

    By the path ``"upload"`` it is the announcement of what the object store has. It may happen
    again to the same message, after a reconnect.
    """

    send_id: SendId
    type: str
    size: int
    path: SentPath
    transport: int
    waited: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEnded(Observed):
    """A send has come to its one outcome, ``elapsed`` seconds after ``send()``.

    ``path`` is the one that it went last, None if it never went. ``fault`` tells why for ``FAILED``
    and ``UNKNOWN``.
    """

    send_id: SendId
    type: str
    size: int
    stage: Stage
    elapsed: float
    path: SentPath | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadUrlAsked(Observed):
    """The peer was asked for an upload URL; ``request`` is the number of the request."""

    request: int
    transport: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadUrlAnswered(Observed):
    """The peer's answer came after ``elapsed`` seconds; ``granted`` says whether with a URL."""

    request: int
    granted: bool
    elapsed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStarted(Observed):
    """A request to the object store begins, the ``attempt``-th (from 1) for this message.

    An upload belongs to ``send_id``. ``download`` numbers what is fetched: the same in all its
    attempts, and in `MessageReceived` or `MessageMissed`. ``size`` is that of an upload's body, in
    bytes. ``url_asked_at`` and ``url_answered_at`` are when the URL that this attempt is the first
    to use was asked for and came, if that was seen.
    """

    transfer: int
    direction: Direction
    attempt: int
    send_id: SendId | None = None
    download: int | None = None
    size: int | None = None
    url_asked_at: float | None = None
    url_answered_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferProgressed(Observed):
    """``done`` of ``total`` bytes of a body (None: unknown) have gone over the wire."""

    transfer: int
    direction: Direction
    done: int
    total: int | None = None
    send_id: SendId | None = None
    download: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFinished(Observed):
    """A request to the object store is over, after ``elapsed`` seconds.

    ``status`` is that of the answer; None: there was none, and ``failure`` is the word for why
    (``"timeout"``: no progress; ``"cancelled"``: the session ended). ``size`` is that of the body
    that went or came, in bytes. A status that is no 2xx may be tried again.
    """

    transfer: int
    direction: Direction
    attempt: int
    elapsed: float
    send_id: SendId | None = None
    download: int | None = None
    status: int | None = None
    failure: str | None = None
    size: int | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the object store did what was asked."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Observed):
    """An incoming message was delivered, in its place in the order.

    ``size`` is in bytes: inline that of its event, as the wire has it; else that of the body.
    ``overlap`` marks what came while two transports were read; ``download`` is the number of its
    transfers.
    """

    type: str
    size: int
    path: ReceivedPath
    transport: int
    overlap: bool = False
    download: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageMissed(Observed):
    """An incoming message could not be had: a gap, in its place in the order."""

    fault: Fault
    transport: int
    download: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuesChanged(Observed):
    """How much waits now: told once after whatever has changed it.

    ``outbox`` is what was accepted and has no outcome, ``untaken`` what was delivered and not taken
    by the application, ``held`` what came and cannot be delivered yet. Bytes, but for what says
    otherwise.
    """

    outbox_messages: int
    outbox_bytes: int
    pending_uploads: int
    pending_downloads: int
    held_bytes: int
    untaken_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingPaused(Observed):
    """The server dropped a message over its rate limit: nothing is sent for so many seconds."""

    seconds: float
    transport: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PingAnswered(Observed):
    """The answer to a ping came after ``latency`` seconds."""

    transport: int
    latency: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReported(Observed):
    """Something went wrong that ended neither a message nor the connection; or, for the kinds
    ``InternalError`` and ``OutboxStoreFailed``, that ended the client.

    ``send_id`` is the send whose event an error of the server names.
    """

    fault: Fault
    transport: int | None = None
    send_id: SendId | None = None


ObserverEvent: TypeAlias = (
    StateChanged
    | ReconnectScheduled
    | ConnectionAttempted
    | ConnectionOpened
    | ConnectionEnded
    | LoginAsked
    | MessageQueued
    | MessageSent
    | SendEnded
    | UploadUrlAsked
    | UploadUrlAnswered
    | TransferStarted
    | TransferProgressed
    | TransferFinished
    | MessageReceived
    | MessageMissed
    | QueuesChanged
    | SendingPaused
    | PingAnswered
    | ErrorReported
)
"""Everything that an observer can be told."""

Observer: TypeAlias = Callable[[ObserverEvent], None]
"""What ``observer=`` takes. It is called synchronously and must not block. If it raises, that is
reported once (``errors()`` has an `AuxError` whose cause it is), and it is not called again."""
