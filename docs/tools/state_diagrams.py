"""Draws the state diagrams of ``docs/explanation/states.md`` from the code.

    python -m docs.tools.state_diagrams --write | --check

The life of a transport and of an upload are tables in the core, which are drawn as they are. The
public states have no table: they follow from what happens to transports. So a session is tried
out: every input in every situation, and the changes of state that it reports are what is drawn.
Only where the nodes stand is written down here.
"""

from __future__ import annotations

import copy
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeAlias

from auxws_proto import (
    AuxSession,
    Config,
    ConnectionId,
    LocalProtocolError,
    LoginUnavailable,
    OpenTransport,
    ReportState,
    Role,
    SendPing,
    State,
    TransportFailure,
)
from auxws_proto._link import STEPS
from auxws_proto._send import UPLOAD_STEPS

from .drawing import Arrow, Point, state_diagram

DOCS: Final = Path(__file__).parent.parent
PAGE: Final = DOCS / "explanation" / "states.md"

Changes: TypeAlias = dict[tuple[str, str], list[str]]
"""From one state to another: why, as a list."""


def readable(step: Enum) -> str:
    return step.name.lower().replace("_", " ")


def changes_of(table: Mapping[Any, Mapping[Any, Any]]) -> Changes:
    """The changes that a table of the core allows."""
    found: Changes = {}
    for start, steps in table.items():
        for step, end in steps.items():
            found.setdefault((start.name, end.name), []).append(readable(step))
    return found


# The public states, by trying everything.

Input: TypeAlias = Callable[[AuxSession, int, float, bytes], None]
REFUSED: Final = TransportFailure(kind="handshake", detail="", status=401)
UNREACHABLE: Final = TransportFailure(kind="connect", detail="")
INFO: Final = '"info":{"connectionId":"c","sessionId":null,"userId":null}'
ACCEPTED: Final = f'[1,0,{{"type":"login_result","success":true,{INFO}}}]'
DENIED: Final = (
    '[1,0,{"type":"login_result","success":false,"errorCode":"invalid_token","errorMessage":""}]'
)

INPUTS: Final[Mapping[str, Input]] = {
    "connect()": lambda s, t, now, p: s.connect(now),
    "disconnect()": lambda s, t, now, p: s.disconnect(now),
    "close()": lambda s, t, now, p: s.close(now),
    "opened": lambda s, t, now, p: s.transport_opened(now, transport=t),
    "could not be opened": lambda s, t, now, p: s.transport_failed(UNREACHABLE, now, transport=t),
    "refused for good": lambda s, t, now, p: s.transport_failed(REFUSED, now, transport=t),
    "lost": lambda s, t, now, p: s.receive_eof(now, code=1006, transport=t),
    "login()": lambda s, t, now, p: s.login(ConnectionId("someone"), now),
    "logged in": lambda s, t, now, p: s.receive_text(ACCEPTED, now, transport=t),
    "login refused": lambda s, t, now, p: s.receive_text(DENIED, now, transport=t),
    "no credentials": lambda s, t, now, p: s.handle(LoginUnavailable(transport=t), now),
    "pong": lambda s, t, now, p: s.receive_pong(p, now, transport=t),
    "time": lambda s, t, now, p: s.handle_timeout(s.next_timeout() or now),
}
ONLY_IN: Final = {"could not be opened": State.CONNECTING, "refused for good": State.CONNECTING}
"""Inputs that whoever does the I/O gives nowhere else."""
TIMES_OUT: Final = {
    State.WAITING: "the wait is over",
    State.CONNECTING: "no handshake in time",
    State.AUTHENTICATING: "no login in time",
    State.OPEN: "no pong in time",
    State.CLOSING: "no close in time",
}
BETTER: Final = {
    (State.CLOSING, State.IDLE): {"lost": "closed"},
    (State.CLOSING, State.CLOSED): {"lost": "closed"},
    (State.CONNECTING, State.OPEN): {"opened": "opened, no login"},
}
"""Words for an input that means something more here."""


MOST: Final = 1
"""Transports at a time, so that there is an end: closing ones could be any number."""


class Situation:
    """A session, and what whoever does its I/O has to remember."""

    def __init__(self, session: AuxSession) -> None:
        self.session = session
        self.transport = 0
        self.ping = b""

    def signature(self) -> tuple[object, ...]:
        """What tells situations apart, as far as states are concerned."""
        life = self.session._engine.life
        links = tuple(
            (
                t.link,
                t.opened_at is not None,
                t.ping_out is not None,
                t.answers_pings,
                t.login_attempts > 0,
            )
            for t in life.transports
        )
        return life.state, links, life.is_over

    def drain(self) -> Iterator[State]:
        for action in self.session.actions():
            match action:
                case OpenTransport(transport=number):
                    self.transport = number
                case SendPing(payload=payload):
                    self.ping = payload
                case ReportState(state=state):
                    yield state
                case _:
                    pass

    def after(self, call: Input) -> tuple[Situation, list[State]] | None:
        """The situation after an input, and the states reported; None if it has no place here."""
        other = copy.deepcopy(self)
        now = max(other.session.now, 0.0) + 0.001
        try:
            call(other.session, other.transport, now, other.ping)
        except LocalProtocolError:
            return None
        return other, list(other.drain())


