"""Who waits at a branch, and what each gets. Own tests of `_inst_branch`."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import AuxError, LocalProtocolError
from auxws_proto._inst import InstMachine
from auxws_proto._inst_branch import Branch
from auxws_proto._inst_shapes import (
    DeliverAction,
    DeliverUpdates,
    DeviceChange,
    DeviceJoined,
    EndWatch,
    InstUpdates,
    ReportDevice,
    WatchFailed,
)
from auxws_proto._mailbox import Mailbox
from auxws_proto._requests import Answer
from auxws_proto.messages import DeviceAction
from tests.proto.inst_bench import brief, device

BATCH = InstUpdates(updates=("a",))
ACTION: Any = {"type": "device", "connection": device("x"), "event": 1}
JOINED = DeviceJoined(connection=device("x"))  # type: ignore[arg-type]


def make(*, is_open: bool = True) -> Branch:
    return Branch(InstMachine("r", "i", "b", is_open=is_open, first_update_id=1))


def watch(branch: Branch, **limits: Any) -> Mailbox[InstUpdates]:
    box: Mailbox[InstUpdates] = Mailbox(**limits)
    branch.watch(box, 0.0, temporary=False, markers=())
    return box


def watch_devices(branch: Branch, **limits: Any) -> Mailbox[DeviceChange]:
    box: Mailbox[DeviceChange] = Mailbox(**limits)
    branch.watch_devices(box, 0.0)
    return box


def take_actions(branch: Branch, **limits: Any) -> Mailbox[DeviceAction]:
    box: Mailbox[DeviceAction] = Mailbox(**limits)
    branch.take_actions(box)
    return box


def asked(branch: Branch) -> list[str]:
    """What the machine has sent since the last look."""
    briefs = map(brief, branch.machine.actions())
    return [str(short[1]) for short in briefs if short[0] == "send"]


def test_everybody_gets_what_is_theirs() -> None:
    branch = make()
    updates = watch(branch)
    devices = [watch_devices(branch) for _ in range(2)]
    actions = [take_actions(branch) for _ in range(2)]

    branch.give_out(DeliverUpdates(batch=BATCH))
    branch.give_out(ReportDevice(change=JOINED))
    branch.give_out(DeliverAction(action=ACTION))

    assert [updates.pop(), updates.pop()] == [BATCH, None]
    assert [box.pop() for box in devices] == [JOINED] * 2
    assert [box.pop() for box in actions] == [ACTION] * 2


def test_who_has_left_gets_nothing() -> None:
    branch = make()
    error = WatchFailed("not_authorized", "no", {})

    branch.give_out(DeliverUpdates(batch=BATCH))
    branch.give_out(EndWatch(error=error))

    assert branch.is_idle


def test_a_watch_that_fails_ends_its_box_with_the_error() -> None:
    branch = make()
    box = watch(branch)

    branch.give_out(EndWatch(error=WatchFailed("not_authorized", "no", {})))

    with pytest.raises(WatchFailed):
        box.pop()
    assert not branch.unwatch(box, 0.0)


def test_a_second_watch_is_a_mistake_that_leaves_the_first() -> None:
    branch = make()
    first = watch(branch)

    with pytest.raises(LocalProtocolError):
        watch(branch)
    branch.give_out(DeliverUpdates(batch=BATCH))

    assert len(first) == 1


def test_leaving_concerns_ones_own_box() -> None:
    branch = make()
    updates, devices, actions = watch(branch), watch_devices(branch), take_actions(branch)
    left = [
        branch.unwatch(Mailbox(), 0.0),
        branch.unwatch_devices(Mailbox(), 0.0),
        branch.leave_actions(Mailbox()),
    ]

    left += [
        branch.unwatch(updates, 0.0),
        branch.unwatch_devices(devices, 0.0),
        branch.leave_actions(actions),
    ]

    assert left == [False] * 3 + [True] * 3
    assert not branch.machine.takes_actions


def test_the_last_one_to_leave_ends_the_watch_of_devices() -> None:
    branch = make()
    first, second = watch_devices(branch), watch_devices(branch)
    sent = [asked(branch)]

    for box in (first, second):
        branch.unwatch_devices(box, 0.0)
        sent.append(asked(branch))

    assert sent == [["watch_branch_devices"], [], ["unwatch_branch_devices"]]


def test_actions_are_taken_while_anybody_wants_them() -> None:
    branch = make()
    first, second = take_actions(branch), take_actions(branch)
    taken = [branch.machine.takes_actions]

    for box in (first, second):
        branch.leave_actions(box)
        taken.append(branch.machine.takes_actions)

    assert taken == [True, True, False]


@pytest.mark.parametrize(
    ("open_box", "action"),
    [
        (watch, DeliverUpdates(batch=BATCH)),
        (watch_devices, ReportDevice(change=JOINED)),
        (take_actions, DeliverAction(action=ACTION)),
    ],
)
def test_one_full_box_is_enough(open_box: Any, action: Any) -> None:
    branch = make()
    box = open_box(branch, max_messages=1)
    full = [branch.is_full]

    branch.give_out(action)
    full.append(branch.is_full)
    box.pop()
    full.append(branch.is_full)

    assert full == [False, True, False]


def test_it_is_idle_when_all_have_left() -> None:
    branch = make(is_open=False)
    idle = [branch.is_idle]
    updates, devices, actions = watch(branch), watch_devices(branch), take_actions(branch)
    idle.append(branch.is_idle)
    branch.unwatch(updates, 0.0)
    idle.append(branch.is_idle)
    branch.unwatch_devices(devices, 0.0)
    idle.append(branch.is_idle)
    branch.leave_actions(actions)
    asked(branch)

    assert [*idle, branch.is_idle] == [True, False, False, False, True]


def test_an_answer_waits_for_its_update() -> None:
    branch = make()
    answer: Answer[None] = Answer()

    branch.add_updates(["u"], 0.0, None)
    branch.add_updates(["v"], 0.0, answer)

    assert branch.answers == {2: answer}


@pytest.mark.parametrize("watches", [False, True])
def test_the_end_ends_every_box_and_fails_every_answer(watches: bool) -> None:
    branch = make()
    boxes: list[Mailbox[Any]] = [watch_devices(branch), take_actions(branch)]
    if watches:
        boxes.append(watch(branch))
    answer: Answer[None] = Answer()
    branch.add_updates(["u"], 0.0, answer)

    branch.finish(None, AuxError("over"))

    assert all(box.is_finished for box in boxes)
    assert [box.pop() for box in boxes] == [None] * len(boxes)
    with pytest.raises(AuxError, match="over"):
        answer.get()
