"""The benchmarks still run: each measurement once, with next to no work, and no peer but wsproto.

Nothing here is about time; the figures mean nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench import __main__, page
from bench.clients import core, idle, ours, transfers
from bench.clients.job import Job, Meter
from bench.figures import Results, Section, Spread, Table, Target, Unavailable, alternate
from bench.messages import peers
from bench.workers import Process, gateway, node_peer, websocket_server

GOALS = {"memory", "messages", "large", "legs", "idle"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with websocket_server() as process:
        yield process.line()


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Process, str]]:
    with gateway() as process:
        yield process, process.line()


def sample_of(run: Any, job: Job) -> Mapping[str, float]:
    """Run a job in a thread, whose event loop is its own."""
    meter = Meter()
    thread = threading.Thread(target=run, args=(job, meter))
    thread.start()
    thread.join()
    return meter.sample


@pytest.mark.parametrize("config", [{"speed": False}, {}, {"confirm": False}], ids=str)
@pytest.mark.parametrize("measure", core.MEASURES)
def test_in_memory(measure: str, config: dict[str, Any]) -> None:
    job = Job(url="", mode=measure, size=100, count=120, config=config)

    assert sample_of(core.MEASURES[measure], job)["seconds"] > 0


@pytest.mark.parametrize("mode", ["send", "receive", "echo"])
@pytest.mark.parametrize("driver", ours.DRIVERS)
def test_messages(server: str, driver: str, mode: str) -> None:
    job = Job(url=server, mode=mode, size=1_000, count=30)

    assert sample_of(ours.DRIVERS[driver], job)["seconds"] > 0


@pytest.mark.parametrize("mode", ["send", "receive"])
@pytest.mark.parametrize("driver", ours.DRIVERS)
def test_large(world: tuple[Process, str], driver: str, mode: str) -> None:
    process, url = world
    process.ask({"do": "expect", "count": 2})
    job = Job(url=url, mode=mode, size=100_000, count=2, at_gateway=True)

    sample = sample_of(ours.DRIVERS[driver], job)

    arrived = process.ask({"do": "arrived"})["at"]
    assert (arrived > sample["started"]) is (mode == "send")


@pytest.mark.parametrize("way", ["put", "get"])
@pytest.mark.parametrize("client", transfers.CLIENTS)
def test_transfers(world: tuple[Process, str], client: str, way: str) -> None:
    process, url = world
    urls = tuple(process.ask({"do": way, "size": 10_000, "count": 2}))
    job = Job(url=url, mode=f"{client} {way}", size=10_000, count=2, urls=urls)

    assert sample_of(transfers.CLIENTS[client], job)["seconds"] > 0


@pytest.mark.parametrize("name", [name for name in idle.CLIENTS if name.startswith("auxws")])
def test_idle(server: str, name: str) -> None:
    assert "bytes" in idle.CLIENTS[name](f"{server}/sink/1", 3)


def test_contestants_take_turns() -> None:
    order: list[str] = []

    def contestant(name: str) -> Any:
        def measure() -> dict[str, float]:
            order.append(name)
            return {"rate": float(len(order))}

        return measure

    def absent() -> dict[str, float]:
        raise Unavailable("not installed: b")

    found = alternate({"a": contestant("a"), "b": absent, "c": contestant("c")}, 2, "turns")

    assert order == ["a", "c"] * 3
    assert found.values("a", "rate") == [3.0, 5.0]
    assert found.ratios("c", "a", "rate") == [4 / 3, 6 / 5]
    assert found.ratios("a", "b", "rate") == []
    assert found.missing == {"b": "not installed: b"}


def test_who_is_missing_is_named() -> None:
    results = Results({"a": [{"rate": 1.0}, {"rate": 1_234.5}]}, {"b": "not installed: b"})

    table = Table.of("Title", results, {"rate": "messages/s", "us": "µs"})

    assert table.rows == [
        ["a", "618 (1 to 1,230)", "-"],
        ["b", "not measured: not installed: b", ""],
    ]


def test_peers_on_node_need_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUXWS_BENCH_FOLDER", raising=False)

    with pytest.raises(Unavailable, match="npm"):
        node_peer("ws")


@pytest.mark.parametrize(
    ("ratios", "at_most", "verdict"),
    [
        ([1.0, 3.0, 2.0], False, "reached"),
        ([1.0, 1.9, 2.5], False, "**not reached**"),
        ([1.0, 1.9, 2.5], True, "reached"),
        ([2.1], True, "**not reached**"),
        ([], False, "not measured"),
    ],
)
def test_targets(ratios: list[float], at_most: bool, verdict: str) -> None:
    assert Target("what", 2.0, ratios, at_most=at_most).row()[-1] == verdict


def test_the_page_keeps_other_groups(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"

    def section(group: str, figure: float) -> Section:
        table = Table("T", ["", "x"], [["us", str(Spread.of([figure]))]])
        return Section(group, group.title(), "How.", [], [table])

    page.write(path, [section("messages", 1), section("memory", 2)], 5)
    page.write(path, [section("messages", 3)], 5)

    text = path.read_text()
    assert text.index("## Memory") < text.index("## Messages")
    assert "| us | 2 (2 to 2) |" in text
    assert "| us | 3 (3 to 3) |" in text
    assert "| us | 1 (1 to 1) |" not in text


def test_every_group_is_there() -> None:
    assert set(__main__.GROUPS) == GOALS
    assert "reference client" in peers()
