"""``auxws bench``: the figures, and what is counted as a failure."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_anyio.cli import _load
from auxws_anyio.gateway import Faults

from .helpers import Served, Shell, serving


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_replies_are_counted(shell: Shell, inst_server: Served, backend: str) -> None:
    ran = shell.run("bench", inst_server.url, "--clients", 3, "--messages", 4, "--window", 2,
                    "--json", "--backend", backend)  # fmt: skip

    result = ran.event("result")
    assert ran.status == 0
    assert (result["connects"]["count"], result["messages"]["count"]) == (3, 12)
    assert (result["failures"], result["lost_connections"]) == ({}, 0)
    latency = result["messages"]
    assert 0 < latency["p50_ms"] <= latency["p90_ms"] <= latency["p99_ms"] <= latency["max_ms"]
    assert inst_server.gateway.connections_accepted == 3


def test_for_people(shell: Shell, echoing: Served) -> None:
    ran = shell.run("bench", echoing.url, "--clients", 2, "--duration", "200ms", "--size", "1kB",
                    "--rate", 50, "--wait", "confirmed")  # fmt: skip

    assert ran.status == 0
    assert ran.out[0] == f"2 clients on {echoing.url}, messages of 1.0 kB"
    assert [line.split()[0] for line in ran.out[1:4]] == ["count", "connects", "messages"]
    assert ran.out[-1].endswith("0 connections lost; 0 failures")
    assert echoing.gateway.received.largest < 1_100


def test_large_messages_go_by_upload(shell: Shell, echoing: Served) -> None:
    ran = shell.run("bench", echoing.url, "--clients", 1, "--messages", 2, "--size", "50kB",
                    "--json")  # fmt: skip

    assert ran.event("result")["messages"]["count"] == 2
    assert len(list(echoing.gateway.store)) == 4


def test_what_is_not_answered_is_a_failure(shell: Shell) -> None:
    async def deaf(connection: Any) -> None:
        async for _ in connection:
            pass

    with serving(deaf) as served:
        ran = shell.run("bench", served.url, "--clients", 2, "--messages", 1, "--timeout", "100ms")

    assert ran.status == 1
    assert ran.out[-1] == "  2 x no answer within 0.1 s"


def test_handshakes_that_are_refused_are_counted(shell: Shell) -> None:
    faults = Faults()
    faults.refuse_handshakes(2, 429, "Too Many Requests")
    with serving(faults=faults) as served:
        ran = shell.run("bench", served.url, "--clients", 3, "--messages", 1, "--json")

    result = ran.event("result")
    assert ran.status == 1
    assert result["connects"]["count"] == 1
    assert result["failures"] == {"the handshake was refused with HTTP 429": 2}


def test_connections_that_are_lost_are_counted(shell: Shell) -> None:
    faults = Faults()
    faults.drop_after_frames(1)
    with serving(faults=faults) as served:
        ran = shell.run("bench", served.url, "--clients", 1, "--messages", 2, "--timeout", "100ms",
                        "--json")  # fmt: skip

    assert ran.status == 1
    assert ran.event("result")["lost_connections"] == 1


def test_errors_of_the_server_are_failures(shell: Shell) -> None:
    async def unfriendly(connection: Any) -> None:
        async for received in connection:
            await connection.send_error({"success": False, "errorCode": "server_error"})
            await connection.send(received.message)

    with serving(unfriendly) as served:
        ran = shell.run("bench", served.url, "--clients", 1, "--messages", 1, "--json")

    result = ran.event("result")
    assert ran.status == 1
    assert result["messages"]["count"] == 1
    assert result["failures"] == {"server_error": 1}


def test_nothing_that_connects(shell: Shell) -> None:
    ran = shell.run("bench", "ws://127.0.0.1:1/", "--clients", 2, "--json")

    assert ran.status == 3
    assert ran.event("result")["messages"]["count"] == 0
    assert ran.event("failed")["error"] == "connect: 127.0.0.1 port 1: Connection refused"


def test_a_rate_of_nothing(shell: Shell) -> None:
    assert shell.run("bench", "ws://127.0.0.1:1/", "--rate", "0").status == 2


@pytest.mark.parametrize(
    ("share", "value"), [(50, 5.0), (90, 9.0), (99, 10.0), (100, 10.0), (1, 1.0)]
)
def test_percentiles_are_values_that_were_measured(share: float, value: float) -> None:
    assert _load.percentile([n / 1_000 for n in range(1, 11)], share) == value


def test_no_percentile_of_nothing() -> None:
    assert _load.percentile([], 50) is None
    assert _load.Times().summary() == _load.Summary(
        count=0, per_second=0.0, p50_ms=None, p90_ms=None, p99_ms=None, max_ms=None
    )


def test_rates_are_over_the_time_that_passed() -> None:
    times = _load.Times()
    for began in (1.0, 2.0, 3.0):
        times.add(began, began + 1.0)

    summary = times.summary()

    assert (summary.count, summary.per_second, summary.p50_ms) == (3, 1.0, 1_000.0)
