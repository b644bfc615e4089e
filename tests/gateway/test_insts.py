"""The inst server against a client that is a list: what goes in, and what comes out in which order.

Answers are compared after everything has come to rest, so that no test depends on the order in
which tasks run.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from auxws_anyio.gateway._app import App, Received
from auxws_anyio.gateway._insts import insts
from auxws_proto import make_connection_token

pytestmark = pytest.mark.anyio

RECORDINGS = sorted((Path(__file__).parent.parent / "transcripts").glob("*.jsonl"))
BRANCH = {"recordName": None, "inst": "lobby", "branch": "shared"}
KEY = "vCK1.dXNlcg==.c2Vzc2lvbg==.c2VjcmV0MTI=.MTc5NjY4ODA4NTY1Mw=="
OTHER_KEY = "vCK1.dXNlcg==.c2Vzc2lvbg==.c2VjcmV0MzQ=.MTc5NjY4ODA4NTY1Mw=="


async def settle() -> None:
    """Let every task run until it waits: no answer takes more than a few turns of the loop."""
    for _ in range(100):
        await checkpoint()


class FakeConnection:
    """A `GatewayConnection` whose client is the test."""

    def __init__(self, name: str) -> None:
        self.connection_id = name
        self.path = "/Prod"
        self.headers: tuple[tuple[str, str], ...] = ()
        self.sent: list[dict[str, Any]] = []
        self.errors: list[tuple[float | None, dict[str, Any]]] = []
        self.is_disconnected = False
        self.reads = anyio.Event()
        self.reads.set()
        self.send_raises: Exception | None = None
        self._next_id = 0
        self._in, self._out = anyio.create_memory_object_stream[Received](100)

    def __aiter__(self) -> AsyncIterator[Received]:
        return aiter(self._out)

    async def send(self, message: Mapping[str, Any]) -> None:
        await self.reads.wait()
        if self.send_raises is not None:
            raise self.send_raises
        self.sent.append(json.loads(json.dumps(message)))

    async def send_error(self, info: Mapping[str, Any], event_id: float | None = -1) -> None:
        await self.reads.wait()
        self.errors.append((event_id, dict(info)))

    async def disconnect(self) -> None:
        self.is_disconnected = True
        self.vanish()

    def vanish(self) -> None:
        self._in.close()

    def close(self) -> None:
        self._in.close()
        self._out.close()

    async def put(self, message: Mapping[str, Any], event_id: float | None = None) -> None:
        """Hand in a message of the client, and wait until everything has come to rest."""
        self._next_id += 1
        number = self._next_id if event_id is None else event_id
        await self._in.send(Received(event_id=number, message=dict(message)))
        await settle()

    def take(self) -> list[dict[str, Any]]:
        """What was sent to the client since the last time."""
        taken, self.sent = self.sent, []
        return taken


class World:
    """Connections to one app."""

    def __init__(self, app: App, tasks: TaskGroup, connections: list[FakeConnection]) -> None:
        self._app = app
        self._tasks = tasks
        self._connections = connections

    def connect(self, name: str = "gateway-id") -> FakeConnection:
        connection = FakeConnection(name)
        self._connections.append(connection)
        self._tasks.start_soon(self._serve, connection)
        return connection

    async def _serve(self, connection: FakeConnection) -> None:
        await self._app(connection)

    async def guest(self, name: str) -> FakeConnection:
        connection = self.connect()
        await connection.put({"type": "login", "connectionId": name})
        connection.take()
        return connection

    async def watcher(self, name: str) -> FakeConnection:
        connection = await self.guest(name)
        await connection.put({"type": "repo/watch_branch", **BRANCH})
        connection.take()
        return connection


@asynccontextmanager
async def world(**settings: Any) -> AsyncIterator[World]:
    settings.setdefault("clock", lambda: 1_700_000_000.5)
    connections: list[FakeConnection] = []
    try:
        async with anyio.create_task_group() as tasks:
            yield World(insts(**settings), tasks, connections)
            for connection in connections:
                connection.reads.set()
                connection.vanish()
    finally:
        for connection in connections:
            connection.close()


def info(name: str) -> dict[str, Any]:
    return {"connectionId": name, "sessionId": None, "userId": None}


# Logging in.


async def test_guest_logs_in() -> None:
    async with world() as w:
        a = w.connect()

        await a.put({"type": "login", "connectionId": "a"})

        assert a.take() == [{"type": "login_result", "success": True, "info": info("a")}]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "unacceptable_connection_id"),
        ({"connectionId": ""}, "unacceptable_connection_id"),
        ({"connectionToken": "junk"}, "unacceptable_connection_token"),
        ({"connectionToken": "vCT1.dQ==.cw==.Yw==..aQ==.bm8="}, "invalid_token"),
    ],
)
async def test_bad_login_is_refused(fields: dict[str, str], code: str) -> None:
    async with world() as w:
        a = w.connect()

        await a.put({"type": "login", **fields})

        (result,) = a.take()
        assert (result["type"], result["success"]) == ("login_result", False)
        assert result["errorCode"] == code
        assert not a.is_disconnected


@pytest.mark.parametrize("keys", [None, [KEY], [OTHER_KEY, KEY]])
async def test_token_logs_a_user_in(keys: list[str] | None) -> None:
    async with world(connection_keys=keys) as w:
        a = w.connect()

        await a.put(make_connection_token(KEY, "conn", None, "lobby").login_message())

        who = {"userId": "user", "sessionId": "session", "connectionId": "conn"}
        assert a.take() == [{"type": "login_result", "success": True, "info": who}]


async def test_token_of_another_key_is_refused() -> None:
    async with world(connection_keys=[OTHER_KEY]) as w:
        a = w.connect()

        await a.put(make_connection_token(KEY, "conn", None, "lobby").login_message())

        assert a.take()[0]["errorCode"] == "invalid_token"


@pytest.mark.parametrize("record", [None, "rec"])
async def test_token_is_good_for_one_inst(record: str | None) -> None:
    async with world() as w:
        a = w.connect()
        await a.put(make_connection_token(KEY, "conn", record, "lobby").login_message())
        a.take()
        other = {"recordName": record, "inst": "elsewhere", "branch": "shared"}

        await a.put({"type": "repo/watch_branch", **other})
        await a.put({"type": "repo/add_updates", **other, "updates": ["AA=="]})
        await a.put({"type": "repo/watch_branch", **other, "inst": "lobby"})

        refused, _, accepted = a.take()
        assert refused == {
            "type": "repo/watch_branch_result",
            "success": False,
            "errorCode": "not_authorized",
            "errorMessage": "You are not authorized to access this inst.",
            **other,
            "reason": {"type": "invalid_token"},
        }
        assert [(number, e["errorCode"]) for number, e in a.errors] == [(-1, "not_authorized")]
        assert accepted["success"] is True


@pytest.mark.parametrize(
    "message",
    [
        {"type": "repo/watch_branch", **BRANCH},
        {"type": "repo/add_updates", **BRANCH, "updates": []},
        {"type": "repo/get_updates", **BRANCH},
        {"type": "repo/watch_branch_devices", **BRANCH},
    ],
)
async def test_needs_a_login(message: dict[str, Any]) -> None:
    async with world() as w:
        a = w.connect()

        await a.put(message)

        ((number, error),) = a.errors
        assert (number, error["errorCode"]) == (-1, "invalid_connection_state")
        assert error["inst"] == "lobby"
        assert a.is_disconnected


# Branches.


async def test_watch_sends_what_there_is_then_the_result() -> None:
    async with world() as w:
        a = await w.guest("a")
        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["AA==", "AQ=="]})

        await a.put({"type": "repo/watch_branch", **BRANCH})

        assert a.take() == [
            {"type": "repo/add_updates", **BRANCH, "updates": ["AA==", "AQ=="], "initial": True},
            {"type": "repo/watch_branch_result", **BRANCH, "success": True},
        ]


async def test_updates_go_to_the_other_watchers() -> None:
    async with world() as w:
        a, b, c = await w.watcher("a"), await w.watcher("b"), await w.guest("c")

        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["AA=="], "updateId": 7})

        assert a.take() == [{"type": "repo/updates_received", **BRANCH, "updateId": 7}]
        assert b.take() == [{"type": "repo/add_updates", **BRANCH, "updates": ["AA=="]}]
        assert c.take() == []


async def test_updates_without_an_id_are_not_answered() -> None:
    async with world() as w:
        a = await w.watcher("a")

        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["AA=="]})

        assert a.take() == []


async def test_get_updates_has_timestamps_in_ms() -> None:
    async with world() as w:
        a = await w.guest("a")
        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["AA==", "AQ=="]})

        await a.put({"type": "repo/get_updates", **BRANCH})
        await a.put({"type": "repo/get_updates", **BRANCH, "inst": "empty"})

        answer, empty = a.take()
        assert answer == {
            "type": "repo/add_updates",
            **BRANCH,
            "updates": ["AA==", "AQ=="],
            "timestamps": [1_700_000_000_500] * 2,
        }
        assert (empty["updates"], empty["timestamps"]) == ([], [])


async def test_unwatch_ends_the_updates() -> None:
    async with world() as w:
        a, b = await w.watcher("a"), await w.watcher("b")

        await b.put({"type": "repo/unwatch_branch", **BRANCH})
        await b.put({"type": "repo/unwatch_branch", **BRANCH})
        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["AA=="]})

        assert (b.take(), b.errors) == ([], [])


async def test_temporary_branch_lives_while_it_is_watched() -> None:
    async with world() as w:
        a = await w.guest("a")
        watch = {"type": "repo/watch_branch", **BRANCH, "temporary": True}
        await a.put(watch)
        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["AA=="]})
        await a.put({"type": "repo/get_updates", **BRANCH})
        await a.put({"type": "repo/unwatch_branch", **BRANCH})
        a.take()

        await a.put(watch)

        assert a.take()[0]["updates"] == []


async def test_full_branch_refuses_updates() -> None:
    async with world(max_branch_bytes=8) as w:
        a, b = await w.watcher("a"), await w.watcher("b")
        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["AAAA"], "updateId": 1})
        a.take()
        b.take()

        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["BBBB", "C"], "updateId": 2})
        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["BBBB", "C"]})
        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["DDDD"], "updateId": 3})

        assert a.take() == [
            {
                "type": "repo/updates_received",
                **BRANCH,
                "updateId": 2,
                "errorCode": "max_size_reached",
                "maxBranchSizeInBytes": 8,
                "neededBranchSizeInBytes": 9,
            },
            {"type": "repo/updates_received", **BRANCH, "updateId": 3},
        ]
        assert [(number, e["errorCode"]) for number, e in a.errors] == [(-1, "max_size_reached")]
        assert [m["updates"] for m in b.take()] == [["DDDD"]]


async def test_number_of_branches_is_bounded() -> None:
    async with world(max_branches=1) as w:
        a = await w.watcher("a")
        other = {**BRANCH, "branch": "other"}

        await a.put({"type": "repo/watch_branch", **other})
        await a.put({"type": "repo/add_updates", **other, "updates": ["AA=="], "updateId": 1})
        await a.put({"type": "repo/watch_branch_devices", **other})

        refused, received = a.take()
        assert (refused["success"], refused["errorCode"]) == (False, "subscription_limit_reached")
        assert received["errorCode"] == "max_size_reached"
        assert [e["errorCode"] for _, e in a.errors] == ["subscription_limit_reached"]


async def test_empty_branches_are_forgotten() -> None:
    async with world(max_branches=1) as w:
        a = await w.guest("a")

        for number in range(3):
            other = {**BRANCH, "branch": f"b{number}"}
            await a.put({"type": "repo/watch_branch", **other})
            await a.put({"type": "repo/unwatch_branch", **other})
            await a.put({"type": "repo/watch_branch_devices", **other})
            await a.put({"type": "repo/unwatch_branch_devices", **other})

        assert [m["success"] for m in a.take() if "success" in m] == [True] * 3
        assert a.errors == []


# Devices and actions.


async def test_device_watchers_see_who_comes_and_goes() -> None:
    async with world() as w:
        a, b = await w.guest("a"), await w.watcher("b")
        watch = {"type": "repo/watch_branch", **BRANCH}

        await a.put({"type": "repo/watch_branch_devices", **BRANCH})
        c = await w.watcher("c")
        await c.put(watch)
        b.vanish()
        await settle()
        await c.put({"type": "repo/unwatch_branch", **BRANCH})

        came = {"type": "repo/connected_to_branch", "branch": watch}
        left = {"type": "repo/disconnected_from_branch", "broadcast": True, **BRANCH}
        assert a.take() == [
            {**came, "broadcast": False, "connection": info("b")},
            {**came, "broadcast": True, "connection": info("c")},
            {**left, "connection": info("b")},
            {**left, "connection": info("c")},
        ]


async def test_unwatched_devices_are_not_reported() -> None:
    async with world() as w:
        a = await w.guest("a")
        await a.put({"type": "repo/watch_branch_devices", **BRANCH})

        await a.put({"type": "repo/unwatch_branch_devices", **BRANCH})
        await a.put({"type": "repo/unwatch_branch_devices", **BRANCH})
        await w.watcher("b")

        assert (a.take(), a.errors) == ([], [])


async def test_connection_that_vanishes_leaves_no_trace() -> None:
    async with world() as w:
        a, b = await w.watcher("a"), await w.watcher("b")
        await b.put({"type": "repo/watch_branch_devices", **BRANCH})
        b.take()

        b.vanish()
        await settle()
        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["AA=="]})
        await a.put({"type": "repo/connection_count", **BRANCH})
        await w.watcher("c")

        assert b.take() == []
        assert a.take()[-1]["count"] == 1


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ({"connectionId": "b"}, "b"),
        ({"connectionId": "a"}, "a"),
        ({"connectionId": "nobody"}, ""),
        ({"sessionId": "session"}, "u"),
        ({"userId": "user"}, "u"),
        ({"broadcast": True}, "abu"),
        ({"broadcast": False}, ""),
        ({}, ""),
    ],
)
async def test_actions_go_to_whom_the_selector_names(selector: dict[str, Any], names: str) -> None:
    async with world() as w:
        watchers = {"a": await w.watcher("a"), "b": await w.watcher("b"), "u": w.connect()}
        await w.guest("outside")
        await watchers["u"].put(make_connection_token(KEY, "u", None, "lobby").login_message())
        await watchers["u"].put({"type": "repo/watch_branch", **BRANCH})
        watchers["u"].take()
        action = {"type": "remote", "event": {"x": 1}, "taskId": 5, **selector}

        await watchers["a"].put({"type": "repo/send_action", **BRANCH, "action": action})

        device = {"type": "device", "connection": info("a"), "event": {"x": 1}, "taskId": 5}
        got = {name: connection.take() for name, connection in watchers.items()}
        message = {"type": "repo/receive_action", **BRANCH, "action": device}
        assert got == {name: [message] if name in names else [] for name in watchers}


@pytest.mark.parametrize(
    ("remote", "device"),
    [
        ({"type": "remote_result", "result": 1}, {"type": "device_result", "result": 1}),
        ({"type": "remote_result"}, {"type": "device_result"}),
        ({"type": "remote_error", "error": "no"}, {"type": "device_error", "error": "no"}),
    ],
)
async def test_results_become_device_results(
    remote: dict[str, Any], device: dict[str, Any]
) -> None:
    async with world() as w:
        a, b = await w.guest("a"), await w.watcher("b")
        action = {**remote, "connectionId": "b"}

        await a.put({"type": "repo/send_action", **BRANCH, "action": action})

        assert [m["action"] for m in b.take()] == [{**device, "connection": info("a")}]


async def test_connection_count_at_each_level() -> None:
    async with world() as w:
        await w.watcher("a")
        await w.guest("b")
        nobody = w.connect()
        levels: list[dict[str, Any]] = [
            {"recordName": None, "inst": None, "branch": None},
            {"recordName": None, "inst": "lobby", "branch": None},
            BRANCH,
            {**BRANCH, "branch": "other"},
            {**BRANCH, "recordName": "rec"},
        ]

        for level in levels:
            await nobody.put({"type": "repo/connection_count", **level})

        counts = [2, 1, 1, 0, 0]
        assert nobody.take() == [
            {"type": "repo/connection_count", **level, "count": count}
            for level, count in zip(levels, counts, strict=True)
        ]


# What it cannot do, and what is wrong.


async def test_time_needs_no_login() -> None:
    async with world() as w:
        a = w.connect()

        await a.put({"type": "sync/time", "id": 3, "clientRequestTime": 1000})

        assert a.take() == [
            {
                "type": "sync/time/response",
                "id": 3,
                "clientRequestTime": 1000,
                "serverReceiveTime": 1_700_000_000_500,
                "serverTransmitTime": 1_700_000_000_500,
            }
        ]


async def test_http_request_is_answered_as_not_supported() -> None:
    async with world() as w:
        a = w.connect()
        request: dict[str, Any] = {
            "path": "/api/v2/x", "method": "GET", "headers": {}, "query": {}, "pathParams": {},
            "body": None,
        }  # fmt: skip

        await a.put({"type": "http_request", "id": 4, "request": request})

        (answer,) = a.take()
        assert (answer["type"], answer["id"]) == ("http_response", 4)
        assert answer["response"]["statusCode"] == 501
        assert json.loads(answer["response"]["body"])["errorCode"] == "not_supported"


async def test_permission_request_is_not_supported() -> None:
    async with world() as w:
        a = await w.guest("a")
        names = ("recordName", "resourceKind", "resourceId", "action", "subjectType", "subjectId")
        reason = {"type": "missing_permission", **dict.fromkeys(names, "x")}

        await a.put({"type": "permission/request/missing", "reason": reason})

        assert [(number, e["errorCode"]) for number, e in a.errors] == [(-1, "not_supported")]
        assert not a.is_disconnected


@pytest.mark.parametrize("kind", ["no/such/type", "login_result"])
async def test_unknown_type_is_an_error_with_the_id_of_its_event(kind: str) -> None:
    async with world() as w:
        a = w.connect()

        await a.put({"type": kind}, event_id=9)

        ((number, error),) = a.errors
        assert (number, error["errorCode"]) == (9, "unacceptable_request")
        assert error["issues"][0]["path"] == ["type"]


# Slow, gone and broken connections.


async def test_slow_reader_is_disconnected_and_harms_nobody() -> None:
    async with world(max_queued=4) as w:
        a, b, c = await w.watcher("a"), await w.watcher("b"), await w.watcher("c")
        b.reads = anyio.Event()

        for number in range(8):
            await a.put(
                {"type": "repo/add_updates", **BRANCH, "updates": ["AA=="], "updateId": number}
            )

        assert b.is_disconnected
        assert len(a.take()) == 8
        assert len(c.take()) == 8


async def test_own_answers_hold_back_the_reading() -> None:
    async with world(max_queued=4) as w:
        a = await w.guest("a")
        a.reads = anyio.Event()

        for number in range(20):
            await a.put({"type": "sync/time", "id": number, "clientRequestTime": 0})
        a.reads.set()
        await settle()

        assert [m["id"] for m in a.take()] == list(range(20))
        assert not a.is_disconnected


@pytest.mark.parametrize("make", [anyio.BrokenResourceError, anyio.ClosedResourceError, OSError])
async def test_failing_send_harms_nobody_else(make: Callable[[], Exception]) -> None:
    async with world() as w:
        a, b, c = await w.watcher("a"), await w.watcher("b"), await w.watcher("c")
        b.send_raises = make()

        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["AA=="], "updateId": 1})
        await a.put({"type": "repo/connection_count", **BRANCH})

        assert [m["type"] for m in c.take()] == ["repo/add_updates"]
        assert [m.get("count") for m in a.take()] == [None, 2]


async def test_each_call_has_a_state_of_its_own() -> None:
    async with world() as first, world() as second:
        a = await first.watcher("a")
        await a.put({"type": "repo/add_updates", **BRANCH, "updates": ["AA=="]})
        b = await second.guest("b")

        await b.put({"type": "repo/get_updates", **BRANCH})

        assert b.take()[0]["updates"] == []


# Recorded sessions with the real server.

Step = tuple[str, float | None, dict[str, Any]]
"""Who sent it, the id of its event (None: the file does not tell), and the message."""


def recorded(path: Path) -> tuple[list[Step], dict[str, list[Any]], dict[str, list[Any]]]:
    """What the clients of a recorded session sent, and what each got: messages and errors."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    steps: list[Step] = []
    messages: dict[str, list[Any]] = {}
    errors: dict[str, list[Any]] = {}
    by_frames = not any(line["ev"] == "app_send" for line in lines)
    for line in lines:
        if line["ev"] == "app_send":
            steps.append((line["who"], None, line["message"]))
        elif line["ev"] == "client_message":
            messages.setdefault(line["who"], []).append(line["message"])
        elif line["ev"] == "frame" and line["opcode"] == 1 and by_frames:
            who = str(line["conn"])
            try:
                event = json.loads(line["text"])
            except ValueError:
                continue
            match line["dir"], event:
                case "c2s", [1, int() as number, {"type": str()} as message]:
                    steps.append((who, number, message))
                case "s2c", [1, _, message]:
                    messages.setdefault(who, []).append(message)
                case "s2c", [5, number, error] if any(step[:2] == (who, number) for step in steps):
                    errors.setdefault(who, []).append((number, error))
                case _:
                    pass  # answered by the gateway's machine, before any app
    return steps, messages, errors


