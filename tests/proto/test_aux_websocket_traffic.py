"""`AuxWebSocket`: traffic in any portions, pings, violations, ends, and copies."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import events as ws

from auxws_proto import (
    AbortTransport,
    Action,
    AuxWebSocket,
    CloseTransport,
    Config,
    DeliverMessage,
    OpenTransport,
    RemoteProtocolError,
    ReportError,
    ReportSend,
    SendBytes,
    State,
    encode,
)

from .peer import BINARY, CLOSE, PING, TEXT, sizes_of_frames
from .wire_bench import CLIENT, MESSAGE, SERVER, URL, Bench, states


def world(one: AuxWebSocket, other: AuxWebSocket, step: int = 1_000_000) -> list[Action]:
    """Carry bytes between two machines, in portions, until they are at rest."""
    seen: list[Action] = []
    machines = [one, other]
    moved = True
    while moved:
        moved = False
        for machine, receiver in (machines, machines[::-1]):
            for action in machine.actions():
                moved = True
                if isinstance(action, SendBytes):
                    for start in range(0, len(action.data), step):
                        receiver.receive_bytes(memoryview(action.data[start : start + step]), 0)
                    machine.data_sent(1, 0)
                elif isinstance(action, OpenTransport) and machine is one:
                    other.transport_opened(0)
                    one.transport_opened(0)
                else:
                    seen.append(action)
    return seen


@pytest.mark.parametrize("step", [1, 7, 1_000_000])
def test_two_machines_talk_in_any_portions(step: int) -> None:
    one = AuxWebSocket(CLIENT, Config(fragment_limit=2_000, inline_limit=300), URL)
    other = AuxWebSocket(SERVER, Config())
    one.connect(0)
    world(one, other, step)
    messages = [MESSAGE, {"type": "é" * 400}, MESSAGE]
    for message in messages:
        one.send(message, 0)
    other.send(encode({"type": "push"}, Config()), 0)

    seen = world(one, other, step)

    delivered = [a.message for a in seen if isinstance(a, DeliverMessage)]
    assert [m for m in delivered if m["type"] != "push"] == messages
    assert [m for m in delivered if m["type"] == "push"] == [{"type": "push"}]
    ends = [(a.send_id, a.stage) for a in seen if isinstance(a, ReportSend) and a.final]
    assert sorted(ends) == [(1, "CONFIRMED"), (1, "CONFIRMED"), (2, "CONFIRMED"), (3, "CONFIRMED")]


def test_a_text_is_split_at_the_inline_limit() -> None:
    bench = Bench(inline_limit=300, fragment_limit=2_000)

    bench.machine.send({"type": "€" * 300}, 0)

    sizes = sizes_of_frames(bench.wrote())
    assert len(sizes) == 4
    assert max(sizes) <= 300


@given(st.lists(st.integers(0, 400), max_size=10))
def test_any_portions_give_the_same_actions(cuts: list[int]) -> None:
    def run(cuts: list[int]) -> list[Action]:
        # A server: its frames are not masked, with keys that wsproto draws.
        bench = Bench(SERVER)
        data = b"".join([
            bench.event([1, -1, MESSAGE]), bench.peer.frame(PING, b"p"), bench.peer.frame(BINARY),
            bench.event({"message": "Forbidden"}), bench.event([5, -1, {"errorCode": "x"}]),
            bench.event([1, -1, {"type": "é" * 50}]), bench.peer.frame(CLOSE, b"\x03\xe8"),
            bench.event([1, -1, MESSAGE]),
        ])  # fmt: skip
        edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        for start, stop in pairwise(edges):
            bench.feed(data[start:stop])
        return list(bench.machine.actions())

    def brief(actions: list[Action]) -> list[str]:
        return [f"{a!r} {a.data!r}" if isinstance(a, SendBytes) else repr(a) for a in actions]

    assert brief(run(cuts)) == brief(run([]))


def test_only_writes_of_texts_are_reported_to_the_session() -> None:
    bench = Bench()
    bench.feed(bench.peer.frame(PING, b"p"))
    bench.machine.send(MESSAGE, 0)
    bench.feed(bench.peer.frame(PING, b"q"))
    bench.machine.send(MESSAGE, 0)
    bench.actions()

    reported = []
    for _ in range(4):
        bench.machine.data_sent(1, 0)
        reported.append([a.send_id for a in bench.actions() if isinstance(a, ReportSend)])

    assert reported == [[], [1], [], [2]]


@pytest.mark.parametrize(
    ("opcode", "size", "code"), [(BINARY, 1, 1003), (TEXT, 301, 1009), (TEXT, 201, 1009)]
)
def test_a_violation_may_close_as_api_gateway_does(opcode: int, size: int, code: int) -> None:
    bench = Bench(max_message_size=300, max_frame_size=200, close_on_violation=True)

    actions = bench.fed(bench.peer.frame(opcode, b"x" * size))

    assert bench.peer.receive(bench.bytes_out) == [ws.CloseConnection(code=code, reason="")]
    closing, report, *_ = actions
    assert closing == CloseTransport(transport=1)
    assert isinstance(report, ReportError)
    assert isinstance(report.error, RemoteProtocolError)
    assert states(actions) == ["WAITING"]


def test_a_peer_that_never_closes_is_dropped() -> None:
    bench = Bench(close_timeout=10)
    bench.machine.disconnect(0)
    bench.actions()

    bench.machine.handle_timeout(10)

    assert bench.actions()[0] == AbortTransport(transport=1)
    assert bench.machine.state is State.IDLE


def test_a_machine_can_be_copied_at_any_time() -> None:
    bench = Bench()
    data = bench.event([1, 0, MESSAGE])
    bench.feed(data[:5])

    twin = deepcopy(bench.machine)
    twin.receive_bytes(data[5:], 0)
    (delivered,) = twin.actions()

    assert isinstance(delivered, DeliverMessage)
    assert bench.actions() == []
    assert bench.fed(data[5:]) == [delivered]
