"""Round trips: what a large message costs on a slow network, against the reference client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .figures import Sample, Section, Table, Target, Unavailable, alternate
from .workers import Absent, Client, Process, gateway, node_peer, ours

METHOD = """
The local gateway holds up what passes: 50 ms on each way between client and gateway, and a store
that answers after 100 ms (50 ms each way), or 200 ms for the downloads. Sending is timed from the
call to the moment at which the gateway's application has the last message; receiving from the
request, whose way counts too, to the last message. An upload takes five such ways: request, URL,
PUT, its answer, announcement.
"""

WAY = 0.05
KB, MB = 1_000, 1_000_000


@dataclass(frozen=True)
class Case:
    """One thing that both clients do, and how ours is configured for it."""

    title: str
    mode: str
    size: int
    count: int
    store: float
    goals: Mapping[str, float]
    """Ours over the reference, by the row."""
    configs: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"auxws asyncio": {}, "auxws threads": {}}
    )


CASES = (
    Case(
        "One message of 100 KB",
        "send",
        100 * KB,
        1,
        2 * WAY,
        {
            "auxws asyncio": 1.05,
            "auxws asyncio, URLs ahead": 0.65,
            "auxws asyncio, fragments": 0.25,
            "auxws threads": 1.05,
            "auxws threads, URLs ahead": 0.65,
            "auxws threads, fragments": 0.25,
        },
        {
            f"auxws {driver}{name}": config
            for driver in ("asyncio", "threads")
            for name, config in {
                "": {},
                ", URLs ahead": {"upload_urls_ahead": 4},
                ", fragments": {"fragment_limit": 131_072},
            }.items()
        },
    ),
    Case(
        "20 messages of 1 MB to a store that takes 100 ms",
        "send",
        MB,
        20,
        0.1,
        {"auxws asyncio": 0.25, "auxws threads": 0.25},
    ),
    Case(
        "20 messages of 100 KB from a store that takes 200 ms",
        "receive",
        100 * KB,
        20,
        0.2,
        {"auxws asyncio": 0.2, "auxws threads": 0.2},
    ),
)


def run(rounds: int, quick: bool) -> Section:
    goals: list[Target] = []
    tables: list[Table] = []
    with ExitStack() as stack:
        world = stack.enter_context(gateway())
        url = world.line()
        clients: dict[str, Client | Absent] = {}
        for name, command in {
            "asyncio": partial(ours, "asyncio"),
            "threads": partial(ours, "threads"),
            "reference": partial(node_peer, "reference"),
        }.items():
            try:
                clients[name] = stack.enter_context(Client(command()))
            except Unavailable as why:
                clients[name] = Absent(str(why))
        for case in CASES:
            delay = WAY / 50 if quick else WAY
            ways = {"do": "delays", "to_server": delay, "to_client": delay}
            world.ask({**ways, "store": case.store / WAY * delay})
            contestants = {
                name: contestant(world, clients[name.split()[1].strip(",")], url, case, config)
                for name, config in case.configs.items()
            }
            contestants["reference client"] = contestant(world, clients["reference"], url, case, {})
            found = alternate(contestants, rounds, case.title)
            tables.append(Table.of(case.title, found, {"ms": "ms"}))
            for name, wanted in case.goals.items():
                ratios = found.ratios(name, "reference client", "ms")
                what = f"{case.title}: time of {name} / reference client"
                goals.append(Target(what, wanted, ratios, at_most=True))
    return Section("legs", "Round trips", METHOD, goals, tables)


def contestant(
    world: Process, client: Client | Absent, url: str, case: Case, config: Mapping[str, Any]
) -> Callable[[], Sample]:
    job = {
        "url": url, "mode": case.mode, "size": case.size, "count": case.count,
        "at_gateway": True, "config": dict(config),
        # For URLs that are kept ahead to come.
        "rest": 8 * WAY if config else 0.0,
    }  # fmt: skip

    def measure() -> Sample:
        world.ask({"do": "expect", "count": case.count})
        sample = client.measure(job)
        if case.mode == "receive":
            return {"ms": sample["seconds"] * 1e3}
        # Both clocks are the machine's monotonic one.
        return {"ms": (world.ask({"do": "arrived"})["at"] - sample["started"]) * 1e3}

    return measure
