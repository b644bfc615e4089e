"""Every program in ``docs/examples`` runs, against the local gateway, and does what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc
import pytest
from anyio.lowlevel import checkpoint
from anyio.streams.text import TextReceiveStream

from auxws_anyio import Inst, connect
from auxws_anyio.gateway import App, Gateway, insts
from auxws_proto import ActionFailed, ConnectionId

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "examples"
TIME_LIMIT = 30
"""Seconds after which an example is taken to hang. None needs more than a few."""

EMBEDDINGS = ["in_asyncio_protocol", "in_blocking_loop", "in_trio", "on_aiohttp", "on_websockets"]
RUN = {*EMBEDDINGS, "count_devices", "import_file", "load", "shared_doc", "watch_bot"}
"""The programs that are run here."""
SHARED = {"embedding"}
"""Modules that programs import."""
ELSEWHERE = {"in_pyodide"}
"""What needs an interpreter that is not here: ``tests/interop/test_pyodide.py`` runs it."""


@pytest.fixture
def anyio_backend() -> str:
    """That of the gateway; the examples choose their own."""
    return "asyncio"


@asynccontextmanager
async def serving(app: App | None = None) -> AsyncIterator[Gateway]:
    """A gateway that outlives the example and must have nothing to complain of."""
    with anyio.fail_after(TIME_LIMIT):
        async with Gateway(app or insts()) as gateway:
            yield gateway
            assert gateway.failures == []
            assert list(gateway.violations) == []


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", str(FOLDER / f"{name}.py"), *arguments]


async def run(name: str, *arguments: str) -> str:
    """What an example prints; it must come to a good end, and complain of nothing."""
    done = await anyio.run_process(command(name, *arguments), check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout.decode()


class Running:
    """An example that goes on until it is stopped."""

    def __init__(self, process: anyio.abc.Process) -> None:
        assert process.stdout is not None
        self._text = TextReceiveStream(process.stdout)
        self._rest = ""

    async def line(self) -> str:
        """The next line that it prints."""
        while "\n" not in self._rest:
            self._rest += await self._text.receive()
        line, self._rest = self._rest.split("\n", 1)
        return line


@asynccontextmanager
async def running(name: str, *arguments: str) -> AsyncIterator[Running]:
    """An example, until it is interrupted as by Ctrl-C; it must end well."""
    async with await anyio.open_process(
        command(name, *arguments), stderr=subprocess.PIPE, env=os.environ
    ) as process:
        try:
            yield Running(process)
        except BaseException:
            process.kill()
            raise
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        complaints = b"".join([data async for data in process.stderr])
        assert (await process.wait(), complaints) == (0, b"")


@asynccontextmanager
async def device(gateway: Gateway, name: str) -> AsyncIterator[Inst]:
    """A device in the lobby."""
    async with connect(gateway.url, login=ConnectionId(name)) as client:
        lobby = client.inst(None, "lobby")
        with lobby.watch() as updates:
            await anext(updates)
            yield lobby


def test_every_example_is_run() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == RUN | SHARED | ELSEWHERE


def test_every_example_is_on_the_page() -> None:
    page = (FOLDER / "README.md").read_text("utf-8")

    missing = [name for name in RUN | SHARED | ELSEWHERE if f"({name}.py)" not in page]

    assert missing == []


async def test_watch_bot() -> None:
    async with serving() as gateway, device(gateway, "a") as lobby:
        await lobby.add_updates(["old"])
        async with running("watch_bot", gateway.url) as bot:
            lines = [await bot.line()]
            await lobby.add_updates(["new", "newer"])
            lines.append(await bot.line())
            gateway.faults.drop_connections()
            await lobby.add_updates(["newest"])
            lines.append(await bot.line())
            answer = await lobby.send_action("hello", connection_id="watch-bot", timeout=20)
            with pytest.raises(ActionFailed, match="only know how to say hello"):
                await lobby.send_action("bye", connection_id="watch-bot", timeout=20)

    assert lines == ["lobby holds 1 updates", "lobby gets 2 updates", "lobby gets 1 updates"]
    assert answer == "hello yourself"


async def test_count_devices() -> None:
    async with (
        serving() as gateway,
        running("count_devices", gateway.url) as monitor,
        device(gateway, "a"),
    ):
        lines = [await monitor.line()]
        async with device(gateway, "b"):
            lines.append(await monitor.line())
        lines.append(await monitor.line())

    assert lines == ["a joins: 1 devices", "b joins: 2 devices", "b leaves: 1 devices"]


async def test_import_file(tmp_path: Path) -> None:
    data = os.urandom(20_000_000)
    path = tmp_path / "big.bin"
    path.write_bytes(data)
    async with serving(insts(max_branch_bytes=64 * 1024 * 1024)) as gateway:
        done = await anyio.run_process(command("import_file", gateway.url, str(path)))
        async with connect(gateway.url, login=ConnectionId("reader")) as client:
            stored = await client.get_updates(None, "big.bin", timeout=30)
        granted = gateway.uploads.granted

    assert done.stdout.decode() == "\rbig.bin: 20,000,000 bytes are stored\n"
    assert len(stored.updates) == granted == 20
    assert b"".join(map(b64decode, stored.updates)) == data


async def test_import_file_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(bytes(2_000_000))
    async with serving(insts(max_branch_bytes=1_000_000)) as gateway:
        done = await anyio.run_process(command("import_file", gateway.url, str(path)), check=False)

    assert done.returncode == 1
    assert "the server does not take it: max_size_reached" in done.stderr.decode()


async def test_load() -> None:
    async with serving() as gateway:
        printed = await run("load", gateway.url, "--clients", "25", "--updates", "4")
        accepted = gateway.connections_accepted

    # Two groups of ten, and one of five.
    delivered = 2 * 10 * 9 * 4 + 5 * 4 * 4
    assert accepted == 25
    assert printed.startswith("25 clients connected in ")
    assert f"100 updates acknowledged, {delivered} delivered in " in printed


@pytest.mark.parametrize("name", EMBEDDINGS)
async def test_embedding(name: str) -> None:
    async with serving() as gateway:
        # Not even the first attempt need succeed.
        gateway.faults.refuse_handshakes()
        printed = await run(name, gateway.url)
        refused, granted, stored = (
            gateway.handshakes_refused, gateway.uploads.granted, gateway.uploads.by_server,
        )  # fmt: skip

    assert printed == "100,000 characters went there and back: True\n"
    assert (refused, granted, stored) == (1, 1, 1)


async def drop_at_upload(gateway: Gateway) -> None:
    """Cut the connection once a large message is on its way."""
    while not gateway.uploads.granted:
        await checkpoint()
    gateway.faults.drop_connections()


@pytest.mark.parametrize("name", EMBEDDINGS)
async def test_embedding_whose_connection_is_lost(name: str) -> None:
    printed, accepted = "", 0
    async with serving() as gateway, anyio.create_task_group() as tasks:
        tasks.start_soon(drop_at_upload, gateway)
        printed = await run(name, gateway.url)
        accepted = gateway.connections_accepted

    assert printed == "100,000 characters went there and back: True\n"
    assert accepted == 2


async def test_shared_doc() -> None:
    async with serving() as gateway:
        first = await run("shared_doc", gateway.url, "milk")
        second = await run("shared_doc", gateway.url, "bread")

    assert first == "to buy: milk\n"
    assert second in ("to buy: milk, bread\n", "to buy: bread, milk\n")
