"""A program that is killed in the middle of an upload.

    python -m tests.drivers.killed CASE URL PATH

It sends to ``URL`` with the outbox in the file ``PATH``: a message whose arrival is proven; once it
is told so on its input, one that arrives without proof, a large one whose upload does not end, and
one behind that. Then it says so on its output, and waits for the end.
"""

from __future__ import annotations

import sys

import anyio
import anyio.to_thread

from auxws_anyio import SqliteOutbox
from auxws_proto import Stage
from tests.drivers.adapter import CASES, Driver

LARGE = {"type": "n", "number": 2, "text": "x" * 1_000_000}


async def main(driver: Driver, url: str, path: str) -> None:
    async with driver.connect(url, outbox=SqliteOutbox(path)) as client:
        proven = await client.send({"type": "n", "number": 0})
        await proven.wait(Stage.CONFIRMED)
        print("proven", flush=True)
        await anyio.to_thread.run_sync(sys.stdin.readline)
        emitted = await client.send({"type": "n", "number": 1})
        await emitted.wait(Stage.SENT)
        uploading = await client.send(LARGE)
        await client.send({"type": "n", "number": 3})
        await uploading.wait(Stage.UPLOADING)
        print("accepted", flush=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    name, url, path = sys.argv[1:]
    case = next(case for case in CASES if case.name == name)
    backend, options = case.backend
    anyio.run(main, case.make(), url, path, backend=backend, backend_options=options)
