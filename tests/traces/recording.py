"""A session that has everything: it records the sample, and is what the drivers' tests record.

python -m tests.traces.recording FILE
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio

from auxws_anyio.gateway import Gateway, GatewayConnection
from auxws_proto import Config, ConnectionToken, Reconnect, State
from tests.drivers.adapter import AnyioDriver, ClientLike, Driver

TOKEN = "vCT1.bWFya2VkLXVzZXI=.bWFya2VkLXNlc3Npb24=.bWFya2VkLWhhc2g="
HEADER = "marked-header-value"
BRANCH = {"recordName": None, "inst": "traces", "branch": "default"}
CONFIG = Config(reconnect=Reconnect(base=0.02, cap=0.05), transfer_backoff=0.01)


def updates(size: int) -> dict[str, Any]:
    return {"type": "repo/add_updates", **BRANCH, "updates": ["x" * size], "updateId": 1}


async def application(connection: GatewayConnection) -> None:
    """Lets everybody in, answers large messages by large ones, and some by an error."""
    async for received in connection:
        message = received.message
        match message["type"]:
            case "login":
                info: dict[str, Any] = {"connectionId": "c-1", "sessionId": "s-1", "userId": "u-1"}
                await connection.send({"type": "login_result", "success": True, "info": info})
            case "repo/add_updates":
                answer: dict[str, Any] = {"type": "repo/updates_received", **BRANCH, "updateId": 1}
                await connection.send(answer)
                await connection.send(
                    {"type": "repo/add_updates", **BRANCH, "updates": message["updates"]}
                )
            case "refused":
                info = {"success": False, "errorCode": "not_authorized", "errorMessage": "no"}
                await connection.send_error(info, received.event_id)
            case _:
                await connection.send(message)


async def session(client: ClientLike, gateway: Gateway) -> None:
    """Small messages, a large one each way, a busy store, an error, a break, and more of it."""
    await client.wait_connected(5)
    with client.event("repo/add_updates") as stream:
        await client.request(
            {"type": "sync/time", "id": 1, "clientRequestTime": 0}, reply="sync/time"
        )
        for number in range(3):
            await client.send({"type": "small", "number": number, "text": "grüße ✓"})
        await client.send(updates(100_000))
        await anext(stream)
        gateway.faults.fail_puts(1, 503, "SlowDown")
        await client.send(updates(50_000))
        await anext(stream)
        gateway.faults.fail_gets(1, 404, "NoSuchKey")
        errors = client.errors()
        with errors:
            await client.send(updates(45_000))
            await anext(errors)
        await client.send({"type": "refused"})
        await client.flush(5)
        await break_off(client, gateway)
        await client.send({"type": "small", "number": 3})
        await client.send(updates(40_000))
        await anext(stream)
        await client.flush(5)


async def break_off(client: ClientLike, gateway: Gateway) -> None:
    """The connection breaks, and comes again."""
    states = client.states()
    with states:
        gateway.faults.drop_connections()
        async for change in states:
            if change.current is State.OPEN:
                return


async def record(driver: Driver, gateway: Gateway, trace: Any, **options: Any) -> None:
    """Run the session, recorded."""
    async with driver.connect(
        f"{gateway.url}?signature=marked-query",
        login=ConnectionToken(TOKEN),
        headers={"x-api-key": HEADER},
        config=CONFIG,
        trace=trace,
        **options,
    ) as client:
        await session(client, gateway)


async def main(path: str) -> None:
    async with Gateway(application) as gateway:
        # What a network would take, so that something is to be seen.
        faults = gateway.faults
        faults.delay_to_server = faults.delay_to_client = 0.01
        faults.delay_upload_answer, faults.delay_store = 0.015, 0.04
        await record(AnyioDriver(), gateway, Path(path))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
