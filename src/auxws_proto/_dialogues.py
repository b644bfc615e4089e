"""The dialogues of one client: requests and insts over one session, and who waits for them.

It knows which report concerns whom. It must not know who waits at a branch (that is `Branch`'s),
how anybody is woken (`Answer.wake` and `Mailbox.wake`), nor any lock: whoever owns it serialises
the calls.

Strategy: a driver hands each report of the machine to `handle` while it drains, so that messages,
states and outcomes come in their order; what follows from them is sent there and then, and goes out
in the same drain. There is one machine for each branch, however many objects speak of it, since the
server knows one watch for each connection and branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, assert_never

from ._actions import DeliverMessage, ReportError, ReportGap, ReportSend, ReportState
from ._constants import SendId, State
from ._errors import AuxError, ConnectionFailed, LocalProtocolError
from ._http_request import HttpExchange
from ._inst import BRANCH_MESSAGES, InstMachine
from ._inst_branch import Branch
from ._inst_shapes import (
    BranchKey,
    DeviceChange,
    InstConfig,
    InstUpdates,
    SendMessage,
    SetGreeting,
    SettleUpdates,
)
from ._inst_shared import branch_key
from ._mailbox import Mailbox
from ._requests import Answer, Request, Requests
from .messages import ConnectionInfo, DeviceAction

Report: TypeAlias = DeliverMessage | ReportState | ReportSend | ReportError | ReportGap
"""What `Dialogues.handle` wants to see of a machine's actions."""

Send: TypeAlias = Callable[[Mapping[str, Any], float], SendId]
SetOnConnect: TypeAlias = Callable[[Iterable[Mapping[str, Any]]], None]


def _nothing() -> None:
    """Nobody waits for room."""