def explore(config: Config) -> Changes:
    """Every change of the public state that any inputs lead to."""
    first = Situation(AuxSession(Role.CLIENT, config, "wss://example.com/"))
    seen = {first.signature()}
    waiting = deque([first])
    found: Changes = {}
    while waiting:
        situation = waiting.popleft()
        for name, call in INPUTS.items():
            before = situation.session.state
            if ONLY_IN.get(name, before) is not before:
                continue
            result = situation.after(call)
            if result is None:
                continue
            then, states = result
            for state in states:
                note(found, before, state, name)
                before = state
            if len(then.session._engine.life.transports) <= MOST and then.signature() not in seen:
                seen.add(then.signature())
                waiting.append(then)
    return found


def note(found: Changes, before: State, after: State, name: str) -> None:
    if before is after:
        return
    why = TIMES_OUT[before] if name == "time" else name
    why = BETTER.get((before, after), {}).get(name, why)
    whys = found.setdefault((before.name, after.name), [])
    if why not in whys:
        whys.append(why)


def public_changes() -> Changes:
    """With a login and without one."""
    found: Changes = {}
    for ask in (True, False):
        for pair, whys in explore(Config(ask_for_login=ask, ping_interval=60)).items():
            known = found.setdefault(pair, [])
            known += [why for why in whys if why not in known]
    order = [state.name for state in State]
    return dict(sorted(found.items(), key=lambda item: [order.index(name) for name in item[0]]))


PUBLIC: Final[Mapping[str, Point]] = {
    "IDLE": (100, 300),
    "CONNECTING": (300, 110),
    "AUTHENTICATING": (640, 50),
    "OPEN": (960, 190),
    "WAITING": (560, 290),
    "CLOSING": (900, 520),
    "CLOSED": (350, 520),
}
TRANSPORT: Final[Mapping[str, Point]] = {
    "OPENING": (110, 300),
    "ASKING": (360, 90),
    "LOGGING_IN": (660, 90),
    "READY": (930, 250),
    "RETIRING": (650, 340),
    "CLOSING": (330, 430),
    "ENDED": (560, 620),
}
UPLOAD: Final[Mapping[str, Point]] = {
    "NONE": (100, 60),
    "WANTS_URL": (370, 60),
    "PUTTING": (640, 60),
    "STORED": (890, 60),
}
BENDS: Final[Mapping[tuple[str, str, str], tuple[float, float]]] = {
    ("a session", "AUTHENTICATING", "WAITING"): (0, 0.68),
    ("a session", "AUTHENTICATING", "CLOSING"): (0, 0.6),
    ("a session", "CONNECTING", "OPEN"): (0, 0.76),
    ("a session", "CONNECTING", "CLOSED"): (0, 0.34),
    ("a session", "CONNECTING", "WAITING"): (70, 0.4),
    ("a session", "WAITING", "CONNECTING"): (26, 0.3),
    ("a session", "WAITING", "CLOSED"): (0, 0.72),
    ("a session", "WAITING", "IDLE"): (0, 0.3),
    ("a session", "OPEN", "WAITING"): (0, 0.35),
    ("a session", "CLOSING", "CONNECTING"): (200, 0.5),
    ("a session", "CLOSING", "IDLE"): (0, 0.75),
    ("a transport", "OPENING", "ENDED"): (-150, 0.4),
    ("a transport", "READY", "CLOSING"): (-130, 0.3),
    ("a transport", "LOGGING_IN", "ENDED"): (-170, 0.85),
    ("a transport", "LOGGING_IN", "CLOSING"): (0, 0.72),
    ("a transport", "ASKING", "CLOSING"): (0, 0.75),
    ("a transport", "ASKING", "ENDED"): (0, 0.68),
    ("a transport", "ASKING", "RETIRING"): (0, 0.75),
    ("a transport", "OPENING", "READY"): (0, 0.14),
    ("a transport", "OPENING", "LOGGING_IN"): (0, 0.3),
}
"""How far an arrow bends, and where its label stands: (diagram, start, end)."""


def diagram(name: str, changes: Changes, places: Mapping[str, Point], size: Point) -> str:
    arrows = []
    for (start, end), whys in changes.items():
        default = 26.0 if (end, start) in changes else 0.0
        bend, at = BENDS.get((name, start, end), (default, 0.5))
        arrows.append(Arrow(start=start, end=end, labels=tuple(whys), bend=bend, at=at))
    return state_diagram(places, arrows, size, f"The states of {name}")


def table(changes: Changes) -> str:
    """The same as text."""
    rows = [f"| `{a}` | {', '.join(whys)} | `{b}` |" for (a, b), whys in changes.items()]
    return "\n".join(["| from | when | to |", "| --- | --- | --- |", *rows])


def documents() -> dict[Path, str]:
    """The files, and what they have to hold."""
    public, link, upload = public_changes(), changes_of(STEPS), changes_of(UPLOAD_STEPS)
    folder = PAGE.parent
    text = PAGE.read_text("utf-8")
    for name, changes in (("session", public), ("transport", link), ("upload", upload)):
        before, end = f"<!-- table: {name} -->\n\n", "\n\n<!-- end of table -->"
        head, _, rest = text.partition(before)
        text = head + before + table(changes) + end + rest.partition(end)[2]
    return {
        PAGE: text,
        folder / "states-session.svg": diagram("a session", public, PUBLIC, (1060, 570)),
        folder / "states-transport.svg": diagram("a transport", link, TRANSPORT, (1030, 660)),
        folder / "states-upload.svg": diagram("an upload", upload, UPLOAD, (990, 120)),
    }


def main(arguments: list[str]) -> int:
    wrong = [
        path
        for path, text in documents().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    if "--write" in arguments:
        for path, text in documents().items():
            path.write_text(text, "utf-8")
        return 0
    for path in wrong:
        sys.stdout.write(f"{path.name} is not current; run with --write\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
