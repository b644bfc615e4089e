"""The reference client, in Node, against our gateway with its inst server.

It is run as it is published and never read: what it does is known from its wire alone.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest

from auxws_anyio.gateway import App, Gateway, GatewayConnection, echo, insts
from auxws_proto import ConnectionId
from tests.drivers.adapter import Case, Driver
from tests.drivers.serving import take
from tests.interop.conftest import Recorder
from tests.interop.programs import javascript, program

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

TITLE = "1. The reference client against our gateway"
TEXT = """\
`@casual-simulation/aux-websocket-aws` 3.10.5 over `@casual-simulation/websocket` 3.10.3 and `ws`,
in Node, connected to the local gateway; with our client beside it where a column names a driver."""

PEER = "reference client 3.10.5"

BRANCH = {"recordName": None, "inst": "an-inst", "branch": "shared"}
TYPES = [
    "login_result",
    "note",
    "repo/add_updates",
    "repo/updates_received",
    "repo/watch_branch_result",
    "sync/time/response",
]

Json = dict[str, Any]


class Reference:
    """The reference client in its process. `told` is what it has told and nobody has taken."""

    def __init__(self, process: anyio.abc.Process) -> None:
        self._process = process
        self._lines: AsyncIterator[Json] = self._read()
        self.told: deque[Json] = deque()

    async def _read(self) -> AsyncIterator[Json]:
        assert self._process.stdout is not None
        rest = b""
        async for data in self._process.stdout:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield json.loads(line)

    async def call(self, name: str, message: Mapping[str, Any] | None = None) -> None:
        """Call a method of the client."""
        assert self._process.stdin is not None
        line = json.dumps({"call": name, "message": message})
        await self._process.stdin.send(line.encode() + b"\n")

    async def send(self, message: Mapping[str, Any]) -> None:
        await self.call("send", message)

    async def find(self, is_wanted: Callable[[Json], bool]) -> Json:
        """The first wanted thing that it tells; what came before it is kept in `told`."""
        for told in self.told:
            if is_wanted(told):
                self.told.remove(told)
                return told
        async for told in self._lines:
            if is_wanted(told):
                return told
            self.told.append(told)
        raise AssertionError("the reference client has ended")

    async def message(self, kind: str, count: int = 1) -> list[Json]:
        """The next messages of this type."""
        return [
            (
                await self.find(
                    lambda told: told["kind"] == "message" and told["message"]["type"] == kind
                )
            )["message"]
            for _ in range(count)
        ]

    async def connected(self, wanted: bool = True) -> None:
        """Wait until it says that it is connected, or not."""
        await self.find(lambda told: told["kind"] == "state" and told["connected"] is wanted)

    async def watch(self) -> None:
        """Log in as a guest and watch the branch."""
        await self.send({"type": "login", "connectionId": "reference"})
        await self.send({"type": "repo/watch_branch", **BRANCH})
        (result,) = await self.message("repo/watch_branch_result")
        assert result["success"]


@asynccontextmanager
async def reference(app: App, logs: Path) -> AsyncIterator[tuple[Gateway, Reference]]:
    """A gateway with this application, and the reference client connected to it."""
    with anyio.fail_after(40), (logs / "reference.log").open("ab") as log:
        async with Gateway(app) as gateway:
            command = [program("node"), javascript("reference_client.cjs"), gateway.url, *TYPES]
            async with await anyio.open_process(command, stderr=log) as process:
                client = Reference(process)
                await client.connected(False)
                await client.call("connect")
                await client.connected()
                yield gateway, client
                process.terminate()
        assert gateway.failures == []


def updates(number: int, size: int) -> Json:
    return {
        "type": "repo/add_updates",
        **BRANCH,
        "updates": ["A" * size],
        "updateId": number,
    }


def note(size: int, letter: str = "x") -> Json:
    return {"type": "note", "text": letter * size}


async def test_login_and_watch(logs: Path, record: Recorder) -> None:
    async with reference(insts(), logs) as (gateway, client):
        await client.send({"type": "login", "connectionId": "guest-1"})
        (login,) = await client.message("login_result")
        await client.send({"type": "repo/watch_branch", **BRANCH})
        (initial,) = await client.message("repo/add_updates")
        (result,) = await client.message("repo/watch_branch_result")

        assert login["info"] == {"connectionId": "guest-1", "sessionId": None, "userId": None}
        assert initial == {"type": "repo/add_updates", **BRANCH, "updates": [], "initial": True}
        assert result["success"]
        assert not gateway.violations
    record.put(PEER, "login, and a branch watched", "alone")


async def test_clock(logs: Path, record: Recorder) -> None:
    async with reference(insts(), logs) as (_, client):
        await client.send({"type": "sync/time", "id": 7, "clientRequestTime": 1_000})
        (answer,) = await client.message("sync/time/response")

        assert (answer["id"], answer["clientRequestTime"]) == (7, 1_000)
    record.put(PEER, "sync/time", "alone")


async def test_small_messages(logs: Path, record: Recorder) -> None:
    async with reference(insts(), logs) as (gateway, client):
        await client.watch()
        for number in range(100):
            await client.send(updates(number, 100))
        received = await client.message("repo/updates_received", 100)

        assert [answer["updateId"] for answer in received] == list(range(100))
        assert gateway.uploads.granted == 0
        assert not gateway.violations
    record.put(PEER, "100 small messages, in order", "alone")


async def test_it_uploads_over_32_000(logs: Path, record: Recorder) -> None:
    # [1,id,{"type":"note","text":"…"}] with an id of one digit.
    room = 32_000 - len('[1,1,{"type":"note","text":""}]')
    async with reference(echo, logs) as (gateway, client):
        await client.send(note(room))
        await client.message("note")
        inline = gateway.uploads.granted
        await client.send(note(room + 1))
        await client.message("note")

        assert (inline, gateway.uploads.granted) == (0, 1)
    record.put(PEER, "32,000 goes inline, 32,001 is uploaded", "alone")


async def test_large_messages(logs: Path, record: Recorder) -> None:
    sizes = [40_000, 1_000_000, 8_000_000]
    async with reference(echo, logs) as (gateway, client):
        for size in sizes:
            await client.send(note(size))
            (back,) = await client.message("note")
            assert back == note(size)

        assert gateway.uploads.granted == gateway.uploads.by_server == len(sizes)
        assert not gateway.violations
        assert gateway.frames_over_limit == 0
    record.put(PEER, "up to 8 MB, by upload and by download", "alone")


async def test_several_at_once(logs: Path, record: Recorder) -> None:
    async with reference(insts(max_branch_bytes=64 * 1024 * 1024), logs) as (gateway, client):
        await client.watch()
        for number in range(24):
            await client.send(updates(number, 200_000 if number % 2 else 50))
        received = await client.message("repo/updates_received", 24)

        assert sorted(answer["updateId"] for answer in received) == list(range(24))
        assert gateway.uploads.granted == 12
    record.put(PEER, "24 at once, every second one uploaded", "alone")


async def test_downloads_keep_their_order(logs: Path, record: Recorder) -> None:
    async def push(connection: GatewayConnection) -> None:
        async for _ in connection:
            for number in range(20):
                size = 100_000 if number % 2 else 10
                await connection.send({"type": "note", "number": number, "text": "x" * size})

    async with reference(push, logs) as (_, client):
        await client.send({"type": "note"})
        received = await client.message("note", 20)

        assert [message["number"] for message in received] == list(range(20))
    record.put(PEER, "20 pushed at once, every second one downloaded, in order", "alone")


async def test_text(logs: Path, record: Recorder) -> None:
    message = {"type": "note", "text": "\x00\x7f é漢🦉 \ud800 " * 1_000}
    async with reference(echo, logs) as (_, client):
        await client.send(message)
        (back,) = await client.message("note")

        assert back == message
    record.put(PEER, "text of all planes, and half a surrogate pair", "alone")


async def test_its_frames_of_more_than_32_kb(logs: Path, record: Recorder) -> None:
    # It measures in UTF-16 (docs/protocol.md §3), and API Gateway in UTF-8.
    async with reference(echo, logs) as (gateway, client):
        await client.send(note(20_000, "漢"))
        await client.connected(False)
        await client.connected()
        await client.send(note(10))
        (back,) = await client.message("note")

        assert back == note(10)
        assert len(gateway.violations) == 1
        assert gateway.connections_accepted == 2
    record.put(PEER, "60 KB of Chinese inline: closed with 1009, and it comes back", "alone")


async def test_being_kicked(logs: Path, record: Recorder) -> None:
    async with reference(echo, logs) as (gateway, client):
        await gateway.connections[0].disconnect()
        await client.connected(False)
        await client.connected()
        await client.send(note(40_000))
        (back,) = await client.message("note")

        assert back == note(40_000)
    record.put(PEER, "kicked, it comes back by itself", "alone")


async def test_error_events_make_it_deaf(logs: Path, record: Recorder) -> None:
    # docs/protocol.md §4: after one frame that it does not like it delivers nothing ever again.
    async with reference(echo, logs) as (gateway, client):
        await client.send(note(1))
        await client.message("note")
        info = {"success": False, "errorCode": "server_error", "errorMessage": "A test."}
        await gateway.connections[0].send_error(info)
        error = await client.find(lambda told: told["kind"] == "error")
        await client.send(note(2))
        await gateway.connections[0].disconnect()
        await client.connected(False)

        assert error["error"]["errorCode"] == "server_error"
        assert {"kind": "fault"} in client.told
        assert [told for told in client.told if told["kind"] == "message"] == []
    row = "an error event is told, and nothing after it is delivered (a defect)"
    record.put(PEER, row, "alone")


async def test_beside_our_client(logs: Path, record: Recorder, driver: Driver, case: Case) -> None:
    app = insts(max_branch_bytes=64 * 1024 * 1024)
    watch = {"type": "repo/watch_branch", **BRANCH}
    async with reference(app, logs) as (gateway, theirs):
        await theirs.watch()
        await theirs.message("repo/add_updates")
        async with driver.connect(
            gateway.url, login=ConnectionId("ours"), on_connect=[watch]
        ) as ours:
            await ours.wait_connected(10)
            with ours.event("repo/add_updates") as stream:
                assert (await take(stream, 1))[0]["initial"]
                for number, size in enumerate([10, 50_000, 3_000_000]):
                    await theirs.send(updates(number, size))
                    (from_them,) = await take(stream, 1)
                    await ours.send(updates(number, size + 1))
                    (from_us,) = await theirs.message("repo/add_updates")

                    assert from_them["updates"] == ["A" * size]
                    assert from_us["updates"] == ["A" * (size + 1)]
        assert not gateway.violations
    record.put(PEER, "shares a branch with our client: 10 B to 3 MB, both ways", case.name)
