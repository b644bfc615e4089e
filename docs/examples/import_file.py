"""An importer: a file of any size becomes updates of an inst, several of them under way at a time.

    python import_file.py wss://{api-id}.execute-api.{region}.amazonaws.com/{stage} FILE

Each update is acknowledged by the server before it counts; what is lost on the way is sent again.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import anyio
from anyio.abc import TaskStatus

from auxws_anyio import connect
from auxws_proto import AuxError, ConnectionId

PART = 1024 * 1024
"""Bytes in an update. Over 32,000 it travels through S3, which is what large updates do best."""
AT_A_TIME = 8


def parts(path: Path) -> Iterator[str]:
    """The file in parts, as updates are written: in base64."""
    with path.open("rb") as file:
        while data := file.read(PART):
            yield b64encode(data).decode()


async def main(url: str, path: Path) -> None:
    """Send the file, and tell how far it is."""
    done = 0
    room = anyio.Semaphore(AT_A_TIME)

    async def add(part: str, *, task_status: TaskStatus[None]) -> None:
        nonlocal done
        task_status.started()
        await inst.add_updates([part])
        done += len(part) * 3 // 4 - part.count("=")
        print(f"\r{done:,} bytes", end="", file=sys.stderr)
        room.release()

    async with connect(url, login=ConnectionId("importer")) as client:
        inst = client.inst(None, path.name)
        async with anyio.create_task_group() as tasks:
            for part in parts(path):
                await room.acquire()
                # Returns once the part is accepted, so the parts keep their order.
                await tasks.start(add, part)
    print(f"\r{path.name}: {done:,} bytes are stored")


if __name__ == "__main__":
    try:
        anyio.run(main, sys.argv[1], Path(sys.argv[2]))
    except* AuxError as errors:
        sys.exit(f"\nthe server does not take it: {errors.exceptions[0]}")
