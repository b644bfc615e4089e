"""Insts in every driver, against the local gateway, with connections that break."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from auxws_anyio.gateway import Gateway, GatewayConnection, insts
from auxws_proto import (
    ActionFailed,
    Config,
    ConnectionId,
    DeviceJoined,
    DeviceLeft,
    InstConfig,
    LocalProtocolError,
    Reconnect,
    UpdatesRefused,
    UpdatesUnacknowledged,
    WatchFailed,
)

from .adapter import Driver
from .serving import serving, until

pytestmark = pytest.mark.anyio

QUICK = Config(reconnect=Reconnect(base=0.01, cap=0.02), close_timeout=2)
INST = (None, "lobby", "shared")


def joining(driver: Driver, gateway: Gateway, name: str, **options: Any) -> Any:
    """A client that logs in as a guest."""
    options = {"config": QUICK, **options}
    return driver.connect(gateway.url, login=ConnectionId(name), **options)


async def collect(stream: Any, updates: list[str], count: int) -> None:
    """Updates as they come, until there are so many."""
    while len(updates) < count:
        updates += (await anext(stream)).updates


async def test_an_initial_state_and_then_what_others_add(driver: Driver) -> None:
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        joining(driver, gateway, "b") as bob,
    ):
        await alice.inst(*INST).add_updates(["one", "two"], timeout=5)
        with bob.inst(*INST).watch() as updates:
            first = await anext(updates)
            await alice.inst(*INST).add_updates("three", timeout=5)
            second = await anext(updates)
            await bob.inst(*INST).add_updates("mine", timeout=5)
        stored = await bob.get_updates(*INST, timeout=5)
        again = await bob.inst(*INST).get_updates(timeout=5)

    assert (first.updates, first.is_initial) == (("one", "two"), True)
    assert (second.updates, second.is_initial) == (("three",), False)
    assert stored.updates == ("one", "two", "three", "mine")
    assert len(stored.timestamps) == 4
    assert again == stored


async def test_no_gap_and_no_repeat_across_forced_disconnects(driver: Driver) -> None:
    wanted = [f"update {number}" for number in range(60)]
    seen: list[str] = []
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        joining(driver, gateway, "b") as bob,
    ):
        with bob.inst(*INST).watch() as updates:
            await anext(updates)

            async def write() -> None:
                for number, update in enumerate(wanted):
                    await alice.inst(*INST).add_updates([update], timeout=15)
                    if number % 12 == 7:
                        gateway.faults.drop_connections()
                    if number % 12 == 1:
                        gateway.faults.close_connections()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write)
                await collect(updates, seen, len(wanted))
        stored = await bob.get_updates(*INST, timeout=5)

    assert seen == wanted
    assert set(stored.updates) == set(wanted)


async def test_an_importer_does_not_wait_for_each_update(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        inst = alice.inst(*INST)
        for number in range(50):
            await inst.add_updates([str(number)], wait=False)
        await inst.add_updates(["x" * 100_000], timeout=10)
        stored = await inst.get_updates(timeout=5)

    assert stored.updates == (*map(str, range(50)), "x" * 100_000)


async def test_what_was_accepted_is_sent_when_the_client_is_left(driver: Driver) -> None:
    async with serving(insts()) as gateway:
        async with joining(driver, gateway, "a") as alice:
            for number in range(20):
                await alice.inst(*INST).add_updates([str(number)], wait=False)
        async with joining(driver, gateway, "b") as bob:
            stored = await bob.get_updates(*INST, timeout=5)

    assert stored.updates == tuple(map(str, range(20)))


async def test_a_branch_that_is_full(driver: Driver) -> None:
    async with (
        serving(insts(max_branch_bytes=10)) as gateway,
        joining(driver, gateway, "a") as alice,
    ):
        with pytest.raises(UpdatesRefused) as caught:
            await alice.inst(*INST).add_updates(["x" * 11], timeout=5)
        with alice.errors() as errors:
            await alice.inst(*INST).add_updates(["x" * 12], wait=False)
            report = await anext(errors)

    assert (caught.value.code, caught.value.max_size) == ("max_size_reached", 10)
    assert isinstance(report.error, UpdatesRefused)


async def test_updates_that_are_not_acknowledged_in_time(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        await alice.wait_connected(5)
        gateway.faults.silent = True
        with pytest.raises(TimeoutError, match="not acknowledged"):
            await alice.inst(*INST).add_updates(["late"], timeout=0.2)
        gateway.faults.silent = False
        stored = await alice.get_updates(*INST, timeout=5)

    assert stored.updates == ("late",)


async def test_the_settings_of_insts_are_the_clients(driver: Driver) -> None:
    settings = InstConfig(repeat_after=0.01, repeat_at_most=0.01, repeats=2)
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a", insts=settings) as alice,
    ):
        await alice.wait_connected(5)
        gateway.faults.silent = True
        with pytest.raises(UpdatesUnacknowledged) as caught:
            await alice.inst(*INST).add_updates(["lost"], timeout=10)
        gateway.faults.silent = False

    assert caught.value.times == 3


async def test_a_watch_that_is_refused(driver: Driver) -> None:
    async with (
        serving(insts(max_branches=1)) as gateway,
        joining(driver, gateway, "a") as alice,
    ):
        with alice.inst(None, "one", "shared").watch() as one:
            await anext(one)
            with (
                alice.inst(None, "two", "shared").watch() as two,
                pytest.raises(WatchFailed, match="subscription_limit_reached"),
            ):
                await anext(two)


async def test_a_branch_is_watched_once_for_each_client(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        with alice.inst(*INST).watch() as updates:
            await anext(updates)
            with pytest.raises(LocalProtocolError, match="watches the branch already"):
                alice.inst(*INST).watch().__enter__()
        with alice.inst(*INST).watch() as updates:
            assert (await anext(updates)).is_initial


async def test_a_slow_watcher_holds_the_reading_back_and_loses_nothing(driver: Driver) -> None:
    wanted = [f"update {number}" for number in range(30)]
    seen: list[str] = []
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        joining(driver, gateway, "b") as bob,
    ):
        with bob.inst(*INST).watch(max_messages=2) as updates:
            await anext(updates)
            for update in wanted:
                await alice.inst(*INST).add_updates([update], timeout=5)
            await until(lambda: updates.waiting >= 2)
            await collect(updates, seen, len(wanted))

    assert seen == wanted


# Devices.


async def test_devices_are_a_set(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        with alice.inst(*INST).devices() as devices:
            async with joining(driver, gateway, "b") as bob:
                with bob.inst(*INST).watch() as updates:
                    await anext(updates)
                    joined = await anext(devices)
                    present = list(devices.present)
                    count = await alice.inst(*INST).connection_count(timeout=5)
                left = await anext(devices)
            after = list(devices.present)

    who = {"connectionId": "b", "sessionId": None, "userId": None}
    assert isinstance(joined, DeviceJoined)
    assert isinstance(left, DeviceLeft)
    assert (joined.connection, left.connection) == (who, who)
    assert (present, count, after) == (["b"], 1, [])


async def test_devices_that_stay_are_not_reported_after_a_reconnect(driver: Driver) -> None:
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        joining(driver, gateway, "b") as bob,
    ):
        with alice.inst(*INST).devices() as devices, bob.inst(*INST).watch() as updates:
            await anext(updates)
            first = await anext(devices)
            with alice.states() as states:
                gateway.faults.drop_connections()
                await anext(states)
            await alice.wait_connected(5)
            async with joining(driver, gateway, "c") as carol:
                with carol.inst(*INST).watch() as hers:
                    await anext(hers)
                    second = await anext(devices)

    seen = [(type(change), change.connection["connectionId"]) for change in (first, second)]
    assert seen == [(DeviceJoined, "b"), (DeviceJoined, "c")]


# Actions.


async def test_an_action_and_its_result(driver: Driver) -> None:
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        joining(driver, gateway, "b") as bob,
    ):
        mine, theirs = alice.inst(*INST), bob.inst(*INST)
        with mine.watch() as one, theirs.watch() as two, theirs.actions() as actions:
            await anext(one)
            await anext(two)

            async def serve() -> None:
                async for action in actions:
                    if action["event"] == "fail":
                        await theirs.refuse(action, {"why": "no"})
                    elif action["event"] == "quiet":
                        heard.append(action)
                        return
                    else:
                        await theirs.reply(action, {"got": action["event"]})

            heard: list[Any] = []
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(serve)
                result = await mine.send_action({"n": 1}, connection_id="b", timeout=5)
                with pytest.raises(ActionFailed) as caught:
                    await mine.send_action("fail", broadcast=True, timeout=5)
                await mine.send_action("quiet", connection_id="b", reply=False)

                assert result == {"got": {"n": 1}}
                assert caught.value.error == {"why": "no"}
            assert "taskId" not in heard[0]
            assert heard[0]["connection"]["connectionId"] == "a"


async def test_an_action_that_nobody_answers(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        with pytest.raises(TimeoutError, match="no reply"):
            await alice.inst(*INST).send_action("x", connection_id="nobody", timeout=0.2)
        with pytest.raises(LocalProtocolError, match="which devices"):
            await alice.inst(*INST).send_action("x")


# The server's order, and its ends.


async def late_initial(connection: GatewayConnection) -> None:
    """Sends a push first, then the result, then the initial state, and again what it sent."""
    branch = {"recordName": None, "inst": "lobby", "branch": "shared"}
    async for received in connection:
        if received.message["type"] == "repo/watch_branch":
            await connection.send({"type": "repo/add_updates", **branch, "updates": ["two"]})
            await connection.send({"type": "repo/watch_branch_result", **branch, "success": True})
            state = {"updates": ["one", "two"], "initial": True}
            await connection.send({"type": "repo/add_updates", **branch, **state})
            await connection.send(
                {"type": "repo/add_updates", **branch, "updates": ["two", "three"]}
            )


async def test_the_initial_state_is_first_whatever_the_server_does(driver: Driver) -> None:
    async with serving(late_initial) as gateway, driver.connect(gateway.url) as client:
        with client.inst(*INST).watch() as updates:
            batches = [await anext(updates) for _ in range(2)]

    assert [batch.updates for batch in batches] == [("one", "two"), ("three",)]


async def test_the_end_of_the_client_ends_a_watch(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        inst = alice.inst(*INST)
        with inst.watch() as updates, inst.devices() as devices, inst.actions() as actions:
            await anext(updates)
            await alice.aclose()
            rest = [[item async for item in stream] for stream in (updates, devices, actions)]

    # The device that it is itself may have been reported before.
    assert [len(items) for items in rest] in ([0, 0, 0], [0, 1, 0])


async def test_an_inst_says_which_it_is(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        assert repr(alice.inst("record", "i", "b")) == "<Inst 'record', 'i', 'b'>"
