"""The tools themselves: a world that is the same each time, and a judge that misses nothing."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import auxws_proto
from auxws_proto import (
    Action,
    AuxMachine,
    AuxSession,
    CloseTransport,
    Config,
    ConnectionId,
    ConnectionToken,
    DeliverMessage,
    Encoded,
    Event,
    PutToUrl,
    ReportSend,
    Role,
    SendId,
    SendText,
    SessionStats,
    Stage,
    State,
    TransportFailure,
)
from auxws_proto.testing import (
    OPEN_FAULTS,
    STORE_FAULTS,
    Faults,
    InvariantBroken,
    Operation,
    Seed,
    TraceError,
    VirtualClock,
    World,
    numbered,
    perform,
    read,
    replay,
    text_frame,
)
from auxws_proto.testing.__main__ import main

KINDS: list[Any] = ["session", "websocket"]
ROUGH = {
    "split": 0.5, "join": 0.5, "cut": 0.02, "refuse": 0.2, "store": 0.2, "grant": 0.1,
    "late_timers": (0.0, 0.1), "write_delay": (0.0, 0.1), "progress": True,
}  # fmt: skip


def small(**changes: Any) -> Config:
    return Config(inline_limit=256, **changes)


def rough_run(seed: int, kind: Any, sends: int = 30) -> World:
    """A run with much going wrong, to its rest."""
    faults: Any = ROUGH
    world = World(seed, client=small(), server=small(), kind=kind, faults=Faults(**faults))
    world.client.call("connect")
    for _ in range(sends):
        size = world.seed.pick([1, 200, 215, 1_000])
        world.client.send(numbered(world, size))
        if world.server is not None:
            world.server.send(numbered(world, size))
        world.run(world.seed.between(0.0, 1.0))
    world.calm()
    world.rest()
    return world


# The clock and the seed.


def test_clock_lets_things_happen_in_order() -> None:
    clock, seen = VirtualClock(5.0), list[tuple[str, float]]()

    clock.call_later(2.0, lambda: seen.append(("b", clock())))
    clock.call_later(1.0, lambda: seen.append(("a", clock())))
    clock.call_later(2.0, lambda: seen.append(("c", clock())))
    clock.call_later(1.5, lambda: seen.append(("never", clock()))).cancel()
    clock.call_at(0.0, lambda: seen.append(("late", clock())))
    clock.advance(2.0)

    assert seen == [("late", 5.0), ("a", 6.0), ("b", 7.0), ("c", 7.0)]
    assert clock.now == 7.0
    assert not clock.step()
    assert clock.next_alarm() is None


def test_seed_is_splitmix64() -> None:
    # The first values of the generator's own reference code for the seed 1234567.
    seed = Seed(1234567)

    assert [seed.bits() for _ in range(3)] == [
        6457827717110365317, 3203168211198807973, 9817491932198370423,
    ]  # fmt: skip


# Worlds.


@pytest.mark.parametrize("kind", KINDS)
def test_messages_of_every_size_arrive_in_order(kind: Any) -> None:
    world = World(client=small(), server=small(), kind=kind)
    world.client.call("connect")
    world.run(1.0)
    assert world.server is not None

    for size in (1, 300, 2, 5_000, 3):
        world.client.send(numbered(world, size))
        world.server.send(numbered(world, size))
    world.rest()

    assert [message["n"] for message in world.server.delivered] == [1, 3, 5, 7, 9]
    assert [message["n"] for message in world.client.delivered] == [2, 4, 6, 8, 10]
    assert set(world.client.outcomes.values()) == {Stage.CONFIRMED}
    assert len(world.store.objects) == 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_rough_runs_come_to_rest(seed: int, kind: Any) -> None:
    world = rough_run(seed, kind)

    # The weather was bad enough to show.
    assert world.client.is_settled
    assert world.clock.now < 3_600.0


def test_two_clients_meet_servers_of_their_own() -> None:
    world = World(client=small())
    other = world.add_client(small(), on_connect=[{"type": "hello"}])
    world.client.call("connect")
    other.call("connect")

    world.client.send({"type": "a"})
    other.send({"type": "b"})
    world.rest()

    assert [server.delivered for server in world.servers] == [
        [{"type": "a"}], [{"type": "hello"}, {"type": "b"}],
    ]  # fmt: skip


def test_application_answers() -> None:
    def echo(actor: Any, message: Any) -> None:
        actor.send({"type": "echo", "of": message})

    world = World(client=small(), server=small(), application=echo)
    world.client.call("connect")
    message = numbered(world, 2_000)
    world.client.send(message)
    world.rest()

    assert world.client.delivered == [{"type": "echo", "of": message}]


def test_login_is_answered() -> None:
    world = World(client=small(ask_for_login=True))
    world.client.call("connect")
    world.run(1.0)

    assert world.client.states[-1] is State.OPEN
    assert world.client.machine.info["connectionId"] == "client"


class Wrapper:
    """An embedder's own machine: something around a session."""

    def __init__(self, config: Config) -> None:
        self._session = AuxSession(Role.CLIENT, config)
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        self.calls += 1
        return getattr(self._session, name)


