"""The recordings replay against our machines: same events, ids, requests and deliveries.

What the recordings cannot show yet, the documented differences, is shown with recordings made here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auxws_proto import Config

from .endpoints import Endpoint, OverSession, OverWebSocket
from .recording import FOLDER, has_application, load
from .replay import DIFFERENCES, ClientReplay, Outcome, compare, main
from .server import compare_server, replay_server

RECORDINGS = sorted(FOLDER.glob("*.jsonl"))
CLIENTS = [path for path in RECORDINGS if has_application(load(path))]
SERVERS = [path for path in RECORDINGS if path not in CLIENTS]
MACHINES: list[Callable[[Config], Endpoint]] = [OverSession, OverWebSocket]

HANDSHAKE: list[dict[str, Any]] = [
    {"ev": "app_connect", "who": "a"},
    {"ev": "handshake_request", "conn": 1, "line": "GET /Prod HTTP/1.1", "headers": []},
    {"ev": "handshake_response", "conn": 1, "line": "HTTP/1.1 101 Switching Protocols"},
]
STORE = "http://127.0.0.1:8003/"


def stem(path: Path) -> str:
    return path.stem


def frame(direction: str, text: str) -> dict[str, Any]:
    return {"ev": "frame", "conn": 1, "dir": direction, "opcode": 1, "fin": True, "text": text}


def send(message: dict[str, Any]) -> dict[str, Any]:
    return {"ev": "app_send", "who": "a", "message": message}


def put(number: int, key: str, body: str) -> dict[str, Any]:
    return {
        "ev": "http_request", "api": "s3", "by": "client", "id": number, "method": "PUT",
        "target": "/" + key, "body": body,
        "headers": [
            ["Host", "127.0.0.1:8003"], ["Content-Type", "application/json"],
            ["x-amz-acl", "bucket-owner-full-control"],
        ],
    }  # fmt: skip


def answer(number: int, status: int) -> dict[str, Any]:
    return {
        "ev": "http_response", "api": "s3", "by": "client", "id": number, "status": status,
        "headers": [], "body": "",
    }  # fmt: skip


def grant(number: int, key: str) -> dict[str, Any]:
    return frame("s2c", json.dumps([3, number, STORE + key, "PUT", {}]))


def recording(*events: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"t": index / 1000, **event} for index, event in enumerate([*HANDSHAKE, *events])]


def replayed(
    *events: dict[str, Any], make: Callable[[Config], Endpoint] = OverSession
) -> tuple[Outcome, list[str]]:
    outcome = ClientReplay(recording(*events), make).run()
    return outcome, compare(outcome)


def test_there_are_recordings_of_both_kinds() -> None:
    assert CLIENTS
    assert SERVERS


@pytest.mark.parametrize("make", MACHINES, ids=lambda make: make.__name__)
@pytest.mark.parametrize("path", CLIENTS, ids=stem)
def test_client_is_the_same(
    path: Path, make: Callable[[Config], Endpoint], record_property: Callable[[str, object], None]
) -> None:
    outcome = ClientReplay(load(path), make).run()

    problems = compare(outcome)

    for name in sorted(outcome.differences):
        record_property(name, DIFFERENCES[name])
    assert problems == []


@pytest.mark.parametrize("path", CLIENTS, ids=stem)
def test_both_machines_say_and_deliver_the_same(path: Path) -> None:
    over_session, over_websocket = (ClientReplay(load(path), make).run().ours for make in MACHINES)

    assert over_websocket.keys() == over_session.keys()
    for who, side in over_session.items():
        assert over_websocket[who].texts == side.texts
        assert over_websocket[who].requests == side.requests
        assert over_websocket[who].messages == side.messages


@pytest.mark.parametrize("path", SERVERS, ids=stem)
def test_server_is_the_same(path: Path) -> None:
    assert compare_server(replay_server(load(path))) == []


def test_report_names_the_differences(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([])

    printed = capsys.readouterr().out
    assert status == 0
    assert all(path.name in printed for path in RECORDINGS)
    assert DIFFERENCES["close code"] in printed


# A replay that could not fail would prove nothing.


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda events: events[4].update(text='[1,2,{"type":"a"}]'), "text 0"),
        (lambda events: events.insert(5, frame("c2s", '[1,2,{"type":"b"}]') | {"t": 1}), "1 texts"),
        (
            lambda events: events.append(
                {"t": 1, "ev": "client_message", "who": "a", "message": {"type": "c"}}
            ),
            "delivered",
        ),
        (lambda events: events.append({"t": 1, "ev": "client_error", "who": "a"}), "errors"),
    ],
)
def test_what_is_not_the_same_is_found(
    change: Callable[[list[dict[str, Any]]], None], problem: str
) -> None:
    events = recording(send({"type": "a"}), frame("c2s", '[1,1,{"type":"a"}]'))
    change(events)

    problems = compare(ClientReplay(events, OverSession).run())

    assert [text for text in problems if problem in text] == problems != []


def test_other_body_is_found() -> None:
    large = {"type": "large", "text": "x" * 32_000}

    _, problems = replayed(
        send(large), frame("c2s", "[2,1]"), grant(1, "k"), put(1, "k", "{}"), answer(1, 200),
        frame("c2s", f'[4,2,"{STORE}k","GET",{{}}]'),
    )  # fmt: skip

    assert len(problems) == 1
    assert "body" in problems[0]


# The documented differences.


@pytest.mark.parametrize("make", MACHINES, ids=lambda make: make.__name__)
def test_bytes_not_utf16_units(make: Callable[[Config], Endpoint]) -> None:
    cjk = {"type": "cjk", "text": "漢" * 20_000}
    text = json.dumps([1, 2, cjk], ensure_ascii=False, separators=(",", ":"))

    outcome, problems = replayed(
        send({"type": "a"}), frame("c2s", '[1,1,{"type":"a"}]'),
        send(cjk), frame("c2s", text),
        {"ev": "frame", "conn": 1, "dir": "s2c", "opcode": 8, "fin": True, "code": 1009,
         "reason": ""},
        {"ev": "tcp_closed", "conn": 1}, make=make,
    )  # fmt: skip

    assert problems == []
    assert "bytes" in outcome.differences
    assert outcome.ours["a"].texts == ['[1,1,{"type":"a"}]', "[2,2]"]


@pytest.mark.parametrize("make", MACHINES, ids=lambda make: make.__name__)
def test_order(make: Callable[[Config], Endpoint]) -> None:
    large = {"type": "large", "text": "x" * 32_000}
    body = json.dumps(large, separators=(",", ":"))
    events = recording(
        send(large), frame("c2s", "[2,1]"),
        send({"type": "a"}), frame("c2s", '[1,2,{"type":"a"}]'),
        grant(1, "k"), put(1, "k", body), answer(1, 200),
        frame("c2s", f'[4,3,"{STORE}k","GET",{{}}]'),
    )  # fmt: skip

    relaxed = ClientReplay(events, make).run()
    strict = ClientReplay(events, make, ordering="strict").run()

    assert compare(relaxed) == []
    assert "order" in relaxed.differences
    assert strict.ours["a"].texts == [
        "[2,1]", f'[4,2,"{STORE}k","GET",{{}}]', '[1,3,{"type":"a"}]',
    ]  # fmt: skip


def test_late_handling() -> None:
    large = {"type": "large", "text": "x" * 32_000}
    body = json.dumps(large, separators=(",", ":"))

    outcome, problems = replayed(
        send(large), frame("c2s", "[2,1]"), grant(1, "k"), put(1, "k", body), answer(1, 200),
        send({"type": "a"}), frame("c2s", '[1,2,{"type":"a"}]'),
        frame("c2s", f'[4,3,"{STORE}k","GET",{{}}]'),
    )  # fmt: skip

    assert problems == []
    assert {"order", "late handling"} <= outcome.differences


@pytest.mark.parametrize(
    "bad", ["not JSON", '{"message":"Internal server error"}', "[9,1]", '[5,-1,{"success":false}]']
)
@pytest.mark.parametrize("make", MACHINES, ids=lambda make: make.__name__)
def test_deaf(bad: str, make: Callable[[Config], Endpoint]) -> None:
    before = {"ev": "client_message", "who": "a", "message": {"type": "before"}}

    outcome, problems = replayed(
        frame("s2c", '[1,0,{"type":"before"}]'), before, frame("s2c", bad),
        {"ev": "client_error", "who": "a"}, frame("s2c", '[1,0,{"type":"after"}]'), make=make,
    )  # fmt: skip

    assert problems == []
    assert "deaf" in outcome.differences
    assert outcome.ours["a"].messages == [{"type": "before"}, {"type": "after"}]


@pytest.mark.parametrize("make", MACHINES, ids=lambda make: make.__name__)
def test_retry(make: Callable[[Config], Endpoint]) -> None:
    large = {"type": "large", "text": "x" * 32_000}
    body = json.dumps(large, separators=(",", ":"))

    outcome, problems = replayed(
        send(large), frame("c2s", "[2,1]"), grant(1, "k"), put(1, "k", body), answer(1, 503),
        {"ev": "app_disconnect", "who": "a", "t": 30.0}, make=make,
    )  # fmt: skip

    assert problems == []
    assert "retry" in outcome.differences
    assert [request.url for request in outcome.ours["a"].requests] == [STORE + "k"] * 2


@pytest.mark.parametrize("make", MACHINES, ids=lambda make: make.__name__)
def test_not_supported(make: Callable[[Config], Endpoint]) -> None:
    large = {"type": "large", "text": "x" * 32_000}

    outcome, problems = replayed(
        send(large), frame("c2s", "[2,1]"),
        frame("s2c", '[5,1,{"success":false,"errorCode":"not_supported"}]'), make=make,
    )  # fmt: skip

    assert problems == []
    assert "not supported" in outcome.differences
    assert [json.loads(text)[1:] for text in outcome.ours["a"].texts] == [[1], [2, large]]


def test_reconnect() -> None:
    outcome, problems = replayed(
        send({"type": "a"}), frame("c2s", '[1,1,{"type":"a"}]'), {"ev": "tcp_closed", "conn": 1},
        {**HANDSHAKE[1], "conn": 2, "t": 5.0}, {**HANDSHAKE[2], "conn": 2, "t": 5.0},
        {**send({"type": "b"}), "t": 5.1},
        {**frame("c2s", '[1,2,{"type":"b"}]'), "conn": 2, "t": 5.1},
    )  # fmt: skip

    assert problems == []
    assert outcome.ours["a"].texts == ['[1,1,{"type":"a"}]', '[1,2,{"type":"b"}]']
