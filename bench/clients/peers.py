"""The Python peers: ``python -m bench.clients.peers NAME``. See `PEERS` for their names.

All of them connect without compression, as our client does, send text, and read and write JSON
with what the job names, so that they do the work that our client does.
"""

# The bench session alone installs the peers.
# mypy: disable-error-code="import-not-found, misc, unused-ignore, no-any-return"
# pyright: reportMissingImports=false, reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from .job import Job, Meter, work

Doors: TypeAlias = tuple[Callable[[bytes], Awaitable[Any]], Callable[[], Awaitable[Any]]]
"""To send a text of these bytes, and to receive one."""


async def talk(doors: Doors, job: Job, meter: Meter) -> None:
    """What every peer with such doors does."""
    send, receive = doors
    dumps, loads = job.codec()
    message = job.message
    with meter:
        if job.mode == "send":
            for number in range(job.count):
                await send(dumps([1, number, message]))
            loads(await receive())
        elif job.mode == "receive":
            await send(dumps([1, 1, job.go]))
            for _ in range(job.count):
                loads(await receive())
        else:
            for number in range(job.count):
                await send(dumps([1, number, message]))
                loads(await receive())


@asynccontextmanager
async def websockets_asyncio(url: str) -> AsyncIterator[Doors]:
    from websockets.asyncio.client import connect

    async with connect(url, compression=None) as socket:
        yield lambda data: socket.send(data, text=True), lambda: socket.recv(decode=False)


@asynccontextmanager
async def websockets_trio(url: str) -> AsyncIterator[Doors]:
    from websockets.trio.client import connect

    async with connect(url, compression=None) as socket:
        yield lambda data: socket.send(data, text=True), lambda: socket.recv(decode=False)


@asynccontextmanager
async def aiohttp_(url: str) -> AsyncIterator[Doors]:
    import aiohttp

    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield lambda data: socket.send_str(data.decode()), socket.receive_str


@asynccontextmanager
async def httpx_ws_(url: str) -> AsyncIterator[Doors]:
    import httpx
    import httpx_ws

    async with (
        httpx.AsyncClient() as client,
        httpx_ws.aconnect_ws(url, client, keepalive_ping_interval_seconds=None) as socket,
    ):
        yield lambda data: socket.send_text(data.decode()), socket.receive_text


async def picows(job: Job, meter: Meter) -> None:
    """It has callbacks in place of `receive`, and a `send` that does not wait."""
    from picows import WSListener, WSMsgType, ws_connect

    dumps, loads = job.codec()
    message = job.message
    loop = asyncio.get_running_loop()

    class Listener(WSListener):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.missing = job.count if job.mode == "receive" else 1
            self.done: asyncio.Future[None] = loop.create_future()
            self.may_write = asyncio.Event()
            self.may_write.set()

        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            if frame.msg_type is not WSMsgType.TEXT:
                return
            loads(frame.get_payload_as_bytes())
            self.missing -= 1
            if not self.missing:
                self.done.set_result(None)

        def pause_writing(self) -> None:
            self.may_write.clear()

        def resume_writing(self) -> None:
            self.may_write.set()

    transport, listener = await ws_connect(Listener, job.path)
    with meter:
        if job.mode == "receive":
            transport.send(WSMsgType.TEXT, dumps([1, 1, job.go]))
            await listener.done
        elif job.mode == "send":
            for number in range(job.count):
                transport.send(WSMsgType.TEXT, dumps([1, number, message]))
                if not listener.may_write.is_set():
                    await listener.may_write.wait()
            await listener.done
        else:
            for number in range(job.count):
                transport.send(WSMsgType.TEXT, dumps([1, number, message]))
                await listener.done
                listener.missing, listener.done = 1, loop.create_future()
    transport.disconnect()


def websockets_sync(job: Job, meter: Meter) -> None:
    from websockets.sync.client import connect

    dumps, loads = job.codec()
    message = job.message
    with connect(job.path, compression=None) as socket, meter:
        if job.mode == "send":
            for number in range(job.count):
                socket.send(dumps([1, number, message]), text=True)
            loads(socket.recv(decode=False))
        elif job.mode == "receive":
            socket.send(dumps([1, 1, job.go]), text=True)
            for _ in range(job.count):
                loads(socket.recv(decode=False))
        else:
            for number in range(job.count):
                socket.send(dumps([1, number, message]), text=True)
                loads(socket.recv(decode=False))


def with_doors(
    connect: Callable[[str], Any], backend: str = "asyncio"
) -> Callable[[Job, Meter], None]:
    async def run(job: Job, meter: Meter) -> None:
        async with connect(job.path) as doors:
            await talk(doors, job, meter)

    def start(job: Job, meter: Meter) -> None:
        import anyio

        anyio.run(run, job, meter, backend=backend)

    return start


PEERS: dict[str, Callable[[Job, Meter], None]] = {
    "websockets-asyncio": with_doors(websockets_asyncio),
    "websockets-trio": with_doors(websockets_trio, "trio"),
    "websockets-sync": websockets_sync,
    "aiohttp": with_doors(aiohttp_),
    "httpx-ws": with_doors(httpx_ws_),
    "picows": lambda job, meter: asyncio.run(picows(job, meter)),
}

if __name__ == "__main__":
    work(PEERS[sys.argv[1]])