def test_machine_of_the_callers_own_lives_in_a_world() -> None:
    made: list[Wrapper] = []

    def make(config: Config) -> Any:
        made.append(Wrapper(config))
        return made[-1]

    world = World(client=make)
    world.client.call("connect")
    world.client.send({"type": "a"})
    world.rest()
    played = replay(
        read(world.tape.text()), machines={"Wrapper": lambda role, config, url: make(config)}
    )

    assert world.servers[0].delivered == [{"type": "a"}]
    assert made[0].calls > 0
    assert played.is_same


class Adapter:
    """An embedder's own machine, with the names of `AuxMachine` and no others.

    It has a session of ours, whose actions it queues.
    """

    def __init__(self, role: Role, config: Config) -> None:
        self._session = AuxSession(role, config)
        self._queue: list[Action] = []
        self.role = role
        self.config = config
        self.texts = 0

    @property
    def state(self) -> State:
        return self._session.state

    @property
    def wants_data(self) -> bool:
        return self._session.wants_data

    def connect(self, now: float) -> None:
        self._session.connect(now)

    def disconnect(self, now: float) -> None:
        self._session.disconnect(now)

    def close(self, now: float) -> None:
        self._session.close(now)

    def send(
        self, message: Mapping[str, Any] | Encoded, now: float, *, watched: bool = True
    ) -> SendId:
        return self._session.send(message, now, watched=watched)

    def login(self, credentials: ConnectionId | ConnectionToken, now: float) -> None:
        self._session.login(credentials, now)

    def taken(self, size: int, now: float) -> None:
        self._session.taken(size, now)

    def pause_reading(self, now: float) -> None:
        self._session.pause_reading(now)

    def resume_reading(self, now: float) -> None:
        self._session.resume_reading(now)

    def transport_opened(self, now: float, *, transport: int | None = None) -> None:
        self._session.transport_opened(now, transport=transport)

    def transport_failed(
        self, failure: TransportFailure, now: float, *, transport: int | None = None
    ) -> None:
        self._session.transport_failed(failure, now, transport=transport)

    def data_sent(self, count: int, now: float, *, transport: int | None = None) -> None:
        self._session.data_sent(count, now, transport=transport)

    def receive_text(self, data: bytes, now: float, *, transport: int | None = None) -> None:
        self.texts += 1
        self._session.receive_text(data.decode(), now, transport=transport)

    def receive_pong(self, payload: bytes, now: float, *, transport: int | None = None) -> None:
        self._session.receive_pong(payload, now, transport=transport)

    def receive_eof(
        self, now: float, *, code: int = 1006, reason: str = "", transport: int | None = None
    ) -> None:
        self._session.receive_eof(now, code=code, reason=reason, transport=transport)

    def handle(self, event: Event, now: float) -> None:
        self._session.handle(event, now)

    def handle_timeout(self, now: float) -> None:
        self._session.handle_timeout(now)

    def actions(self) -> Iterator[Action]:
        self._queue += self._session.actions()
        while self._queue:
            yield self._queue.pop(0)
            self._queue += self._session.actions()

    def next_timeout(self) -> float | None:
        return self._session.next_timeout()


