"""How late each driver is for the core's deadlines, on an idle machine.

    python -m bench.deadlines [SECONDS]

A client of each driver pings a local gateway every 50 ms; what is measured is the time from the
deadline that the core gave (``next_timeout()``) to the call of ``handle_timeout()``. The goal is
20 ms. Prints median, 95th percentile and maximum for each driver, in milliseconds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import anyio
import anyio.to_thread

import auxws_anyio
import auxws_sync
from auxws_anyio.gateway import Gateway, echo
from auxws_proto import AuxWebSocket, Config

CONFIG = Config(ping_interval=0.05)


def watch(machine: AuxWebSocket, late: list[float]) -> None:
    """Keep how late each call of ``handle_timeout`` of this machine is, in seconds."""
    original: Callable[[float], None] = machine.handle_timeout

    def handle_timeout(now: float) -> None:
        due = machine.next_timeout()
        if due is not None and due <= now:
            late.append(now - due)
        original(now)

    machine.handle_timeout = handle_timeout  # type: ignore[method-assign]


async def measure_anyio(url: str, seconds: float) -> list[float]:
    late: list[float] = []
    async with auxws_anyio.AuxClient(url, config=CONFIG) as client:
        watch(client._engine.machine, late)
        await client.connect()
        await client.wait_connected(5)
        await anyio.sleep(seconds)
    return late


def measure_sync(url: str, seconds: float) -> list[float]:
    late: list[float] = []
    with auxws_sync.AuxClient(url, config=CONFIG) as client:
        watch(client._engine.machine, late)
        client.connect()
        client.wait_connected(5)
        time.sleep(seconds)
    return late


def show(name: str, late: list[float]) -> None:
    ordered = sorted(x * 1000 for x in late)
    if not ordered:
        print(f"{name:8} no deadline came")
        return
    p95 = ordered[int(len(ordered) * 0.95)]
    print(
        f"{name:8} {len(ordered):4} deadlines   median {statistics.median(ordered):6.2f}"
        f"   95 % {p95:6.2f}   max {ordered[-1]:6.2f} ms"
    )


async def run(name: str, seconds: float) -> None:
    async with Gateway(echo) as gateway:
        show(name, await measure_anyio(gateway.url, seconds))
        if name == "asyncio":
            show("threads", await anyio.to_thread.run_sync(measure_sync, gateway.url, seconds))


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    for name in ("asyncio", "trio"):
        anyio.run(run, name, seconds, backend=name)


if __name__ == "__main__":
    main()
