"""The thread that owns the machine and its sockets: feed one input, drain, re-arm one timer.

It knows actions and file descriptors. It must not know sizes, frames or protocol times, nor any
application object: what concerns the application goes to a `Desk`, what blocks to an `Errands`.

Strategy: one selector, with a deadline that is the machine's. Callers post commands to a deque and
wake the selector through a socket pair, once for as many commands as are waiting. Everything that
a drain emits for one transport is one write. Nothing here polls; `turns` counts the loop's rounds,
so that a test can see that an idle client has none.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, assert_never

from auxws_proto import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    AuxError,
    AuxWebSocket,
    CancelTransfer,
    CloseTransport,
    DeliverMessage,
    GetFromUrl,
    InternalError,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportSend,
    ReportState,
    SendBytes,
    SendPing,
    SendText,
    TransportFailure,
)

from ._stream import Stream, StreamFailed

Report = DeliverMessage | ReportState | ReportSend | ReportError | ReportGap | ReportProgress


class Desk(Protocol):
    """Where the application's side of things is kept. It locks for itself, and never blocks."""

    def report(self, reports: list[Report]) -> None: ...
    def flow(self, wants_data: bool) -> tuple[int, bool]: ...
    def finish(self, error: AuxError | None) -> None: ...


class Errands(Protocol):
    """Who does what blocks, and posts the outcome back to the pump."""

    def open_transport(self, action: OpenTransport) -> None: ...
    def abandon_transport(self, transport: int) -> None: ...
    def start_transfer(self, action: PutToUrl | GetFromUrl) -> None: ...
    def cancel_transfer(self, transfer_id: int) -> None: ...
    def ask_for_login(self, action: AskForLogin) -> None: ...
    def stop(self) -> None: ...


Observer = Callable[[Action], None]

Command = Callable[[float], None]
"""Something to do on the pump's thread; it gets the time, and must not block or raise."""


def _nothing(_now: float) -> None:
    """A command that only wakes."""


class Waiting(Protocol):
    """A caller's wish that may have to wait for the machine to have room."""

    def attempt(self, now: float) -> bool:
        """Try; true when it is settled, so that the next in line may try."""
        ...

    def give_up(self) -> None:
        """The pump has ended: it will never be tried again."""
        ...


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A socket for a transport, and what that attempt's handshake is to say."""

    number: int
    stream: Stream
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)


class Link:
    """One transport as the selector sees it."""

    __slots__ = ("closing", "mask", "number", "opened", "out", "stream")

    def __init__(self, opened: Opened) -> None:
        self.number = opened.number
        self.opened = opened
        self.stream = opened.stream
        self.mask = 0
        self.out: list[bytes] = []
        self.closing = False


