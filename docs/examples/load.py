"""A load generator: 1,000 clients in one process, ten to an inst, that all write and all listen.

    python load.py ws://127.0.0.1:8080/Prod [--clients 1000] [--updates 10]

It tells how long connecting took, how many updates a second were acknowledged, and how fast. It
ends when every update has reached everybody else in its inst.
"""

from __future__ import annotations

import argparse
import resource
import statistics
from base64 import b64encode
from contextlib import aclosing
from time import perf_counter

import anyio
from anyio.abc import TaskStatus

from auxws_anyio import HttpClient, connect
from auxws_proto import ConnectionId

GROUP = 10
"""Clients in an inst."""
AT_A_TIME = 50
"""Clients that connect at a time; API Gateway takes 500 new connections a second."""


class Load:
    """All clients, and what they measure."""

    def __init__(self, url: str, clients: int, updates: int) -> None:
        self.url = url
        self.clients = clients
        self.updates = updates
        self.latencies: list[float] = []
        self.delivered = 0
        # One for all: each client would make its own, of 1 MB, for its first large message.
        self.http = HttpClient()
        self.room = anyio.Semaphore(AT_A_TIME)
        self.go = anyio.Event()

    async def connect_all(self) -> None:
        """Connect them; then let them write, and wait until they have heard each other."""
        began = connected = perf_counter()
        async with aclosing(self.http), anyio.create_task_group() as tasks:
            async with anyio.create_task_group() as starting:
                for number in range(self.clients):
                    starting.start_soon(tasks.start, self.run, number)
            connected = perf_counter()
            print(f"{self.clients:,} clients connected in {connected - began:.1f} s")
            self.go.set()
        self.tell(perf_counter() - connected)

    async def run(self, number: int, *, task_status: TaskStatus[None]) -> None:
        """One client."""
        first = number - number % GROUP
        others = min(GROUP, self.clients - first) - 1
        login = ConnectionId(f"load-{number}")
        await self.room.acquire()
        async with connect(self.url, login=login, http=self.http) as client:
            inst = client.inst(None, f"load-{first}")
            with inst.watch() as batches:
                await anext(batches)
                self.room.release()
                task_status.started()
                await self.go.wait()
                for update in range(self.updates):
                    text = b64encode(f"{number}/{update}".encode()).decode()
                    began = perf_counter()
                    await inst.add_updates([text])
                    self.latencies.append(perf_counter() - began)
                heard = 0
                while heard < others * self.updates:
                    heard += len((await anext(batches)).updates)
                self.delivered += heard

    def tell(self, seconds: float) -> None:
        """The figures."""
        count = len(self.latencies)
        cuts = statistics.quantiles(self.latencies, n=100)
        half, most = cuts[49] * 1000, cuts[98] * 1000
        print(f"{count:,} updates acknowledged, {self.delivered:,} delivered in {seconds:.1f} s")
        print(f"that is {(count + self.delivered) / seconds:,.0f} a second")
        print(f"half are acknowledged within {half:.0f} ms, 99 % within {most:.0f} ms")


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description="Connect many clients, and let them all write.")
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--updates", type=int, default=10, help="of each client")
    options = parser.parse_args()
    # A client has a socket, and the usual limit is 1,024 files.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    anyio.run(Load(options.url, options.clients, options.updates).connect_all)


if __name__ == "__main__":
    main()