def test_adapter_of_an_embedder_lives_in_a_world() -> None:
    made: list[Adapter] = []

    def make(role: Role, config: Config) -> AuxMachine:
        config = dataclasses.replace(config, inline_limit=256)
        made.append(Adapter(role, config))
        return made[-1]

    faults: Any = ROUGH
    world = World(
        5, client=lambda config: make(Role.CLIENT, config),
        server=lambda config: make(Role.SERVER, config), faults=Faults(**faults),
    )  # fmt: skip
    world.client.call("connect")
    for _ in range(20):
        world.client.send(numbered(world, world.seed.pick([1, 1_000])))
        if world.server is not None:
            world.server.send(numbered(world, world.seed.pick([1, 1_000])))
        world.run(0.5)
    world.calm()
    world.rest()
    played = replay(
        read(world.tape.text()), machines={"Adapter": lambda role, config, url: make(role, config)}
    )

    assert sum(len(server.delivered) for server in world.servers) > 10
    assert len(world.client.delivered) > 10
    assert made[0].texts > 10
    assert played.is_same


def test_broken_adapter_is_found() -> None:
    class Deaf(Adapter):
        def receive_pong(self, payload: bytes, now: float, *, transport: int | None = None) -> None:
            raise TimeoutError

    world = World(client=lambda config: Deaf(Role.CLIENT, config))
    world.client.call("connect")
    world.client.send({"type": "a"})

    with pytest.raises(InvariantBroken, match="receive_pong raised TimeoutError"):
        world.rest()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", OPEN_FAULTS)
def test_open_fault_is_met_once(fault: str, kind: Any) -> None:
    world = World(client=small(), kind=kind)
    world.next_opens.append(fault)
    world.client.call("connect")
    world.client.send({"type": "a"})
    world.rest()

    assert State.WAITING in world.client.states
    assert world.servers[0].delivered == [{"type": "a"}]


@pytest.mark.parametrize("fault", STORE_FAULTS)
@pytest.mark.parametrize("way", ["up", "down"])
def test_store_fault_is_met_once(fault: str, way: str) -> None:
    world = World(client=small(), server=small())
    world.client.call("connect")
    world.run(1.0)
    assert world.server is not None
    sender, receiver = world.client, world.server
    if way == "down":
        sender, receiver = receiver, sender
    world.store.next_faults.append(fault)

    message = numbered(world, 1_000)
    sender.send(message)
    world.rest()

    hopeless = {"forbidden": Stage.FAILED, "cancelled": Stage.FAILED, "forget": Stage.CONFIRMED}
    assert [*sender.outcomes.values()] == [hopeless.get(fault, Stage.CONFIRMED)]
    assert receiver.delivered == ([] if fault in hopeless else [message])
    assert len(receiver.gaps) == (fault == "forget")


@pytest.mark.parametrize("fault", ["junk", "forget", "expired", "drop", "503"])
def test_download_meets_a_fault(fault: str) -> None:
    world = World(client=small(), server=small())
    world.client.call("connect")
    world.run(1.0)
    assert world.server is not None
    # The first request is the PUT, the second the GET.
    world.store.next_faults += [None, fault]

    world.server.send(numbered(world, 1_000))
    world.rest()

    recovers = fault in ("drop", "503")
    came = len(world.client.delivered), len(world.client.gaps)
    assert came == ((1, 0) if recovers else (0, 1))


def test_upload_url_comes_too_late() -> None:
    world = World(client=small(upload_url_timeout=2.0), server=small(upload_url_timeout=2.0))
    world.client.call("connect")
    world.next_grants.append("late")

    world.client.send(numbered(world, 1_000))
    world.rest()

    assert [*world.client.outcomes.values()] == [Stage.CONFIRMED]
    assert len(world.servers[0].delivered) == 1


def test_world_without_rest_is_told() -> None:
    world = World(client=small())
    world.client.send({"type": "a"})

    with pytest.raises(InvariantBroken, match=r"client \(IDLE\) has 1 sends without an outcome"):
        world.rest(within=60.0)


