"""From what a session is told, and what it asks for, to what an observer is told.

It knows actions, and which facts make which event. It must not know how a session works, nor wire
formats. Transports, sends and transfers have books of their own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .._actions import (
    AbortTransport,
    Action,
    AskForLogin,
    CancelTransfer,
    CloseTransport,
    DeliverMessage,
    GetFromUrl,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportGap,
    ReportSend,
    ReportState,
    SendPing,
    SendText,
)
from .._constants import SendId, State
from .._errors import AuxError, RateLimited
from .._events import HttpFailed, HttpProgressed, HttpResponded
from ._events import (
    ErrorReported,
    Fault,
    LoginAsked,
    MessageMissed,
    MessageReceived,
    QueuesChanged,
    ReconnectScheduled,
    SendingPaused,
    StateChanged,
)
from ._fault import fault_of, maybe_fault, short
from ._links import LinkBook
from ._sends import SendBook
from ._teller import Teller
from ._transfers import Grants, TransferBook

_Handler = Callable[[Any, float], None]


class Queues(NamedTuple):
    """The figures of `QueuesChanged`."""

    outbox_messages: int
    outbox_bytes: int
    pending_uploads: int
    pending_downloads: int
    held_bytes: int
    untaken_bytes: int


class Observation:
    """What is known of one session. ``url_lifetime`` is ``Config.upload_url_lifetime``.

    With ``notable_only`` it leaves out whatever comes with each message: that costs something.
    """

    def __init__(
        self, teller: Teller, *, client: str, url_lifetime: float, notable_only: bool = False
    ) -> None:
        self.teller = teller
        self.links = LinkBook(client, teller.emit)
        self.notable_only = notable_only
        self._client = client
        self._state = State.IDLE
        self._queues = Queues(0, 0, 0, 0, 0, 0)
        self._reported: deque[ReportError] = deque()
        self.is_over = False
        """Whether the session is closed for good."""
        grants = Grants(url_lifetime)
        self._transfers = TransferBook(client, grants)
        self._sends = SendBook(client, self._transfers, grants)
        notable: dict[type, _Handler] = {
            OpenTransport: self._open,
            CloseTransport: self._close,
            AbortTransport: self._abort,
            AskForLogin: self._login,
            ReportState: self._report_state,
            ReportError: self._report_error,
            ReportGap: self._report_gap,
        }
        others: dict[type, _Handler] = {
            SendText: self._text,
            SendPing: self._ping,
            PutToUrl: self._transfer,
            GetFromUrl: self._transfer,
            CancelTransfer: self._cancel,
            DeliverMessage: self._deliver,
            ReportSend: self._report_send,
        }
        # Left out: `SendBytes`, which is what a `SendText` became, `ReportProgress`, which comes in
        # as an outcome, and `AnswerUploadRequest`, which is a server's.
        notable[ReportSend] = self._report_loss
        self._handlers: Mapping[type, _Handler] = notable if notable_only else notable | others

    # What the session is told.

    def queued(self, send_id: SendId, kind: str, body: bytes, now: float) -> None:
        """A message was accepted."""
        self.teller.emit(self._sends.queued(send_id, kind, body, now))

    def came(self, data: str | bytes, now: float) -> None:
        """A text came: it may answer a request for an upload URL."""
        self.teller.emit(self._sends.came(data, now))

    def ended(
        self, transport: int, now: float, *, code: int | None = None, fault: Fault | None = None
    ) -> None:
        """A transport is over, or could not be opened: what was asked on it has no answer."""
        self._sends.lost(transport)
        self.links.ended(transport, now, code=code, fault=fault)

    def progressed(self, event: HttpProgressed, now: float) -> None:
        """A transfer goes on."""
        self.teller.emit(self._transfers.progressed(event, now))

    def transferred(self, event: HttpResponded | HttpFailed, size: int, now: float) -> None:
        """A transfer is over; ``size`` is that of the body that came."""
        self.teller.emit(self._transfers.ended(event, size, now))

    def looked(self, queues: Queues, now: float) -> None:
        """How the queues are now; once all is over nobody counts them any more."""
        if queues != self._queues and self._state is not State.CLOSED:
            self._queues = queues
            self.teller.emit(
                QueuesChanged(
                    at=now,
                    client=self._client,
                    outbox_messages=queues.outbox_messages,
                    outbox_bytes=queues.outbox_bytes,
                    pending_uploads=queues.pending_uploads,
                    pending_downloads=queues.pending_downloads,
                    held_bytes=queues.held_bytes,
                    untaken_bytes=queues.untaken_bytes,
                )
            )

    def crashed(self, error: AuxError, now: float) -> None:
        """The driver has failed: nothing more comes."""
        fault = fault_of(error)
        self.teller.emit(ErrorReported(at=now, client=self._client, fault=fault))
        self._change(State.CLOSED, fault, now)

    # What it asks for.

    def acted(self, action: Action, now: float) -> None:
        """The session asks for this."""
        handler = self._handlers.get(type(action))
        if handler is not None:
            handler(action, now)

    def waiting(self, due: float, cause: AuxError | None, now: float) -> None:
        """The next attempt is made at the moment ``due``."""
        delay, fault = max(0.0, due - now), maybe_fault(cause)
        self.teller.emit(ReconnectScheduled(at=now, client=self._client, delay=delay, cause=fault))

    def _open(self, action: OpenTransport, now: float) -> None:
        self.links.attempted(action.transport, action.attempt, now)

    def _close(self, action: CloseTransport, now: float) -> None:
        self.links.closing(action.transport)

    def _abort(self, action: AbortTransport, now: float) -> None:
        self.ended(action.transport, now)

    def _ping(self, action: SendPing, now: float) -> None:
        self.links.pinged(action.transport, action.payload, now)

    def _transfer(self, action: PutToUrl | GetFromUrl, now: float) -> None:
        self.teller.emit(self._transfers.started(action, now))

    def _cancel(self, action: CancelTransfer, now: float) -> None:
        why = "cancelled" if self.is_over else "timeout"
        self.teller.emit(self._transfers.cancelled(action.transfer_id, why, now))

    def _login(self, action: AskForLogin, now: float) -> None:
        self.teller.emit(
            LoginAsked(
                at=now,
                client=self._client,
                transport=action.transport,
                attempt=action.attempt,
                fault=maybe_fault(action.error),
            )
        )

    def _text(self, action: SendText, now: float) -> None:
        self.teller.emit(self._sends.wrote(action, now))

    def _deliver(self, action: DeliverMessage, now: float) -> None:
        self.teller.emit(
            MessageReceived(
                at=now,
                client=self._client,
                type=short(action.message["type"]),
                size=action.size,
                path="download" if action.downloaded else "inline",
                transport=action.transport,
                overlap=action.overlap,
                download=self._transfers.delivered() if action.downloaded else None,
            )
        )

    def _report_state(self, action: ReportState, now: float) -> None:
        self._change(action.state, maybe_fault(action.cause), now)

    def _change(self, state: State, cause: Fault | None, now: float) -> None:
        previous, self._state = self._state, state
        # The same state without a cause is only news of the connection's info.
        if previous is not state or cause is not None:
            self.teller.emit(
                StateChanged(
                    at=now, client=self._client, previous=previous, current=state, cause=cause
                )
            )

    def _report_send(self, action: ReportSend, now: float) -> None:
        if action.final:
            self.teller.emit(self._sends.ended(action, now))

    def _report_loss(self, action: ReportSend, now: float) -> None:
        """The same where nothing is known of the message."""
        if action.error is not None:
            fault = fault_of(action.error)
            self.teller.emit(
                ErrorReported(at=now, client=self._client, fault=fault, send_id=action.send_id)
            )

    def _report_error(self, action: ReportError, now: float) -> None:
        self._reported.append(action)
        self._tell_error(action, now)

    def passed(self, action: ReportError, now: float) -> None:
        """A report is given out; it is news only if the session did not make it."""
        if self._reported and self._reported[0] is action:
            self._reported.popleft()
        else:
            self._tell_error(action, now)

    def _tell_error(self, action: ReportError, now: float) -> None:
        error, transport, client = action.error, action.transport, self._client
        if isinstance(error, RateLimited):
            seconds = error.retry_after
            self.teller.emit(
                SendingPaused(at=now, client=client, seconds=seconds, transport=transport)
            )
        else:
            fault, send_id = fault_of(error), action.send_id
            self.teller.emit(
                ErrorReported(
                    at=now, client=client, fault=fault, transport=transport, send_id=send_id
                )
            )

    def _report_gap(self, action: ReportGap, now: float) -> None:
        self.teller.emit(
            MessageMissed(
                at=now,
                client=self._client,
                fault=fault_of(action.error),
                transport=action.transport,
                download=self._transfers.missed(action.error),
            )
        )