class Dialogues:
    """Everything of one client that is more than sending and receiving.

    ``send`` and ``set_on_connect`` are the session's, called while it is drained; ``on_connect``
    are the application's own messages for each connection. ``report_problem`` is told of updates
    that failed and that nobody waits for. Drain the session before calling a verb: one that does
    not know yet that the connection is open leaves its message to the greeting, which is gone.
    """

    def __init__(
        self,
        send: Send,
        set_on_connect: SetOnConnect,
        *,
        on_connect: Iterable[Mapping[str, Any]] = (),
        report_problem: Callable[[AuxError], None],
        config: InstConfig | None = None,
    ) -> None:
        self.requests = Requests()
        self._send = send
        self._set_on_connect = set_on_connect
        self._on_connect = tuple(on_connect)
        self._report_problem = report_problem
        self._config = config
        self.room_made: Callable[[], None] = _nothing
        """Called when a branch may have room for more updates."""
        self._state = State.IDLE
        self._branches: dict[BranchKey, Branch] = {}
        self._senders: dict[SendId, Branch] = {}
        self._deadlines: dict[Branch, float] = {}
        self._streams: dict[HttpExchange, None] = {}
        self._number = 0
        self._next_update_id = 1

    # Windows.

    @property
    def is_full(self) -> bool:
        """Whether the application has enough to read: stop reading the wire until it is not."""
        if not self._branches and not self._streams:
            # Asked with each batch, and nearly always so.
            return False
        return any(branch.is_full for branch in self._branches.values()) or any(
            stream.is_full for stream in self._streams
        )

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for anything, so that only states need be handled."""
        return not (self._branches or self._senders or self.requests.pending)

    def next_timeout(self) -> float | None:
        """When to call `handle_timeout`; None: no need."""
        return min(self._deadlines.values()) if self._deadlines else None

    def next_number(self) -> int:
        """A number for a question that is told by its id; 1 is the first."""
        self._number += 1
        return self._number

    # Requests.

    def open(self, request: Request) -> None:
        """Look out for the answer to a request, which is to be sent next.

        Raises `LocalProtocolError` if the session is over.
        """
        if self._state is State.CLOSED:
            raise LocalProtocolError("the session is closed for good; make a new one")
        self.requests.open(request)
        if isinstance(request, HttpExchange) and request.is_stream:
            self._streams[request] = None

    def close(self, request: Request) -> None:
        """Nobody waits for it any more. Twice is once."""
        self.requests.close(request)
        if isinstance(request, HttpExchange):
            self._streams.pop(request, None)

    # Insts.

    def watch(
        self,
        key: BranchKey,
        box: Mailbox[InstUpdates],
        now: float,
        *,
        temporary: bool = False,
        markers: Iterable[str] = (),
    ) -> None:
        """Have the updates of a branch put into ``box``, as `InstMachine.watch` gives them."""
        branch = self._branch(key)
        try:
            branch.watch(box, now, temporary=temporary, markers=markers)
        finally:
            self._drain(branch, now)

    def unwatch(self, key: BranchKey, box: Mailbox[InstUpdates], now: float) -> None:
        """Have no more of them. Twice is once."""
        branch = self._branches.get(key)
        box.finish()
        if branch is not None and branch.unwatch(box, now):
            self._drain(branch, now)

    def watch_devices(self, key: BranchKey, box: Mailbox[DeviceChange], now: float) -> None:
        """Have the comings and goings of devices put into ``box``."""
        branch = self._branch(key)
        branch.watch_devices(box, now)
        self._drain(branch, now)

    def unwatch_devices(self, key: BranchKey, box: Mailbox[DeviceChange], now: float) -> None:
        """Have no more of them. Twice is once."""
        branch = self._branches.get(key)
        box.finish()
        if branch is not None and branch.unwatch_devices(box, now):
            self._drain(branch, now)

    def devices(self, key: BranchKey) -> dict[str, ConnectionInfo]:
        """The devices that are connected to a branch, by connection id, while they are watched."""
        branch = self._branches.get(key)
        return {} if branch is None else dict(branch.machine.devices)

    def take_actions(self, key: BranchKey, box: Mailbox[DeviceAction]) -> None:
        """Have the actions of devices put into ``box``."""
        self._branch(key).take_actions(box)

    def leave_actions(self, key: BranchKey, box: Mailbox[DeviceAction], now: float) -> None:
        """Have no more of them. Twice is once."""
        branch = self._branches.get(key)
        box.finish()
        if branch is not None and branch.leave_actions(box):
            self._drain(branch, now)

    def add_updates(
        self, key: BranchKey, updates: Iterable[str], now: float, answer: Answer[None] | None = None
    ) -> None:
        """Add updates to a branch; ``answer`` is settled when they are acknowledged.

        Raises as `InstMachine.add_updates`, and `LocalProtocolError` if the session is over.
        """
        branch = self._branch(key)
        try:
            branch.add_updates(updates, now, answer)
        finally:
            self._drain(branch, now)

    def report(self, error: AuxError) -> None:
        """Tell of a problem that nobody waits for, found by what is built on the dialogues."""
        self._report_problem(error)

    def _branch(self, key: BranchKey) -> Branch:
        if self._state is State.CLOSED:
            raise LocalProtocolError("the session is closed for good; make a new one")
        branch = self._branches.get(key)
        if branch is None:
            machine = InstMachine(
                *key,
                self._config,
                is_open=self._state is State.OPEN,
                first_update_id=self._next_update_id,
            )
            branch = self._branches[key] = Branch(machine)
        return branch

    # What the machine reports, and the clock.

    def handle(self, report: Report, now: float) -> bool:
        """What the machine reports. True: it is a message that is used here."""
        if self.requests.handle(report):
            return True
        match report:
            case DeliverMessage():
                return self._delivered(report, now)
            case ReportSend():
                branch = self._senders.get(report.send_id)
                if branch is not None:
                    if report.final:
                        del self._senders[report.send_id]
                    branch.machine.handle(report, now)
                    self._drain(branch, now)
            case ReportState() | ReportGap():
                for branch in list(self._branches.values()):
                    branch.machine.handle(report, now)
                    self._drain(branch, now)
                if isinstance(report, ReportState):
                    self._state_reported(report)
            case ReportError():
                pass
            case _:
                assert_never(report)
        return False

    def handle_timeout(self, now: float) -> None:
        """Do what is due. Free when nothing is."""
        for branch, deadline in list(self._deadlines.items()):
            if deadline <= now:
                branch.machine.handle_timeout(now)
                self._drain(branch, now)

    def _delivered(self, report: DeliverMessage, now: float) -> bool:
        if not self._branches or report.message.get("type") not in BRANCH_MESSAGES:
            return False
        key = branch_key(report.message)
        branch = None if key is None else self._branches.get(key)
        if branch is None:
            return False
        used = branch.machine.handle(report, now)
        self._drain(branch, now)
        return used

    def finish(self, error: AuxError | None) -> None:
        """Nothing more comes, because of ``error`` if one is given. Twice is once."""
        self._state = State.CLOSED
        over = error or ConnectionFailed("closed", "the client has ended")
        self.requests.fail_all(over)
        for branch in self._branches.values():
            branch.finish(error, over)
        self._branches.clear()
        self._deadlines.clear()
        self.room_made()

    def _state_reported(self, report: ReportState) -> None:
        self._state = report.state
        if report.state is State.CLOSED:
            self.finish(report.cause)

    def _drain(self, branch: Branch, now: float) -> None:
        machine = branch.machine
        for action in machine.actions():
            match action:
                case SendMessage():
                    try:
                        send_id = self._send(action.message, now)
                    except AuxError as error:
                        machine.not_sent(action.ref, error, now)
                    else:
                        machine.sent(action.ref, send_id)
                        self._senders[send_id] = branch
                case SetGreeting():
                    branch.greeting = action.messages
                    self._greet()
                case SettleUpdates():
                    self._settle(branch.answers.pop(action.update_id, None), action.error)
                case _:
                    branch.give_out(action)
        deadline = machine.next_timeout()
        if deadline is None:
            self._deadlines.pop(branch, None)
        else:
            self._deadlines[branch] = deadline
        if branch.is_idle and self._branches.get(machine.key) is branch:
            del self._branches[machine.key]
            self._next_update_id = max(self._next_update_id, machine.next_update_id)

    def _greet(self) -> None:
        greetings = [message for branch in self._branches.values() for message in branch.greeting]
        self._set_on_connect([*self._on_connect, *greetings])

    def _settle(self, answer: Answer[None] | None, error: AuxError | None) -> None:
        self.room_made()
        if answer is None:
            if error is not None:
                self._report_problem(error)
        elif error is not None:
            answer.fail(error)
        else:
            answer.settle(None)
