"""The simulation of a fleet: its clients wait as the core says, and its gateway counts."""

from __future__ import annotations

import random

import pytest

from auxws_proto import Config, Reconnect, Role
from auxws_proto._shared import Shared
from docs.tools import fleet

SMALL = 2_000


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fiftieth of everything."""
    monkeypatch.setattr(fleet, "CLIENTS", SMALL)
    monkeypatch.setattr(fleet, "RATE", 10)
    monkeypatch.setattr(fleet, "BURST", 10)


def test_the_waits_are_those_of_the_core() -> None:
    delay, draw = fleet.full_jitter(5), random.Random(5)
    shared = Shared(Role.CLIENT, Config(random=draw.random), None)
    policy = Reconnect()

    waits = [delay(failures) for failures in range(10)]

    assert waits == [shared.backoff(policy.base, n, policy.cap) for n in range(10)]


@pytest.mark.usefixtures("small")
def test_no_more_are_taken_than_the_gateway_takes() -> None:
    run = fleet.outage(fleet.full_jitter(1))

    assert min(run.connected) >= fleet.OUTAGE
    assert max(run.connected.values()) <= fleet.RATE + fleet.BURST
    assert sum(run.connected.values()) == SMALL


@pytest.mark.usefixtures("small")
def test_jitter_brings_all_back_near_the_earliest_moment_and_a_herd_never() -> None:
    earliest = fleet.OUTAGE + SMALL / fleet.RATE

    jittered = fleet.outage(fleet.full_jitter(1))
    herd = fleet.outage(fleet.no_jitter())

    assert jittered.done_at is not None
    assert earliest - 1 <= jittered.done_at < earliest * 1.3
    assert herd.done_at is None
    assert jittered.refused < herd.refused


@pytest.mark.usefixtures("small")
def test_jittered_lives_spread_a_fleet() -> None:
    peaks = {
        jitter: max(rate for hour, rate in fleet.lives(jitter, hours=5) if hour > 3)
        for jitter in (None, 0.1, 0.5)
    }

    assert peaks[None] > 2 * peaks[0.1] > 4 * peaks[0.5]
