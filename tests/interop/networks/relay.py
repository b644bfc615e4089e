"""The network that the tests play: passes bytes on, and holds them up on command.

It listens where clients look for the gateway and the store, and where the gateway looks for the
store. Commands are lines of JSON on standard input, each answered by a line: ``leg`` ("gateway" or
"store") and any of ``delay`` (seconds, each way), ``rate`` (bytes a second, each way and
connection), ``stall`` (true: nothing passes) and ``reset`` (true: cut every connection now). It
knows bytes and must not know what they mean.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections import deque
from dataclasses import dataclass, field

from tests.interop.networks import (
    GATEWAY_PORT,
    STORE_PORT,
    own_address,
    relay_address,
)

HELD = 256 * 1024
"""Bytes on their way in one direction, after which no more are read."""


@dataclass
class Leg:
    """What is played between the client and one of the servers."""

    delay: float = 0.0
    rate: float | None = None
    passing: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    def command(self, order: dict[str, float | bool]) -> None:
        self.delay = order.get("delay", self.delay)
        self.rate = order.get("rate", self.rate)
        if order.get("stall", not self.passing.is_set()):
            self.passing.clear()
        else:
            self.passing.set()
        if order.get("reset"):
            for writer in self.writers:
                reset(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset: what the peer has not read is lost (tcp(7), SO_LINGER of 0 s)."""
    if writer.transport.is_closing():
        return
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, leg: Leg) -> None:
    """Carry one direction until its end, as late and as slowly as the leg says."""
    loop = asyncio.get_running_loop()
    parts: deque[tuple[float, bytes]] = deque()
    held = 0
    changed = asyncio.Event()

    async def fill() -> None:
        nonlocal held
        data = b"-"
        while data:
            data = await reader.read(16 * 1024)
            parts.append((loop.time() + leg.delay, data))
            held += len(data)
            changed.set()
            while held > HELD:
                changed.clear()
                await changed.wait()

    filling = asyncio.create_task(fill())
    try:
        while True:
            while not parts:
                changed.clear()
                await changed.wait()
            due, data = parts.popleft()
            await asyncio.sleep(due - loop.time())
            await leg.passing.wait()
            if not data:
                writer.write_eof()
                return
            if leg.rate is not None:
                await asyncio.sleep(len(data) / leg.rate)
            writer.write(data)
            await writer.drain()
            held -= len(data)
            changed.set()
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)


async def serve(leg: Leg, listen: tuple[str, int], target: tuple[str, int]) -> None:
    """Listen, and connect to the target for each connection."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await leg.passing.wait()
            there, back = await asyncio.open_connection(*target)
        except OSError:
            reset(writer)
            return
        leg.writers |= {writer, back}
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(carry(reader, back, leg))
                tasks.create_task(carry(there, writer, leg))
        except* OSError:
            pass
        finally:
            leg.writers -= {writer, back}
            for end in (writer, back):
                reset(end)

    await asyncio.start_server(accept, *listen)


async def main() -> None:
    legs = {"gateway": Leg(), "store": Leg()}
    straight = Leg()
    for leg in (*legs.values(), straight):
        leg.passing.set()
    gateway = (own_address("gateway"), GATEWAY_PORT)
    store = (own_address("store"), STORE_PORT)
    await serve(legs["gateway"], (relay_address("client"), GATEWAY_PORT), gateway)
    await serve(legs["store"], (relay_address("client"), STORE_PORT), store)
    await serve(straight, (relay_address("gateway"), STORE_PORT), store)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        legs[order.pop("leg")].command(order)
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