def without_times(message: dict[str, Any]) -> dict[str, Any]:
    """What has the server's clock in it, reduced to its shape."""
    clocks = {"serverReceiveTime": 0, "serverTransmitTime": 0}
    shaped = {name: clocks.get(name, value) for name, value in message.items()}
    if "timestamps" in shaped:
        shaped["timestamps"] = len(message["timestamps"])
    return shaped


def is_comparable(steps: list[Step], messages: dict[str, list[Any]]) -> bool:
    """Whether a session asks only for what this server has: no records API, no rate limit."""
    asked = {step[2]["type"] for step in steps}
    got = {message["type"] for each in messages.values() for message in each}
    return bool(steps) and "http_request" not in asked and "rate_limit_exceeded" not in got


async def test_answers_as_the_recorded_server() -> None:
    compared: list[str] = []
    for path in RECORDINGS:
        steps, messages, errors = recorded(path)
        if not is_comparable(steps, messages):
            continue
        async with world() as w:
            clients: dict[str, FakeConnection] = {}
            for who, number, message in steps:
                if who not in clients:
                    clients[who] = w.connect()
                await clients[who].put(message, number)
            got = {who: [without_times(m) for m in c.take()] for who, c in clients.items()}
            failed = {who: c.errors for who, c in clients.items() if c.errors}

        expected = {who: [without_times(m) for m in messages.get(who, [])] for who in clients}
        assert (path.name, got, failed) == (path.name, expected, errors)
        compared.append(path.name)

    assert len(compared) >= 10
