"""Requests and insts over one session, and who waits for them. Own tests of `_dialogues`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from auxws_proto import (
    AuxError,
    ConnectionFailed,
    DeliverMessage,
    DownloadFailed,
    FailReason,
    LocalProtocolError,
    OutboxFull,
    ReportError,
    ReportGap,
    ReportSend,
    ReportState,
    SendFailed,
    SendId,
    ServerError,
    Stage,
    State,
)
from auxws_proto._dialogues import Dialogues, Report
from auxws_proto._http_request import HttpExchange
from auxws_proto._inst_shapes import (
    DeviceChange,
    DeviceJoined,
    InstConfig,
    InstUpdates,
    UpdatesRefused,
    WatchFailed,
)
from auxws_proto._mailbox import Mailbox
from auxws_proto._requests import Answer, Request
from auxws_proto.messages import DeviceAction
from tests.proto.inst_bench import device

KEY = ("r", "i", "b")
BRANCH = {"recordName": "r", "inst": "i", "branch": "b"}
OTHER = ("r", "i", "other")


class Desk:
    """Dialogues over a session that only notes what it is asked."""

    def __init__(self, *, is_open: bool = True, **settings: Any) -> None:
        self.now = 0.0
        self.sent: list[tuple[str, ...]] = []
        self.greeting: list[str] = []
        self.problems: list[AuxError] = []
        self.refuses: AuxError | None = None
        self.hub = Dialogues(
            self._send,
            self._set_on_connect,
            on_connect=[{"type": "hello"}],
            report_problem=self.problems.append,
            config=InstConfig(**settings),
        )
        if is_open:
            self.state(State.OPEN)

    def _send(self, message: Mapping[str, Any], now: float) -> SendId:
        if self.refuses is not None:
            raise self.refuses
        self.sent.append((message["type"], message["branch"]))
        return SendId(len(self.sent))

    def _set_on_connect(self, messages: Iterable[Mapping[str, Any]]) -> None:
        self.greeting = [message["type"] for message in messages]

    def handle(self, report: Report) -> bool:
        return self.hub.handle(report, self.now)

    def state(self, state: State, cause: AuxError | None = None) -> None:
        self.handle(ReportState(state=state, cause=cause))

    def deliver(self, type: str, **fields: Any) -> bool:
        message = {"type": type, **BRANCH, **fields}
        return self.handle(DeliverMessage(message=message, size=1, event_id=0, transport=1))

    def outcome(self, send_id: int, stage: Stage = Stage.CONFIRMED) -> None:
        self.handle(ReportSend(send_id=SendId(send_id), stage=stage, final=True))

    def watch(self, key: Any = KEY, **limits: Any) -> Mailbox[InstUpdates]:
        box: Mailbox[InstUpdates] = Mailbox(**limits)
        self.hub.watch(key, box, self.now)
        return box

    def watch_devices(self, **limits: Any) -> Mailbox[DeviceChange]:
        box: Mailbox[DeviceChange] = Mailbox(**limits)
        self.hub.watch_devices(KEY, box, self.now)
        return box

    def take_actions(self, **limits: Any) -> Mailbox[DeviceAction]:
        box: Mailbox[DeviceAction] = Mailbox(**limits)
        self.hub.take_actions(KEY, box)
        return box

    def add(self, *updates: str) -> Answer[None]:
        answer: Answer[None] = Answer()
        self.hub.add_updates(KEY, updates, self.now, answer)
        return answer


def contents(box: Mailbox[Any]) -> list[Any]:
    return list(iter(box.pop, None))


# Requests.


def test_a_request_is_answered() -> None:
    desk = Desk()
    request = Request("pong", fields={"id": desk.hub.next_number()})
    desk.hub.open(request)
    desk.hub.requests.sent(request, SendId(1))

    used = [desk.deliver("pong", id=2), desk.deliver("pong", id=1)]

    assert used == [False, True]
    assert request.is_settled


def test_a_closed_request_is_not() -> None:
    desk = Desk()
    request = Request("pong")
    desk.hub.open(request)

    desk.hub.close(request)

    assert not desk.deliver("pong")


def test_an_answer_that_was_asked_for_is_no_update_of_the_watch() -> None:
    desk = Desk()
    box = desk.watch()
    desk.deliver("repo/add_updates", updates=["a"], initial=True)
    request = Request("repo/add_updates", test=lambda message: "timestamps" in message)
    desk.hub.open(request)

    used = desk.deliver("repo/add_updates", updates=["a", "b"], timestamps=[1, 2])

    assert used
    assert contents(box) == [InstUpdates(updates=("a",), is_initial=True)]


def test_a_stream_that_is_full_holds_the_reading_back_until_it_is_closed() -> None:
    desk = Desk()
    stream = HttpExchange(1, is_stream=True, max_parts=1)
    desk.hub.open(stream)
    response = {"statusCode": 200, "body": "x"}
    full = [desk.hub.is_full]

    desk.deliver("http_partial_response", id=1, index=0, response=response)
    full.append(desk.hub.is_full)
    desk.hub.close(stream)
    full.append(desk.hub.is_full)

    assert full == [False, True, False]


def test_nothing_can_be_asked_of_a_session_that_is_over() -> None:
    desk = Desk()
    desk.state(State.CLOSED)

    with pytest.raises(LocalProtocolError, match="closed for good"):
        desk.hub.open(Request("pong"))
    with pytest.raises(LocalProtocolError, match="closed for good"):
        desk.watch()


# Watching.


def test_a_watch_brings_updates() -> None:
    desk = Desk()
    box = desk.watch()

    used = [
        desk.deliver("repo/add_updates", updates=["a"], initial=True),
        desk.deliver("repo/add_updates", updates=["b"]),
        desk.deliver("repo/add_updates", branch="other", updates=["c"]),
        desk.deliver("repo/add_updates", branch=7, updates=["d"]),
        desk.deliver("sync/time/response"),
    ]

    assert used == [True, True, False, False, False]
    assert desk.sent == [("repo/watch_branch", "b")]
    assert contents(box) == [
        InstUpdates(updates=("a",), is_initial=True),
        InstUpdates(updates=("b",)),
    ]


def test_a_message_of_a_branch_that_nobody_wants_is_not_used() -> None:
    desk = Desk()

    assert not desk.deliver("repo/add_updates", updates=["a"])


def test_greetings_of_all_branches_follow_the_applications_own() -> None:
    desk = Desk(is_open=False)
    first, second = desk.watch(), desk.watch(OTHER)
    desk.watch_devices()
    greetings = [desk.greeting]

    desk.hub.unwatch(KEY, first, 0.0)
    greetings.append(desk.greeting)
    desk.hub.unwatch(OTHER, second, 0.0)
    greetings.append(desk.greeting)

    devices, watch = "repo/watch_branch_devices", "repo/watch_branch"
    assert greetings == [
        ["hello", watch, devices, watch],
        ["hello", devices, watch],
        ["hello", devices],
    ]
    assert desk.sent == []


def test_a_second_watch_of_the_branch_is_a_mistake_that_harms_nobody() -> None:
    desk = Desk()
    first = desk.watch()

    with pytest.raises(LocalProtocolError):
        desk.watch()
    desk.deliver("repo/add_updates", updates=["a"], initial=True)

    assert len(first) == 1


def test_unwatching_twice_is_once_and_concerns_ones_own_watch() -> None:
    desk = Desk()
    first = desk.watch()
    desk.hub.unwatch(KEY, first, 0.0)
    second = desk.watch()

    desk.hub.unwatch(KEY, first, 0.0)
    desk.hub.unwatch(OTHER, first, 0.0)

    assert first.is_finished
    assert not second.is_finished
    assert [kind for kind, _ in desk.sent] == [
        "repo/watch_branch", "repo/unwatch_branch", "repo/watch_branch",
    ]  # fmt: skip


def test_a_watch_that_fails_ends_its_box_with_the_error() -> None:
    desk = Desk()
    box = desk.watch()

    desk.deliver("repo/watch_branch_result", success=False, errorCode="not_authorized")
    desk.hub.unwatch(KEY, box, 0.0)

    with pytest.raises(WatchFailed, match="not_authorized"):
        box.pop()
    assert desk.greeting == ["hello"]


def test_an_inst_survives_a_reconnect_and_a_gap() -> None:
    desk = Desk()
    box = desk.watch()
    desk.deliver("repo/add_updates", updates=["a"], initial=True)
    desk.state(State.WAITING)
    desk.state(State.OPEN)
    error = DownloadFailed(FailReason.HTTP_STATUS)

    desk.handle(ReportGap(error=error, event_id=-1, transport=1))
    desk.handle(ReportError(error=ServerError({}, -1)))

    assert desk.sent == [("repo/watch_branch", "b")]
    assert desk.hub.next_timeout() == 30.0
    assert not box.is_finished


# Devices and actions.


def test_devices_are_told_to_everybody_who_wants_to_know() -> None:
    desk = Desk()
    boxes = [desk.watch_devices() for _ in range(2)]

    used = desk.deliver("repo/connected_to_branch", connection=device("x"), broadcast=True)

    joined = DeviceJoined(connection=device("x"))  # type: ignore[arg-type]
    assert used
    assert [contents(box) for box in boxes] == [[joined]] * 2
    assert desk.hub.devices(KEY) == {"x": device("x")}
    assert desk.hub.devices(OTHER) == {}


def test_the_last_one_to_leave_ends_the_watch_of_devices() -> None:
    desk = Desk()
    first, second = desk.watch_devices(), desk.watch_devices()

    for box in (first, first, second, second):
        desk.hub.unwatch_devices(KEY, box, 0.0)
    desk.hub.unwatch_devices(OTHER, first, 0.0)

    assert [kind for kind, _ in desk.sent] == [
        "repo/watch_branch_devices", "repo/unwatch_branch_devices",
    ]  # fmt: skip
    assert desk.hub.next_timeout() is None


def test_actions_are_told_to_everybody_who_wants_to_know() -> None:
    desk = Desk()
    boxes = [desk.take_actions() for _ in range(2)]
    action = {"type": "device", "connection": device("x"), "event": 1}

    used = [desk.deliver("repo/receive_action", action=action)]
    for box in (boxes[0], boxes[0], boxes[1]):
        desk.hub.leave_actions(KEY, box, 0.0)
    desk.hub.leave_actions(OTHER, boxes[0], 0.0)
    used.append(desk.deliver("repo/receive_action", action=action))

    assert used == [True, False]
    assert [contents(box) for box in boxes] == [[action]] * 2


@pytest.mark.parametrize("kind", ["updates", "devices", "actions"])
def test_a_full_box_holds_the_reading_back(kind: str) -> None:
    desk = Desk()
    boxes: dict[str, Mailbox[Any]] = {
        "updates": desk.watch(max_messages=1),
        "devices": desk.watch_devices(max_messages=1),
        "actions": desk.take_actions(max_messages=1),
    }
    full = [desk.hub.is_full]

    desk.deliver("repo/add_updates", updates=["a"], initial=kind == "updates")
    if kind == "devices":
        desk.deliver("repo/connected_to_branch", connection=device("x"))
    if kind == "actions":
        desk.deliver("repo/receive_action", action={"type": "device"})
    full.append(desk.hub.is_full)
    boxes[kind].pop()
    full.append(desk.hub.is_full)

    assert full == [False, True, False]


# Adding updates.


def test_updates_are_acknowledged() -> None:
    desk = Desk()
    answer = desk.add("u")
    desk.outcome(1)

    used = desk.deliver("repo/updates_received", updateId=1)

    assert used
    assert answer.is_settled
    answer.get()
    assert desk.hub.next_timeout() is None


def test_updates_are_repeated() -> None:
    desk = Desk()
    desk.add("u")
    desk.outcome(1, Stage.SENT)
    desk.hub.handle_timeout(4.0)
    before = len(desk.sent)

    desk.hub.handle_timeout(5.0)

    assert before == 1
    assert desk.sent == [("repo/add_updates", "b")] * 2


def test_only_what_is_due_is_touched() -> None:
    desk = Desk()
    desk.watch()
    desk.hub.watch(OTHER, Mailbox(), 10.0)

    desk.hub.handle_timeout(31.0)

    assert desk.sent[2:] == [("repo/watch_branch", "b")]


def test_refused_updates_fail_their_answer() -> None:
    desk = Desk()
    answer = desk.add("u")

    desk.deliver("repo/updates_received", updateId=1, errorCode="max_size_reached")

    with pytest.raises(UpdatesRefused):
        answer.get()
    assert desk.problems == []


def test_updates_that_nobody_waits_for_report_only_what_goes_wrong() -> None:
    desk = Desk()
    for _ in range(2):
        desk.hub.add_updates(KEY, ["u"], 0.0)

    desk.deliver("repo/updates_received", updateId=1)
    desk.deliver("repo/updates_received", updateId=2, errorCode="inst_not_found")

    assert [str(problem) for problem in desk.problems] == ["inst_not_found"]


def test_a_message_that_the_session_does_not_accept() -> None:
    desk = Desk()
    desk.refuses = OutboxFull("full")

    answer = desk.add("u")

    assert not answer.is_settled
    assert desk.hub.next_timeout() == 5.0


def test_a_mistake_leaves_nothing_behind() -> None:
    desk = Desk()

    with pytest.raises(LocalProtocolError, match="base64"):
        desk.add()

    assert desk.hub._branches == {}


def test_a_late_acknowledgement_is_not_taken_for_anothers() -> None:
    desk = Desk()
    desk.add("u")
    desk.deliver("repo/updates_received", updateId=1)
    second = desk.add("v")

    used = desk.deliver("repo/updates_received", updateId=1)

    assert not used
    assert not second.is_settled


def test_what_becomes_of_a_message_is_told_to_its_branch_until_the_end() -> None:
    desk = Desk()
    desk.add("u")
    failed = SendFailed(FailReason.URL_REFUSED)
    stage = ReportSend(send_id=SendId(1), stage=Stage.UPLOADING)
    desk.handle(stage)
    kept = len(desk.hub._senders)

    desk.handle(ReportSend(send_id=SendId(1), stage=Stage.FAILED, final=True, error=failed))
    desk.handle(ReportSend(send_id=SendId(9), stage=Stage.CONFIRMED, final=True))

    assert (kept, len(desk.hub._senders)) == (1, 0)


# The end.


def test_the_end_of_the_session_ends_everything_with_its_cause() -> None:
    desk = Desk()
    updates, devices, actions = desk.watch(), desk.watch_devices(), desk.take_actions()
    answer, request = desk.add("u"), Request("pong")
    desk.hub.open(request)
    cause = ConnectionFailed("status", status=401)

    desk.state(State.CLOSED, cause)

    for box in (updates, devices, actions):
        with pytest.raises(ConnectionFailed, match="status"):
            contents(box)
    for waiting in (answer, request):
        with pytest.raises(AuxError):
            waiting.get()
    assert desk.hub.next_timeout() is None
    desk.hub.unwatch(KEY, updates, 0.0)


def test_the_end_without_a_watch() -> None:
    desk = Desk()
    devices = desk.watch_devices()

    desk.state(State.CLOSED)

    assert devices.is_finished


def test_whoever_runs_the_machine_may_fail() -> None:
    desk = Desk()
    rooms: list[int] = []
    desk.hub.room_made = lambda: rooms.append(1)
    updates, answer, request = desk.watch(), desk.add("u"), Request("pong")
    desk.hub.open(request)
    error = AuxError("crashed")

    desk.hub.finish(error)

    for look in (updates.pop, answer.get, request.get):
        with pytest.raises(AuxError, match="crashed"):
            look()
    assert rooms == [1]


def test_an_end_without_a_cause_fails_those_who_wait() -> None:
    desk = Desk()
    updates, answer = desk.watch(), desk.add("u")

    desk.hub.finish(None)

    assert updates.is_finished
    assert updates.pop() is None
    with pytest.raises(ConnectionFailed, match="the client has ended"):
        answer.get()


def test_it_is_idle_while_nobody_waits() -> None:
    desk = Desk()
    idle = [desk.hub.is_idle]
    request = Request("pong")
    desk.hub.open(request)
    idle.append(desk.hub.is_idle)
    desk.hub.close(request)
    box = desk.watch()
    idle.append(desk.hub.is_idle)
    desk.hub.unwatch(KEY, box, 0.0)
    idle.append(desk.hub.is_idle)
    for send_id in (1, 2):
        desk.outcome(send_id)

    assert [*idle, desk.hub.is_idle] == [True, False, False, False, True]


def test_what_is_built_on_the_dialogues_can_tell_of_problems() -> None:
    desk = Desk()
    problem = AuxError("nobody waits for this")

    desk.hub.report(problem)

    assert desk.problems == [problem]
