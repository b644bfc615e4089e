"""The owner of a machine: feed one input, drain, re-arm one timer.

It knows actions and tasks. It must not know sizes, frames or protocol times.

Strategy: everything that touches the machine is synchronous and ends in `dispatch`, which drains
the actions to four sinks: out-buffers, transfers, the `Desk`, transports. So no lock is needed, and
a cancelled task can leave nothing half done. Tasks only wait: one for the clock, two for a
transport (reader and writer), one for a transfer or a question to the application. None of them
raises; what should never happen ends the client with an `InternalError` for everybody who waits.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, assert_never

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
    Event,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpProgressed,
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
    TransportFailure,
)
from auxws_proto._dialogue_websocket import DialogueWebSocket
from auxws_proto._journal import OutboxStore, OutboxStoreFailed

from ._bell import Bell
from ._desk import Desk
from ._errands import Errands
from ._link import Handshake, Link
from ._recorder import Recorder

T = TypeVar("T")

_NOBODY_READS = (
    "reading has stopped, for what came waits for a first subscription; subscribe to something, "
    "or iterate over the client"
)


class Engine:
    """Runs one machine in the task group that `start` is given."""

    def __init__(
        self,
        machine: DialogueWebSocket,
        *,
        errands: Errands,
        store: OutboxStore | None = None,
    ) -> None:
        self.machine = machine
        self.desk: Desk = Desk()
        self.resumed: Bell = Bell()
        self.is_reading: bool = True
        """Whether the wire is read on, as of the last `dispatch`."""
        self.is_writing: bool = False
        """Whether a write is under way, at whose end the machine is drained."""
        self.error: AuxError | None = None
        """What the driver has failed of: a defect of its own, or the store."""
        self.recorder: Recorder | None = None if store is None else Recorder(store, self._crash)
        self.transports: int = 0
        """How many were asked for."""
        self._errands = errands
        self._links: dict[int, Link] = {}
        self._transfers: dict[int, anyio.CancelScope] = {}
        self._dispatching = False
        self._is_paused = False
        self._has_warned = False
        self._group: TaskGroup | None = None
        self._clock: anyio.CancelScope | None = None

    # Life.

    @property
    def is_idle(self) -> bool:
        """Whether no transport is open or opening."""
        return not self._links

    def start(self, group: TaskGroup) -> None:
        """Begin to keep time."""
        self._group = group
        group.start_soon(self._keep_time)
        if self.recorder is not None:
            self._spawn(Recorder.run, self.recorder)

    def abort_links(self) -> None:
        """Drop every transport now, and tell the machine, which is not to wait for them."""
        for link in list(self._links.values()):
            self.link_ended(link)
            link.abort()

    def stop(self) -> None:
        """Drop whatever is under way; the task group ends when that is done."""
        self.abort_links()
        if self._group is not None:
            self._group.cancel_scope.cancel()
            self._group = None

    def call(self, verb: Callable[[float], T], *, drain: bool = True) -> T:
        """Call a door of the machine with the time, and do what follows from it.

        A caller's own mistake is raised, and has changed nothing. Raises what a client has crashed
        of: `InternalError`, `OutboxStoreFailed`. Without ``drain`` whoever calls knows that the
        machine will be drained soon.
        """
        if self.error is not None:
            raise self.error
        try:
            return verb(anyio.current_time())
        except AuxError:
            raise
        except Exception as error:
            raise self._crash(error) from error
        finally:
            if drain:
                self.dispatch()

    def feed(self, door: Callable[[float], None]) -> None:
        """The same for what comes from elsewhere than the application: nothing is raised."""
        if self.error is None:
            try:
                door(anyio.current_time())
            except Exception as error:
                self._crash(error)
            self.dispatch()

    def taken(self) -> None:
        """A message was taken from a mailbox while the wire is not read."""
        if self._links:
            # A reader asks `may_read` once for all that is taken until it comes to its turn.
            self.resumed.ring()
        else:
            self.dispatch()

    # Draining.

    def dispatch(self) -> None:
        """Drain the machine, then see to what that changed. Synchronous; never blocks or raises."""
        # While draining, an observer may have come back here: the loop goes on to the end anyway.
        if self._dispatching or self.error is not None:
            return
        self._dispatching = True
        journal = None if self.recorder is None else self.recorder.journal
        deliver, settle, links = self.desk.router.deliver, self.desk.send_reported, self._links
        try:
            while True:
                for action in self.machine.actions():
                    if journal is not None:
                        journal.watch(action)
                    # These three come by the thousand.
                    if type(action) is DeliverMessage:
                        deliver(action)
                    elif type(action) is ReportSend:
                        settle(action)
                    elif type(action) is SendBytes:
                        if action.transport in links:
                            links[action.transport].write(action.data)
                    else:
                        self._route(action)
                if not self._balance():
                    break
            self._resume()
        except Exception as error:
            self._crash(error)
        finally:
            self._dispatching = False

    def _resume(self) -> None:
        """Let the tasks go on that a changed machine concerns."""
        for link in self._links.values():
            link.flush()
        self.link_rested()
        if self.recorder is not None:
            self.recorder.look()
        self.is_reading = self.machine.wants_data
        if self.is_reading:
            self.resumed.ring()
        elif not self._has_warned and self.desk.router.has_backlog:
            self._has_warned = True
            self.desk.error_reported(ReportError(error=AuxError(_NOBODY_READS)))
        # Waking the clock too early is free, so it is never set back; setting it is not.
        if self._clock is not None:
            deadline = self._next()
            if deadline < self._clock.deadline:
                self._clock.deadline = deadline

    def _balance(self) -> bool:
        """Tell the machine how the mailboxes are. Whether there was something to tell."""
        machine, router = self.machine, self.desk.router
        freed = router.freed and router.collect()
        if freed:
            machine.taken(freed, anyio.current_time())
        is_full = router.is_full or machine.is_full
        turned = is_full is not self._is_paused
        if turned:
            self._is_paused = is_full
            tell = machine.pause_reading if is_full else machine.resume_reading
            tell(anyio.current_time())
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
                self._transfers[action.transfer_id] = anyio.CancelScope()
                self._spawn(self._transfer, action)
            case CancelTransfer():
                scope = self._transfers.get(action.transfer_id)
                if scope is not None:
                    scope.cancel()
            case OpenTransport():
                link = Link(self, action.transport, self._errands.open_transport)
                self._links[action.transport] = link
                self.transports += 1
                self._spawn(self._run_link, link)
            case CloseTransport():
                if action.transport in self._links:
                    self._links[action.transport].close()
            case AbortTransport():
                if action.transport in self._links:
                    self._links[action.transport].abort()
            case AskForLogin():
                self._spawn(self._ask_for_login, action)
            case SendText() | SendPing() | AnswerUploadRequest():
                raise AssertionError(f"a client's AuxWebSocket never asks for {action}")
            case SendBytes() | DeliverMessage() | ReportSend():
                raise AssertionError(f"{action} is no rare one")
            case _:
                assert_never(action)

    def _crash(self, error: Exception) -> AuxError:
        if self.error is None:
            self.error = error if isinstance(error, OutboxStoreFailed) else InternalError(error)
            for link in list(self._links.values()):
                link.abort()
            for scope in list(self._transfers.values()):
                scope.cancel()
            self.desk.crash(self.error)
            self.machine.finish_dialogues(self.error)
        return self.error

    async def settle(self) -> None:
        """Return when all that must outlive the process by now does."""
        if self.recorder is not None:
            await self.recorder.settle()

    # Tasks.

    def _spawn(self, task: Callable[[T], Awaitable[None]], argument: T) -> None:
        if self._group is not None:
            self._group.start_soon(self._run, task, argument)

    async def _run(self, task: Callable[[Any], Awaitable[None]], argument: Any) -> None:
        try:
            await task(argument)
        except Exception as error:
            self._crash(error)

    async def _keep_time(self) -> None:
        while self.error is None:
            self._clock = anyio.CancelScope(deadline=self._next())
            with self._clock:
                await anyio.sleep_forever()
            self.feed(self.machine.handle_timeout)

    def _next(self) -> float:
        deadline = self.machine.next_timeout()
        return math.inf if deadline is None else deadline

    async def _transfer(self, action: PutToUrl | GetFromUrl) -> None:
        transfer_id = action.transfer_id

        def progress(done: int, total: int | None) -> None:
            event = HttpProgressed(transfer_id=transfer_id, done=done, total=total)
            self.feed(lambda now: self.machine.handle(event, now))

        outcome: Event = HttpFailed(transfer_id=transfer_id, error=HttpFailure(kind="cancelled"))
        try:
            with self._transfers[transfer_id]:
                outcome = await self._errands.transfer(action, self.machine.config, progress)
        finally:
            del self._transfers[transfer_id]
        self.feed(lambda now: self.machine.handle(outcome, now))

    async def _ask_for_login(self, action: AskForLogin) -> None:
        answer = await self._errands.ask_for_login(action)
        if isinstance(answer, LoginUnavailable):
            self.feed(lambda now: self.machine.handle(answer, now))
        else:
            self.feed(lambda now: self.machine.login(answer, now))

    async def _run_link(self, link: Link) -> None:
        try:
            await link.run()
        finally:
            self._links.pop(link.number, None)
            self.link_rested()
            self.desk.changed.ring()

    # What links tell their owner.

    def may_read(self) -> bool:
        """Whether to go on reading the wire."""
        if not self.machine.wants_data:
            # What was taken since the last time may have made room.
            self.dispatch()
        return self.machine.wants_data

    def link_failed(self, link: Link, failure: TransportFailure) -> None:
        """It could not be opened."""
        self.feed(lambda now: self.machine.transport_failed(failure, now, transport=link.number))

    def link_opened(self, link: Link, handshake: Handshake) -> None:
        """It is open: the handshake may begin."""
        self.feed(
            lambda now: self.machine.transport_opened(
                now, transport=link.number, url=handshake.url, headers=handshake.headers
            )
        )

    def link_received(self, link: Link, data: bytes) -> None:
        """Bytes came."""
        self.feed(lambda now: self.machine.receive_bytes(data, now, transport=link.number))

    def link_wrote(self, link: Link, count: int) -> None:
        """A write is complete."""
        self.feed(lambda now: self.machine.data_sent(count, now, transport=link.number))

    def link_rested(self) -> None:
        """One may have nothing to write any more."""
        self.is_writing = any(link.is_writing for link in self._links.values())

    def link_ended(self, link: Link) -> None:
        """It is over."""
        self.feed(lambda now: self.machine.receive_eof(now, transport=link.number))
