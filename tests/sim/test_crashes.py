"""A client's process dies, and another goes on with its outbox store: every promise is judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import (
    Action,
    AuxSession,
    Config,
    DeliverMessage,
    OutboxChange,
    ReportSend,
    Role,
    SendText,
    Stage,
    StoredMessage,
)
from auxws_proto._journal import MessageAccepted, MessageEmitted
from auxws_proto.testing import (
    CRASHES,
    WATCH,
    Faults,
    InvariantBroken,
    MemoryOutbox,
    Operation,
    World,
    numbered,
    perform,
    read,
    replay,
)

KINDS: list[Any] = ["session", "websocket"]


def small(**changes: Any) -> Config:
    return Config(inline_limit=256, **changes)


def opened(kind: Any = "session", **changes: Any) -> World:
    world = World(client=small(**changes), server=small(), kind=kind, outbox=MemoryOutbox())
    world.client.call("connect")
    world.run(1.0)
    return world


def came(world: World) -> list[int]:
    return [m["n"] for server in world.servers for m in server.delivered if "n" in m]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_accepted_is_sent_by_the_next_process(kind: Any) -> None:
    world = opened(kind)
    world.stall()
    world.cut()
    world.next_opens.extend(["connect"] * 3)
    world.run(0.1)
    for size in (1, 1_000, 2):
        world.client.send(numbered(world, size))

    world.crash()
    world.rest()

    assert came(world) == [1, 2, 3]
    assert [*world.client.outcomes.values()] == [Stage.CONFIRMED] * 3
    assert replay(read(world.tape.text())).is_same


def test_a_message_that_somebody_else_says_too_is_not_missed() -> None:
    world = opened()
    world.client.send({"type": "equal"})
    world.inject(b'[1, null, {"type": "equal"}]')

    world.rest()

    assert [*world.client.outcomes.values()] == [Stage.CONFIRMED]


def test_of_two_equal_messages_the_one_without_an_outcome_is_taken_up() -> None:
    world = opened()
    message = {"type": "equal", "text": "x" * 1_000}
    world.next_grants.append("server_error")
    world.client.send(message)
    world.run(1.0)
    assert [*world.client.outcomes.values()] == [Stage.FAILED]
    world.client.send(message)

    world.crash()
    world.rest()

    assert [m for server in world.servers for m in server.delivered if "text" in m] == [message]


@pytest.mark.parametrize(
    ("resend_unknown", "outcome"), [(False, Stage.UNKNOWN), (True, Stage.CONFIRMED)]
)
def test_what_is_in_doubt(resend_unknown: bool, outcome: Stage) -> None:
    world = opened(resend_unknown=resend_unknown)
    world.stall("down")
    world.client.send(numbered(world, 1))
    world.run(0.2)

    world.crash()
    world.rest()

    assert [*world.client.outcomes.values()] == [outcome]
    assert came(world) == [1, 1] if resend_unknown else [1]


def test_outcome_that_was_kept_is_final() -> None:
    world = opened()
    world.client.send(numbered(world, 1))
    world.run(1.0)

    world.crash()
    world.rest()

    assert world.client.sent == []
    assert came(world) == [1]


def test_without_a_store_all_is_lost() -> None:
    world = World(client=small())
    world.client.send(numbered(world, 1))

    world.crash()
    world.rest()

    assert came(world) == []
    assert world.client.name == "client, life 2"


def test_dead_client_does_nothing() -> None:
    world = opened()
    dead = world.client
    dead.die()

    assert dead.send(numbered(world, 1)) is None
    assert dead.is_settled
    world.crash()
    world.rest()

    assert world.client is not dead
    assert len(world.clients) == 1


@pytest.mark.parametrize("moment", CRASHES)
@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_death_over_a_record(moment: Any, number: int, kind: Any) -> None:
    world = opened(kind, resend_unknown=True)
    # Each message is recorded thrice: as accepted, emitted, done.
    world.next_crashes.extend([*[None] * number, moment])

    accepted = set[int]()
    for n, size in ((1, 1), (2, 1_000)):
        if world.client.send(numbered(world, size)) is not None:
            accepted.add(n)
        world.run(5.0)
    world.rest()

    assert world.client.name == "client, life 2"
    # What was not accepted is lost, and nothing else.
    lost = {0: 1, 3: 2}.get(number) if moment == "before_record" else None
    assert accepted == set(came(world)) == {1, 2} - {lost}
    assert replay(read(world.tape.text())).is_same


def test_process_may_die_as_soon_as_it_begins() -> None:
    world = opened()
    world.next_crashes.extend([None, "after_record", "before_record"])

    world.client.send(numbered(world, 1))
    world.rest()

    # In doubt since the second record; that nobody knows is told to the third life only.
    assert world.client.name == "client, life 3"
    assert [*world.client.outcomes.values()] == [Stage.UNKNOWN]
    assert replay(read(world.tape.text())).is_same


def test_application_may_crash_the_client_that_it_serves() -> None:
    world = opened()
    world.client.application = lambda actor, message: world.crash(actor)
    assert world.server is not None

    world.client.send(numbered(world, 1))
    world.server.send(numbered(world, 1))
    world.server.send(numbered(world, 1))
    world.rest()

    assert world.client.name == "client, life 2"


WEATHER = {"latency": (0.0, 1.0), "cut": 0.05, "refuse": 0.2, "store": 0.2}
STEPS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from([1, 210, 1_000])),
    st.tuples(st.just("run"), st.sampled_from([0.0, 0.05, 1.0, 5.0])),
    st.tuples(st.just("crash")),
    st.tuples(st.just("crash_at_record"), st.sampled_from(CRASHES)),
    st.tuples(st.just("disconnect")),
    st.tuples(st.just("connect")),
)


@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(KINDS),
    ordering=st.sampled_from(["strict", "relaxed"]),
    resend_unknown=st.booleans(),
    steps=st.lists(STEPS, max_size=20),
)
def test_nothing_accepted_is_lost(
    seed: int, kind: Any, ordering: Any, resend_unknown: bool, steps: list[tuple[Any, ...]]
) -> None:
    config = small(ordering=ordering, resend_unknown=resend_unknown)
    faults: Any = WEATHER
    store = MemoryOutbox()
    world = World(
        seed, client=config, server=small(), kind=kind, faults=Faults(**faults), outbox=store
    )  # fmt: skip
    world.client.call("connect")
    perform(world, [Operation(name, args) for name, *args in steps])  # type: ignore[arg-type]
    world.calm()
    world.run(5.0)
    last = world.client.send(numbered(world, 1))
    world.rest()

    assert last is not None
    assert world.client.outcomes[last] is Stage.CONFIRMED
    assert store.kept == {}
    # The judge knows of each message whether it may be missing, and whether it may be there twice.


# A rotation's overlap: what the server says on both connections comes marked.


@given(
    seed=st.integers(0, 2**32),
    overlap=st.sampled_from([0.0, 0.5, 2.0]),
    latency=st.sampled_from([(0.0, 0.05), (0.0, 1.0)]),
    pauses=st.lists(st.sampled_from([0.0, 0.1, 0.5, 2.0]), max_size=20),
)
def test_doubles_of_an_overlap_are_marked(
    seed: int, overlap: float, latency: tuple[float, float], pauses: list[float]
) -> None:
    config = small(max_age=4.0, rotate_overlap=overlap, ask_for_login=True)
    world = World(
        seed, client=config, server=small(), faults=Faults(latency=latency), on_connect=[WATCH]
    )  # fmt: skip
    world.client.call("connect")
    for pause in pauses:
        Operation("push", (1,))(world)
        world.run(pause)
    world.calm()
    world.run(10.0)

    assert len(world.servers) > 1


# A judge that misses none of it.


class Forgetful(MemoryOutbox):
    def load(self) -> Sequence[StoredMessage]:
        return []


class Repeating(MemoryOutbox):
    def record(self, changes: Sequence[OutboxChange]) -> None:
        super().record([c for c in changes if isinstance(c, MessageAccepted | MessageEmitted)])


class Unaware(MemoryOutbox):
    def record(self, changes: Sequence[OutboxChange]) -> None:
        super().record([c for c in changes if not isinstance(c, MessageEmitted)])


@pytest.mark.parametrize(
    ("store", "text"),
    [
        (Forgetful(), "was lost in the restart"),
        (Repeating(), "taken up without need"),
        (Unaware(), "taken up as not sent, and it was"),
    ],
)
def test_broken_store_is_found(store: MemoryOutbox, text: str) -> None:
    world = World(client=small(), server=small(), outbox=store)
    world.client.call("connect")
    world.client.send(numbered(world, 1))
    world.run(1.0)
    world.stall("down")
    world.client.send(numbered(world, 1))
    world.run(0.1)
    world.crash()

    with pytest.raises(InvariantBroken, match=text) as caught:
        world.rest()

    trace = "".join(caught.value.__notes__)
    assert replay(read(trace[trace.index('{"auxws_trace"') :])).failure == str(caught.value)


class Liar(AuxSession):
    def actions(self) -> Iterator[Action]:
        for action in super().actions():
            yield from self.lie(action)

    def lie(self, action: Action) -> list[Action]:
        return [action]


class SendsAfterOutcome(Liar):
    def lie(self, action: Action) -> list[Action]:
        if isinstance(action, ReportSend) and action.final:
            data = b'[1,99,{"type":"x"}]'
            again = SendText(transport=1, data=data, max_frame=256, send_id=action.send_id)
            return [action, again]
        return [action]


class SendsTwice(Liar):
    def lie(self, action: Action) -> list[Action]:
        if isinstance(action, SendText) and action.send_id is not None:
            return [action, dataclasses.replace(action, data=b'[1,99,{"type":"x"}]')]
        return [action]


class MarksNothing(Liar):
    def lie(self, action: Action) -> list[Action]:
        if isinstance(action, DeliverMessage):
            return [dataclasses.replace(action, overlap=False)]
        return [action]


@pytest.mark.parametrize(
    ("liar", "text"),
    [
        (SendsAfterOutcome, "is sent after its outcome"),
        (SendsTwice, "is sent again"),
        (MarksNothing, "neither is marked as of an overlap"),
    ],
)
def test_broken_promise_is_found(liar: type[Liar], text: str) -> None:
    def make(config: Config) -> Any:
        config = dataclasses.replace(config, inline_limit=256, max_age=2.0, max_age_jitter=0.0)
        return liar(Role.CLIENT, config, None)

    world = World(client=make, server=small(), on_connect=[WATCH])
    world.client.call("connect")

    turn = [Operation("send", (1,)), Operation("push", (1,)), Operation("run", (0.1,))]
    with pytest.raises(InvariantBroken, match=text):
        perform(world, turn * 100)
