"""A recorded run, played again: fresh machines, the same inputs, and the same judge.

It knows the lines of a trace (``_tape``). It must not know the world that made them: a driver's
recording, or one of a single machine, plays like any other. A machine's jitter comes from the
trace. The one thing that is never the same, the handshake's nonce, is put right in the bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from .._actions import Action, SendBytes
from .._config import Config
from .._constants import Role
from .._errors import LocalProtocolError, OutboxFull
from .._machine import AuxMachine
from .._session import AuxSession
from ._judge import InvariantBroken, Judge
from ._tape import VERSION, Tape, dump_action, load, load_config
from ._watched import Watched

Factory = Callable[[Role, Config, str | None], AuxMachine]
"""Makes a machine of a class of the caller's own."""

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY: Final = re.compile(rb"sec-websocket-key: *([^\r\n]*)", re.IGNORECASE)
_ACCEPT: Final = re.compile(rb"sec-websocket-accept: *([^\r\n]*)", re.IGNORECASE)


class TraceError(ValueError):
    """A file is no trace, or needs a machine that is not at hand."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay. ``recorded`` and ``failure`` are the failures, empty without one."""

    recorded: str
    failure: str
    lines: int
    """How many lines were played."""
    different: str
    """The first action that was not the recorded one, empty if there is none."""

    @property
    def is_same(self) -> bool:
        """Whether it went as recorded."""
        return self.failure == self.recorded and not self.different


@dataclass
class _Player:
    """A machine of a replay."""

    watched: Watched
    draws: deque[float]
    actions: deque[dict[str, Any]] = field(default_factory=deque[dict[str, Any]])
    accepts: dict[int, _Accept] = field(default_factory=dict[int, "_Accept"])


@dataclass
class _Accept:
    """The answer to a nonce: where it stands in the recorded bytes, and what it must be now."""

    recorded: bytes
    place: int
    new: bytes = b""
    seen: int = 0

    def put_right(self, data: bytes) -> bytes:
        """These bytes, the next that came, with the new answer in place of the recorded one."""
        out = bytearray(data)
        for offset in range(len(self.new)):
            at = self.place + offset - self.seen
            if 0 <= at < len(out):
                out[at] = self.new[offset]
        self.seen += len(data)
        return bytes(out)


def read(text: str) -> list[dict[str, Any]]:
    """The lines of a trace; raises `TraceError`."""
    lines: list[dict[str, Any]] = []
    for number, row in enumerate(text.splitlines(), 1):
        if not row.strip():
            continue
        try:
            value: object = json.loads(row)
        except ValueError:
            raise TraceError(f"line {number} is not JSON") from None
        if not isinstance(value, dict):
            raise TraceError(f"line {number} is no object")
        lines.append(cast("dict[str, Any]", value))
    if not lines or lines[0].get("auxws_trace") != VERSION:
        raise TraceError(f'the first line is not {{"auxws_trace": {VERSION}}}')
    return lines


def replay(
    lines: Iterable[Mapping[str, Any]], machines: Mapping[str, Factory] | None = None
) -> Replayed:
    """Play a trace again. ``machines`` makes those of other classes than ours, by class name.

    Raises `TraceError` for a class that is unknown.
    """
    rows = [dict(line) for line in lines]
    return _Replay(rows, machines or {}).run()


class _Replay:
    def __init__(self, rows: list[dict[str, Any]], machines: Mapping[str, Factory]) -> None:
        self._rows = rows
        self._machines = machines
        self._tape = Tape()
        self._judge = Judge()
        self._players: dict[str, _Player] = {}
        self._different = ""

    def run(self) -> Replayed:
        recorded = "".join(row["failure"] for row in self._rows if "failure" in row)
        failure, played = "", 0
        try:
            for row in self._rows:
                self._play(row)
                played += 1
            for name, player in self._players.items():
                if player.actions and not self._different:
                    self._different = f"{name} did nothing, recorded {player.actions[0]}"
        except InvariantBroken as error:
            failure = str(error)
        return Replayed(recorded, failure, played, self._different)

    def _play(self, row: dict[str, Any]) -> None:
        match row:
            case {"machine": str(name)}:
                self._make(name, row)
            case {"to": str(name), "call": str(door), "t": float() | int() as now}:
                self._call(self._players[name], door, now, row)
            case {"foreign": str(name), "data": str(data)}:
                self._judge.foreign(name, data.encode())
            case {"check": "rest"}:
                self._judge.at_rest()
            case _:
                pass

    def _make(self, name: str, row: dict[str, Any]) -> None:
        draws = deque(r["draw"] for r in self._rows if r.get("to") == name and "draw" in r)

        def draw() -> float:
            return draws.popleft() if draws else 0.5

        config = load_config(row["config"], draw)
        role, url, kind = Role(row["role"]), row.get("url"), row["class"]
        machine: AuxMachine
        if kind in self._machines:
            machine = self._machines[kind](role, config, url)
        elif kind == "AuxSession":
            machine = AuxSession(role, config, url)
        elif kind == "AuxWebSocket":
            from .._aux_websocket import AuxWebSocket

            machine = AuxWebSocket(role, config, url)
        else:
            raise TraceError(f"the machine {name} is of the class {kind}, which is not at hand")
        serves = (row["serves"][0], row["serves"][1]) if "serves" in row else None
        watched = Watched(name, machine, self._tape, self._judge, url=url, serves=serves)
        player = _Player(watched, draws)
        player.actions.extend(r for r in self._rows if r.get("from") == name)
        if kind == "AuxWebSocket" and role is Role.CLIENT:
            player.accepts = self._accepts(name)
        self._players[name] = player

    def _accepts(self, name: str) -> dict[int, _Accept]:
        """The answers to nonces in what came to this machine, by transport."""
        streams: dict[int, bytearray] = {}
        for row in self._rows:
            if row.get("to") == name and row.get("call") == "receive_bytes":
                number = row["kwargs"]["transport"]
                streams.setdefault(number, bytearray()).extend(load(row["args"][0]))
        found: dict[int, _Accept] = {}
        for number, stream in streams.items():
            match = _ACCEPT.search(stream)
            if match is not None:
                found[number] = _Accept(bytes(match[1]), match.start(1))
        return found

    def _call(self, player: _Player, door: str, now: float, row: dict[str, Any]) -> None:
        args = [load(arg) for arg in row.get("args", [])]
        kwargs: dict[str, Any] = load(row.get("kwargs", {}))
        if door == "receive_bytes":
            accept = player.accepts.get(kwargs["transport"])
            if accept is not None:
                args[0] = accept.put_right(args[0])
        try:
            player.watched.call(door, *args, now=now, **kwargs)
        except (LocalProtocolError, OutboxFull):
            return
        for action in player.watched.actions():
            self._compare(player, action)
        player.watched.turned(now)

    def _compare(self, player: _Player, action: Action) -> None:
        machine = player.watched.machine
        if isinstance(action, SendBytes):
            key = _KEY.search(action.data)
            accept = player.accepts.get(action.transport)
            if key is not None and accept is not None:
                digest = hashlib.sha1(bytes(key[1]) + _GUID, usedforsecurity=False).digest()
                accept.new = base64.b64encode(digest)
        written: Any = json.loads(json.dumps(dump_action(action, machine.role)))
        recorded = dict(player.actions.popleft()) if player.actions else {}
        recorded.pop("from", None)
        if written != recorded and not self._different:
            self._different = f"{player.watched.name}: {written}, recorded {recorded or 'nothing'}"
