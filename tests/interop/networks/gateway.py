"""The gateway on its host, with its objects in a store on another.

Its application sends ``note`` back if that asks for it, and keeps a ledger of all that came, over
all connections, which ``ledger`` asks for.
"""

from __future__ import annotations

import sys
from hashlib import sha256

import anyio

from auxws_anyio.gateway import Gateway, GatewayConnection
from tests.interop.external_uploads import use_store
from tests.interop.networks import (
    GATEWAY_PORT,
    STORE_PORT,
    own_address,
    relay_address,
)
from tests.interop.stores import StorePeer, presign_by_botocore


class Ledger:
    """Which notes came, by their number, each with the digest of its text."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}

    async def __call__(self, connection: GatewayConnection) -> None:
        async for received in connection:
            message = received.message
            if message["type"] == "note":
                digest = sha256(message["text"].encode()).hexdigest()
                self.notes[message["number"]] = digest
                if message["echo"]:
                    await connection.send(message)
            elif message["type"] == "ledger":
                await connection.send({"type": "ledger", "notes": self.notes})


async def main() -> None:
    store, seen = (
        StorePeer("store", f"http://{relay_address(host)}:{STORE_PORT}")
        for host in ("gateway", "client")
    )
    async with Gateway(
        Ledger(),
        host=own_address("gateway"),
        port=GATEWAY_PORT,
        allow_non_loopback=True,
        advertised_host=relay_address("client"),
    ) as gateway:
        use_store(gateway, store, presign_by_botocore, seen=seen)
        print("ready", flush=True)
        await anyio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    anyio.run(main)
