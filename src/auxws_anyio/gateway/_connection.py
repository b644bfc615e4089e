"""One client's connection: the machine in its server role, on a stream, before an application.

It knows streams, the machine's doors, and API Gateway's limits of time (``docs/protocol.md`` §5).
It must not know frames' meaning or event arrays: those are the machine's.

Strategy: every input is one synchronous step (`_feed`): the machine is told, its actions are
drained, their outcomes are told in turn. Tasks only wait: one reads, one writes, one watches the
time. What the gateway says for itself (limits, faults, notices) is whole frames put between those
of the machine.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, assert_never

import anyio
import anyio.abc
import anyio.lowlevel

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
    OutboxFull,
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

from ._app import Received
from ._frames import BINARY, TEXT, FrameMeter, close_frame, frame, without_pongs
from ._handshake import Head
from ._streams import GONE, cut, end_output

if TYPE_CHECKING:
    from ._gateway import Gateway

_READ: Final = 64 * 1024
_END_OF_HEAD: Final = b"\r\n\r\n"


class Connection:
    """One client. What applications see of it is `GatewayConnection`."""

    def __init__(
        self, gateway: Gateway, stream: anyio.abc.ByteStream, head: Head, connection_id: str
    ) -> None:
        limits = gateway.limits
        self.connection_id = connection_id
        self.path = head.path
        self.headers = head.headers
        self._gateway = gateway
        self._faults = gateway.faults
        self._stream = stream
        self._head = head
        self._machine = AuxWebSocket(
            Role.SERVER,
            Config(
                close_on_violation=True,
                max_frame_size=limits.max_frame_size,
                max_message_size=limits.max_message_size,
                max_download_size=limits.max_object,
                confirm=False,
                reconnect=None,
                ping_interval=None,
                connect_timeout=limits.handshake_timeout,
                close_timeout=limits.close_timeout,
                # The store is our own, whatever it is called.
                url_policy=UrlPolicy(allow_any_host=True, allow_insecure=True),
            ),
            url=gateway.url,
            subprotocol=head.subprotocol,
        )
        self._outcomes: deque[Callable[[float], None]] = deque()
        self._out: deque[tuple[float, bytes, int]] = deque()
        self._mail: deque[DeliverMessage] = deque()
        self._lagging: deque[tuple[float, bytes]] = deque()
        self._waiters: list[anyio.Event] = []
        self._received = FrameMeter(gateway.received)
        self._sent = FrameMeter(gateway.sent)
        self._upgraded = False
        self._is_open = False
        self._fault = self._faults.take_connection_fault()
        self._is_reading = False
        self._input_ended = False
        self._flush_and_end = False
        self._flush_and_cut = False
        self._close_by = float("inf")
        self._over = False
        self._gone = False
        self._opened_at = self._active_at = anyio.current_time()
        self._apps: anyio.abc.TaskGroup | None = None
        self._io: anyio.abc.TaskGroup | None = None

    # What applications call.

    def __aiter__(self) -> Connection:
        return self

    async def __anext__(self) -> Received:
        await anyio.lowlevel.checkpoint()
        while not self._mail:
            if self._over:
                raise StopAsyncIteration
            await self._wait()
        delivered = self._mail.popleft()
        self._feed(self._machine.taken, delivered.size)
        return Received(event_id=delivered.event_id, message=delivered.message)

    async def send(self, message: Mapping[str, Any]) -> None:
        """Sends a message of any size; nothing happens once the client is gone."""
        await anyio.lowlevel.checkpoint()
        while not self._over:
            try:
                self._feed(partial(self._machine.send, watched=False), message)
            except OutboxFull:
                await self._wait()
            else:
                return

    async def send_error(self, info: Mapping[str, Any], event_id: float | None = -1) -> None:
        """Sends an error event."""
        await anyio.lowlevel.checkpoint()
        if not self._over:
            self._feed(partial(self._machine.send_error, event_id=event_id), info)

    async def disconnect(self) -> None:
        """Ends the connection with an empty close frame, as ``DeleteConnection`` does (§5)."""
        await anyio.lowlevel.checkpoint()
        self.close(None, "")

    # What faults and limits call.

    def inject(self, data: str | bytes) -> None:
        """Sends this as one frame, between those of the machine."""
        text = isinstance(data, str)
        raw = data.encode() if isinstance(data, str) else data
        self._say(frame(TEXT if text else BINARY, raw))

    def notify(self, message: str) -> None:
        """Sends an object of API Gateway's own (``docs/protocol.md`` §2)."""
        notice = {
            "message": message,
            "connectionId": self.connection_id,
            "requestId": self._gateway.next_id("request"),
        }
        self.inject(json.dumps(notice))

    def close(self, code: int | None, reason: str = "") -> None:
        """Sends a close frame behind what is on its way; the client's is waited for."""
        if not self._over:
            self._say(close_frame(code, reason))
            self._end(1005 if code is None else code)

    def drop(self) -> None:
        """Cuts the connection behind what is on its way."""
        self._end(1006)
        self._flush_and_cut = True
        self.wake()

    def wake(self) -> None:
        """Lets every task look again."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.set()

    # Running.

    async def run(self) -> None:
        """Serves the client until it is gone and the application has returned."""
        self._faults.attach(self)
        try:
            async with anyio.create_task_group() as self._apps:
                async with anyio.create_task_group() as self._io:
                    self._feed(self._machine.connect)
                    self._arrive(self._head.raw + self._head.rest)
                    for loop in (self._read, self._write, self._watch, self._play_lagging):
                        self._io.start_soon(self._guard, loop)
                    while not self._gone:
                        await self._wait()
                    self._io.cancel_scope.cancel()
                await cut(self._stream)
                # An application that only pushes would never see that nobody is there.
                self._apps.cancel_scope.deadline = (
                    anyio.current_time() + self._gateway.limits.app_grace
                )
        finally:
            self._faults.detach(self)

    async def _guard(self, loop: Callable[[], Awaitable[None]]) -> None:
        try:
            await loop()
        except GONE:
            self._hang_up()
        except Exception as error:
            self._gateway.report_failure(error)
            self._hang_up()

    async def _run_app(self) -> None:
        try:
            await self._gateway.app(self)
        except Exception as error:
            # An integration that fails: §2. The connection stays; the client decides.
            self._gateway.report_failure(error)
            self.notify("Internal server error")
            async for _ in self:
                self.notify("Internal server error")
        else:
            self.close(None)

    async def _read(self) -> None:
        while True:
            while self._faults.silent or not (self._over or self._machine.wants_data):
                await self._wait()
            try:
                data = await self._stream.receive(_READ)
            except anyio.EndOfStream:
                data = b""
            while self._faults.silent:
                await self._wait()
            delay = self._faults.delay_to_server
            if delay or self._lagging:
                self._lagging.append((anyio.current_time() + delay, data))
                self.wake()
            else:
                self._arrive(data)
            if not data:
                return

    async def _play_lagging(self) -> None:
        while True:
            while not self._lagging:
                await self._wait()
            due, data = self._lagging[0]
            await anyio.sleep_until(due)
            self._lagging.popleft()
            self._arrive(data)

    def _arrive(self, data: bytes) -> None:
        """Bytes of the client have come; none: it has ended its side."""
        if not data:
            self._input_ended = self._flush_and_end = True
            self._end(1006)
            self.wake()
            return
        limit = None if self._fault is None else self._fault.after_frames
        frames = self._received.data_frames
        if self._upgraded:
            data = data[: self._received.feed(data, stop_after=limit)]
        if self._received.data_frames > frames:
            self._active_at = anyio.current_time()
        if not self._over:
            self._is_reading = True
            self._feed(self._machine.receive_bytes, data)
            self._is_reading = False
        elif self._received.has_closed:
            self._flush_and_end = True
            self.wake()
        if not self._upgraded:
            # What came behind the head is frames already; the machine has it.
            self._upgraded = True
            self._received.feed(self._head.rest)
        if limit is not None and self._is_open and self._received.data_frames >= limit:
            self._play_end()

    def _play_end(self) -> None:
        fault, self._fault = self._fault, None
        assert fault is not None
        if fault.code is None:
            self.drop()
        else:
            self.close(fault.code, fault.reason)

    async def _write(self) -> None:
        while True:
            while self._faults.silent or not self._out:
                if not self._out and (self._flush_and_end or self._flush_and_cut):
                    await self._finish()
                    return
                await self._wait()
            await anyio.sleep_until(self._out[0][0])
            now, parts, count = anyio.current_time(), [], 0
            while self._out and self._out[0][0] <= now:
                _, data, texts = self._out.popleft()
                parts.append(data)
                count += texts
            await self._stream.send(b"".join(parts))
            if count:
                self._feed(self._machine.data_sent, count)

    async def _finish(self) -> None:
        """Everything is written: end our side, and wait for the client's end."""
        if not self._flush_and_cut:
            await end_output(self._stream)
            while not self._input_ended:
                await self._wait()
        self._hang_up()

    async def _watch(self) -> None:
        limits = self._gateway.limits
        while True:
            timeout = self._machine.next_timeout()
            limit = min(
                self._opened_at + limits.max_duration, self._active_at + limits.idle_timeout
            )
            deadline = self._close_by if self._over else limit
            until = deadline if timeout is None else min(deadline, timeout)
            with anyio.CancelScope(deadline=until):
                await self._wait()
            now = anyio.current_time()
            if timeout is not None and now >= timeout:
                self._feed(self._machine.handle_timeout)
            elif now < until:
                continue
            elif self._over:
                self._hang_up()
            else:
                # docs/protocol.md §5: code 1001 by what people report, for the duration at least.
                self.close(1001, "Going away")

    # Ending.

    def _end(self, code: int) -> None:
        """The conversation is over: no more input counts, the application's messages end."""
        if self._over:
            return
        self._over = True
        self._close_by = anyio.current_time() + self._gateway.limits.close_timeout
        self._feed(partial(self._machine.receive_eof, code=code))

    def _hang_up(self) -> None:
        """The stream is of no more use."""
        self._gone = True
        self._end(1006)
        self.wake()

    # The machine.

    def _feed(self, door: Callable[..., object], *arguments: object) -> None:
        """Tell the machine one thing, and do all that comes of it."""
        door(*arguments, anyio.current_time())
        while True:
            for action in self._machine.actions():
                self._dispatch(action)
            if not self._outcomes:
                break
            self._outcomes.popleft()(anyio.current_time())
        self.wake()

    def _dispatch(self, action: Action) -> None:
        machine = self._machine
        match action:
            case SendBytes():
                self._put_out(action.data, 1)
            case DeliverMessage():
                self._mail.append(action)
            case AnswerUploadRequest():
                self._gateway.uploads.answer(self, action.request_id, asked=self._is_reading)
            case PutToUrl() | GetFromUrl():
                event = self._gateway.uploads.transfer(action)
                self._outcomes.append(lambda now: machine.handle(event, now))
            case OpenTransport():
                number = action.transport
                self._outcomes.append(lambda now: machine.transport_opened(now, transport=number))
            case CloseTransport():
                self._close_stream()
            case AbortTransport():
                if not self._over:
                    self._hang_up()
            case ReportState():
                self._take_state(action.state)
            case ReportError() | ReportGap():
                self._gateway.report_violation(action.error)
            case SendText() | SendPing() | AskForLogin() | CancelTransfer():
                pass  # An AuxWebSocket has sent the first two; our transfers are over at once.
            case ReportSend() | ReportProgress():
                pass
            case _:
                assert_never(action)

    def _close_stream(self) -> None:
        if not self._over:
            self._over = True
            self._close_by = anyio.current_time() + self._gateway.limits.close_timeout
            self._outcomes.append(self._machine.receive_eof)
        self._flush_and_end = True

    def _take_state(self, state: State) -> None:
        if state is State.OPEN and not self._is_open:
            self._is_open = True
            assert self._apps is not None
            self._apps.start_soon(self._run_app)

    def upload_answered(self, outcome: Callable[[float], None], delay: float) -> None:
        """The answer to an upload request, after ``delay`` seconds."""
        if not delay:
            self._outcomes.append(outcome)
            return

        async def later() -> None:
            await anyio.sleep(delay)
            self._feed(outcome)

        assert self._io is not None
        self._io.start_soon(later)

    @property
    def machine(self) -> AuxWebSocket:
        """The machine of this connection."""
        return self._machine

    # Waiting and writing.

    async def _wait(self) -> None:
        """Until something has changed."""
        event = anyio.Event()
        self._waiters.append(event)
        await event.wait()

    def _say(self, data: bytes) -> None:
        """Whole frames of the gateway's own."""
        if not self._over:
            self._put_out(data, 0)
            self.wake()

    def _put_out(self, data: bytes, texts: int) -> None:
        start = 0
        if not self._is_open and data.startswith(b"HTTP/"):
            start = data.find(_END_OF_HEAD) + len(_END_OF_HEAD)
        frames = data[start:]
        before = self._sent.data_frames
        self._sent.feed(frames)
        if self._sent.data_frames > before:
            self._active_at = anyio.current_time()
        if not self._faults.answer_pings:
            data = data[:start] + without_pongs(frames)
        due = anyio.current_time() + self._faults.delay_to_client
        self._out.append((due, data, texts))
