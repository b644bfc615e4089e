"""Client against server in a hostile world: every door, every fault, every promise judged.

The promises are those of ``auxws_proto.testing``'s judge, which looks on all the time; here is what
happens, in any order, and what must hold when it is over.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from auxws_proto import Config, Role, Stage, State, UnconfirmedTransport
from auxws_proto.testing import (
    CRASHES,
    GRANT_FAULTS,
    LOGIN_FAULTS,
    OPEN_FAULTS,
    STORE_FAULTS,
    WATCH,
    Faults,
    MemoryOutbox,
    Operation,
    World,
    numbered,
)
from auxws_proto.testing.strategies import byte_streams, configs, hostile_texts, messages_to

SIZES = st.sampled_from([1, 10, 180, 200, 205, 210, 215, 220, 250, 900, 1_000, 2_000])
FONTS = st.sampled_from(["x", "é", "漢"])
SECONDS = st.sampled_from([0.0, 0.01, 0.05, 0.2, 1.0, 3.0, 10.0, 40.0])
RANGES = st.sampled_from([(0.0, 0.0), (0.0, 0.1), (0.5, 2.0)])
LONGEST_PAUSE = 3_600.0

RATES: dict[str, st.SearchStrategy[Any]] = {
    "latency": st.sampled_from([(0.0, 0.0), (0.01, 0.05), (0.5, 3.0)]),
    "write_delay": RANGES,
    "store_latency": RANGES,
    "late_timers": RANGES,
    "split": st.sampled_from([0.5, 1.0]),
    "join": st.sampled_from([0.5, 1.0]),
    "cut": st.just(0.02),
    "refuse": st.just(0.2),
    "store": st.just(0.2),
    "grant": st.just(0.1),
    "progress": st.just(True),
}
FAULTS = st.fixed_dictionaries({}, optional=RATES).map(lambda rates: Faults(**rates))


class HostileWorld(RuleBasedStateMachine):
    """Rules for a world of `AuxSession`s."""

    kind: Any = "session"
    world: World

    def operate(self, name: str, *args: Any) -> None:
        Operation(name, args)(self.world)

    @initialize(
        seed=st.integers(0, 2**32), client=configs(Role.CLIENT), server=configs(Role.SERVER),
        faults=FAULTS, keeps=st.booleans(),
    )  # fmt: skip
    def make(
        self, seed: int, client: Config, server: Config, faults: Faults, keeps: bool
    ) -> None:  # fmt: skip
        outbox = MemoryOutbox() if keeps else None
        self.world = World(
            seed, client=client, server=server, kind=self.kind, faults=faults, outbox=outbox,
            on_connect=[WATCH],
        )  # fmt: skip
        self.world.client.call("connect")

    # Doors.

    @rule(size=SIZES, font=FONTS)
    def send(self, size: int, font: str) -> None:
        self.operate("send", size, font)

    @rule(size=SIZES)
    def server_sends(self, size: int) -> None:
        self.operate("server_send", size)

    @rule(size=SIZES)
    def server_pushes(self, size: int) -> None:
        self.operate("push", size)

    @rule(drawn=messages_to(Role.SERVER))
    def send_any_message(self, drawn: dict[str, Any]) -> None:
        self.world.client.send(drawn)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.world.run(seconds)

    @rule()
    def connect(self) -> None:
        self.operate("connect")

    @rule()
    def disconnect(self) -> None:
        self.operate("disconnect")

    @rule()
    def server_closes(self) -> None:
        self.operate("close_server")

    @rule()
    def stop_reading(self) -> None:
        self.operate("pause")

    @rule()
    def read_on(self) -> None:
        self.operate("resume")

    @rule()
    def application_is_slow(self) -> None:
        self.operate("stop_taking")

    @rule()
    def application_takes(self) -> None:
        self.operate("take")

    # Faults.

    @rule()
    def cut(self) -> None:
        self.operate("cut")

    @rule(way=st.sampled_from(["up", "down", "both"]))
    def stall(self, way: str) -> None:
        self.operate("stall", way)

    @rule()
    def unstall(self) -> None:
        self.operate("unstall")

    @rule(kind=st.sampled_from([*OPEN_FAULTS]))
    def next_open_fails(self, kind: str) -> None:
        self.operate("open_fault", kind)

    @rule(kind=st.sampled_from(GRANT_FAULTS))
    def next_upload_url_fails(self, kind: str) -> None:
        self.operate("grant_fault", kind)

    @rule(kind=st.sampled_from(LOGIN_FAULTS))
    def next_login_fails(self, kind: str) -> None:
        self.operate("login_fault", kind)

    @rule(kind=st.sampled_from(STORE_FAULTS))
    def next_transfer_fails(self, kind: str) -> None:
        self.operate("store_fault", kind)

    @rule()
    def store_forgets(self) -> None:
        self.operate("forget")

    @rule(data=hostile_texts())
    def hostile_text_comes_down(self, data: bytes) -> None:
        self.world.inject(data)

    @rule(data=hostile_texts())
    def hostile_text_comes_up(self, data: bytes) -> None:
        if self.world.server is not None:
            self.world.inject(data, self.world.server)

    @rule(is_mute=st.booleans())
    def pings_are_not_answered(self, is_mute: bool) -> None:
        self.operate("mute", is_mute)

    @rule()
    def process_dies(self) -> None:
        self.operate("crash")

    @rule(moment=st.sampled_from(CRASHES))
    def process_dies_over_a_record(self, moment: str) -> None:
        self.operate("crash_at_record", moment)

    # The end.

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        world.calm()
        # Whatever was on its way comes in, and whoever waited connects.
        world.run(130.0)
        client = world.client
        probes = [numbered(world, 1), numbered(world, 700), numbered(world, 2)]
        sent = [client.send(probe) for probe in probes]
        world.rest(within=2 * LONGEST_PAUSE)
        if client.machine.state is State.CLOSED:
            assert sent == [None] * 3
            return
        config = client.machine.config
        is_mute = any(isinstance(report.error, UnconfirmedTransport) for report in client.errors)
        # Where nothing pings to keep the line alive, an unanswered ping was the last.
        is_proven = config.confirm and not (is_mute and config.ping_interval is None)
        reached = {client.outcomes[send_id] for send_id in sent if send_id}
        if is_proven:
            assert reached == {Stage.CONFIRMED}
        else:
            assert reached <= ({Stage.SENT, Stage.CONFIRMED} if config.confirm else {Stage.SENT})
        came = [message for server in world.servers for message in server.delivered]
        if is_proven or config.close_timeout or config.max_age is None:
            # A rotation with no time for the closing handshake drops what is on its way: a break,
            # after which SENT promises nothing.
            # A server whose connection ends gives its downloads up, and says so.
            gaps = sum(len(server.gaps) for server in world.servers)
            assert len([probe for probe in probes if probe not in came]) <= gaps


class HostileByteWorld(HostileWorld):
    """The same for `AuxWebSocket`s, whose bytes come in any portions."""

    kind = "websocket"

    @rule(data=byte_streams(Role.SERVER))
    def hostile_bytes_come_down(self, data: bytes) -> None:
        self.world.inject_bytes(data)

    @precondition(lambda self: hasattr(self, "world") and self.world.server is not None)
    @rule(data=byte_streams(Role.CLIENT))
    def hostile_bytes_come_up(self, data: bytes) -> None:
        self.world.inject_bytes(data, self.world.server)


SETTINGS = settings(stateful_step_count=30)
HostileWorld.TestCase.settings = SETTINGS
HostileByteWorld.TestCase.settings = SETTINGS

TestHostileWorld = HostileWorld.TestCase
TestHostileByteWorld = HostileByteWorld.TestCase
