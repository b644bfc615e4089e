"""Large messages: the transfers alone against bare httpx, and whole messages through a gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from .figures import Contestant, Results, Sample, Section, Table, Target, Unavailable, alternate
from .workers import Absent, Client, Process, gateway, node_peer, ours, transfers

METHOD = """
The local gateway and its object store run in one process, each client in its own. First the
transfers alone, one after the other on a connection that is kept: our HTTP client against
`httpx.AsyncClient` and `httpx.Client`, with the same presigned URLs. Then whole messages, JSON and
announcements included, several at once as each client does it; half of that time is the gateway's.
The memory target is for one download of 10 MB before its JSON is decoded.
"""

COUNTS = {100_000: 40, 1_000_000: 20, 10_000_000: 4}
BARE = {"auxws asyncio": "httpx async", "auxws trio": "httpx async", "auxws threads": "httpx sync"}
COLUMNS = {"rate": "MB/s", "ms": "ms each", "cpu_ms": "CPU, ms each", "peak_mb": "peak, MB"}


def run(rounds: int, quick: bool) -> Section:
    goals: list[Target] = []
    tables: list[Table] = []
    with ExitStack() as stack:
        world = stack.enter_context(gateway())
        url = world.line()
        for way in ("put", "get"):
            for size, full in COUNTS.items():
                count = max(1, full // 20) if quick else full
                found = bare(stack, world, url, way, size, count, rounds)
                verb = "Uploading" if way == "put" else "Downloading"
                tables.append(
                    Table.of(f"{verb} {size / 1e6:g} MB, transfers alone", found, COLUMNS)
                )
                for one, other in BARE.items():
                    name = f"{way} {size / 1e6:g} MB: time of {one} / {other}"
                    goals.append(Target(name, 1.15, found.ratios(one, other, "ms"), at_most=True))
        goals += memory(stack, world, url, rounds)
        for way in ("send", "receive"):
            for size, full in COUNTS.items():
                count = max(1, full // 20) if quick else full
                found = whole(stack, world, url, way, size, count, rounds)
                verb = "Sending" if way == "send" else "Receiving"
                tables.append(Table.of(f"{verb} messages of {size / 1e6:g} MB", found, COLUMNS))
    return Section("large", "Large messages", METHOD, goals, tables)


def each(sample: Sample, size: int, count: int) -> Sample:
    return {
        "rate": size * count / sample["seconds"] / 1e6,
        "ms": sample["seconds"] / count * 1e3,
        "cpu_ms": sample["cpu"] / count * 1e3,
        "peak_mb": sample["peak"] / 1e6,
    }


def bare(
    stack: ExitStack, world: Process, url: str, way: str, size: int, count: int, rounds: int
) -> Results:
    def contestant(name: str) -> Contestant:
        client = stack.enter_context(Client(transfers()))

        def measure() -> Sample:
            urls = world.ask({"do": way, "size": size, "count": count})
            job = {"url": url, "mode": f"{name} {way}", "size": size, "count": count, "urls": urls}
            return each(client.measure(job), size, count)

        return measure

    names = ["auxws asyncio", "httpx async", "auxws trio", "auxws threads", "httpx sync"]
    return alternate({n: contestant(n) for n in names}, rounds, f"{way} {size / 1e6:g} MB")


def memory(stack: ExitStack, world: Process, url: str, rounds: int) -> list[Target]:
    """One download in a fresh process: the second one would use the memory of the first."""
    size = 10_000_000

    def contestant(name: str) -> Contestant:
        def measure() -> Sample:
            urls = world.ask({"do": "get", "size": size, "count": 1})
            job = {"url": url, "mode": f"{name} get", "size": size, "count": 1, "urls": urls}
            with Client(transfers()) as client:
                return {"share": client.measure(job)["peak"] / (2 * size + 4e6)}

        return measure

    contestants = {name: contestant(name) for name in BARE}
    found = alternate(contestants, rounds, "memory of a download", warm_up=False)
    return [
        Target(
            f"get 10 MB: peak memory of {name} / (2 x body + 4 MB)",
            1.0,
            found.values(name, "share"),
            at_most=True,
        )
        for name in BARE
    ]


def whole(
    stack: ExitStack, world: Process, url: str, way: str, size: int, count: int, rounds: int
) -> Results:
    def contestant(command: Callable[[], list[str]], config: Mapping[str, Any]) -> Contestant:
        client: Client | Absent
        try:
            client = stack.enter_context(Client(command()))
        except Unavailable as why:
            client = Absent(str(why))
        job = {
            "url": url, "mode": way, "size": size, "count": count, "at_gateway": True,
            "config": dict(config),
        }  # fmt: skip

        def measure() -> Sample:
            world.ask({"do": "expect", "count": count})
            return each(client.measure(job), size, count)

        return measure

    contestants: dict[str, Contestant] = {}
    for driver in ("asyncio", "trio", "threads"):
        command = partial(ours, driver)
        contestants[f"auxws {driver}"] = contestant(command, {"speed": False})
        contestants[f"auxws {driver}, speed"] = contestant(command, {})
    contestants["reference client"] = contestant(partial(node_peer, "reference"), {})
    return alternate(contestants, rounds, f"{way} messages of {size / 1e6:g} MB")
