"""`_posted`: what is on its way to the machine, within what the outbox takes, in order."""

from __future__ import annotations

import selectors
import threading
from collections.abc import Iterator

import pytest

from auxws_proto import (
    Encoded,
    FailReason,
    LocalProtocolError,
    OutboxFull,
    SendFailed,
    SendId,
    Stage,
)
from auxws_sync._commands import Commands
from auxws_sync._outcomes import Outcomes
from auxws_sync._posted import MAX_BATCH_BYTES, MAX_BATCH_MESSAGES, Posted
from auxws_sync._receipt import Entry
from auxws_sync._roles import Waiting


class Pump:
    """What a batch is given to, and the machine behind it, which takes so many messages."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.room = room
        self.is_closed = False
        self.taken: list[str] = []
        self.waiting: list[Waiting] = []

    def submit(self, wish: Waiting, now: float) -> None:
        if not wish.attempt(now):
            self.waiting.append(wish)

    def accept(self, message: Encoded, _now: float) -> SendId:
        if self.is_closed:
            raise LocalProtocolError("closed")
        if len(self.taken) == self.room:
            raise OutboxFull("full")
        self.taken.append(message.type)
        return SendId(len(self.taken))


class World:
    """A desk's part, and the pump's."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.commands = Commands()
        self.outcomes = Outcomes(self.changed)
        self.posted = Posted(self.lock, self.changed, self.commands, self.outcomes)
        self.pump = Pump()
        self.posted.attach(self.pump.submit, self.pump.accept)
        self.tell_room(2, 100)

    def tell_room(self, messages: int, size: int, *, is_empty: bool = False) -> None:
        with self.lock:
            self.posted.tell_room(messages, size, is_empty=is_empty)

    def add(self, name: str = "x", size: int = 1) -> Entry | None:
        """Post a message; None if it was not accepted."""
        entry = Entry(self.lock)
        message = Encoded(type=name, body=b"x" * size)
        return entry if self.posted.add(entry, message) else None

    def take_arrived(self) -> None:
        with self.lock:
            self.outcomes.take_arrived()
            self.posted.forget()


@pytest.fixture
def world() -> Iterator[World]:
    """Room for two messages, of 100 bytes in all."""
    made = World()
    with selectors.DefaultSelector() as selector:
        made.commands.attach(selector)
        made.commands.open()
        yield made
        made.commands.shut()
        made.commands.close()


def accepted(world: World, sizes: list[int]) -> list[bool]:
    return [world.add(size=size) is not None for size in sizes]


@pytest.mark.parametrize("sizes", [[10, 10, 10], [60, 41]])
def test_no_more_is_posted_than_the_outbox_takes(world: World, sizes: list[int]) -> None:
    added = accepted(world, sizes)

    assert added == [*[True] * (len(sizes) - 1), False]


def test_an_empty_outbox_takes_one_message_of_any_size(world: World) -> None:
    world.tell_room(2, 100, is_empty=True)

    assert accepted(world, [1_000, 1_000]) == [True, False]


def test_what_is_on_its_way_is_no_room_that_is_told(world: World) -> None:
    world.add(size=60)

    world.tell_room(2, 100, is_empty=True)

    assert accepted(world, [41, 40, 0]) == [False, True, False]


def test_it_is_low_when_less_than_half_of_the_room_is_left(world: World) -> None:
    was_low = world.posted.is_low
    world.posted.taken(51)

    assert (was_low, world.posted.is_low) == (False, True)
    world.tell_room(2, 100, is_empty=True)
    assert not world.posted.is_low


def test_messages_in_a_row_are_one_command(world: World) -> None:
    world.tell_room(10, 100)

    added = [world.add(name) for name in "abc"]
    commands = len(world.commands)
    world.commands.run(1.0)
    world.take_arrived()

    assert commands == 1
    assert world.pump.taken == ["a", "b", "c"]
    assert [entry and entry.send_id for entry in added] == [1, 2, 3]
    assert list(world.posted) == []


def test_a_command_that_comes_between_is_run_between(world: World) -> None:
    world.add("a")
    world.commands.post(lambda _now: world.pump.taken.append("command"))
    world.add("b")

    world.commands.run(1.0)

    assert world.pump.taken == ["a", "command", "b"]


def test_a_batch_that_has_begun_takes_no_more(world: World) -> None:
    world.add("a")
    world.commands.run(1.0)
    world.add("b")
    left = len(world.commands)

    world.commands.run(1.0)

    assert left == 1
    assert world.pump.taken == ["a", "b"]


@pytest.mark.parametrize(
    ("size", "most"), [(1, MAX_BATCH_MESSAGES), (MAX_BATCH_BYTES // 4, 4), (MAX_BATCH_BYTES + 1, 1)]
)
def test_a_batch_is_bounded(world: World, size: int, most: int) -> None:
    world.tell_room(1_000_000, 100 * MAX_BATCH_BYTES)

    added = accepted(world, [size] * (most + 1))
    world.commands.run(1.0)

    assert added == [*[True] * most, False]
    assert accepted(world, [size]) == [True]


def test_what_finds_the_outbox_full_waits_and_goes_on_where_it_was(world: World) -> None:
    world.tell_room(10, 100)
    world.pump.room = 2
    for name in "abc":
        world.add(name)
    world.commands.run(1.0)
    world.take_arrived()
    [waiting] = world.pump.waiting
    left = [message.type for _, message in world.posted]
    again = waiting.attempt(2.0)

    world.pump.room = 3
    at_last = waiting.attempt(3.0)

    assert left == ["c"]
    assert (again, at_last) == (False, True)
    assert world.pump.taken == ["a", "b", "c"]


def test_what_a_closed_client_does_not_take_has_failed(world: World) -> None:
    world.pump.is_closed = True
    entry = world.add()
    assert entry is not None

    world.commands.run(1.0)

    assert entry.stage is Stage.FAILED
    assert entry.is_final
    assert isinstance(entry.error, SendFailed)


def test_at_the_end_what_is_left_was_not_sent_and_the_command_finds_nothing(world: World) -> None:
    lost = SendFailed(FailReason.CLOSED, "over")
    entry = world.add()
    assert entry is not None

    with world.lock:
        world.posted.finish(lost)
    world.commands.run(1.0)

    assert (entry.stage, entry.error) == (Stage.FAILED, lost)
    assert world.pump.taken == []


def test_nothing_is_posted_once_it_is_closed(world: World) -> None:
    with world.lock:
        world.posted.close()
    world.tell_room(2, 100, is_empty=True)

    assert world.add() is None


def test_an_interrupted_post_is_made_good(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    post = world.commands.post
    calls: list[object] = []

    def interrupted(command: object) -> bool:
        calls.append(command)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return post(command)  # type: ignore[arg-type]

    monkeypatch.setattr(world.commands, "post", interrupted)
    with pytest.raises(KeyboardInterrupt):
        world.add("a")

    world.commands.run(1.0)

    assert world.pump.taken == ["a"]