def test_message_among_hostile_bytes_is_nobodys() -> None:
    world = World(client=small(), server=small(), kind="websocket")
    world.client.call("connect")
    world.run(1.0)
    said = b'[1, 7, {"type": "said", "by": "n\xc3\xb3body"}]'

    world.inject_bytes(b"\x82\x00" + text_frame(said, masked=False) + b"\x89")
    world.rest()

    assert world.client.delivered == [{"type": "said", "by": "n\u00f3body"}]


# The same seed, the same run.


@pytest.mark.parametrize("seed", range(3))
def test_same_seed_is_the_same_run(seed: int) -> None:
    runs = {rough_run(seed, "session").tape.text() for _ in range(2)}

    assert len(runs) == 1


def test_same_seed_is_the_same_run_in_another_process() -> None:
    code = (
        "import sys; from tests.sim.test_world import rough_run;"
        "sys.stdout.buffer.write(rough_run(7, 'session').tape.text().encode())"
    )
    root = Path(__file__).parent.parent.parent
    source = Path(auxws_proto.__file__).parent.parent

    texts = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, cwd=root,
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{root}:{source}"},
        ).stdout.decode()
        for hash_seed in ("1", "2")
    ]  # fmt: skip

    assert texts == [rough_run(7, "session").tape.text()] * 2


def test_other_seed_is_another_run() -> None:
    assert rough_run(1, "session").tape.text() != rough_run(2, "session").tape.text()


# A judge that misses nothing: machines that break one promise each.


class Liar(AuxSession):
    """A session that breaks a promise: what its subclass makes of its actions."""

    def actions(self) -> Iterator[Action]:
        yield from self.lie([*super().actions()])

    def lie(self, actions: list[Action]) -> list[Action]:
        return actions


