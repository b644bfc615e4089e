"""End to end over loopback: one server for all, each client in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .figures import Results, Sample, Section, Table, Target, Unavailable, alternate
from .workers import Absent, Client, node_peer, ours, python_peer, websocket_server

METHOD = """
Each client is a process of its own, connected to the same server process (`bench/server.py`, which
parses nothing but the headers of frames). Sending: all messages are sent without waiting in
between; the clock stops at an answer of the server that has read the last. Receiving: the clock
runs from a request to the last of the messages that the server sends in answer. All read and write
JSON, none compresses. Our rows have the default configuration, in which each message is proven to
have arrived (`confirm`), but where they say otherwise; "speed" is the extra of that name. "CPU" is
the process's own CPU time, "peak" the memory that it needed on top of what it had before.
"""

COUNTS = {100: 20_000, 1_000: 10_000, 30_000: 1_000}
LATENCY = (100, 1_000)
"""Size and count of the round trips."""

COLUMNS = {"rate": "messages/s", "cpu_us": "CPU, µs a message", "peak_mb": "peak, MB"}


@dataclass(frozen=True)
class Peer:
    """A row: the command of its process, and what its jobs say besides."""

    command: Callable[[], list[str]]
    job: Mapping[str, Any] = field(default_factory=dict[str, Any])
    modes: tuple[str, ...] = ("send", "receive", "echo")


OURS = {
    "": {"speed": False},
    ", speed": {},
    ", speed, confirm=False": {"confirm": False},
}
THEIRS = {
    "websockets asyncio": "websockets-asyncio",
    "websockets trio": "websockets-trio",
    "websockets sync": "websockets-sync",
    "picows": "picows",
    "aiohttp": "aiohttp",
    "httpx-ws": "httpx-ws",
}
ON_NODE = {"Node ws, JSON": "ws", "reference client": "reference"}


def peers() -> dict[str, Peer]:
    """All of them, by the names of their rows."""
    found: dict[str, Peer] = {}
    for driver in ("asyncio", "trio", "threads"):
        for name, config in OURS.items():
            modes = ("send",) if "confirm" in config else Peer.modes
            found[f"auxws {driver}{name}"] = Peer(partial(ours, driver), {"config": config}, modes)
    for title, name in THEIRS.items():
        for codec in ("json", "orjson"):
            found[f"{title}, {codec}"] = Peer(partial(python_peer, name), {"json": codec})
    for title, name in ON_NODE.items():
        found[title] = Peer(partial(node_peer, name))
    return found


def run(rounds: int, quick: bool) -> Section:
    counts = {size: max(20, count // 100) if quick else count for size, count in COUNTS.items()}
    found: dict[tuple[str, int], Results] = {}
    with ExitStack() as stack:
        server = stack.enter_context(websocket_server())
        url = server.line()
        clients: dict[str, Client | Absent] = {}
        rows = peers()
        for name, peer in rows.items():
            try:
                clients[name] = stack.enter_context(Client(peer.command()))
            except Unavailable as why:
                clients[name] = Absent(str(why))

        def measure(mode: str, size: int, count: int) -> Results:
            def contestant(name: str) -> Callable[[], Sample]:
                job = {"url": url, "mode": mode, "size": size, "count": count, **rows[name].job}
                return lambda: per_message(clients[name].measure(job), count)

            taking_part = {n: contestant(n) for n, peer in rows.items() if mode in peer.modes}
            return alternate(taking_part, rounds, f"{mode} {size:,} B")

        for mode in ("receive", "send"):
            for size, count in counts.items():
                found[mode, size] = measure(mode, size, count)
        size, count = LATENCY
        found["echo", size] = measure("echo", size, count // 50 if quick else count)
    return Section("messages", "Messages, end to end", METHOD, targets(found), tables(found))


def per_message(sample: Sample, count: int) -> Sample:
    return {
        "rate": count / sample["seconds"],
        "trip_us": sample["seconds"] / count * 1e6,
        "cpu_us": sample["cpu"] / count * 1e6,
        "peak_mb": sample["peak"] / 1e6,
    }


def targets(found: Mapping[tuple[str, int], Results]) -> list[Target]:
    goals: list[Target] = []

    def goal(mode: str, size: int, one: str, other: str, wanted: float) -> None:
        ratios = found[mode, size].ratios(one, other, "rate")
        goals.append(Target(f"{mode} {size:,} B: {one} / {other}", wanted, ratios))

    for driver, other in {"asyncio": "asyncio", "trio": "trio", "threads": "sync"}.items():
        goal("receive", 100, f"auxws {driver}, speed", f"websockets {other}, orjson", 2.5)
        goal("send", 100, f"auxws {driver}, speed", f"websockets {other}, orjson", 1.5)
    goal("send", 100, "auxws asyncio, speed", "reference client", 2)
    goal("receive", 100, "auxws asyncio, speed", "reference client", 1.5)
    goal("send", 30_000, "auxws asyncio, speed", "reference client", 2)
    return goals


def tables(found: Mapping[tuple[str, int], Results]) -> list[Table]:
    made: list[Table] = []
    for (mode, size), results in found.items():
        if mode == "echo":
            title = f"Round trip of one message of {size:,} B"
            columns = {"trip_us": "µs", "cpu_us": COLUMNS["cpu_us"]}
            made.append(Table.of(title, results, columns))
        else:
            verb = "Sending" if mode == "send" else "Receiving"
            made.append(Table.of(f"{verb} {size:,} B", results, COLUMNS))
    return made
