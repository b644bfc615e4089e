"""Where the pump and the application meet: mailboxes, entries and the public state, behind a lock.

It knows reports and who waits for them. It must not know sockets, nor the machine. The lock is held
for moments only, never while anybody's code is called, and never while waiting for the pump.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, assert_never

from auxws_proto import (
    AuxError,
    DeliverMessage,
    ErrorReport,
    FailReason,
    Progress,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportSend,
    ReportState,
    SendFailed,
    SendId,
    Stage,
    State,
    StateChange,
)
from auxws_proto._mailbox import Feed, Mailbox
from auxws_proto._router import MessageBox, Router

from ._posted import PostedMessages
from ._receipt import Entry, wait_until
from ._roles import Report

_NOBODY_READS = (
    "reading has stopped, for what came waits for a first subscription; subscribe to something, "
    "or iterate over the client"
)

T = TypeVar("T")
R = TypeVar("R")

TAKEN_UNREPORTED = 1024 * 1024
"""So many bytes may be taken before the pump is woken for that alone."""


class Desk:
    """See `auxws_sync._roles.Desk`; the rest is for the callers' threads."""

    def __init__(self, wake_pump: Callable[[], None]) -> None:
        self.lock: threading.Lock = threading.Lock()
        self.changed: threading.Condition = threading.Condition(self.lock)
        """Notified when the state changes, a send comes to its outcome, and at the end."""
        self.router: Router = Router()
        self.errors: Feed[ErrorReport] = Feed(keep=1_000)
        self.states: Feed[StateChange] = Feed()
        self.state: State = State.IDLE
        self.cause: AuxError | None = None
        self.info: Mapping[str, Any] | None = None
        self._has_outcome = False
        self.error_count: int = 0
        self.is_finished: bool = False
        self.crash: AuxError | None = None
        """The bug that ended the client, if one did."""
        self._wake_pump = wake_pump
        self._open: dict[SendId, Entry] = {}
        self._posted = PostedMessages()
        self._arrived: list[tuple[Entry, SendId]] = []
        """What the machine has taken of that, and `report` has not been called since."""
        self._is_reading = True
        self._has_warned = False

    # Called on the pump's thread.

    def accept(self, entry: Entry, send_id: SendId, size: int = 0) -> None:
        """The machine has taken a message of so many bytes; its outcome will be reported."""
        with self.lock:
            self._open_entry(entry, send_id, size)

    def arrived(self, entry: Entry, send_id: SendId) -> None:
        """The same for one that was posted; it is told by the next `report`."""
        self._arrived.append((entry, send_id))

    def refuse(self, entry: Entry) -> None:
        """The machine did not take a posted message, since the client was closed."""
        with self.lock:
            self._posted.remove(entry)
            failed = SendFailed(FailReason.CLOSED, "the client was closed")
            entry.advance(Stage.FAILED, failed, is_final=True)
            self.changed.notify_all()

    def set_room(self, messages: int, size: int, *, is_empty: bool) -> None:
        """So much the outbox takes, what is posted not counted."""
        with self.lock:
            self._posted.tell_room(messages, size, is_empty=is_empty)

    @property
    def wants_room(self) -> bool:
        """Whether `set_room` is to be called."""
        return self._posted.is_low

    def report(self, reports: list[Report]) -> None:
        """Put what the machine says where it belongs, and wake who waits for it."""
        if not (reports or self._arrived):
            return
        deliver = self.router.deliver
        with self.lock:
            self._take_arrived()
            self._has_outcome = False
            for report in reports:
                if type(report) is DeliverMessage:
                    deliver(report)
                elif type(report) is ReportSend:
                    self._settle(report.send_id, report.stage, report.error, is_final=report.final)
                else:
                    self._report(report)
            if self._has_outcome:
                self.changed.notify_all()

    def flow(self, wants_data: bool) -> tuple[int, bool]:
        """The bytes that were taken since the last call; whether mailboxes have room for more."""
        with self.lock:
            freed = self.router.collect()
            has_room = not self.router.is_full
            self._is_reading = wants_data and has_room
            if not wants_data and not self._has_warned and self.router.has_backlog:
                self._has_warned = True
                self._publish(ErrorReport(error=AuxError(_NOBODY_READS)))
            return freed, has_room

    def finish(self, error: AuxError | None) -> None:
        """Nothing more comes: everybody who waits is let go."""
        with self.lock:
            self.is_finished = True
            self.crash = error
            self._take_arrived()
            self._posted.close()
            lost = error or SendFailed(FailReason.CLOSED, "the client has ended")
            for send_id in list(self._open):
                self._settle(send_id, Stage.UNKNOWN, lost)
            if error is not None:
                # Reports end with it, too.
                self.errors.finish(error)
                self.states.finish(error)
            if self.state is not State.CLOSED:
                self._change_state(State.CLOSED, error)
            self._end_iterations(error)
            self.changed.notify_all()

    # Called on any other thread.

    def post(self, entry: Entry, size: int) -> bool:
        """Whether the outbox has room for this message, which is then on its way there."""
        with self.lock:
            return self.state is not State.CLOSED and self._posted.add(entry, size)

    def take(
        self, box: MessageBox, woken: threading.Condition, deadline: float | None
    ) -> DeliverMessage | None:
        """The next message of ``box``, waited for; None when nothing more comes.

        Raises `TimeoutError`, and the error that ended the mailbox.
        """
        with self.lock:
            router = self.router
            delivery = router.take(box)
            if delivery is None and not box.is_finished:
                delivery = self._wait_for(box, lambda: router.take(box), woken, deadline)
            freed = router.freed
            wanted = freed and (not self._is_reading or freed >= TAKEN_UNREPORTED)
        if wanted:
            self._wake_pump()
        return delivery

    def take_report(
        self, box: Mailbox[T], woken: threading.Condition, deadline: float | None
    ) -> T | None:
        """The next report of a feed's ``box``; otherwise as `take`."""
        with self.lock:
            return self._wait_for(box, box.pop, woken, deadline)

    def open_box(self, box: MessageBox, *, watcher: bool = False) -> threading.Condition:
        """Let ``box`` have messages from now on; what is returned is what `take` waits with."""
        woken = threading.Condition(self.lock)
        with self.lock:
            box.wake = woken.notify_all
            self.router.open(box, watcher=watcher)
        return woken

    def close_box(self, box: MessageBox) -> None:
        """Let ``box`` have no more messages, and end the waits for it."""
        with self.lock:
            box.finish()
            self.router.close(box)
        # Rare, and it may have been all that held the reading back.
        self._wake_pump()

    def claim(self, delivery: DeliverMessage) -> None:
        """A watcher keeps this message for itself."""
        with self.lock:
            self.router.claim(delivery)

    def open_feed(self, feed: Feed[T]) -> tuple[Mailbox[T], threading.Condition]:
        """A new listener of ``feed``, and what `take_report` waits with."""
        woken = threading.Condition(self.lock)
        with self.lock:
            box = feed.open()
            box.wake = woken.notify_all
        return box, woken

    def wait_for(self, is_so: Callable[[], bool], deadline: float | None) -> bool:
        """Wait until ``is_so()``, which is asked with the lock held; false when time is up."""
        with self.lock:
            while not is_so():
                if not wait_until(self.changed, deadline):
                    return False
            return True

    def end_with(self, box: MessageBox, entry: Entry) -> None:
        """Whoever waits at ``box`` waits for an answer to this message, in vain if it fails."""
        with self.lock:
            entry.on_failed = box.finish
            if entry.error is not None:
                box.finish(entry.error)

    @property
    def unsettled(self) -> int:
        """How many accepted messages have no outcome."""
        return len(self._open) + len(self._posted)

    def settled(self) -> Callable[[], bool]:
        """A condition for `wait_for`: all that is accepted by now has come to its outcome."""
        with self.lock:
            pending = deque([*self._open.values(), *self._posted])

        def is_so() -> bool:
            while pending and pending[0].is_final:
                pending.popleft()
            return not pending

        return is_so

    # With the lock held.

    def _open_entry(self, entry: Entry, send_id: SendId, size: int) -> None:
        entry.number(send_id)
        self._open[send_id] = entry
        self._posted.taken(size)

    def _take_arrived(self) -> None:
        if self._arrived:
            arrived, self._arrived = self._arrived, []
            for entry, send_id in arrived:
                self._open_entry(entry, send_id, self._posted.remove(entry))

    def _wait_for(
        self,
        box: Mailbox[Any],
        take: Callable[[], R | None],
        woken: threading.Condition,
        deadline: float | None,
    ) -> R | None:
        while True:
            item = take()
            if item is not None or box.is_finished:
                return item
            if not wait_until(woken, deadline):
                raise TimeoutError("nothing came in time")

    def _report(self, report: Report) -> None:
        match report:
            case ReportProgress():
                entry = None if report.send_id is None else self._open.get(report.send_id)
                if entry is not None:
                    entry.progress = Progress(done=report.done, total=report.total)
            case ReportState():
                self.info = report.info if report.info is not None else self.info
                self._change_state(report.state, report.cause)
            case ReportError():
                self._publish(ErrorReport(
                    error=report.error, info=report.info, event_id=report.event_id,
                    transport=report.transport,
                ))  # fmt: skip
            case ReportGap():
                self._publish(ErrorReport(
                    error=report.error, event_id=report.event_id, transport=report.transport,
                    is_gap=True,
                ))  # fmt: skip
            case DeliverMessage() | ReportSend():
                raise AssertionError(f"{report} is no rare one")
            case _:
                assert_never(report)

    def _settle(
        self, send_id: SendId, stage: Stage, error: AuxError | None, *, is_final: bool = True
    ) -> None:
        entry = self._open.get(send_id)
        if entry is None:
            return
        entry.advance(stage, error, is_final=is_final)
        if is_final:
            del self._open[send_id]
            self._has_outcome = True

    def _change_state(self, state: State, cause: AuxError | None) -> None:
        previous, self.state, self.cause = self.state, state, cause
        if previous is not state or cause is not None:
            self.states.publish(StateChange(previous=previous, current=state, cause=cause))
        self.changed.notify_all()
        if state is State.CLOSED:
            self._end_iterations(cause)

    def _end_iterations(self, error: AuxError | None) -> None:
        self.router.finish(error)
        self.errors.finish()
        self.states.finish()

    def _publish(self, report: ErrorReport) -> None:
        self.error_count += 1
        self.errors.publish(report)
