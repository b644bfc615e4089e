"""One branch over a session: which part gets what. Own tests of `_inst`."""

from __future__ import annotations

import copy
from typing import Any

from auxws_proto import (
    DeliverMessage,
    OutboxFull,
    ReportError,
    ReportProgress,
    ServerError,
    State,
)
from auxws_proto._inst import InstMachine
from tests.proto.inst_bench import BRANCH, InstBench, device

EVENT = {"type": "device", "connection": device("x"), "event": {"n": 1}}


def taking_actions() -> InstBench:
    bench = InstBench()
    bench.inst.takes_actions = True
    return bench


def used(bench: InstBench, type: str, **fields: Any) -> bool:
    message = {"type": type, **BRANCH, **fields}
    delivery = DeliverMessage(message=message, size=1, event_id=0, transport=1)
    return bench.inst.handle(delivery, bench.now)


def test_watches_of_both_kinds_are_greeted_in_one() -> None:
    bench = InstBench()

    actions = bench.watch() + bench.turn(bench.inst.watch_devices)

    assert actions == [
        ("send", "watch_branch"),
        ("greet", "watch_branch"),
        ("send", "watch_branch_devices"),
        ("greet", "watch_branch", "watch_branch_devices"),
    ]


def test_what_is_used_and_what_is_not() -> None:
    bench = InstBench()
    bench.add("u")
    messages: list[tuple[str, dict[str, Any]]] = [
        ("repo/add_updates", {"updates": ["a"]}),
        ("repo/watch_branch_result", {"success": True}),
        ("repo/updates_received", {"updateId": 9}),
        ("repo/receive_action", {"action": EVENT}),
        ("repo/connected_to_branch", {"connection": device("x")}),
        ("repo/disconnected_from_branch", {"connection": device("x")}),
        ("sync/time/response", {}),
    ]
    idle = [used(bench, kind, **fields) for kind, fields in messages]
    bench.watch()
    bench.turn(bench.inst.watch_devices)
    bench.inst.takes_actions = True
    messages[2][1]["updateId"] = 1

    busy = [used(bench, kind, **fields) for kind, fields in messages]

    assert idle == [False] * 7
    assert busy == [True] * 6 + [False]


def test_another_branch_is_anothers() -> None:
    bench = InstBench()
    bench.watch()

    is_used = used(bench, "repo/add_updates", branch="other", updates=["a"])

    assert not is_used


def test_reports_about_nothing_of_it_are_ignored() -> None:
    bench = InstBench()
    bench.watch()

    actions = bench.turn(bench.inst.handle, ReportError(error=ServerError({}, -1)))
    progress = ReportProgress(transfer_id=1, send_id=None, done=1, total=None)
    actions += bench.turn(bench.inst.handle, progress)

    assert actions == []


def test_actions_of_devices_are_delivered() -> None:
    bench = taking_actions()

    actions = [bench.deliver("receive_action", action=EVENT) for _ in range(2)]

    assert actions == [[("action", EVENT)]] * 2


def test_an_action_that_is_none_is_not_delivered() -> None:
    bench = taking_actions()

    actions = bench.deliver("receive_action", action="x") + bench.deliver("receive_action")

    assert actions == []


def test_an_action_on_both_connections_of_a_rotation_is_delivered_once() -> None:
    bench = taking_actions()
    other = {**EVENT, "event": 2}

    actions = [
        bench.deliver("receive_action", transport, overlap=True, action=action)
        for transport, action in [(1, EVENT), (1, EVENT), (2, other), (2, EVENT), (1, other),
                                  (2, EVENT), (2, EVENT)]
    ]  # fmt: skip

    assert actions == [
        [("action", EVENT)], [("action", EVENT)], [("action", other)], [], [], [],
        [("action", EVENT)],
    ]  # fmt: skip


def test_an_action_whose_double_comes_when_the_old_connection_has_ended() -> None:
    bench = taking_actions()
    bench.deliver("receive_action", 1, overlap=True, action=EVENT)

    actions = [bench.deliver("receive_action", 2, action=EVENT) for _ in range(2)]

    assert actions == [[], [("action", EVENT)]]


def test_after_a_rotation_equal_actions_are_two() -> None:
    bench = taking_actions()
    bench.deliver("receive_action", 1, overlap=True, action=EVENT)
    bench.deliver("receive_action", 2, action={**EVENT, "event": 2})

    actions = bench.deliver("receive_action", 2, overlap=True, action=EVENT)

    assert actions == [("action", EVENT)]


def test_it_is_idle_when_nothing_is_wanted_or_under_way() -> None:
    inst = InstMachine("r", "i", "b")
    idle = [inst.is_idle]

    inst.takes_actions = True
    idle.append(inst.is_idle)
    inst.takes_actions = False
    inst.watch(0.0)
    inst.unwatch(0.0)
    idle.append(inst.is_idle)
    list(inst.actions())
    idle.append(inst.is_idle)

    assert idle == [True, False, False, True]
    assert inst.key == ("r", "i", "b")


def test_time_does_not_go_back() -> None:
    bench = InstBench()
    bench.watch()
    due = bench.inst.next_timeout()
    bench.now -= 50

    bench.gap()
    bench.result("server_error")

    assert bench.inst.next_timeout() == 105.0
    assert due == 130.0


def test_a_machine_can_be_copied() -> None:
    bench = InstBench()
    bench.watch()
    bench.add("u")
    twin = copy.deepcopy(bench)

    assert twin.initial("a") == bench.initial("a") == [("updates", "a", "is_initial")]
    assert twin.received(1) == bench.received(1) == [("stored", 1)]


def test_every_timer_is_served() -> None:
    bench = InstBench(devices_settle=30.0, repeat_after=30.0)
    bench.watch()
    bench.turn(bench.inst.watch_devices)
    bench.connected("a")
    bench.lose()
    bench.reopen()
    bench.add("u")
    bench.confirm(bench.sends)

    actions = bench.after(30)

    assert sorted(actions) == [
        ("left", "a"), ("send", "add_updates", ["u"], 1), ("send", "watch_branch"),
    ]  # fmt: skip


def test_what_can_be_seen_of_it() -> None:
    bench = InstBench()
    bench.turn(bench.inst.watch_devices)
    bench.connected("a")
    bench.add("u")
    seen = [
        list(bench.inst.devices),
        bench.inst.unacknowledged,
        bench.inst.next_update_id,
        bench.inst.next_timeout(),
    ]

    actions = bench.turn(bench.inst.unwatch_devices)

    assert seen == [["a"], 1, 2, 105.0]
    assert actions == [("send", "unwatch_branch_devices"), ("greet",)]


def test_the_end_of_the_session_settles_everything() -> None:
    bench = InstBench()
    bench.add("u")
    bench.connected("nobody wants to know")

    actions = bench.state(State.CLOSED)

    assert actions == [("failed", 1, "SendFailed")]
    assert bench.state(State.CLOSED) == []


def test_a_message_that_the_session_did_not_accept() -> None:
    bench = InstBench()
    bench.accepts = OutboxFull("full")
    bench.add("u")
    bench.accepts = None

    actions = bench.after(5)

    assert actions == [("send", "add_updates", ["u"], 1)]
