"""Where the pump and the application meet: mailboxes, entries and the public state, behind a lock.

It knows reports and who waits for them. It must not know sockets, nor the machine. The lock is held
for moments only, never while anybody's code is called, and never while waiting for the pump.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, assert_never

from auxws_proto import (
    AuxError,
    DeliverMessage,
    ErrorReport,
    FailReason,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportSend,
    ReportState,
    SendFailed,
    SendId,
    State,
    StateChange,
)
from auxws_proto._mailbox import Feed, Mailbox
from auxws_proto._router import MessageBox, Router
from auxws_proto._runs import DeliveryRun, ReportRun

from ._commands import Commands
from ._outcomes import Outcomes
from ._posted import Posted
from ._receipt import Entry
from ._roles import Report
from ._waits import wait_until

_NOBODY_READS = (
    "reading has stopped, for what came waits for a first subscription; subscribe to something, "
    "or iterate over the client"
)

T = TypeVar("T")
R = TypeVar("R")

TAKEN_UNREPORTED = 1024 * 1024
"""So many bytes may be taken before the pump is woken for that alone."""

_ROW = 127
"""Messages that are put at hand behind one that is taken: more saves nothing."""


class Desk:
    """See `auxws_sync._roles.Desk`; the rest is for the callers' threads."""

    def __init__(self, commands: Commands) -> None:
        self.lock: threading.RLock = threading.RLock()
        self.changed: threading.Condition = threading.Condition(self.lock)
        """Notified when the state changes, a send comes to its outcome, and at the end."""
        self.router: Router = Router()
        self.errors: Feed[ErrorReport] = Feed(keep=1_000)
        self.states: Feed[StateChange] = Feed()
        self.state: State = State.IDLE
        self.cause: AuxError | None = None
        self.info: Mapping[str, Any] | None = None
        self.error_count: int = 0
        self.is_finished: bool = False
        self.crash: AuxError | None = None
        """The bug that ended the client, if one did."""
        self.outcomes: Outcomes = Outcomes(self.changed)
        self.posted: Posted = Posted(self.lock, self.changed, commands, self.outcomes)
        self.wake_pump: Callable[[], None] = commands.nudge
        self.is_reading: bool = True
        """Whether more comes from the wire; if not, what is taken is told the pump at once."""
        self._has_warned = False

    # Called on the pump's thread.

    def accept(self, entry: Entry, send_id: SendId, size: int = 0) -> None:
        """The machine has taken a message of so many bytes; its outcome will be reported."""
        with self.lock:
            self.outcomes.accept(entry, send_id)
            self.posted.taken(size)

    def set_room(self, messages: int, size: int, *, is_empty: bool) -> None:
        """So much the outbox takes, what is posted not counted."""
        with self.lock:
            self.posted.tell_room(messages, size, is_empty=is_empty)

    @property
    def wants_room(self) -> bool:
        """Whether `set_room` is to be called."""
        return self.posted.is_low

    def report(self, reports: list[Report]) -> None:
        """Put what the machine says where it belongs, and wake who waits for it."""
        outcomes, router = self.outcomes, self.router
        if not (reports or outcomes.has_news):
            return
        with self.lock:
            outcomes.take_arrived()
            self.posted.forget()
            for report in reports:
                match report:
                    case DeliveryRun():
                        router.deliver_all(report.messages, report.sizes)
                    case ReportRun():
                        outcomes.settle(report.ids, report.stage, is_final=report.final)
                    case DeliverMessage():
                        router.deliver(report)
                    case ReportSend():
                        ids = (report.send_id,)
                        outcomes.settle(ids, report.stage, report.error, is_final=report.final)
                    case _:
                        self._report(report)
            outcomes.tell()

    def flow(self, wants_data: bool) -> tuple[int, bool]:
        """The bytes that were taken since the last call; whether mailboxes have room for more."""
        with self.lock:
            # Before it is counted: who pops what is at hand looks at this afterwards.
            self.is_reading = False
            freed = self.router.collect()
            has_room = not self.router.is_full
            self.is_reading = wants_data and has_room
            if not wants_data and not self._has_warned and self.router.has_backlog:
                self._has_warned = True
                self._publish(ErrorReport(error=AuxError(_NOBODY_READS)))
            return freed, has_room

    def finish(self, error: AuxError | None) -> None:
        """Nothing more comes: everybody who waits is let go."""
        with self.lock:
            self.is_finished = True
            self.crash = error
            lost = error or SendFailed(FailReason.CLOSED, "the client has ended")
            self.outcomes.finish(lost)
            self.posted.finish(lost)
            if error is not None:
                # Reports end with it, too.
                self.errors.finish(error)
                self.states.finish(error)
            if self.state is not State.CLOSED:
                self._change_state(State.CLOSED, error)
            self._end_iterations(error)
            self.changed.notify_all()

    # Called on any other thread.

    def take(
        self, box: MessageBox, woken: threading.Condition, deadline: float | None
    ) -> dict[str, Any] | None:
        """The next message of ``box``, waited for; None when nothing more comes.

        Whoever finds some in ``box.at_hand`` pops one there without any lock, and then wakes the
        pump unless `is_reading`. Raises `TimeoutError`, and the error that ended the mailbox.
        """
        with self.lock:
            message = self._wait_for(box, lambda: self._next(box), woken, deadline)
            freed = self.router.freed
            wanted = freed and (not self.is_reading or freed >= TAKEN_UNREPORTED)
        if wanted:
            self.wake_pump()
        return message

    def take_report(
        self, box: Mailbox[T], woken: threading.Condition, deadline: float | None
    ) -> T | None:
        """The next report of a feed's ``box``; otherwise as `take`."""
        with self.lock:
            return self._wait_for(box, box.pop, woken, deadline)

    def open_box(self, box: MessageBox) -> threading.Condition:
        """Let ``box`` have messages from now on; what is returned is what `take` waits with."""
        woken = threading.Condition(self.lock)
        with self.lock:
            box.wake = woken.notify_all
            self.router.open(box)
        return woken

    def close_box(self, box: MessageBox) -> None:
        """Let ``box`` have no more messages, and end the waits for it."""
        with self.lock:
            box.finish()
            self.router.close(box)
        # Rare, and it may have been all that held the reading back.
        self.wake_pump()

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

    @property
    def unsettled(self) -> int:
        """How many accepted messages have no outcome."""
        with self.lock:
            return len(self.outcomes) + len(self.posted)

    def settled(self) -> Callable[[], bool]:
        """A condition for `wait_for`: all that is accepted by now has come to its outcome."""
        with self.lock:
            pending = deque([*self.outcomes, *(entry for entry, _ in self.posted)])

        def is_so() -> bool:
            while pending and pending[0].is_final:
                pending.popleft()
            return not pending

        return is_so

    # With the lock held.

    def _next(self, box: MessageBox) -> dict[str, Any] | None:
        """The next message of ``box``, if there is one; those behind it are put at hand."""
        if box.at_hand:
            # Another thread has put some there, and others may be taking them.
            with contextlib.suppress(IndexError):
                return box.at_hand.pop(0)
        message = self.router.take(box)
        if message is not None and self.is_reading and len(box):
            self.router.reach(box, _ROW)
        return message

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

    def _report(self, report: ReportProgress | ReportState | ReportError | ReportGap) -> None:
        match report:
            case ReportProgress():
                self.outcomes.progress(report)
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
            case _:
                assert_never(report)

    def _change_state(self, state: State, cause: AuxError | None) -> None:
        previous, self.state, self.cause = self.state, state, cause
        if previous is not state or cause is not None:
            self.states.publish(StateChange(previous=previous, current=state, cause=cause))
        self.changed.notify_all()
        if state is State.CLOSED:
            self.posted.close()
            self._end_iterations(cause)

    def _end_iterations(self, error: AuxError | None) -> None:
        self.router.finish(error)
        self.errors.finish()
        self.states.finish()

    def _publish(self, report: ErrorReport) -> None:
        self.error_count += 1
        self.errors.publish(report)
