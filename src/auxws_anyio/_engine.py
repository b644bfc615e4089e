"""The owner of a machine: feed one input, drain, re-arm one timer.

It knows actions and tasks. It must not know sizes, frames or protocol times.

Strategy: everything that touches the machine is synchronous and ends in `dispatch`, which drains
the actions to four sinks: out-buffers, transfers, the `Desk`, transports. So no lock is needed, and
a cancelled task can leave nothing half done. Tasks only wait: one for what a transport brings and
one while it is written to, one for a transfer or a question to the application. None of them
raises; what should never happen ends the client with an `InternalError` for everybody who waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from typing import Any, TypeVar, TypeVarTuple, Unpack, assert_never

import anyio
from anyio.abc import TaskGroup

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
    LoginUnavailable,
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
from auxws_proto._journal import OutboxStore, OutboxStoreFailed
from auxws_proto._runs import ActionRun, ByteRun, DeliveryRun, ReportRun

from ._clock import Clock, start_clock
from ._desk import Desk
from ._errands import Errands
from ._links import Links
from ._recorder import Recorder
from ._transfers import Transfers

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Engine:
    """Runs one machine in the task group that `start` is given."""

    __slots__ = (
        "_clock", "_dispatching", "_drain", "_errands", "_group", "_is_paused", "_transfers",
        "desk", "error", "is_reading", "links", "machine", "now", "recorder", "transports",
    )  # fmt: skip

    def __init__(
        self,
        machine: DialogueWebSocket,
        *,
        errands: Errands,
        store: OutboxStore | None = None,
    ) -> None:
        self.machine: DialogueWebSocket = machine
        self.desk: Desk = Desk()
        self.links: Links = Links(self, machine, errands.open_transport)
        self.is_reading: bool = True
        """Whether the wire is read on, as of the last `dispatch`."""
        self.error: AuxError | None = None
        """What the driver has failed of: a defect of its own, or the store."""
        self.recorder: Recorder | None = None if store is None else Recorder(store, self._crash)
        self.transports: int = 0
        """How many were asked for."""
        self.now: Callable[[], float] = anyio.current_time
        """The time of the event loop."""
        self._drain: Callable[[], Iterator[Action | ActionRun]] = machine.runs
        if self.recorder is not None:
            self._drain = partial(self.recorder.watched, machine.actions)
        self._errands = errands
        self._transfers = Transfers(self, machine, errands)
        self._dispatching = False
        self._is_paused = False
        self._group: TaskGroup | None = None
        self._clock: Clock | None = None

    # Life.

    @property
    def is_idle(self) -> bool:
        """Whether no transport is open or opening."""
        return self.links.is_empty

    def start(self, group: TaskGroup) -> None:
        """Begin to keep time."""
        self._group = group
        self._clock = start_clock(group, self._time_has_come)
        self.now = self._clock.now
        if self.recorder is not None:
            self.spawn(self.recorder.run)

    def stop(self) -> None:
        """Drop whatever is under way; the task group ends when that is done."""
        self.links.end()
        if self._clock is not None:
            self._clock.stop()
        if self._group is not None:
            self._group.cancel_scope.cancel()
            self._group = None

    def call(self, verb: Callable[[Unpack[Ts], float], T], *arguments: *Ts) -> T:
        """Call a door of the machine with the time, and do what follows from it.

        A caller's own mistake is raised, and has changed nothing. Raises what a client has crashed
        of: `InternalError`, `OutboxStoreFailed`.
        """
        if self.error is not None:
            raise self.error
        try:
            return verb(*arguments, self.now())
        except AuxError:
            raise
        except Exception as error:
            raise self._crash(error) from error
        finally:
            self.dispatch()

    def feed(self, door: Callable[[float], None]) -> None:
        """The same for what comes from elsewhere than the application: nothing is raised."""
        if self.error is None:
            try:
                door(self.now())
            except Exception as error:
                self._crash(error)
            self.dispatch()

    def taken(self) -> None:
        """A message was taken from a mailbox while the wire is not read."""
        if self.links.is_empty:
            self.dispatch()
        else:
            # A reader asks `may_read` once for all that is taken until it comes to its turn.
            self.links.resumed.ring()

    def may_read(self) -> bool:
        """Whether to go on reading the wire."""
        if not self.is_reading:
            # What was taken since the last time may have made room.
            self.dispatch()
        return self.is_reading

    # Draining.

    def dispatch(self, *, is_news: bool = False) -> None:
        """Drain the machine, then see to what that changed. Synchronous; never blocks or raises.

        ``is_news`` says that a mailbox may hold more than before.
        """
        # While draining, an observer may have come back here: the loop goes on to the end anyway.
        if self._dispatching or self.error is not None:
            return
        self._dispatching = True
        desk, links = self.desk, self.links
        router = desk.router
        try:
            while True:
                is_news = is_news or self._is_paused
                item: Any
                for item in self._drain():
                    # These come by the thousand: in a row, or one at a time.
                    kind = item.__class__
                    if kind is ByteRun:
                        links.write(item.transport, item.data)
                    elif kind is SendBytes:
                        links.write(item.transport, [item.data])
                    elif kind is ReportRun:
                        desk.sends_reported(item.ids, item.stage, is_final=item.final)
                    elif kind is ReportSend:
                        ids = (item.send_id,)
                        desk.sends_reported(ids, item.stage, item.error, is_final=item.final)
                    elif kind is DeliveryRun:
                        is_news = True
                        router.deliver_all(item.messages, item.sizes)
                    elif kind is DeliverMessage:
                        is_news = True
                        router.deliver(item)
                    else:
                        is_news = True
                        self._route(item)
                # What goes out fills no mailbox.
                if (is_news or router.freed) and self._balance():
                    continue
                if not links.flush(self.now()):
                    break
                is_news = False
            self._resume()
        except Exception as error:
            self._crash(error)
        finally:
            self._dispatching = False

    def _resume(self) -> None:
        """Let the tasks go on that a changed machine concerns."""
        if self.recorder is not None:
            self.recorder.look()
        self.is_reading = self.machine.wants_data
        if self.is_reading:
            self.links.resumed.ring()
        else:
            self.desk.reading_stopped()
        if self._clock is not None:
            deadline = self.machine.next_timeout()
            if deadline is not None:
                self._clock.wake_at(deadline)

    def _balance(self) -> bool:
        """Tell the machine how the mailboxes are. Whether there was something to tell."""
        machine, router = self.machine, self.desk.router
        freed = router.freed and router.collect()
        if freed:
            machine.taken(freed, self.now())
        is_full = router.is_full or machine.is_full
        turned = is_full is not self._is_paused
        if turned:
            self._is_paused = is_full
            tell = machine.pause_reading if is_full else machine.resume_reading
            tell(self.now())
        return bool(freed) or turned

    def _route(self, action: Action) -> None:
        desk = self.desk
        match action:
            case ReportProgress():
                desk.progress_reported(action)
            case ReportState():
                desk.state_reported(action)
            case ReportError():
                desk.error_reported(action)
            case ReportGap():
                desk.gap_reported(action)
            case PutToUrl() | GetFromUrl():
                self._transfers.start(action)
            case CancelTransfer():
                self._transfers.cancel(action.transfer_id)
            case OpenTransport():
                self.transports += 1
                self.links.open(action.transport)
            case CloseTransport():
                self.links.close(action.transport)
            case AbortTransport():
                self.links.abort(action.transport)
            case AskForLogin():
                self.spawn(self._ask_for_login, action)
            case SendText() | SendPing() | AnswerUploadRequest():
                raise AssertionError(f"a client's AuxWebSocket never asks for {action}")
            case SendBytes() | DeliverMessage() | ReportSend():
                raise AssertionError(f"{action} is no rare one")
            case _:
                assert_never(action)

    def _crash(self, error: Exception) -> AuxError:
        if self.error is None:
            self.error = error if isinstance(error, OutboxStoreFailed) else InternalError(error)
            self.links.abort_all()
            self._transfers.cancel_all()
            self.desk.crash(self.error)
            self.machine.finish_dialogues(self.error)
        return self.error

    async def settle(self) -> None:
        """Return when all that must outlive the process by now does."""
        if self.recorder is not None:
            await self.recorder.settle()

    # Tasks.

    def spawn(
        self, task: Callable[[Unpack[Ts]], Coroutine[Any, Any, None]], *arguments: *Ts
    ) -> None:
        """Run a task of the client's own; what it raises ends the client."""
        if self._group is not None:
            self._group.start_soon(self._run, task, arguments)

    async def _run(
        self, task: Callable[..., Awaitable[None]], arguments: tuple[object, ...]
    ) -> None:
        try:
            await task(*arguments)
        except Exception as error:
            self._crash(error)

    def _time_has_come(self) -> None:
        self.feed(self.machine.handle_timeout)

    async def _ask_for_login(self, action: AskForLogin) -> None:
        answer = await self._errands.ask_for_login(action)
        if isinstance(answer, LoginUnavailable):
            self.feed(lambda now: self.machine.handle(answer, now))
        else:
            self.feed(lambda now: self.machine.login(answer, now))
