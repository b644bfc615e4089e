"""The local gateway and its object store in a process of their own: ``python -m bench.world``.

It prints the gateway's URL as its first line, then answers a line of JSON with one, until its
standard input ends:

* ``{"do": "delays", "to_server": …, "to_client": …, "store": …}``: seconds on each way;
* ``{"do": "expect", "count": …}``: answer after that many messages; forget the time of the last;
* ``{"do": "arrived"}``: when the last message came, by the machine's monotonic clock;
* ``{"do": "put", "count": …}``: presigned URLs to put to;
* ``{"do": "get", "size": …, "count": …}``: presigned URLs of objects of that size.

A message ``{"type": "go", "size": …, "count": …}`` is answered by so many ``note`` of about that
size; every other counts for ``expect``, whose end is told by ``{"type": "done"}``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from auxws_anyio.gateway import Gateway, GatewayConnection, GatewayLimits

MIB = 1024 * 1024


class World:
    """The application of the gateway, and the answers to commands."""

    def __init__(self) -> None:
        self.expected = 0
        self.arrived = 0.0
        self.serial = 0
        self.gateway = Gateway(self.app, limits=GatewayLimits(max_stored=256 * MIB))

    async def app(self, connection: GatewayConnection) -> None:
        async for received in connection:
            message = received.message
            if message["type"] == "go":
                text = "x" * message["size"]
                for _ in range(message["count"]):
                    await connection.send({"type": "note", "text": text})
                continue
            self.arrived = time.monotonic()
            self.expected -= 1
            if not self.expected:
                await connection.send({"type": "done"})

    def obey(self, order: dict[str, Any]) -> Any:
        match order["do"]:
            case "delays":
                faults = self.gateway.faults
                faults.delay_to_server = order["to_server"]
                faults.delay_to_client = order["to_client"]
                faults.delay_store = order["store"]
            case "expect":
                self.expected, self.arrived = order["count"], 0.0
            case "arrived":
                return {"at": self.arrived}
            case "put":
                return [self.put_url() for _ in range(order["count"])]
            case "get":
                body = b"x" * order["size"]
                return [self.get_url(body) for _ in range(order["count"])]
            case other:
                return {"error": f"there is no command {other!r}"}
        return {}

    def put_url(self) -> str:
        now = time.time()
        self.serial += 1
        origin = self.gateway.store_url
        return self.gateway.store.upload_url(origin, f"put-{self.serial}", now, expires=3_600)

    def get_url(self, body: bytes) -> str:
        now = time.time()
        self.serial += 1
        key = f"get-{self.serial}"
        self.gateway.store.put(key, body, now)
        return self.gateway.store.download_url(self.gateway.store_url, key, now, expires=3_600)


async def serve() -> None:
    world = World()
    loop = asyncio.get_running_loop()
    async with world.gateway:
        print(world.gateway.url, flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(world.obey(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
