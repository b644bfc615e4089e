"""Our own client: ``python -m bench.clients.ours DRIVER``: ``asyncio``, ``trio`` or ``threads``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .job import Job, Meter, work

if TYPE_CHECKING:
    import auxws_anyio
    import auxws_sync


async def send(client: auxws_anyio.AuxClient, job: Job, meter: Meter) -> None:
    message = job.message
    with client.event("done") as done, meter:
        for _ in range(job.count):
            await client.send(message)
        await anext(done)


async def receive(client: auxws_anyio.AuxClient, job: Job, meter: Meter) -> None:
    with client.event("note") as stream, meter:
        await client.send(job.go)
        missing = job.count
        async for _ in stream:
            missing -= 1
            if not missing:
                break


async def echo(client: auxws_anyio.AuxClient, job: Job, meter: Meter) -> None:
    message = job.message
    with client.event("note") as stream, meter:
        for _ in range(job.count):
            await client.send(message)
            await anext(stream)


def send_sync(client: auxws_sync.AuxClient, job: Job, meter: Meter) -> None:
    message = job.message
    with client.event("done") as done, meter:
        for _ in range(job.count):
            client.send(message)
        next(done)


def receive_sync(client: auxws_sync.AuxClient, job: Job, meter: Meter) -> None:
    with client.event("note") as stream, meter:
        client.send(job.go)
        missing = job.count
        for _ in stream:
            missing -= 1
            if not missing:
                break


def echo_sync(client: auxws_sync.AuxClient, job: Job, meter: Meter) -> None:
    message = job.message
    with client.event("note") as stream, meter:
        for _ in range(job.count):
            client.send(message)
            next(stream)


def run_anyio(job: Job, meter: Meter, backend: str) -> None:
    import anyio

    import auxws_anyio
    from auxws_proto import Config

    do = {"send": send, "receive": receive, "echo": echo}[job.mode]

    async def run() -> None:
        async with auxws_anyio.connect(job.path, config=Config(**job.config)) as client:
            await client.wait_connected(10)
            await anyio.sleep(job.rest)
            await do(client, job, meter)

    anyio.run(run, backend=backend)


def run_threads(job: Job, meter: Meter) -> None:
    import auxws_sync
    from auxws_proto import Config

    do = {"send": send_sync, "receive": receive_sync, "echo": echo_sync}[job.mode]
    with auxws_sync.connect(job.path, config=Config(**job.config)) as client:
        client.wait_connected(10)
        time.sleep(job.rest)
        do(client, job, meter)


DRIVERS: dict[str, Callable[[Job, Meter], None]] = {
    "asyncio": lambda job, meter: run_anyio(job, meter, "asyncio"),
    "trio": lambda job, meter: run_anyio(job, meter, "trio"),
    "threads": run_threads,
}

if __name__ == "__main__":
    work(DRIVERS[sys.argv[1]])
