"""``websockets`` as an echo, the measure for our own: ``server``, or ``client URL CASES``.

The server prints its URL and ends with its stdin.
"""

# The interop session alone installs the peers.
# mypy: disable-error-code="import-not-found"
# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
import contextlib
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def echo(socket: object) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in socket:  # type: ignore[attr-defined]
            await socket.send(message)  # type: ignore[attr-defined]


async def run_server() -> None:
    async with serve(echo, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def run_client(url: str, cases: int) -> None:
    turns = asyncio.Semaphore(8)

    async def visit(path: str) -> None:
        address = f"{url}/{path}agent=websockets"
        async with turns, connect(address, compression=None, ping_interval=None) as socket:
            await echo(socket)

    await asyncio.gather(*(visit(f"runCase?case={case}&") for case in range(1, cases + 1)))
    await visit("updateReports?")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["server"]:
            asyncio.run(run_server())
        case ["client", url, cases]:
            asyncio.run(run_client(url, int(cases)))