class DeliversTwice(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [b for a in actions for b in [a] * (1 + isinstance(a, DeliverMessage))]


class DeliversNothing(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [a for a in actions if not isinstance(a, DeliverMessage)]


class DeliversOutOfOrder(Liar):
    kept: list[Action] | None = None

    def lie(self, actions: list[Action]) -> list[Action]:
        deliveries = [a for a in actions if isinstance(a, DeliverMessage)]
        if deliveries and self.kept is None:
            self.kept = list[Action](deliveries)
            return [a for a in actions if a not in deliveries]
        if deliveries and self.kept:
            actions, self.kept = [*actions, *self.kept], []
        return actions


class DeliversWhatNobodySent(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [
            dataclasses.replace(a, message={"type": "other"})
            if isinstance(a, DeliverMessage)
            else a
            for a in actions
        ]


class CallsItFailed(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [
            dataclasses.replace(a, stage=Stage.FAILED, error=a.error or _error())
            if isinstance(a, ReportSend) and a.final
            else a
            for a in actions
        ]


class EndsTwice(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [b for a in actions for b in [a] * (1 + (isinstance(a, ReportSend) and a.final))]


class EndsNothing(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [a for a in actions if not (isinstance(a, ReportSend) and a.final)]


class EndsAsQueued(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [
            dataclasses.replace(a, stage=Stage.UPLOADED) if isinstance(a, ReportSend) else a
            for a in actions
        ]


class FailsWithoutError(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [
            dataclasses.replace(a, stage=Stage.UNKNOWN) if isinstance(a, ReportSend) and a.final
            else a
            for a in actions
        ]  # fmt: skip


class ReportsAStranger(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [
            dataclasses.replace(a, send_id=SendId(a.send_id + 100))
            if isinstance(a, ReportSend)
            else a
            for a in actions
        ]


class NumbersTwice(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [
            dataclasses.replace(a, data=b"[1,1," + a.data.split(b",", 2)[2])
            if isinstance(a, SendText)
            else a
            for a in actions
        ]


class SendsTooMuch(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [
            dataclasses.replace(a, data=b'[1,9,{"type":"%b"}]' % (b"x" * 300))
            if isinstance(a, SendText)
            else a
            for a in actions
        ]


class AsksForHugeFrames(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        return [
            dataclasses.replace(a, max_frame=40_000) if isinstance(a, SendText) else a
            for a in actions
        ]


class SendsAfterTheEnd(Liar):
    def lie(self, actions: list[Action]) -> list[Action]:
        ends = [a for a in actions if isinstance(a, SendText)]
        return [b for a in ends for b in (CloseTransport(transport=a.transport), a)] or actions


class RaisesOnReceiving(Liar):
    def receive_text(self, *args: Any, **kwargs: Any) -> None:
        raise KeyError("oops")


class IsLate(Liar):
    def next_timeout(self) -> float | None:
        return -1.0


class HoldsTooMuch(Liar):
    def stats(self) -> SessionStats:
        return dataclasses.replace(super().stats(), held_bytes=10**12)


class NumbersSendsTwice(Liar):
    def send(self, *args: Any, **kwargs: Any) -> Any:
        super().send(*args, **kwargs)
        return 1


def _error() -> Any:
    from auxws_proto import FailReason, SendFailed

    return SendFailed(FailReason.CLOSED)


LIES: list[tuple[str, Role, type[Liar], str]] = [
    ("delivers twice", Role.SERVER, DeliversTwice, "delivered twice"),
    ("delivers nothing", Role.SERVER, DeliversNothing, "confirmed and not delivered"),
    ("wrong order", Role.SERVER, DeliversOutOfOrder, "out of order"),
    ("what nobody sent", Role.CLIENT, DeliversWhatNobodySent, "what nobody sent"),
    ("failed, arrived", Role.CLIENT, CallsItFailed, "called FAILED"),
    ("ends twice", Role.CLIENT, EndsTwice, "which had ended as CONFIRMED"),
    ("ends nothing", Role.CLIENT, EndsNothing, "sends without an outcome"),
    ("ends as queued", Role.CLIENT, EndsAsQueued, "UPLOADED is called final"),
    ("no error", Role.CLIENT, FailsWithoutError, "with the error None"),
    ("a stranger", Role.CLIENT, ReportsAStranger, "which was never sent"),
    ("numbers twice", Role.CLIENT, NumbersTwice, "the number 1 is used twice"),
    ("sends too much", Role.CLIENT, SendsTooMuch, "went inline; the limit is 256"),
    ("huge frames", Role.CLIENT, AsksForHugeFrames, "frames of 40000 bytes"),
    ("after the end", Role.CLIENT, SendsAfterTheEnd, "which is given up"),
    ("raises", Role.SERVER, RaisesOnReceiving, "receive_text raised KeyError"),
    ("is late", Role.CLIENT, IsLate, "the next timeout is -1.0"),
    ("holds too much", Role.CLIENT, HoldsTooMuch, "held_bytes is 1000000000000"),
    ("send ids", Role.CLIENT, NumbersSendsTwice, "was given twice"),
]


@pytest.mark.parametrize(
    ("role", "liar", "text"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES]
)
def test_broken_promise_is_found(role: Role, liar: type[Liar], text: str) -> None:
    config = small(write_ahead=10_000)

    def make(given: Config) -> Any:
        return liar(role, dataclasses.replace(given, inline_limit=256), None)

    def run() -> World:
        world = World(
            client=make if role is Role.CLIENT else config,
            server=make if role is Role.SERVER else config,
        )
        world.client.call("connect")
        world.run(1.0)
        for size in (1, 2, 3):
            world.client.send(numbered(world, size))
            if world.server is not None:
                world.server.send(numbered(world, size))
            world.run(0.5)
        world.rest(within=600.0)
        return world

    with pytest.raises(InvariantBroken, match=text) as caught:
        run()

    notes = "".join(caught.value.__notes__)
    assert "python -m auxws_proto.testing replay" in notes
    played = replay(
        read(notes[notes.index('{"auxws_trace"') :]),
        machines={liar.__name__: lambda _role, given, _url: make(given)},
    )
    if liar is not EndsNothing:
        # A rest that never comes is seen by the world alone.
        assert played.failure == played.recorded == str(caught.value)


def test_more_than_the_window_is_found() -> None:
    world = World(client=small())
    world.client.call("connect")
    world.run(1.0)
    for number in range(2):
        action = SendText(transport=1, data=b'[2,%d,"%b"]' % (number, b"x" * 200_000), max_frame=1)
        if number:
            with pytest.raises(InvariantBroken, match="emitted and not reported"):
                world.judge.acted("client", action)
        else:
            world.judge.acted("client", action)


# Traces.


@pytest.mark.parametrize("kind", KINDS)
def test_run_replays(kind: Any) -> None:
    world = rough_run(3, kind)

    played = replay(read(world.tape.text()))

    assert played.is_same
    assert played.failure == ""
    assert played.lines == len(read(world.tape.text()))


def test_trace_holds_no_url_of_the_store_in_an_action() -> None:
    world = World(client=small(), server=small())
    world.client.call("connect")
    world.client.send(numbered(world, 1_000))
    world.rest()

    puts = [line for line in world.tape.lines() if line.get("action") == PutToUrl.__name__]

    assert [line["url"] for line in puts] == ["<secret>"]


def test_other_action_is_told() -> None:
    rows = read(rough_run(3, "session").tape.text())
    place = next(i for i, row in enumerate(rows) if row.get("action") == "SendText")
    rows[place]["max_frame"] = 7

    played = replay(rows)

    assert not played.is_same
    assert "client: " in played.different


def test_action_that_is_missing_is_told() -> None:
    rows = read(rough_run(3, "session").tape.text())
    rows.append({"from": "client", "action": "SendText"})

    assert "did nothing" in replay(rows).different


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "first line"),
        ("{}", "first line"),
        ("[]", "line 1 is no object"),
        ('{"auxws_trace": 1}\n\nnot JSON', "line 3 is not JSON"),
        ('{"auxws_trace": 99}', "first line"),
        (
            '{"auxws_trace": 1}\n{"machine": "m", "class": "Mine", "role": "client", "config": {}}',
            "class Mine, which is not at hand",
        ),
    ],
)
def test_what_is_no_trace_is_told(text: str, problem: str) -> None:
    with pytest.raises(TraceError, match=problem):
        replay(read(text))


def test_values_with_dollars_survive() -> None:
    world = World(client=small())
    world.client.call("connect")
    message = {"type": "a", "$u": {"$": "x", "$b": ["\ud800", 1.5, None, True]}}
    world.client.send(message)
    world.rest()

    assert replay(read(world.tape.text())).is_same
    assert world.servers[0].delivered == [message]


def run_main(tmp_path: Path, text: str) -> int:
    path = tmp_path / "run.jsonl"
    path.write_text(text)
    return main(["replay", str(path)])


def test_command_replays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run_main(tmp_path, rough_run(3, "session").tape.text())

    assert status == 0
    assert "failure: none" in capsys.readouterr().out


def test_command_tells_what_is_different(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = rough_run(3, "session").tape.text() + json.dumps({"failure": "it rained"}) + "\n"

    status = run_main(tmp_path, lines.replace('"max_frame":256', '"max_frame":7'))

    printed = capsys.readouterr().out
    assert status == 1
    assert "different: " in printed
    assert "recorded: it rained" in printed


@pytest.mark.parametrize("text", ["", "[]"])
def test_command_refuses_what_is_no_trace(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(tmp_path, text) == 2
    assert "line" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["replay"], ["play", "x"]])
def test_command_shows_its_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage" in capsys.readouterr().err


def test_command_tells_what_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(tmp_path / "absent")]) == 2
    assert "cannot be read" in capsys.readouterr().err


WITHOUT_HYPOTHESIS = """
import sys
sys.modules["hypothesis"] = sys.modules["wsproto"] = None
from auxws_proto.testing import World, numbered
world = World()
world.client.call("connect")
world.client.send(numbered(world, 1))
world.rest()
print(len(world.servers[0].delivered))
"""


def test_world_needs_no_hypothesis() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_HYPOTHESIS], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("1\n", "")


def test_operations_with_nothing_to_act_on_do_nothing() -> None:
    world = World()

    bare = ("cut", "unstall", "close_server", "forget", "take", "disconnect")
    loaded = {"inject": "x", "inject_up": "x", "stall": "up"}
    perform(world, [Operation(name) for name in bare])
    perform(world, [Operation(name, (value,)) for name, value in loaded.items()])

    assert world.servers == []
