"""Timers under a clock of numbers: order, replacing, and the wire's timers standing still."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auxws_proto._timers import Name, Timers

A, B, C = ("a", 0), ("b", 0), ("b", 1)


def due(timers: Timers, now: float) -> list[Name]:
    names = []
    while (name := timers.pop_due(now)) is not None:
        names.append(name)
    return names


def test_nothing_set_is_nothing_due() -> None:
    timers = Timers()

    assert (timers.next(), timers.pop_due(1e9), timers.is_set(A)) == (None, None, False)


def test_the_earliest_is_next_and_due_at_its_time_and_not_before() -> None:
    timers = Timers()
    timers.set(A, 10, 5)
    timers.set(B, 10, 3)

    assert timers.next() == 13
    assert due(timers, 12.999) == []
    assert due(timers, 13) == [B]
    assert (timers.is_set(A), timers.is_set(B), timers.next()) == (True, False, 15)


def test_a_later_one_is_not_next() -> None:
    timers = Timers()
    timers.set(A, 10, 3)
    timers.set(B, 10, 5)

    assert timers.next() == 13
    assert due(timers, 13) == [A]


def test_among_equals_the_one_set_first_is_first() -> None:
    timers = Timers()
    timers.set(B, 0, 2)
    timers.set(A, 1, 1)
    timers.set(C, 2, 0)

    assert due(timers, 2) == [B, A, C]


def test_setting_again_replaces() -> None:
    timers = Timers()
    timers.set(A, 0, 5)
    timers.set(A, 0, 9)

    assert due(timers, 8) == []
    assert due(timers, 9) == [A]


def test_clearing_forgets_one_or_all() -> None:
    timers = Timers()
    for name in (A, B, C):
        timers.set(name, 0, 1)
    timers.clear(A)
    timers.clear(("never set", 0))
    assert due(timers, 1) == [B, C]

    timers.set(A, 0, 1)
    timers.set(B, 0, 1, wire=True)
    timers.clear_all()
    assert (timers.next(), timers.is_set(B)) == (None, False)


def test_timers_of_the_wire_stand_still_and_go_on_with_what_was_left() -> None:
    timers = Timers()
    timers.set(A, 0, 10)
    timers.set(B, 0, 5, wire=True)

    timers.stand_still(3)
    assert (timers.next(), timers.is_set(B)) == (10, True)
    assert due(timers, 100) == [A]

    timers.go_on(100)
    assert timers.next() == 102
    assert due(timers, 102) == [B]


def test_an_overdue_timer_that_stood_still_is_due_at_once() -> None:
    timers = Timers()
    timers.set(B, 0, 5, wire=True)

    timers.stand_still(7)
    timers.go_on(50)

    assert timers.next() == 50


def test_standing_still_twice_or_going_on_twice_changes_nothing() -> None:
    timers = Timers()
    timers.set(B, 0, 5, wire=True)
    timers.go_on(1)
    timers.stand_still(2)
    timers.stand_still(4)
    timers.go_on(10)
    timers.go_on(11)

    assert timers.next() == 13


def test_a_timer_of_the_wire_set_meanwhile_has_its_whole_delay_left() -> None:
    timers = Timers()
    timers.stand_still(0)
    timers.set(B, 1, 5, wire=True)
    timers.set(A, 1, 5)

    assert timers.next() == 6
    timers.go_on(20)
    assert due(timers, 25) == [A, B]


def test_one_that_no_longer_is_the_wires_runs_on() -> None:
    timers = Timers()
    timers.set(B, 0, 5, wire=True)
    timers.set(B, 0, 6)

    timers.stand_still(1)

    assert timers.next() == 6


def test_clearing_while_standing_still() -> None:
    timers = Timers()
    timers.set(B, 0, 5, wire=True)
    timers.set(C, 0, 5, wire=True)
    timers.stand_still(1)
    timers.clear(B)
    assert (timers.is_set(B), timers.is_set(C)) == (False, True)
    timers.clear_all()
    assert timers.is_set(C) is False

    timers.go_on(2)
    assert timers.next() is None


steps = st.lists(st.tuples(st.sampled_from(["run", "still"]), st.integers(0, 20)), max_size=12)


@given(steps, st.integers(1, 60))
def test_only_time_that_runs_is_counted(steps: list[tuple[str, int]], delay: int) -> None:
    timers = Timers()
    timers.set(B, 0, delay, wire=True)
    now = ran = 0
    for kind, seconds in steps:
        if kind == "run":
            timers.go_on(now)
            ran += seconds
        else:
            timers.stand_still(now)
        now += seconds
        fired = timers.pop_due(now) == B
        assert fired == (kind == "run" and ran >= delay)
        if fired:
            return


def test_whether_the_timers_stand_still() -> None:
    timers = Timers()
    timers.stand_still(1.0)
    assert timers.is_still
    timers.go_on(2.0)
    assert not timers.is_still


def test_one_timer_tells_when_it_is_due() -> None:
    timers = Timers()
    timers.set(A, 10, 5)
    timers.set(B, 10, 3, wire=True)
    timers.stand_still(11)

    assert [timers.due(A), timers.due(B), timers.due(C)] == [15, None, None]
