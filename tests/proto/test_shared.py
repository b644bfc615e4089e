"""The bench of a session's parts: numbers, waits, and counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import Config, Role
from auxws_proto._reports import Tally
from auxws_proto._shared import Counts, Shared


def shared(role: Role = Role.CLIENT, random: float = 0.5) -> Shared:
    return Shared(role, Config(random=lambda: random), "wss://example.org/dev")


def test_a_clients_events_are_numbered_from_1() -> None:
    bench = shared()

    taken = [(bench.upcoming_number, bench.next_number()) for _ in range(3)]

    assert taken == [(1, 1), (2, 2), (3, 3)]


def test_a_servers_own_events_carry_0() -> None:
    bench = shared(Role.SERVER)

    taken = [(bench.upcoming_number, bench.next_number()) for _ in range(2)]

    assert taken == [(0, 0), (0, 0)]


@pytest.mark.parametrize("role", Role)
def test_transfers_are_numbered_from_1_on_both_sides(role: Role) -> None:
    bench = shared(role)

    assert [bench.next_transfer(), bench.next_transfer()] == [1, 2]


@pytest.mark.parametrize(
    ("attempt", "ceiling"),
    [(0, 1.0), (1, 2.0), (2, 4.0), (5, 32.0), (6, 60.0), (1_000_000, 60.0)],
)
def test_the_wait_is_drawn_from_0_to_a_doubling_ceiling(attempt: int, ceiling: float) -> None:
    waits = [shared(random=r).backoff(1.0, attempt, 60.0) for r in (0.0, 0.25, 1.0)]

    assert waits == [0.0, ceiling / 4, ceiling]


@given(st.floats(-1e9, 1e9), st.integers(0, 10**6))
def test_a_bad_source_of_randomness_never_leaves_the_range(random: float, attempt: int) -> None:
    assert 0.0 <= shared(random=random).backoff(0.5, attempt, 20.0) <= 20.0


def test_counts_add_up_by_path() -> None:
    counts = Counts()
    for path, size in (("inline", 10), ("upload", 40_000), ("inline", 5)):
        counts.add(path, size)

    assert counts.tallies() == {
        "inline": Tally(messages=2, bytes=15),
        "upload": Tally(messages=1, bytes=40_000),
    }
