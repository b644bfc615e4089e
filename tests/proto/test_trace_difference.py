"""What must be the same in a replay, and how a difference is told. Own tests of its module."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import ReplayResult, TraceDifference
from auxws_proto._trace_difference import comparable

DELIVERY = {"action": "DeliverMessage", "message": {"type": "a"}, "size": 12}
DIFFERENCE = TraceDifference(
    line=3, machine="m", recorded=None, played={"from": "m", "action": "SendPing", "transport": 1}
)


@pytest.mark.parametrize(
    "action",
    [
        {**DELIVERY, "t": 1.0, "from": "m", "for_send": 1, "for_event": 2, "for_transport": 3},
        {**DELIVERY, "message": {"$e": 12, "json": {"type": "a"}}},
    ],
)
def test_moments_purposes_and_what_was_filled_up_are_not_compared(action: dict[str, Any]) -> None:
    assert comparable(action) == comparable(DELIVERY) == DELIVERY


@pytest.mark.parametrize("change", [{"size": 13}, {"message": {"type": "b"}}, {"info": None}])
def test_all_else_is_compared(change: dict[str, Any]) -> None:
    assert comparable({**DELIVERY, **change}) != comparable(DELIVERY)


def test_a_long_action_is_told_shortly() -> None:
    difference = TraceDifference(
        line=1, machine="m", recorded={"action": "A", "x": "y" * 500}, played=None
    )

    assert str(difference) == (
        f'line 1, m: did nothing; recorded: A(x="{"y" * 99}… (502 characters))'
    )


def test_what_was_done_is_told_without_its_moment_and_its_machine() -> None:
    assert str(DIFFERENCE) == "line 3, m: SendPing(transport=1); recorded: nothing"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "1,200 inputs, 3,400 actions: the same"),
        ({"elided": 5}, "1,200 inputs, 3,400 actions: the same (5 elided payloads were filled up)"),
        ({"is_whole": False}, "1,200 inputs, 3,400 actions: the same (the trace is cut off)"),
        ({"difference": DIFFERENCE}, f"1,200 inputs, 3,400 actions: different at {DIFFERENCE}"),
    ],
)
def test_a_result_is_told_to_people(changes: dict[str, Any], text: str) -> None:
    fields = {"inputs": 1_200, "actions": 3_400, "elided": 0, "is_whole": True, **changes}

    result = ReplayResult(**fields)

    assert str(result) == text
    assert result.is_same is ("difference" not in changes)
