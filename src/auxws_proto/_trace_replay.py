"""A trace, played again: fresh machines, the same inputs and draws, and every action compared.

It knows the lines of a trace. It must not know who recorded it, what of an action must be the same,
nor judge what is recorded. What has to be done besides (judging, for example) is done by `Hooks`. A
machine's jitter comes from the trace; the one thing that is never the same, the handshake's nonce,
is put right in the bytes.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from ._actions import Action
from ._config import Config
from ._constants import Role
from ._errors import LocalProtocolError, OutboxFull
from ._machine import AuxMachine
from ._session import AuxSession
from ._trace_difference import ReplayResult, TraceDifference, comparable
from ._trace_nonce import Nonces
from ._trace_reader import DOORS, Trace, TraceError, TraceSource, read_trace
from ._trace_values import Scribe, load, load_config
from ._traced_session import TracedSession

Factory: TypeAlias = Callable[[Role, Config, str | None], AuxMachine]
"""Makes a machine of a class of the caller's own."""

_REFUSALS: Final = frozenset({LocalProtocolError.__name__, OutboxFull.__name__})


class Player:
    """A machine that is played. `testing` has one that is judged."""

    def __init__(self, name: str, machine: AuxMachine) -> None:
        self.name = name
        self.machine: Any = machine

    def call(self, door: str, *args: Any, now: float, **kwargs: Any) -> Any:
        """Call a door."""
        moment = () if door == "set_on_connect" else (now,)
        return getattr(self.machine, door)(*args, *moment, **kwargs)

    def actions(self) -> Iterator[Action]:
        """Drain the machine."""
        yield from self.machine.actions()

    def turned(self, now: float) -> None:
        """The actions of an input are drained."""


class Hooks:
    """What a replay asks for and tells of."""

    def player(self, name: str, machine: AuxMachine, row: Mapping[str, Any]) -> Player:
        """Take up a machine."""
        return Player(name, machine)

    def note(self, row: Mapping[str, Any]) -> None:
        """A line that concerns no machine."""


@dataclass
class _Part:
    """What a replay keeps of one machine."""

    player: Player
    scribe: Scribe
    draws: deque[float]
    expected: deque[tuple[int, dict[str, Any]]]
    nonces: Nonces | None = None
    last_call: int = 0
    acted: list[tuple[int, dict[str, Any]]] = field(default_factory=list[Any])


def replay_trace(
    source: Trace | TraceSource, machines: Mapping[str, Factory] | None = None
) -> ReplayResult:
    """Play a trace again, and compare every action.

    ``source`` is a `Trace`, or what `read_trace` takes. ``machines`` makes machines of other
    classes than ours, by the name of the class. Raises `TraceError` for what is no trace or cannot
    be played, and what reading a path raises.
    """
    trace = source if isinstance(source, Trace) else read_trace(source)
    return Replay(trace, machines or {}, Hooks()).run()


