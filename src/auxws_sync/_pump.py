"""The thread that owns the machine and its sockets: feed one input, drain, re-arm one timer.

It knows actions, and when to do what. It must not know sizes, frames or protocol times, nor how a
caller wakes it (`Commands`), nor any application object: what concerns the application goes to a
`Desk`, what blocks to an `Errands`.

Strategy: one selector, with a deadline that is the machine's. Every system call lets another thread
go on, which may keep the interpreter for milliseconds, so the commands of a round share one write,
as the messages of a read share one report. Nothing here polls; `turns` counts the loop's rounds, so
that a test can see that an idle client has none.
"""

from __future__ import annotations

import selectors
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import assert_never

from auxws_proto import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    AuxError,
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
)
from auxws_proto._dialogue_websocket import DialogueWebSocket
from auxws_proto._journal import OutboxStoreFailed
from auxws_proto._runs import ByteRun, DeliveryRun, ReportRun, TextRun

from ._commands import Commands
from ._flow import Flow
from ._links import Links, Opened
from ._recorder import Recorder
from ._roles import Command, Desk, Errands, Report, Waiting


def _done() -> None:
    """Nobody waits for the end."""


class Pump:
    """The owner of a machine. Make it, set `errands`, `start` it, `post` to it; `stop` ends it."""

    def __init__(
        self,
        machine: DialogueWebSocket,
        desk: Desk,
        commands: Commands,
        name: str,
        recorder: Recorder | None = None,
    ) -> None:
        self.machine = machine
        self.turns: int = 0
        self.transports: int = 0
        """How many were asked for."""
        self.errands: Errands | None = None
        self.on_end: Callable[[], None] = _done
        """Called last of all."""
        self._desk = desk
        self._recorder = recorder
        self._flow = Flow(machine, desk)
        self._links = Links(machine)
        self._waiting: deque[Waiting] = deque()
        self._commands = commands
        self._answers: deque[Callable[[], None]] = deque()
        self.ident: int | None = None
        """Its thread's, as of `threading.get_ident`; None when there is no thread."""
        self._is_finishing = False
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    # Called from any thread.

    def start(self) -> None:
        """Start the thread. Raises `AuxError` if the system has no more threads or descriptors."""
        try:
            self._selector = selectors.DefaultSelector()
            self._commands.attach(self._selector)
            self._links.attach(self._selector)
            self._commands.open()
            self._thread.start()
        except (OSError, RuntimeError) as error:
            self._commands.shut()
            raise AuxError(f"the client cannot start: {type(error).__name__}") from error

    def post(self, command: Command) -> bool:
        """Have ``command`` run soon; false if the pump does not run."""
        return self._commands.post(command)

    def nudge(self) -> None:
        """Have the pump look at what has changed."""
        self._commands.nudge()

    def finish(self) -> None:
        """End the thread when no socket is left. Then `join`."""
        self.post(self._finish)

    def stop(self) -> None:
        """End the thread soon, whatever is open. Then `join`."""
        self.post(self._stop)

    def join(self, timeout: float) -> bool:
        """Wait for the end of the thread; true if it has ended."""
        self._thread.join(min(max(timeout, 0.0), threading.TIMEOUT_MAX))
        return not self._thread.is_alive()

    @property
    def is_running(self) -> bool:
        """Whether the thread is there and takes commands."""
        return self._commands.is_open

    def owns_current_thread(self) -> bool:
        """Whether the caller is the pump's own thread."""
        return threading.get_ident() == self.ident

    # Everything below runs on the pump's thread.

    def submit(self, wish: Waiting, now: float) -> None:
        """Try ``wish`` now, or behind those that wait already."""
        if self._waiting or not wish.attempt(now):
            self._waiting.append(wish)

    def after_drain(self, answer: Callable[[], None]) -> None:
        """Call ``answer`` when all that has been asked for by now is carried out."""
        self._answers.append(answer)

    def opened(self, opened: Opened) -> None:
        """There is a socket for a transport."""
        if self.is_running:
            self._links.open(opened)
        else:
            opened.stream.close()

    def _finish(self, _now: float) -> None:
        self._is_finishing = True

    def _stop(self, _now: float) -> None:
        self._is_stopping = True

    def _run(self) -> None:
        error: AuxError | None = None
        self.ident = threading.get_ident()
        try:
            self._flow.tell_room()
            self._drain()
            while not (self._is_stopping or (self._is_finishing and self._links.is_empty)):
                self._turn()
        except OutboxStoreFailed as fault:
            error = fault
        except Exception as fault:
            # A bug: everybody who waits for anything learns of it.
            error = InternalError(fault)
        finally:
            self._end(error)

    def _turn(self) -> None:
        """Wait for something, feed it, drain. It begins and ends with a machine that is drained."""
        self.turns += 1
        while self._flow.tell():
            self._drain()
        self._links.look_for(reading=self.machine.wants_data)
        deadline = self.machine.next_timeout()
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        is_fed = False
        for key, mask in self._selector.select(0.0 if self._commands else wait):
            if key.data is not None:
                self._links.serve(key.data, mask)
                is_fed = True
            else:
                self._commands.hear()
        if self._commands:
            if is_fed:
                # A verb must find everybody informed of what the wire brought a moment before.
                self._drain()
            self._commands.run(time.monotonic())
            is_fed = True
        if is_fed:
            self._drain()
        if self._links.settle():
            self._drain()
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            self.machine.handle_timeout(now)
            self._drain()

    def _drain(self) -> None:
        """Carry out what the machine asks for, until it asks for nothing more."""
        has_acted = True
        while has_acted:
            has_acted = makes_room = False
            reports: list[Report] = []
            recorder = self._recorder
            for action in self.machine.runs() if recorder is None else self._recorded(recorder):
                has_acted = True
                # These three come by the thousand, in a row or one by one.
                match action:
                    case DeliverMessage() | DeliveryRun():
                        reports.append(action)
                    case SendBytes():
                        self._links.send(action.transport, action.data)
                    case ByteRun():
                        self._links.send_all(action.transport, action.data)
                    case ReportSend() | ReportRun():
                        reports.append(action)
                        makes_room = True
                    case _:
                        self._dispatch(action, reports)
                        makes_room |= isinstance(action, ReportState)
            if recorder is not None:
                recorder.settle()
            self._desk.report(reports)
            self._links.write()
            # Only an outcome or a new state can have made room.
            if makes_room:
                if self._desk.wants_room:
                    self._flow.tell_room()
                while self._waiting and self._waiting[0].attempt(time.monotonic()):
                    self._waiting.popleft()
                    has_acted = True
        while self._answers:
            self._answers.popleft()()

    def _recorded(self, recorder: Recorder) -> Iterator[Action]:
        """What the machine asks for, one by one, for each is looked at."""
        for action in self.machine.actions():
            recorder.journal.watch(action)
            yield action

    def _dispatch(self, action: Action | TextRun, reports: list[Report]) -> None:
        errands = self.errands
        assert errands is not None
        match action:
            case ReportState() | ReportError() | ReportGap() | ReportProgress():
                reports.append(action)
            case PutToUrl() | GetFromUrl():
                errands.start_transfer(action)
            case CancelTransfer():
                errands.cancel_transfer(action.transfer_id)
            case OpenTransport():
                self.transports += 1
                errands.open_transport(action)
            case CloseTransport():
                self._links.close(action.transport)
            case AbortTransport():
                errands.abandon_transport(action.transport)
                self._links.abort(action.transport)
            case AskForLogin():
                errands.ask_for_login(action)
            case AnswerUploadRequest() | SendText() | TextRun() | SendPing():
                raise AssertionError(f"a client's AuxWebSocket never asks for {action}")
            case SendBytes() | DeliverMessage() | ReportSend():
                raise AssertionError(f"{action} is no rare one")
            case _:
                assert_never(action)

    def _end(self, error: AuxError | None) -> None:
        """Close everything, then let go of whoever waits."""
        self._commands.shut()
        self._links.close_all()
        if self.errands is not None:
            self.errands.stop()
        if self._recorder is not None:
            try:
                self._recorder.close()
            except OutboxStoreFailed as fault:
                error = error or fault
        self._selector.close()
        self._commands.close()
        self._desk.finish(error)
        self.machine.finish_dialogues(error)
        # What was posted before the gate closed is still answered; it finds `is_running` false.
        while self._commands:
            self._commands.run(time.monotonic())
        while self._waiting:
            self._waiting.popleft().give_up()
        while self._answers:
            self._answers.popleft()()
        self.on_end()
        # The system may give it to the next thread.
        self.ident = None
