"""One client's conversation without its stream: the machine in its server role, told and drained.

It knows the machine's doors, and what the gateway says between its frames: limits, faults, notices.
It must not know streams or tasks: bytes come in by `arrive` and wait in `out`.

Strategy: every input is one synchronous step (`feed`): the machine is told, its actions are
drained, their outcomes are told in turn, and whoever waits is woken once at the end.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

import anyio

from auxws_proto import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    AuxWebSocket,
    CancelTransfer,
    CloseTransport,
    Config,
    DeliverMessage,
    GetFromUrl,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportSend,
    ReportState,
    Role,
    SendBytes,
    SendPing,
    SendText,
    State,
    UrlPolicy,
)

from ._frames import BINARY, TEXT, FrameMeter, close_frame, frame, without_pongs
from ._handshake import Head

if TYPE_CHECKING:
    from ._gateway import Gateway

_END_OF_HEAD: Final = b"\r\n\r\n"
_NO_CLOSE_FRAME: Final = 1006
_NO_CODE: Final = 1005


class Conversation:
    """What was said, what is to be written, and whether it is over.

    ``opened`` is called once, when the handshake is done; ``later`` runs an outcome after so many
    seconds; ``wake`` tells the tasks to look again.
    """

    def __init__(
        self,
        gateway: Gateway,
        head: Head,
        connection_id: str,
        *,
        opened: Callable[[], None],
        later: Callable[[float, Callable[[float], None]], None],
        wake: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self._connection_id = connection_id
        self._opened, self._later, self._wake = opened, later, wake
        self.machine = AuxWebSocket(
            Role.SERVER, _config(gateway), url=gateway.url, subprotocol=head.subprotocol
        )
        self.out: deque[tuple[float, bytes, int]] = deque()
        """What is to be written: when, what, and how many ``SendBytes`` of the machine it is."""
        self.mail: deque[DeliverMessage] = deque()
        """What the application has not taken."""
        self.is_over = False
        """No more input counts, and nothing more is delivered."""
        self.written = 0
        """How many ``SendBytes`` of the machine have been written."""
        self.ends_when_flushed = False
        self.cuts_when_flushed = False
        self.input_ended = False
        self._outcomes: deque[Callable[[float], None]] = deque()
        self._received = FrameMeter(gateway.received)
        self._sent = FrameMeter(gateway.sent)
        self._fault = gateway.faults.take_connection_fault()
        self._is_open = False
        self._is_reading = False
        self._close_by = float("inf")
        self._opened_at = self._active_at = anyio.current_time()

    # Time.

    @property
    def deadline(self) -> float:
        """When `handle_timeout` is to be called at the latest."""
        limits = self._gateway.limits
        deadline = self._close_by
        if not self.is_over:
            age = self._opened_at + limits.max_duration
            deadline = min(age, self._active_at + limits.idle_timeout)
        timeout = self.machine.next_timeout()
        return deadline if timeout is None else min(deadline, timeout)

    def is_due_before(self, moment: float) -> bool:
        """Whether the deadline has moved to before this moment."""
        return self.deadline < moment

    def handle_timeout(self) -> bool:
        """Does what is due; whether the stream is to be given up now."""
        now = anyio.current_time()
        timeout = self.machine.next_timeout()
        if now < self.deadline:
            return False
        if timeout is not None and now >= timeout:
            self.feed(self.machine.handle_timeout)
        elif self.is_over:
            return True
        else:
            # docs/protocol.md §5: 1001 by what people report, for the duration at least.
            self.close(1001, "Going away")
        return False

    # The stream.

    def begin(self, head: Head) -> None:
        """The stream is open, and this head has come."""
        self.feed(self.machine.connect)
        self._feed_bytes(head.raw + head.rest)
        self._received.feed(head.rest)
        self._play_fault()

    def arrive(self, data: bytes) -> None:
        """Bytes of the client have come; none: it has ended its side."""
        if not data:
            self.input_ended = self.ends_when_flushed = True
            self.end(_NO_CLOSE_FRAME)
            self._wake()
            return
        before = self._received.data_frames
        limit = None if self._fault is None else self._fault.after_frames
        data = data[: self._received.feed(data, stop_after=limit)]
        if self._received.data_frames > before:
            self._active_at = anyio.current_time()
        if not self.is_over:
            self._feed_bytes(data)
            self._play_fault()
        elif self._received.has_closed:
            self.ends_when_flushed = True
            self._wake()

    def data_sent(self, count: int) -> None:
        """A write has taken so many of the machine's ``SendBytes``."""
        self.written += count
        self.feed(self.machine.data_sent, count)

    def _feed_bytes(self, data: bytes) -> None:
        self._is_reading = True
        self.feed(self.machine.receive_bytes, data)
        self._is_reading = False

    @property
    def waits_for_end(self) -> bool:
        """Whether the client may still send: after its close frame nothing comes."""
        return not (self.cuts_when_flushed or self.input_ended or self._received.has_closed)

    # What the gateway itself says and does: limits, faults, notices.

    def _play_fault(self) -> None:
        fault = self._fault
        if fault is None or not self._is_open or self._received.data_frames < fault.after_frames:
            return
        self._fault = None
        if fault.code is None:
            self.drop()
        else:
            self.close(fault.code, fault.reason)

    def inject(self, data: str | bytes) -> None:
        """Sends this as one frame, between those of the machine."""
        if isinstance(data, str):
            self._say(frame(TEXT, data.encode("utf-8", "surrogatepass")))
        else:
            self._say(frame(BINARY, data))

    def notify(self, message: str) -> None:
        """Sends an object of API Gateway's own (``docs/protocol.md`` §2)."""
        notice = {
            "message": message,
            "connectionId": self._connection_id,
            "requestId": self._gateway.next_id("request"),
        }
        self.inject(json.dumps(notice))

    def close(self, code: int | None, reason: str = "") -> None:
        """Sends a close frame behind what is on its way; the client's is waited for."""
        if not self.is_over:
            self._say(close_frame(code, reason))
            self.end(_NO_CODE if code is None else code)

    def drop(self) -> None:
        """Cuts the connection behind what is on its way."""
        self.end(_NO_CLOSE_FRAME)
        self.cuts_when_flushed = True
        self._wake()

    def end(self, code: int) -> None:
        """The conversation is over."""
        if not self.is_over:
            self._be_over()
            self.feed(partial(self.machine.receive_eof, code=code))

    def _be_over(self) -> None:
        self.is_over = True
        self._close_by = anyio.current_time() + self._gateway.limits.close_timeout

    def _say(self, data: bytes) -> None:
        if not self.is_over:
            self._put_out(data, 0)
            self._wake()

    # The machine.

    def feed(self, door: Callable[..., object], *arguments: object) -> None:
        """Tells the machine one thing, and does all that comes of it."""
        door(*arguments, anyio.current_time())
        while True:
            for action in self.machine.actions():
                self._dispatch(action)
            if not self._outcomes:
                break
            self._outcomes.popleft()(anyio.current_time())
        self._wake()

    def _dispatch(self, action: Action) -> None:
        machine = self.machine
        match action:
            case SendBytes():
                self._put_out(action.data, 1)
            case DeliverMessage():
                self.mail.append(action)
            case AnswerUploadRequest():
                # The client asks by bytes; the server's own requests come of its own sends.
                event, delay = self._gateway.uploads.answer(
                    action.request_id, asked=self._is_reading
                )
                if event is not None:
                    self._later(delay, partial(machine.handle, event))
            case PutToUrl() | GetFromUrl():
                outcome = self._gateway.uploads.transfer(action)
                self._outcomes.append(partial(machine.handle, outcome))
            case OpenTransport(transport=number):
                self._outcomes.append(partial(machine.transport_opened, transport=number))
            case CloseTransport():
                self._be_over()
                self.ends_when_flushed = True
            case AbortTransport():
                self._be_over()
                self.cuts_when_flushed = True
            case ReportState(state=State.OPEN):
                self._is_open = True
                self._opened()
            case ReportError() | ReportGap():
                self._gateway.report_violation(action.error)
            case SendText() | SendPing() | AskForLogin() | CancelTransfer():
                pass  # An AuxWebSocket has sent the first two; our transfers take no time.
            case ReportState() | ReportSend() | ReportProgress():
                pass
            case _:
                assert_never(action)

    def add_outcome(self, outcome: Callable[[float], None]) -> None:
        """An outcome that is told in the step that is under way."""
        self._outcomes.append(outcome)

    def _put_out(self, data: bytes, texts: int) -> None:
        # The handshake's answer is no frame.
        is_head = not self._is_open and data.startswith(b"HTTP/")
        start = data.find(_END_OF_HEAD) + len(_END_OF_HEAD) if is_head else 0
        frames = data[start:] if start else data
        before = self._sent.data_frames
        self._sent.feed(frames)
        now = anyio.current_time()
        if self._sent.data_frames > before:
            self._active_at = now
        faults = self._gateway.faults
        if not faults.answer_pings:
            data = data[:start] + without_pongs(frames)
        self.out.append((now + faults.delay_to_client, data, texts))


def _config(gateway: Gateway) -> Config:
    limits = gateway.limits
    return Config(
        close_on_violation=True,
        max_frame_size=limits.max_frame_size,
        max_message_size=limits.max_message_size,
        max_download_size=limits.max_object,
        read_ahead=limits.read_ahead,
        max_outbox_bytes=limits.write_ahead,
        confirm=False,
        reconnect=None,
        ping_interval=None,
        connect_timeout=limits.handshake_timeout,
        close_timeout=limits.close_timeout,
        # The store is our own, whatever it is called.
        url_policy=UrlPolicy(allow_any_host=True, allow_insecure=True),
    )
