"""In memory: the WebSocket layer against wsproto, and the core with JSON against both together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from .figures import Results, Sample, Section, Table, Target, alternate
from .workers import Client, core

METHOD = """
No sockets: bytes are made, and taken apart. "wsproto" is wsproto's own connection, with the keys
and the masking that it has; "auxws" is the layer of ours that carries bytes and text
(`auxws_proto._websocket.WebSocket`), with keys from `os.urandom`. "wsproto + json" is the same with
the standard library's JSON, "auxws core" an `AuxWebSocket` that is fed, drained by `runs()` and
told what was written and taken, as drivers do; a send is proven by a pong, but where it says
`confirm=False`. "speed" is the extra of that name.
"""

COUNTS = {100: 20_000, 1_000: 10_000, 30_000: 1_000}
GOALS = {
    "send": {100: 4.0, 1_000: 2.5, 30_000: 1.0},
    "receive": {100: 15.0, 1_000: 8.0, 30_000: 4.0},
}
CORE_GOALS = {"send": (2.0, 4.0), "receive": (4.0, 8.0)}
"""In pure Python, and with ``speed``."""

PURE = {"speed": False}
PLAIN, FAST = "auxws", "auxws, speed"
CORE, FAST_CORE = "auxws core", "auxws core, speed"
WSPROTO, WITH_JSON = "wsproto", "wsproto + json"


def run(rounds: int, quick: bool) -> Section:
    goals: list[Target] = []
    tables: list[Table] = []
    with ExitStack() as stack:
        client = stack.enter_context(Client(core()))
        for mode in ("send", "receive"):
            for size, full in COUNTS.items():
                count = max(20, full // 100) if quick else full
                found = alternate(
                    {
                        WSPROTO: job(client, f"wsproto {mode}", size, count, json="none"),
                        PLAIN: job(client, f"websocket {mode}", size, count, config=PURE),
                        FAST: job(client, f"websocket {mode}", size, count),
                    },
                    rounds,
                    f"WebSocket layer, {mode} {size:,} B",
                )
                tables.append(table(f"WebSocket layer, {mode} {size:,} B", found))
                ratios = found.ratios(PLAIN, WSPROTO, "rate")
                name = f"WebSocket layer, {mode} {size:,} B: auxws / wsproto"
                goals.append(Target(name, GOALS[mode][size], ratios))
        for mode in ("send", "receive"):
            count = COUNTS[100] // (100 if quick else 1)
            contestants = {
                WITH_JSON: job(client, f"wsproto {mode}", 100, count),
                CORE: job(client, f"core {mode}", 100, count, config=PURE),
                FAST_CORE: job(client, f"core {mode}", 100, count),
            }
            if mode == "send":
                for name, config in ((CORE, PURE), (FAST_CORE, {})):
                    contestants[f"{name}, confirm=False"] = job(
                        client, "core send", 100, count, config={**config, "confirm": False}
                    )
            found = alternate(contestants, rounds, f"core with JSON, {mode} 100 B")
            tables.append(table(f"Core with JSON, {mode} 100 B", found))
            for name, wanted in zip((CORE, FAST_CORE), CORE_GOALS[mode], strict=True):
                ratios = found.ratios(name, WITH_JSON, "rate")
                goals.append(Target(f"{mode} 100 B: {name} / {WITH_JSON}", wanted, ratios))
    return Section("memory", "In memory", METHOD, goals, tables)


def job(client: Client, measure: str, size: int, count: int, **more: Any) -> Callable[[], Sample]:
    what = {"url": "", "mode": measure, "size": size, "count": count, **more}

    def contestant() -> Sample:
        seconds = client.measure(what)["seconds"]
        return {"rate": count / seconds, "us": seconds / count * 1e6}

    return contestant


def table(title: str, found: Results) -> Table:
    return Table.of(title, found, {"rate": "messages/s", "us": "µs a message"})
