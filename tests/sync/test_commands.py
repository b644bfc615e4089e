"""The commands for the pump's thread: they wake it once, run in order, and stop at the end."""

from __future__ import annotations

import selectors
from collections.abc import Iterator
from functools import partial

import pytest

from auxws_sync._commands import Commands

Bell = tuple[Commands, selectors.BaseSelector]


@pytest.fixture
def bell() -> Iterator[Bell]:
    commands = Commands()
    with selectors.DefaultSelector() as selector:
        commands.attach(selector)
        commands.open()
        yield commands, selector
        commands.shut()
        commands.close()


def has_rung(selector: selectors.BaseSelector) -> bool:
    return bool(selector.select(0))


def test_many_commands_ring_once_and_run_in_their_order(bell: Bell) -> None:
    commands, selector = bell
    ran: list[tuple[int, float]] = []
    rings = [has_rung(selector)]

    def note(number: int, now: float) -> None:
        ran.append((number, now))

    for number in range(3):
        commands.post(partial(note, number))
        rings.append(has_rung(selector))
        commands.hear()
    commands.run(5.0)
    commands.post(lambda now: None)
    rings.append(has_rung(selector))

    assert ran == [(0, 5.0), (1, 5.0), (2, 5.0)]
    assert rings == [False, True, False, False, True]


def test_the_last_one_is_known_until_it_was_run(bell: Bell) -> None:
    commands, _ = bell
    ran: list[float] = []
    first, second = partial(ran.insert, 0), partial(ran.insert, 0)

    commands.post(first)
    commands.post(second)
    waiting = commands.last
    commands.run(1.0)

    assert waiting is second
    assert commands.last is None


def test_a_nudge_only_wakes_and_not_twice(bell: Bell) -> None:
    commands, selector = bell

    commands.nudge()
    commands.nudge()

    assert has_rung(selector)
    assert len(commands) == 1
    commands.run(1.0)
    assert len(commands) == 0


def test_a_round_has_its_limit_and_what_is_left_needs_no_bell(bell: Bell) -> None:
    commands, selector = bell
    for _ in range(1_500):
        commands.post(lambda now: None)
    commands.hear()

    commands.run(1.0)
    commands.nudge()

    assert len(commands) == 1_500 - 1_024
    assert not has_rung(selector)


def test_hearing_without_a_ring_is_nothing(bell: Bell) -> None:
    commands, selector = bell

    commands.hear()

    assert not has_rung(selector)


def test_what_was_posted_before_the_end_is_run_and_no_more_is_taken(bell: Bell) -> None:
    commands, _ = bell
    ran: list[float] = []
    commands.post(ran.append)

    commands.shut()
    taken = commands.post(ran.append)
    commands.run(2.0)

    assert not taken
    assert ran == [2.0]


def test_none_are_taken_before_it_is_opened() -> None:
    assert not Commands().post(lambda now: None)
