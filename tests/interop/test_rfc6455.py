"""The Autobahn cases against `AuxWebSocket` in both roles, and against ``websockets`` beside it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from auxws_proto import Role
from tests.interop.conftest import Recorder
from tests.interop.echoing import Echo, echo_as_client
from tests.interop.programs import PATIENCE, free_port, program, running

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

TITLE = "4. RFC 6455, by the Autobahn cases"
TEXT = """\
The fuzzing client and server of `kosoku` 0.1.0, which run the cases of the Autobahn test suite,
groups 1 to 7 and 10, against `AuxWebSocket` and, in the same run, against `websockets` 17.4. Group
9 measures, and groups 12 and 13 test compression, which we never offer (`protocol.md` §5)."""

GROUPS: Final = {
    1: "framing",
    2: "pings and pongs",
    3: "reserved bits",
    4: "opcodes",
    5: "fragmentation",
    6: "UTF-8",
    7: "closing",
    10: "automatic fragmentation",
}
CASES: Final = 247
GOOD: Final = {"OK", "NON-STRICT", "INFORMATIONAL"}

BINARY: Final = frozenset(f"1.2.{n}" for n in range(1, 9))
"""Binary messages to be sent back. API Gateway's integration has none (protocol.md §5: "connection
closed, code 1003"), nor has the protocol, and so they are refused with 1003."""

SELECTION = [word for group in GROUPS for word in ("--include", f"{group}.*")]


def report_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The verdicts on the one agent in this folder, by case."""
    reports: dict[str, dict[str, dict[str, Any]]] = json.loads((folder / "index.json").read_text())
    (report,) = reports.values()
    return report


def failures(report: dict[str, dict[str, Any]]) -> set[str]:
    return {
        name
        for name, verdict in report.items()
        if not {verdict["behavior"], verdict["behaviorClose"]} <= GOOD
    }


async def judge_server(port: int, folder: Path) -> dict[str, dict[str, Any]]:
    """What the fuzzing client says of the server on this port."""
    command = [program("kosoku"), *SELECTION, "--outdir", str(folder), "--parallelism", "8"]
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        kosoku = await asyncio.create_subprocess_exec(
            *command, f"127.0.0.1:{port}", stdout=log, stderr=log
        )
        # Its own exit code says whether a case failed, which is judged here.
        await asyncio.wait_for(kosoku.wait(), PATIENCE)
    return report_of(folder)


async def judge_client(
    run: Callable[[str], Awaitable[None]], folder: Path
) -> dict[str, dict[str, Any]]:
    """What the fuzzing server says of a client, which ``run`` leads through all cases."""
    port = free_port()
    command = [program("kosoku"), "--mode", "fuzzingserver", *SELECTION, "--outdir", str(folder)]
    log = folder.parent / f"{folder.name}.log"
    with running([*command, f"127.0.0.1:{port}"], log) as kosoku:
        kosoku.wait_for_port(port)
        await asyncio.wait_for(run(f"ws://127.0.0.1:{port}"), PATIENCE)
        # It writes its report and ends.
        await asyncio.wait_for(asyncio.to_thread(kosoku.process.wait), PATIENCE)
    return report_of(folder)


async def our_client(url: str) -> None:
    # Several at a time, for some cases wait for a second or more.
    turns = asyncio.Semaphore(8)

    async def take(case: int) -> None:
        async with turns:
            await echo_as_client(f"{url}/runCase?case={case}&agent=auxws")

    await asyncio.gather(*(take(case) for case in range(1, CASES + 1)))
    await echo_as_client(f"{url}/updateReports?agent=auxws")


async def their_client(url: str) -> None:
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.interop.peers.websockets_echo", "client", url, str(CASES)
    )
    assert await client.wait() == 0


@asynccontextmanager
async def our_server() -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Echo(Role.SERVER), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def compare(
    ours: dict[str, dict[str, Any]],
    theirs: dict[str, dict[str, Any]],
    record: Recorder,
    role: str,
) -> None:
    """No failure but theirs and the ones that are explained; then the rows."""
    assert len(ours) == len(theirs) == CASES
    assert failures(ours) - failures(theirs) == BINARY
    assert {name: ours[name]["remoteCloseCode"] for name in BINARY} == dict.fromkeys(BINARY, 1003)
    for group, title in GROUPS.items():
        names = {name for name in ours if name.split(".")[0] == str(group)}
        for peer, report in (("AuxWebSocket", ours), ("websockets 17.4", theirs)):
            good = len(names - failures(report))
            record.put(peer, f"{group}. {title}", role, f"{good} of {len(names)}")
    for name in sorted(failures(theirs)):
        record.note(f"`websockets` fails case {name} {role}; `AuxWebSocket` passes it.")
        assert name not in failures(ours)
    record.note(
        "The 8 cases 1.2.* want binary messages sent back. The protocol has none, and API Gateway "
        "closes with 1003 (`protocol.md` §5); so do we."
    )


async def test_server(record: Recorder, logs: Path) -> None:
    async with our_server() as port:
        ours = await judge_server(port, logs / "our-server")
    command = [sys.executable, "-m", "tests.interop.peers.websockets_echo", "server"]
    with running(command, logs / "websockets.log", pipes=True) as server:
        port = int(server.first_line().rpartition(":")[2])
        theirs = await judge_server(port, logs / "their-server")

    compare(ours, theirs, record, "as a server")


async def test_client(record: Recorder, logs: Path) -> None:
    ours = await judge_client(our_client, logs / "our-client")
    theirs = await judge_client(their_client, logs / "their-client")

    compare(ours, theirs, record, "as a client")
