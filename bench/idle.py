"""Idle connections: what one more of them costs in memory."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable

from .figures import Sample, Section, Table, Target, Unavailable, alternate
from .workers import PYTHON, Process, websocket_server

METHOD = """
A fresh process opens one connection, is weighed (resident size, after a garbage collection), opens
so many more to the same server, and is weighed again. No HTTP client and no TLS context is made,
which our client does on first use. Our driver for threads has a thread for each connection, as that
of websockets has; neither is measured at 5,000.
"""

COUNTS = (1_000, 5_000)
PAIRS = {
    "auxws asyncio": "websockets asyncio",
    "auxws trio": "websockets trio",
    "auxws threads": "websockets sync",
}
SPARE = 100
"""Descriptors of a process that are none of its connections."""


def run(rounds: int, quick: bool) -> Section:
    goals: list[Target] = []
    tables: list[Table] = []
    with websocket_server() as server:
        url = f"{server.line()}/sink/1"
        for full in COUNTS:
            count = full // 100 if quick else full
            pairs = {a: b for a, b in PAIRS.items() if full < COUNTS[-1] or "threads" not in a}
            names = [name for pair in pairs.items() for name in pair]
            title = f"{full:,} idle connections"
            contestants = {name: contestant(name, url, count) for name in names}
            # Each is a fresh process anyway.
            found = alternate(contestants, rounds, title, warm_up=False)
            tables.append(Table.of(title, found, {"kib": "KiB a connection"}))
            for one, other in pairs.items():
                ratios = found.ratios(one, other, "kib")
                goals.append(Target(f"{title}: {one} / {other}", 2.0, ratios, at_most=True))
    return Section("idle", "Idle connections", METHOD, goals, tables)


def contestant(name: str, url: str, count: int) -> Callable[[], Sample]:
    per_connection = 3 if name == "auxws threads" else 1

    def measure() -> Sample:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = count * per_connection + SPARE
        if most != resource.RLIM_INFINITY and most < wanted:
            raise Unavailable(f"{wanted:,} open files are needed, the system allows {most:,}")
        with Process([*PYTHON, "bench.clients.idle", name, url, str(count)]) as process:
            sample = json.loads(process.line())
        if "error" in sample:
            raise Unavailable(sample["error"])
        return {"kib": sample["bytes"] / 1024}

    return measure