class Replay:
    """One run of a trace."""

    def __init__(
        self, trace: Trace, machines: Mapping[str, Factory], hooks: Hooks
    ) -> None:  # fmt: skip
        self._trace = trace
        self._machines = machines
        self._hooks = hooks
        self._parts: dict[str, _Part] = {}
        self.played = 0
        """How many lines have been played."""
        self.inputs = 0
        self.actions = 0
        self.elided = 0
        self.difference: TraceDifference | None = None

    def run(self) -> ReplayResult:
        """Play all of it."""
        for number, row in self._trace.rows:
            self._play(number, row)
            self.played += 1
        self._look_at_rest()
        return ReplayResult(
            inputs=self.inputs,
            actions=self.actions,
            elided=self.elided,
            is_whole=self._trace.is_complete,
            difference=self.difference,
        )

    def _play(self, number: int, row: Mapping[str, Any]) -> None:
        match row:
            case {"machine": str(name)}:
                self._parts[name] = self._make(name, number, row)
            case {"to": str(name), "call": str(door), "t": float() | int() as now}:
                self.inputs += 1
                self._call(self._parts[name], number, door, now, row)
            case {"to": str()} | {"from": str()}:
                pass
            case _:
                self._hooks.note(row)

    # Machines.

    def _make(self, name: str, number: int, row: Mapping[str, Any]) -> _Part:
        mine = [(n, r) for n, r in self._trace.rows if name in (r.get("to"), r.get("from"))]
        draws = deque(cast("float", r["draw"]) for _, r in mine if "draw" in r)

        def draw() -> float:
            return draws.popleft() if draws else 0.5

        try:
            machine = self._machine(name, row, draw)
        except (TypeError, ValueError, KeyError, LocalProtocolError) as error:
            if isinstance(error, TraceError):
                raise
            raise TraceError(f"line {number}: this machine cannot be made: {error}") from None
        header = self._trace.header
        scribe = Scribe(
            None, header.limit, revealed=header.is_redacted, depth=machine.config.max_json_depth
        )
        expected = deque((n, dict(r)) for n, r in mine if "action" in r)
        part = _Part(self._hooks.player(name, machine, row), scribe, draws, expected)
        if row["class"] == "AuxWebSocket" and machine.role is Role.CLIENT:
            part.nonces = Nonces(
                (r["kwargs"]["transport"], load(r["args"][0]))
                for _, r in mine
                if r.get("call") == "receive_bytes"
            )
        return part

    def _machine(
        self, name: str, row: Mapping[str, Any], draw: Callable[[], float]
    ) -> AuxMachine:  # fmt: skip
        config = load_config(row["config"], draw)
        role, url, kind = Role(row["role"]), row.get("url"), row["class"]
        headers = tuple((key, value) for key, value in row.get("headers", ()))
        if kind in self._machines:
            return self._machines[kind](role, config, url)
        if kind == "AuxSession":
            session = AuxSession(role, config, url, headers=headers)
            TracedSession.greet(session, map(load, row.get("on_connect", ())))
            return session
        if kind == "AuxWebSocket":
            from ._aux_websocket import AuxWebSocket

            return AuxWebSocket(role, config, url, headers=headers)
        raise TraceError(f"the machine {name} is of the class {kind}, which is not at hand")

    # Inputs and actions.

    def _call(
        self, part: _Part, number: int, door: str, now: float, row: Mapping[str, Any]
    ) -> None:
        part.last_call = number
        if door not in DOORS:
            raise TraceError(f"line {number}: there is no door {door!r}")
        self.elided += json.dumps(row).count('{"$e": ')
        try:
            args = [load(arg) for arg in row.get("args", ())]
            kwargs = {key: load(value) for key, value in row.get("kwargs", {}).items()}
            if door == "receive_bytes" and part.nonces is not None:
                args[0] = part.nonces.put_right(kwargs["transport"], args[0])
            self._enter(part, number, door, now, args, kwargs, row.get("raised"))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise TraceError(f"line {number}: this input cannot be played: {error!r}") from error

    def _enter(
        self,
        part: _Part,
        number: int,
        door: str,
        now: float,
        args: list[Any],
        kwargs: Mapping[str, Any],
        raised: str | None,
    ) -> None:
        player = part.player
        if door == "set_on_connect" and _are_bytes(args) and isinstance(player.machine, AuxSession):
            # Bytes: what fills an elided message has blanks that writing it anew would lose.
            TracedSession.greet(player.machine, cast("list[bytes]", args[0]))
            return
        try:
            player.call(door, *args, now=now, **kwargs)
        except (LocalProtocolError, OutboxFull) as error:
            if raised is None:
                played = {"raised": type(error).__name__, "text": str(error)}
                self._differs(number, part, None, played)
            return
        if raised in _REFUSALS:
            self._differs(number, part, {"raised": raised}, None)
        for action in player.actions():
            self.actions += 1
            self._compare(part, action)
        player.turned(now)

    def _compare(self, part: _Part, action: Action) -> None:
        machine: AuxMachine = part.player.machine
        if part.nonces is not None:
            part.nonces.look(action)
        played = json.loads(json.dumps(part.scribe.action(action, machine.role)))
        number, recorded = part.expected.popleft() if part.expected else (part.last_call, None)
        if recorded is None:
            part.acted.append((number, played))
        elif comparable(played) != comparable(recorded):
            self._differs(number, part, recorded, played)

    def _look_at_rest(self) -> None:
        """What was done and not recorded, or recorded and not done."""
        is_whole = self._trace.is_complete or not self._trace.header.is_redacted
        for part in self._parts.values():
            if part.expected:
                number, recorded = part.expected[0]
                self._differs(number, part, recorded, None)
            for number, played in part.acted:
                # What follows from the last input may be missing in what was cut off.
                if is_whole or number != part.last_call:
                    self._differs(number, part, None, played)

    def _differs(
        self,
        line: int,
        part: _Part,
        recorded: Mapping[str, Any] | None,
        played: Mapping[str, Any] | None,
    ) -> None:
        if self.difference is None or line < self.difference.line:
            self.difference = TraceDifference(
                line=line, machine=part.player.name, recorded=recorded, played=played
            )


def _are_bytes(args: list[Any]) -> bool:
    return bool(args) and all(isinstance(item, bytes) for item in args[0])
