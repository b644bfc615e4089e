"""`_sent_numbers`: which send went out under which number, for the latest of them."""

from __future__ import annotations

import math

import pytest

from auxws_proto import SendId
from auxws_proto._sent_numbers import SentNumbers


def ids(first: int, count: int) -> list[SendId]:
    return [SendId(first + more) for more in range(count)]


@pytest.mark.parametrize(
    ("number", "send_id"),
    [(4, None), (5, 1), (6, 2), (6.0, 2), (6.5, None), (7, None), (9, 3), (10, None),
     (-1, None), (math.inf, None), (math.nan, None)],
)  # fmt: skip
def test_each_of_a_row_has_the_next_number(number: float, send_id: int | None) -> None:
    numbers = SentNumbers()
    numbers.remember(5, ids(1, 2))
    numbers.remember(9, ids(3, 1))

    assert numbers.find(number) == send_id


def test_the_latest_thousand_are_kept_at_least_and_whole_rows_go() -> None:
    numbers = SentNumbers()
    for row in range(4):
        numbers.remember(1 + 400 * row, ids(1 + 400 * row, 400))

    found = [numbers.find(number) for number in (400, 401, 1_600)]

    assert found == [None, 401, 1_600]
