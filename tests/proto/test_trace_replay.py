"""Replays: the same, or where it first differs."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auxws_proto import (
    Action,
    AuxSession,
    AuxWebSocket,
    Config,
    Encoded,
    ReplayResult,
    Role,
    TraceError,
    TransportFailure,
    read_trace,
    replay_trace,
    traced,
)
from auxws_proto._trace_replay import Hooks
from tests.proto.test_trace_reader import SAMPLE

HEADER = {"auxws_trace": 1, "redacted": True, "limit": 2_048}
PLAIN = {"auxws_trace": 1}
MACHINE = {"machine": "m", "class": "AuxSession", "role": "client", "config": {}}
CONNECT = {"t": 1.0, "to": "m", "call": "connect"}
OPEN = {
    "from": "m",
    "action": "OpenTransport",
    "transport": 1,
    "attempt": 0,
    "url": None,
    "headers": [],
}
STATE = {"from": "m", "action": "ReportState", "state": "CONNECTING", "cause": None, "info": None}
END = {"end": "closed"}


def replay(*rows: dict[str, Any], header: dict[str, Any] = HEADER, **options: Any) -> ReplayResult:
    return replay_trace((json.dumps(row) for row in (header, *rows)), **options)


def recording() -> list[dict[str, Any]]:
    """The lines of a session that has connected in vain, and sent something large."""
    file = io.StringIO()
    session = traced(AuxSession(Role.CLIENT, url="wss://host/x"), file, limit=50)
    session.set_on_connect([{"type": "x", "y": "z" * 100}])
    session.connect(1.0)
    session.send({"type": "a", "b": "c" * 100}, 1.0)
    list(session.actions())
    session.transport_failed(TransportFailure(kind="connect"), 2.0)
    list(session.actions())
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_the_sample_plays_again() -> None:
    result = replay_trace(SAMPLE)

    assert result.is_same
    assert result.is_whole
    assert result.inputs > 80
    assert str(result).endswith("elided payloads were filled up)")
    assert "actions: the same (" in str(result)


def test_a_trace_can_be_read_before() -> None:
    assert replay_trace(read_trace(SAMPLE)) == replay_trace(SAMPLE)


def test_the_first_difference_is_told_with_its_line() -> None:
    rows = recording()
    place = next(i for i, row in enumerate(rows) if row.get("state") == "CONNECTING")
    rows[place]["state"] = "OPEN"
    rows[-1]["state"] = "OPEN"

    result = replay(*rows[1:], header=rows[0])

    difference = result.difference
    assert difference is not None
    assert (difference.line, difference.machine) == (place + 1, "client")
    assert difference.recorded == rows[place]
    assert difference.played is not None
    assert difference.played["state"] == "CONNECTING"
    assert f"different at line {place + 1}, client: ReportState(" in str(result)
    assert 'state="CONNECTING"' in str(difference)


def test_what_was_recorded_and_is_not_done_is_told() -> None:
    result = replay(MACHINE, CONNECT, OPEN, STATE, STATE, END)

    assert str(result.difference).startswith("line 6, m: did nothing; recorded: ReportState(")


def test_what_is_done_and_was_not_recorded_is_told() -> None:
    result = replay(MACHINE, CONNECT, OPEN, END)

    assert str(result.difference).startswith("line 3, m: ReportState(")
    assert str(result.difference).endswith("recorded: nothing")


@pytest.mark.parametrize(
    ("rows", "header", "same"),
    [
        ([CONNECT, OPEN], HEADER, True),
        ([CONNECT], HEADER, True),
        ([CONNECT], PLAIN, False),
        ([CONNECT, {"t": 2.0, "to": "m", "call": "disconnect"}], HEADER, False),
    ],
)
def test_the_last_actions_of_a_trace_that_is_cut_off_may_be_missing(
    rows: list[dict[str, Any]], header: dict[str, Any], same: bool
) -> None:
    result = replay(MACHINE, *rows, header=header)

    assert result.is_same is same
    assert not result.is_whole
    assert str(result).endswith("(the trace is cut off)")


def test_a_call_that_raises_now_is_a_difference() -> None:
    calls = [{"t": 1.0, "to": "m", "call": door} for door in ("close", "connect", "connect")]

    result = replay(
        MACHINE,
        calls[0],
        {"from": "m", "action": "ReportState", "state": "CLOSED", "cause": None, "info": None},
        calls[1],
        {**calls[2], "raised": "LocalProtocolError"},
        END,
    )

    assert result.difference is not None
    assert result.difference.line == 5
    assert result.difference.played is not None
    assert result.difference.played["raised"] == "LocalProtocolError"
    assert "connect: the session is closed" in str(result)


def test_a_call_that_raises_no_more_is_a_difference() -> None:
    result = replay(MACHINE, {**CONNECT, "raised": "LocalProtocolError"}, END)

    assert result.difference is not None
    assert result.difference.recorded == {"raised": "LocalProtocolError"}


def test_greetings_are_played_byte_for_byte() -> None:
    rows = recording()

    assert replay(*rows[1:], header=rows[0]).is_same
    assert replay(*rows[1:], header=rows[0]).elided == 2


def test_messages_of_a_world_are_greetings_too() -> None:
    call = {"t": 1.0, "to": "m", "call": "set_on_connect", "args": [[{"type": "a"}]]}
    empty = {"t": 1.0, "to": "m", "call": "set_on_connect", "args": [[]]}

    assert replay(MACHINE, call, empty, END).is_same


def test_a_websocket_plays_by_its_bytes() -> None:
    from auxws_proto.testing import World, numbered

    world = World(3, kind="websocket")
    world.client.call("connect")
    world.client.send(numbered(world, 50_000))
    world.rest()

    result = replay_trace(world.tape.text().splitlines())

    assert str(result.difference) == "None"


class Doubled(AuxSession):
    """A machine of another class."""

    def actions(self) -> Iterator[Action]:
        yield from super().actions()


def test_machines_of_other_classes_can_be_given() -> None:
    machine = {**MACHINE, "class": "Doubled"}

    result = replay(
        machine, CONNECT, OPEN, STATE, END,
        machines={"Doubled": lambda role, config, url: Doubled(role, config, url)},
    )  # fmt: skip

    assert result.is_same
    with pytest.raises(TraceError, match="class Doubled, which is not at hand"):
        replay(machine)


@pytest.mark.parametrize(
    "rows",
    [
        [{**MACHINE, "config": {"inline_limit": 1}}],
        [{**MACHINE, "config": {"nothing": 1}}],
        [{**MACHINE, "headers": [1]}],
        [{**MACHINE, "class": "AuxWebSocket", "url": "x"}],
        [MACHINE, {**CONNECT, "args": [{"$": "Nothing"}]}],
        [MACHINE, {**CONNECT, "args": [{"$b": "é"}]}],
        [MACHINE, {**CONNECT, "args": [5]}],
        [MACHINE, {**CONNECT, "call": "nothing"}],
        [MACHINE, {**CONNECT, "call": "__init__"}],
    ],
)
def test_what_cannot_be_played_is_named_by_its_line(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(TraceError, match=f"line {len(rows) + 1}"):
        replay(*rows)


def test_hooks_may_look_on() -> None:
    hooks = Hooks()
    machine = AuxSession(Role.CLIENT)

    player = hooks.player("m", machine, {})
    hooks.note({})
    player.turned(1.0)
    player.call("send", Encoded(type="a", body=b'{"type":"a"}'), now=1.0, watched=True)

    assert machine.stats().outbox_messages == 1


def test_draws_are_those_of_the_trace() -> None:
    rows = recording()

    drawn = [row for row in rows if "draw" in row]
    for row in drawn:
        row["draw"] = 0.25

    assert len(drawn) == 1
    assert replay(*rows[1:], header=rows[0]).is_same
    assert replay(*[row for row in rows[1:] if "draw" not in row], header=rows[0]).is_same


def test_a_path_is_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replay_trace(tmp_path / "absent")


def test_configurations_are_as_recorded() -> None:
    file = io.StringIO()
    machine = traced(AuxWebSocket(Role.CLIENT, Config(inline_limit=300), "wss://h/x"), file)
    machine.send({"type": "a", "b": "c" * 400}, 1.0)
    machine.connect(1.0)
    machine.close(2.0)

    assert replay_trace(file.getvalue().splitlines()).is_same
