"""Devices as a set that outlives connections. Own tests of `_inst_devices`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proto.inst_bench import BRANCH, InstBench, device


def watching(*present: str, **settings: Any) -> InstBench:
    """A bench whose devices are watched, with these in the list, which is complete."""
    bench = InstBench(**settings)
    bench.turn(bench.inst.watch_devices)
    for who in present:
        bench.connected(who)
    bench.after(5)
    return bench


def test_devices_are_asked_for_and_again_on_each_connection() -> None:
    bench = InstBench()

    actions = [*bench.turn(bench.inst.watch_devices), *bench.turn(bench.inst.watch_devices)]

    assert actions == [("send", "watch_branch_devices"), ("greet", "watch_branch_devices")]


def test_without_a_connection_the_greeting_is_enough() -> None:
    bench = InstBench(is_open=False)

    actions = bench.turn(bench.inst.watch_devices) + bench.reopen()

    assert actions == [("greet", "watch_branch_devices")]


def test_devices_come_and_go() -> None:
    bench = watching("a")

    actions = [
        *bench.connected("b", broadcast=True),
        *bench.disconnected("a"),
        *bench.disconnected("a"),
        *bench.connected("a", broadcast=True),
    ]

    assert actions == [("joined", "b"), ("left", "a"), ("joined", "a")]
    assert dict(bench.inst.devices) == {"b": device("b"), "a": device("a")}


def test_a_device_that_changes_its_connection_stays() -> None:
    bench = watching("a")

    actions = bench.connected("a", broadcast=True) + bench.disconnected("a")

    assert actions == []
    assert bench.disconnected("a") == [("left", "a")]


def test_while_the_list_is_coming_a_device_is_counted_once() -> None:
    bench = InstBench()
    bench.turn(bench.inst.watch_devices)

    actions = [
        *bench.connected("a"),
        *bench.connected("a", broadcast=True),
        *bench.connected("a"),
        *bench.disconnected("a"),
    ]

    assert actions == [("joined", "a"), ("left", "a")]


def test_after_a_reconnect_only_changes_are_reported() -> None:
    bench = watching("a", "b", "c")
    bench.lose()
    offline = bench.after(1_000)
    bench.reopen()

    actions = [
        *bench.connected("a", transport=2),
        *bench.connected("d", transport=2),
        *bench.disconnected("b", transport=2),
        *bench.after(5),
    ]

    assert offline == []
    assert actions == [("joined", "d"), ("left", "b"), ("left", "c")]
    assert list(bench.inst.devices) == ["a", "d"]


def test_during_a_rotation_the_new_connection_has_the_word() -> None:
    bench = watching("a", "b")

    actions = [
        *bench.connected("a", transport=2),
        *bench.disconnected("a", transport=1),
        *bench.connected("b", transport=2),
        *bench.after(5),
        *bench.disconnected("b", transport=2),
    ]

    assert actions == [("left", "b")]


def test_a_new_connection_that_speaks_first_of_all_starts_no_second_list() -> None:
    bench = InstBench()
    bench.turn(bench.inst.watch_devices)
    bench.after(4)

    actions = bench.connected("a", transport=7) + bench.after(1)

    assert actions == [("joined", "a")]
    assert bench.inst.next_timeout() is None


def test_a_gap_asks_for_the_list_again() -> None:
    bench = watching("a", "b")

    actions = bench.gap() + bench.connected("a") + bench.after(5)

    assert actions == [("send", "watch_branch_devices"), ("left", "b")]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_gap_without_a_connection_or_a_watch_asks_for_nothing(wanted: bool) -> None:
    bench = InstBench(is_open=not wanted)
    if wanted:
        bench.turn(bench.inst.watch_devices)

    actions = bench.gap()

    assert actions == []


def test_unwatching() -> None:
    bench = watching("a")

    actions = [
        *bench.turn(bench.inst.unwatch_devices),
        *bench.turn(bench.inst.unwatch_devices),
        *bench.connected("b"),
        *bench.disconnected("a"),
    ]

    assert actions == [("send", "unwatch_branch_devices"), ("greet",)]
    assert bench.inst.devices == {}
    assert bench.inst.is_idle


def test_unwatching_without_a_connection() -> None:
    bench = watching("a")
    bench.lose()

    actions = bench.turn(bench.inst.unwatch_devices)

    assert actions == [("greet",)]


@pytest.mark.parametrize("connection", [None, [], {}, {"connectionId": 1}])
def test_a_report_about_nobody_is_ignored(connection: Any) -> None:
    bench = watching("a")
    branch = {"type": "repo/watch_branch", **BRANCH}

    actions = [
        *bench.deliver("connected_to_branch", branch=branch, connection=connection),
        *bench.deliver("disconnected_from_branch", connection=connection),
    ]

    assert actions == []


def test_the_number_of_devices_is_bounded() -> None:
    bench = watching("a", "b", max_devices=2)

    actions = bench.connected("c") + bench.disconnected("a") + bench.connected("d")

    assert actions == [("left", "a"), ("joined", "d")]


def test_a_new_connection_concerns_nobody_who_does_not_watch() -> None:
    bench = InstBench(is_open=False)

    actions = bench.reopen() + bench.after(1_000)

    assert actions == []
