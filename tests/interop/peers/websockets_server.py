"""A server on ``websockets`` that sends every message back. Prints its URL; ends with its stdin."""

# The interop session alone installs the peers.
# mypy: disable-error-code="import-not-found, misc"
# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.interop.peers.speaker import Speaker, Store


class WebsocketsLine:
    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        assert socket.request is not None
        self.path: str = socket.request.path
        self.subprotocol: str | None = socket.subprotocol
        self.out: asyncio.Queue[list[str] | bytes | int] = asyncio.Queue()
        self.pongs: dict[bytes, Callable[[], None]] = {}

    def send(self, frames: list[str]) -> None:
        self.out.put_nowait(frames)

    def ping(self, payload: bytes, ponged: Callable[[], None]) -> None:
        self.pongs[payload] = ponged
        self.out.put_nowait(payload)

    def close(self, code: int) -> None:
        self.out.put_nowait(code)

    def drop(self) -> None:
        self.socket.transport.abort()

    async def write(self) -> None:
        while True:
            match await self.out.get():
                case bytes(payload):
                    pong = await self.socket.ping(payload)
                    assert isinstance(pong, asyncio.Future)
                    pong.add_done_callback(lambda _, payload=payload: self.pongs.pop(payload)())
                case int(code):
                    await self.socket.close(code)
                case [text]:
                    await self.socket.send(text)
                case frames:
                    await self.socket.send(frames)


async def handle(socket: ServerConnection, store: Store) -> None:
    line = WebsocketsLine(socket)
    speaker = Speaker(store, line)
    writer = asyncio.create_task(line.write())
    try:
        async for text in socket:
            speaker.receive(text)
    finally:
        writer.cancel()


async def main() -> None:
    store = Store()
    async with serve(
        lambda socket: handle(socket, store),
        "127.0.0.1",
        0,
        max_size=131_072,
        subprotocols=[Subprotocol("casualos.records")],
        select_subprotocol=lambda _, offered: next(iter(offered), None),
        compression=None,
    ) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
