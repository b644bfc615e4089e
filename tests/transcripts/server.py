"""A server of ours in the place of a recorded one: recordings of bare sockets show the server.

It knows which answers are the machine's own business. The application's judgements come from the
recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auxws_proto import (
    AnswerUploadRequest,
    AuxSession,
    Config,
    DeliverMessage,
    Role,
    SendText,
    UploadGranted,
)

from .recording import client_texts, parse


@dataclass
class ServerOutcome:
    """What the server of a recording and ours said, for each text that came in."""

    exchanges: list[tuple[str, list[str], list[str]]]
    """What came, what was recorded as the answer, and ours."""
    differences: set[str]


def replay_server(events: list[dict[str, Any]]) -> ServerOutcome:
    """Feed what came to a server of ours: upload answers and error events are the machine's."""
    exchanges: list[tuple[str, list[str], list[str]]] = []
    differences: set[str] = set()
    answers = list(client_texts(events, "s2c"))
    questions = list(client_texts(events, "c2s"))
    machines: dict[int, AuxSession] = {}
    for place, (index, conn, text) in enumerate(questions):
        following = [i for i, c, _ in questions[place + 1 :] if c == conn]
        until = following[0] if following else len(events)
        wanted = [t for i, c, t in answers if c == conn and index < i < until and _is_machines(t)]
        now = events[index]["t"]
        if conn not in machines:
            machines[conn] = AuxSession(Role.SERVER, Config(confirm=False, ping_interval=None))
            machines[conn].transport_opened(now)
        machine = machines[conn]
        machine.receive_text(text, now)
        got: list[str] = []
        _drain_server(machine, wanted, got, differences, now)
        exchanges.append((text, wanted, got))
    return ServerOutcome(exchanges, differences)


def _is_machines(text: str) -> bool:
    """Whether this answer is the protocol's own business, and not the application's."""
    value = parse(text)
    return isinstance(value, list) and bool(value) and value[0] in (3, 5)


def _drain_server(
    machine: AuxSession, wanted: list[str], got: list[str], differences: set[str], now: float
) -> None:
    for action in machine.actions():
        match action:
            case SendText():
                got.append(action.text)
                machine.data_sent(1, now)
            case AnswerUploadRequest(request_id=request_id):
                for text in wanted:
                    match parse(text):
                        case [3, _, str(url), str(method), dict(headers)]:
                            granted = UploadGranted(
                                request_id=request_id, url=url, method=method, headers=headers
                            )
                            machine.handle(granted, now)
                        case _:
                            pass
            case DeliverMessage():
                # The application's judgement, from the recording.
                for text in wanted:
                    match parse(text):
                        case [5, event_id, dict(info)]:
                            differences.add("application")
                            machine.send_error(info, now, event_id=event_id)
                        case _:
                            pass
            case _:
                pass


def compare_server(outcome: ServerOutcome) -> list[str]:
    """What is not the same beyond the documented differences."""
    problems = []
    for text, wanted, got in outcome.exchanges:
        if got == wanted:
            continue
        shapes = [_shape(answer) for answer in wanted], [_shape(answer) for answer in got]
        if shapes[0] == shapes[1]:
            outcome.differences.add("wording")
        else:
            problems.append(f"{text[:80]!r}: answered {shapes[1]}, recorded {shapes[0]}")
    return problems


def _shape(text: str) -> Any:
    match parse(text):
        case [5, event_id, dict(info)]:
            return 5, event_id, info.get("errorCode"), isinstance(info.get("issues"), list)
        case value:
            return value
