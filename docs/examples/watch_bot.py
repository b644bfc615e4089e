"""A bot that watches an inst: it tells of every update, and answers the devices that greet it.

    python watch_bot.py wss://{api-id}.execute-api.{region}.amazonaws.com/{stage}

Lost connections are of no concern: the bot gets each update once, whatever happens in between.
"""

from __future__ import annotations

import contextlib
import sys

import anyio

from auxws_anyio import Inst, Subscription, connect
from auxws_proto import ConnectionId
from auxws_proto.messages import DeviceAction


async def greet(lobby: Inst, actions: Subscription[DeviceAction]) -> None:
    """Answer each greeting; nobody waits in vain."""
    async for action in actions:
        if action["type"] == "device" and "taskId" in action:
            if action["event"] == "hello":
                await lobby.reply(action, "hello yourself")
            else:
                await lobby.refuse(action, "I only know how to say hello")


async def main(url: str) -> None:
    """Watch until somebody stops us."""
    async with connect(url, login=ConnectionId("watch-bot")) as client:
        lobby = client.inst(None, "lobby")
        with lobby.watch() as updates, lobby.actions() as actions:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(greet, lobby, actions)
                async for batch in updates:
                    verb = "holds" if batch.is_initial else "gets"
                    print(f"{lobby.inst} {verb} {len(batch.updates)} updates", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        anyio.run(main, sys.argv[1])
