"""Different ways to the same end: portions of bytes, two kinds of machine, and a plain model."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import (
    Action,
    AuxWebSocket,
    Config,
    ReportError,
    ReportState,
    Role,
    SendBytes,
    State,
)
from auxws_proto.testing import Faults, Operation, World, perform
from auxws_proto.testing._frames import Frame, FrameReader
from auxws_proto.testing.strategies import byte_streams, portions, sessions

URL = "wss://abc123.execute-api.us-east-1.amazonaws.com/Prod"
CONFIG = Config(inline_limit=256)


def opened(role: Role, short_path: bool) -> AuxWebSocket:
    """A machine whose handshake is done."""
    config = Config(inline_limit=256, short_path=short_path)
    client = AuxWebSocket(Role.CLIENT, config, URL)
    server = AuxWebSocket(Role.SERVER, config)
    client.connect(0.0)
    client.transport_opened(0.0)
    server.transport_opened(0.0)
    for source, sink in ((client, server), (server, client)):
        for action in source.actions():
            if isinstance(action, SendBytes):
                sink.receive_bytes(action.data, 0.0)
    machine = client if role is Role.CLIENT else server
    list(machine.actions())
    return machine


def said(machine: AuxWebSocket, parts: list[bytes]) -> tuple[list[Any], State]:
    """What a machine asks for when these portions come, its frames unmasked, and its state."""
    machine = copy.deepcopy(machine)
    reader = FrameReader(has_head=False)
    actions: list[Action] = []
    for part in parts:
        machine.receive_bytes(part, 1.0)
        actions += machine.actions()
    seen: list[Any] = []
    for action in actions:
        match action:
            case SendBytes(data=data):
                seen += reader.feed(data)
            case ReportError(error=error):
                # Not by its words: they say at which byte of a portion something was wrong.
                seen.append((type(error), getattr(error, "violation", None), action.event_id))
            case ReportState(state=state, cause=cause):
                seen.append((state, type(cause), getattr(cause, "code", None)))
            case _:
                seen.append(repr(action))
    return seen, machine.state


MACHINES = {
    (role, short): opened(role, short) for role in Role for short in (True, False)
}  # fmt: skip


@given(role=st.sampled_from(Role), data=st.data(), short_path=st.booleans())
def test_portions_make_no_difference(role: Role, data: st.DataObject, short_path: bool) -> None:
    sender = Role.SERVER if role is Role.CLIENT else Role.CLIENT
    stream = data.draw(byte_streams(sender))
    machine = MACHINES[role, short_path]

    whole = said(machine, [stream])
    cut = said(machine, data.draw(portions(stream)))
    bytewise = said(machine, [bytes((byte,)) for byte in stream[:2_000]] + [stream[2_000:]])

    assert cut == whole
    assert bytewise == whole


@given(role=st.sampled_from(Role), data=st.data())
def test_short_path_makes_no_difference(role: Role, data: st.DataObject) -> None:
    sender = Role.SERVER if role is Role.CLIENT else Role.CLIENT
    parts = data.draw(byte_streams(sender).flatmap(portions))

    (ours, our_state), (theirs, their_state) = (
        said(MACHINES[role, short], parts) for short in (True, False)
    )

    if our_state is State.OPEN and their_state is not State.OPEN:
        # The short path waits for a whole frame; wsproto objects to one before its end has come.
        assert isinstance(theirs[len(ours)], Frame)
        theirs = theirs[: len(ours)]
    assert ours == theirs


def ended(operations: list[Operation], kind: Any, seed: int, faults: Faults) -> World:
    world = World(seed, client=CONFIG, server=CONFIG, kind=kind, faults=faults)
    perform(world, operations)
    world.rest()
    return world


WEATHER = Faults(latency=(0.0, 1.0), write_delay=(0.0, 0.5), store_latency=(0.0, 3.0),
                 split=0.5, join=0.5, late_timers=(0.0, 0.5))  # fmt: skip


@given(operations=sessions(), seed=st.integers(0, 2**32))
def test_both_kinds_deliver_what_the_model_says(operations: list[Operation], seed: int) -> None:
    worlds = [ended(operations, kind, seed, WEATHER) for kind in ("session", "websocket")]

    # The model: what one side sends, the other delivers, in the order of the sends.
    number, up, down = 0, list[int](), list[int]()
    for operation in operations:
        if operation.name in ("send", "server_send"):
            number += 1
            (up if operation.name == "send" else down).append(number)
    for world in worlds:
        assert [message["n"] for message in world.servers[0].delivered] == up
        assert [message["n"] for message in world.client.delivered] == down
    assert worlds[0].client.delivered == worlds[1].client.delivered
    assert worlds[0].servers[0].delivered == worlds[1].servers[0].delivered
    assert worlds[0].client.outcomes == worlds[1].client.outcomes


@given(operations=sessions(), seed=st.integers(0, 2**32))
def test_same_seed_same_run(operations: list[Operation], seed: int) -> None:
    runs = [ended(operations, "session", seed, WEATHER).tape.text() for _ in range(2)]

    assert runs[0] == runs[1]
