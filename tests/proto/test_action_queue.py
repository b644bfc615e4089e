"""`_action_queue`: actions in order, one by one or in runs."""

from __future__ import annotations

import pytest

from auxws_proto import (
    Action,
    ActionRun,
    DeliverMessage,
    DeliveryRun,
    SendId,
    SendPing,
    SendText,
    TextRun,
)
from auxws_proto._action_queue import ActionQueue

PING = SendPing(transport=1, payload=b"2")
MESSAGES = [
    DeliverMessage(message={"type": name}, size=14, event_id=0, transport=1) for name in "ab"
]
TEXTS = [
    SendText(transport=1, data=data, max_frame=300, send_id=SendId(number))
    for number, data in enumerate((b"a", b"b"), 1)
]


def texts() -> TextRun:
    return TextRun(1, 300, [b"a", b"b"], [SendId(1), SendId(2)])


def messages() -> DeliveryRun:
    return DeliveryRun(1, False, [{"type": name} for name in "ab"], [14, 14], [0, 0])


def queue_of(*items: Action | ActionRun) -> ActionQueue:
    queue = ActionQueue()
    for item in items:
        queue.append(item)
    return queue


def test_it_shows_what_it_holds() -> None:
    run = texts()
    queue = queue_of(PING, run)

    assert queue.waiting() == [PING, run]
    assert queue.take() is PING
    assert queue.waiting() == [run]
    assert list(queue.one_by_one()) == TEXTS
    assert not queue.items


def test_actions_and_runs_are_taken_in_order_with_what_is_put_in_meanwhile() -> None:
    queue = queue_of(texts(), PING)
    taken: list[Action] = []

    for action in queue.one_by_one():
        if not taken:
            queue.append(messages())
        taken.append(action)

    assert taken == [*TEXTS, PING, *MESSAGES]
    assert not queue.items


@pytest.mark.parametrize("given_up_after", [1, 2])
def test_nothing_is_lost_with_an_iterator_that_is_given_up(given_up_after: int) -> None:
    queue = queue_of(texts(), PING)
    first = queue.one_by_one()
    taken = [next(first) for _ in range(given_up_after)]

    del first
    taken += queue.one_by_one()

    assert taken == [*TEXTS, PING]


def test_two_who_take_from_one_queue_take_each_action_once() -> None:
    queue = queue_of(texts(), messages())
    first, second = queue.one_by_one(), queue.one_by_one()

    taken = [next(first), *second, *first]

    assert taken == [*TEXTS, *MESSAGES]


def test_a_queue_that_is_never_quite_empty_stays_in_order() -> None:
    queue = queue_of(*MESSAGES)
    pings = [SendPing(transport=1, payload=b"%d" % number) for number in range(1_000)]
    taken: list[Action] = []

    for ping in pings:
        queue.append(ping)
        taken.append(next(queue.one_by_one()))

    assert [*taken, *queue.one_by_one()] == [*MESSAGES, *pings]
    assert not queue.items
