"""Whether it is tried again, and after what wait. Own tests of `_attempts`."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import Config, Reconnect, Role
from auxws_proto._attempts import Attempts
from auxws_proto._shared import Shared


def make(**policy: Any) -> Attempts:
    """Attempts whose waits are the longest that the policy allows."""
    reconnect = Reconnect(**{"base": 2.0, "cap": 12.0, "reset_after": 30.0, **policy})
    return Attempts(Shared(Role.CLIENT, Config(reconnect=reconnect, random=lambda: 1.0), None))


def without_policy() -> Attempts:
    return Attempts(Shared(Role.CLIENT, Config(reconnect=None), None))


def test_waits_grow_up_to_the_cap() -> None:
    attempts = make()

    waits = [attempts.failed(final=False) for _ in range(5)]

    assert waits == [2.0, 4.0, 8.0, 12.0, 12.0]
    assert attempts.count == 5


def test_the_loss_of_a_connection_is_no_attempt() -> None:
    attempts = make()
    attempts.succeeded()

    waits = [attempts.failed(final=False)]
    counts = [attempts.count]
    waits.append(attempts.failed(final=False))
    counts.append(attempts.count)

    assert waits == [2.0, 4.0]
    assert counts == [0, 1]


def test_a_connection_that_is_wanted_anew_starts_anew() -> None:
    attempts = make()
    attempts.failed(final=False)

    attempts.begin()

    assert attempts.count == 0
    assert attempts.failed(final=False) == 2.0


@pytest.mark.parametrize(("seconds", "wait"), [(29.9, 4.0), (30.0, 2.0)])
def test_a_connection_that_lasted_starts_anew(seconds: float, wait: float) -> None:
    attempts = make()
    attempts.failed(final=False)
    attempts.succeeded()

    attempts.lasted(seconds)

    assert attempts.failed(final=False) == wait


def test_without_a_policy_the_default_says_what_has_lasted() -> None:
    attempts = without_policy()
    attempts.succeeded()
    attempts.failed(final=False)

    attempts.lasted(Reconnect().reset_after)
    attempts.failed(final=False)

    assert attempts.count == 0


def test_failures_are_forgotten_when_all_is_well() -> None:
    attempts = make()
    attempts.failed(final=False)

    attempts.forget_failures()

    assert attempts.failed(final=False) == 2.0


@pytest.mark.parametrize(
    ("policy", "was_connected", "tried_again"),
    [
        ({"first_attempts": 2}, False, [True, False]),
        ({"max_attempts": 1}, False, [True, True]),
        ({"max_attempts": 1}, True, [True, False]),
        ({"first_attempts": 1}, True, [True, True]),
    ],
)
def test_attempts_are_bounded(
    policy: dict[str, int], was_connected: bool, tried_again: list[bool]
) -> None:
    attempts = make(**policy)
    if was_connected:
        attempts.succeeded()

    waits = [attempts.failed(final=False) for _ in range(2)]

    assert [wait is not None for wait in waits] == tried_again


def test_a_final_failure_is_final() -> None:
    assert make().failed(final=True) is None


def test_without_a_policy_nothing_is_tried_again() -> None:
    assert without_policy().failed(final=False) is None