class Pump:
    """The owner of a machine. Make it, `start` it, `post` to it; `stop` ends it for good."""

    def __init__(
        self, machine: AuxWebSocket, desk: Desk, name: str, observer: Observer | None = None
    ) -> None:
        self.machine = machine
        self.turns = 0
        self.errands: Errands | None = None
        self.waiting: deque[Waiting] = deque()
        """Callers whose wish could not be met yet, in the order in which they came."""
        self._desk = desk
        self._observer = observer
        self._commands: deque[Command] = deque()
        self._woken = False
        self._stopping = False
        self._is_paused = False
        self._links: dict[int, Link] = {}
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._gate = threading.Lock()
        """Held to post and to end, so that nothing is posted to a pump that has ended."""
        self._is_running = False

    # Called from any thread.

    def start(self) -> None:
        """Start the thread. Raises `AuxError` if the system has no more threads or descriptors."""
        try:
            self._selector = selectors.DefaultSelector()
            self._wake_reader, self._wake_writer = socket.socketpair()
            self._wake_reader.setblocking(False)
            self._wake_writer.setblocking(False)
            self._selector.register(self._wake_reader, selectors.EVENT_READ)
            self._is_running = True
            self._thread.start()
        except (OSError, RuntimeError) as error:
            self._is_running = False
            raise AuxError(f"the client cannot start: {type(error).__name__}") from error

    def post(self, command: Command) -> bool:
        """Have ``command`` run soon; false if the pump does not run."""
        with self._gate:
            if not self._is_running:
                return False
            self._commands.append(command)
            if not self._woken:
                self._woken = True
                self._wake_writer.send(b"\0")
        return True

    def stop(self) -> None:
        """End the thread soon, whatever is open. Then `join`."""
        self.post(self._stop)

    def join(self, timeout: float) -> bool:
        """Wait for the end of the thread; true if it has ended."""
        self._thread.join(max(0.0, timeout))
        return not self._thread.is_alive()

    @property
    def is_running(self) -> bool:
        """Whether the thread is there and takes commands."""
        return self._is_running

    def nudge(self) -> None:
        """Have the pump look at what has changed."""
        self.post(_nothing)

    def owns_current_thread(self) -> bool:
        """Whether the caller is the pump's own thread."""
        return threading.current_thread() is self._thread

    # Everything below runs on the pump's thread.

    def _stop(self, _now: float) -> None:
        self._stopping = True

    def _run(self) -> None:
        error: InternalError | None = None
        try:
            while not self._stopping:
                self._turn()
            self._drain()
        except Exception as fault:
            # A bug: everybody who waits for anything learns of it.
            error = InternalError(fault)
        finally:
            self._end(error)

    def _turn(self) -> None:
        self.turns += 1
        self._drain()
        wait = self._update_interest()
        for key, mask in self._selector.select(wait):
            if key.data is None:
                self._run_commands()
            elif key.data.number in self._links:
                self._serve(key.data, mask)
        now = time.monotonic()
        deadline = self.machine.next_timeout()
        if deadline is not None and now >= deadline:
            self.machine.handle_timeout(now)

    def _run_commands(self) -> None:
        try:
            self._wake_reader.recv(64)
        except BlockingIOError:
            pass
        with self._gate:
            self._woken = False
        while self._commands:
            self._commands.popleft()(time.monotonic())

    def _update_interest(self) -> float | None:
        """Tell the selector what to look for; return how long to wait for it."""
        self._tell_flow()
        reading = self.machine.wants_data
        for link in self._links.values():
            stream = link.stream
            mask = selectors.EVENT_READ if reading or not stream.is_ready else 0
            if stream.wants_write:
                mask |= selectors.EVENT_WRITE
            if mask != link.mask:
                if not mask:
                    self._selector.unregister(stream.socket)
                elif not link.mask:
                    self._selector.register(stream.socket, mask, link)
                else:
                    self._selector.modify(stream.socket, mask, link)
                link.mask = mask
        deadline = self.machine.next_timeout()
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def _tell_flow(self) -> None:
        """Tell the machine what was taken, and whether a full mailbox holds the reading back."""
        while True:
            freed, has_room = self._desk.flow(self.machine.wants_data)
            now = time.monotonic()
            if freed:
                self.machine.taken(freed, now)
            if has_room is self._is_paused:
                self._is_paused = not has_room
                (self.machine.resume_reading if has_room else self.machine.pause_reading)(now)
            elif not freed:
                return
            self._drain()

    def _serve(self, link: Link, mask: int) -> None:
        try:
            was_ready = link.stream.is_ready
            data = link.stream.read() if mask & selectors.EVENT_READ else b""
            if link.stream.is_ready and not was_ready:
                self._begin(link)
            if data and not link.closing:
                self.machine.receive_bytes(data, time.monotonic(), transport=link.number)
                self._drain()
            if link.stream.is_ended:
                self._lose(link)
            elif link.number in self._links:
                self._flush(link)
        except StreamFailed as error:
            self._fail(link, error)

    def _flush(self, link: Link) -> None:
        count = link.stream.flush()
        if count:
            self.machine.data_sent(count, time.monotonic(), transport=link.number)
        if link.closing and not link.stream.wants_write:
            self._lose(link)

    def _lose(self, link: Link) -> None:
        """The byte stream is over: close it and say so."""
        if link.number in self._links:
            self._drop(link)
            self.machine.receive_eof(time.monotonic(), transport=link.number)

    def _fail(self, link: Link, error: StreamFailed) -> None:
        if link.stream.is_ready and error.kind == "write" and not link.closing:
            # There may be something to read yet: a close frame that says why.
            link.stream.give_up_writing()
        elif link.stream.is_ready:
            self._lose(link)
        elif link.number in self._links:
            self._drop(link)
            failure = TransportFailure(kind=error.kind, detail=error.detail)
            self.machine.transport_failed(failure, time.monotonic(), transport=link.number)

    def _drop(self, link: Link) -> None:
        del self._links[link.number]
        if link.mask:
            self._selector.unregister(link.stream.socket)
        link.stream.close()

    def opened(self, opened: Opened) -> None:
        """A socket is there for a transport; its TLS handshake may be still to come."""
        if not self._is_running:
            opened.stream.close()
            return
        link = self._links[opened.number] = Link(opened)
        try:
            if opened.stream.is_ready:
                self._begin(link)
            else:
                opened.stream.start()
                self._flush(link)
        except StreamFailed as error:
            self._fail(link, error)

    def _begin(self, link: Link) -> None:
        opened = link.opened
        self.machine.transport_opened(
            time.monotonic(), transport=link.number, url=opened.url, headers=opened.headers
        )

    # The four sinks of actions.

    def submit(self, wish: Waiting, now: float) -> None:
        """Try ``wish`` now, or behind those that wait already."""
        if self.waiting or not wish.attempt(now):
            self.waiting.append(wish)

    def _drain(self) -> None:
        """Carry out what the machine asks for, until it asks for nothing more."""
        acted = True
        while acted:
            acted = False
            reports: list[Report] = []
            touched: dict[int, Link] = {}
            for action in self.machine.actions():
                acted = True
                if self._observer is not None:
                    self._observe(self._observer, action)
                self._dispatch(action, reports, touched)
            if reports:
                self._desk.report(reports)
            for link in touched.values():
                self._write(link)
            # Only an outcome or a new state can have made room; trying may cost a serialization.
            if any(isinstance(report, ReportSend | ReportState) for report in reports):
                while self.waiting and self.waiting[0].attempt(time.monotonic()):
                    self.waiting.popleft()
                    acted = True

    def _dispatch(
        self, action: Action, reports: list[Report], touched: dict[int, Link]
    ) -> None:
        errands = self.errands
        assert errands is not None
        match action:
            case SendBytes():
                link = self._links.get(action.transport)
                if link is not None:
                    link.out.append(action.data)
                    touched[link.number] = link
            case (
                DeliverMessage()
                | ReportState()
                | ReportSend()
                | ReportError()
                | ReportGap()
                | ReportProgress()
            ):
                reports.append(action)
            case PutToUrl() | GetFromUrl():
                errands.start_transfer(action)
            case CancelTransfer():
                errands.cancel_transfer(action.transfer_id)
            case OpenTransport():
                errands.open_transport(action)
            case CloseTransport():
                link = self._links.get(action.transport)
                if link is not None:
                    link.closing = True
                    touched[link.number] = link
            case AbortTransport():
                errands.abandon_transport(action.transport)
                link = self._links.get(action.transport)
                if link is not None:
                    self._drop(link)
            case AskForLogin():
                errands.ask_for_login(action)
            case AnswerUploadRequest() | SendText() | SendPing():
                raise AssertionError("a client's AuxWebSocket does not ask for this")
            case _:
                assert_never(action)

    def _observe(self, observer: Observer, action: Action) -> None:
        try:
            observer(action)
        except Exception as error:
            # The stream goes on without it: an observer looks on, it has no say.
            self._observer = None
            report = AuxError(f"the observer raised {type(error).__name__}; it is not called again")
            report.__cause__ = error
            self._desk.report([ReportError(error=report)])

    def _write(self, link: Link) -> None:
        if link.number not in self._links:
            return
        try:
            if link.out:
                emitted, link.out = link.out, []
                link.stream.write(
                    b"".join(emitted) if len(emitted) > 1 else emitted[0], len(emitted)
                )
            self._flush(link)
        except StreamFailed as error:
            self._fail(link, error)

    def _end(self, error: AuxError | None) -> None:
        """Close everything, then let go of whoever waits."""
        with self._gate:
            self._is_running = False
        for link in list(self._links.values()):
            self._drop(link)
        if self.errands is not None:
            self.errands.stop()
        self._selector.close()
        self._wake_reader.close()
        self._wake_writer.close()
        self._desk.finish(error)
        while self._commands:
            self._commands.popleft()(time.monotonic())
        while self.waiting:
            self.waiting.popleft().give_up()
