"""Many idle connections in one process: ``python -m bench.clients.idle NAME URL COUNT``.

Prints a sample: how many bytes of memory each connection has added. Nothing is sent, so that no
HTTP client and no TLS context is made.
"""

# The bench session alone installs the peers.
# mypy: disable-error-code="import-not-found, misc, unused-ignore"
# pyright: reportMissingImports=false, reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import anyio

from .job import memory

_AT_ONCE = 50


def raise_limit() -> None:
    """As many open files as the system lets this process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Scale:
    """Weighs this process before and after."""

    ends_process = False
    """Whether to print the sample and end, for closing thousands of connections takes its time."""

    def __init__(self) -> None:
        gc.collect()
        self._before = memory("VmRSS")

    def sample(self, count: int) -> dict[str, float]:
        gc.collect()
        found = {"bytes": (memory("VmRSS") - self._before) / count}
        if self.ends_process:
            print(json.dumps(found), flush=True)
            os._exit(0)
        return found


async def auxws_anyio(url: str, count: int) -> dict[str, float]:
    import auxws_anyio as package

    async with AsyncExitStack() as stack:
        # What the first one imports is none of the others' business.
        first = await stack.enter_async_context(package.connect(url))
        await first.wait_connected(30)
        scale = Scale()
        for start in range(0, count, _AT_ONCE):
            clients = [
                await stack.enter_async_context(package.connect(url))
                for _ in range(min(_AT_ONCE, count - start))
            ]
            for client in clients:
                await client.wait_connected(30)
        return scale.sample(count)


def auxws_sync(url: str, count: int) -> dict[str, float]:
    import auxws_sync as package

    with ExitStack() as stack:
        stack.enter_context(package.connect(url)).wait_connected(30)
        scale = Scale()
        for start in range(0, count, _AT_ONCE):
            clients = [
                stack.enter_context(package.connect(url))
                for _ in range(min(_AT_ONCE, count - start))
            ]
            for client in clients:
                client.wait_connected(30)
        return scale.sample(count)


async def websockets_asyncio(url: str, count: int) -> dict[str, float]:
    from websockets.asyncio.client import connect

    async def opened() -> Any:
        return await connect(url, compression=None)

    sockets = [await opened()]
    scale = Scale()
    for start in range(0, count, _AT_ONCE):
        sockets += await asyncio.gather(*[opened() for _ in range(min(_AT_ONCE, count - start))])
    sample = scale.sample(count)
    await asyncio.gather(*[socket.close() for socket in sockets])
    return sample


async def websockets_trio(url: str, count: int) -> dict[str, float]:
    from websockets.trio.client import connect

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(connect(url, compression=None))
        scale = Scale()
        for _ in range(count):
            await stack.enter_async_context(connect(url, compression=None))
        return scale.sample(count)


def websockets_sync(url: str, count: int) -> dict[str, float]:
    from websockets.sync.client import connect

    with ExitStack() as stack:
        stack.enter_context(connect(url, compression=None))
        scale = Scale()
        for _ in range(count):
            stack.enter_context(connect(url, compression=None))
        return scale.sample(count)


CLIENTS: dict[str, Callable[[str, int], dict[str, float]]] = {
    "auxws asyncio": lambda url, count: anyio.run(auxws_anyio, url, count),
    "auxws trio": lambda url, count: anyio.run(auxws_anyio, url, count, backend="trio"),
    "auxws threads": auxws_sync,
    "websockets asyncio": lambda url, count: asyncio.run(websockets_asyncio(url, count)),
    "websockets trio": lambda url, count: anyio.run(websockets_trio, url, count, backend="trio"),
    "websockets sync": websockets_sync,
}


def main() -> None:
    name, url, count = sys.argv[1:]
    raise_limit()
    Scale.ends_process = True
    try:
        CLIENTS[name](url, int(count))
    except ImportError as error:
        print(json.dumps({"error": f"not installed: {error.name}"}), flush=True)


if __name__ == "__main__":
    main()
