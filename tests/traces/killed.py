"""A program that is killed while it is recorded, in the middle of an upload.

python -m tests.traces.killed CASE URL PATH
"""

from __future__ import annotations

import sys

import anyio

from auxws_proto import ConnectionToken, Stage
from tests.drivers.adapter import CASES, Driver
from tests.traces.recording import TOKEN, updates


async def main(driver: Driver, url: str, path: str) -> None:
    async with driver.connect(url, login=ConnectionToken(TOKEN), trace=path) as client:
        receipt = await client.send(updates(1_000_000))
        await receipt.wait(Stage.UPLOADING)
        print("uploading", flush=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    name, url, path = sys.argv[1:]
    case = next(case for case in CASES if case.name == name)
    backend, options = case.backend
    anyio.run(main, case.make(), url, path, backend=backend, backend_options=options)
