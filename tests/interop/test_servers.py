"""Our clients against WebSocket servers on other libraries, which speak the protocol by themselves.

The servers send every message back; a few messages make them do something else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from auxws_proto import Config, ConnectionId, Reconnect, Stage, State
from tests.drivers.adapter import Case, Driver
from tests.drivers.serving import take
from tests.interop.conftest import Recorder
from tests.interop.programs import Program, javascript, program, running

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

TITLE = "2. Our clients against independent servers"
TEXT = """\
Servers of a few lines on other WebSocket libraries, which speak `protocol.md` by themselves and
send every message back. A column is one of our drivers."""

PYTHON = [sys.executable, "-m"]
PEERS: dict[str, Callable[[], list[str]]] = {
    "ws 8.23.0": lambda: [program("node"), javascript("ws_server.mjs")],
    "websockets 17.4": lambda: [*PYTHON, "tests.interop.peers.websockets_server"],
    "picows 2.3.1": lambda: [*PYTHON, "tests.interop.peers.picows_server"],
}

QUICK = Config(reconnect=Reconnect(base=0.05, cap=0.1), transfer_backoff=0.05)


@pytest.fixture(scope="module")
def programs(logs: Path) -> Iterator[dict[str, Program]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(running(command(), logs / f"server-{at}.log", pipes=True))
            for at, (name, command) in enumerate(PEERS.items())
        }


@pytest.fixture(scope="module")
def urls(programs: dict[str, Program]) -> dict[str, str]:
    return {name: server.first_line() for name, server in programs.items()}


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def url(urls: dict[str, str], peer: str) -> str:
    return urls[peer]


def note(number: int, size: int, letter: str = "x") -> dict[str, Any]:
    return {"type": "note", "number": number, "text": letter * size}


async def test_login(driver: Driver, url: str, record: Recorder, peer: str, case: Case) -> None:
    async with driver.connect(url, login=ConnectionId("guest-1")) as client:
        await client.wait_connected(10)

        assert client.info == {"connectionId": "guest-1", "sessionId": None, "userId": None}
    record.put(peer, "login", case.name)


async def test_subprotocol(
    driver: Driver, url: str, record: Recorder, peer: str, case: Case
) -> None:
    async with driver.connect(url, subprotocol="casualos.records") as client:
        reply = await client.request({"type": "say_subprotocol"}, reply="subprotocol", timeout=10)

        assert reply["name"] == "casualos.records"
    record.put(peer, "subprotocol casualos.records", case.name)


async def test_small_messages(
    driver: Driver, url: str, record: Recorder, peer: str, case: Case
) -> None:
    messages = [note(number, number % 7) for number in range(200)]
    async with driver.connect(url) as client:
        with anyio.fail_after(10), client.event("note") as stream:
            for message in messages:
                await client.send(message)

            assert await take(stream, len(messages)) == messages
    record.put(peer, "200 small messages, in order", case.name)


async def test_large_messages(
    driver: Driver, url: str, record: Recorder, peer: str, case: Case
) -> None:
    sizes = [31_900, 32_000, 40_000, 131_072, 1_000_000, 5_000_000]
    messages = [note(number, size) for number, size in enumerate(sizes)]
    async with driver.connect(url) as client:
        with anyio.fail_after(20), client.event("note") as stream:
            for message in messages:
                await client.send(message)

            received = await take(stream, len(messages))

        assert received == messages
        assert client.stats.sent["upload"].messages == 5
        assert client.stats.received["download"].messages == 5
    record.put(peer, "up to 5 MB, by upload and by download", case.name)


async def test_mixed_messages_keep_their_order(
    driver: Driver, url: str, record: Recorder, peer: str, case: Case
) -> None:
    messages = [note(number, 60_000 if number % 3 == 0 else 50) for number in range(40)]
    async with driver.connect(url) as client:
        with anyio.fail_after(20), client.event("note") as stream:
            for message in messages:
                await client.send(message)

            assert await take(stream, len(messages)) == messages
    record.put(peer, "40 large and small at once, in order", case.name)


async def test_text(driver: Driver, url: str, record: Recorder, peer: str, case: Case) -> None:
    # In UTF-8 over the limit, in UTF-16 under it: these servers send it inline, as CasualOS does.
    message = note(1, 20_000, "漢")
    async with driver.connect(url) as client:
        reply = await client.request(message, reply="note", timeout=10)

        assert reply == message
        assert client.stats.sent["upload"].messages == 1
        assert client.stats.received["inline"].bytes > 60_000
    record.put(peer, "60 KB of Chinese: ours uploaded, theirs inline", case.name)


async def test_their_fragments(
    driver: Driver, url: str, record: Recorder, peer: str, case: Case
) -> None:
    message = {"type": "say_in_frames", "size": 3_000, "text": "é漢🦉" * 3_000}
    async with driver.connect(url) as client:
        reply = await client.request(message, reply="say_in_frames", timeout=10)

        assert reply == message
    record.put(peer, "a message of theirs in frames, cut anywhere", case.name)


async def test_our_fragments(
    driver: Driver, url: str, record: Recorder, peer: str, case: Case
) -> None:
    message = note(1, 100_000)
    async with driver.connect(url, config=Config(fragment_limit=131_072)) as client:
        reply = await client.request(message, reply="note", timeout=10)

        assert reply == message
        assert client.stats.sent["fragments"].messages == 1
    record.put(peer, "100 KB of ours in four frames", case.name)


async def test_plain_server(
    driver: Driver, url: str, record: Recorder, peer: str, case: Case
) -> None:
    message = note(1, 100_000)
    async with driver.connect(f"{url}/websocket") as client:
        reply = await client.request(message, reply="note", timeout=10)

        assert reply == message
        assert client.stats.sent["fragments"].messages == 1
    record.put(peer, "uploads not_supported: 100 KB inline in frames", case.name)


async def test_pings(driver: Driver, url: str, record: Recorder, peer: str, case: Case) -> None:
    async with driver.connect(url) as client:
        receipt = await client.send({"type": "note"})
        stage = await receipt.wait(Stage.CONFIRMED, timeout=10)
        reply = await client.request(
            {"type": "ping_me", "text": "are you there"}, reply="ponged", timeout=10
        )

        assert stage is Stage.CONFIRMED
        assert reply["text"] == "are you there"
    record.put(peer, "our ping is answered, and theirs", case.name)


@pytest.mark.parametrize(
    "ending",
    [
        {"type": "close", "code": 1000},
        {"type": "close", "code": 1001},
        {"type": "close", "code": 1011},
        {"type": "drop"},
    ],
    ids=lambda ending: str(ending.get("code", "dropped")),
)
async def test_reconnecting(
    driver: Driver,
    url: str,
    record: Recorder,
    peer: str,
    case: Case,
    ending: dict[str, Any],
) -> None:
    async with driver.connect(url, config=QUICK, login=ConnectionId("guest-1")) as client:
        await client.wait_connected(10)
        with anyio.fail_after(10), client.states() as states:
            await client.send(ending)
            async for change in states:
                if change.previous is not State.OPEN and change.current is State.OPEN:
                    break
            reply = await client.request(note(2, 40_000), reply="note", timeout=10)

        assert reply == note(2, 40_000)
    how = f"closed with {ending['code']}" if "code" in ending else "dropped"
    record.put(peer, f"{how}: connects and logs in again", case.name)
