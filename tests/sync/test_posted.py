"""`_posted`: what is on its way to the machine, within what the outbox takes."""

from __future__ import annotations

from threading import Lock

import pytest

from auxws_sync._posted import PostedMessages
from auxws_sync._receipt import Entry


def entry() -> Entry:
    return Entry(Lock())


@pytest.fixture
def posted() -> PostedMessages:
    """Room for two messages, of 100 bytes in all."""
    made = PostedMessages()
    made.tell_room(2, 100, is_empty=False)
    return made


@pytest.mark.parametrize("sizes", [[10, 10, 10], [60, 41]])
def test_no_more_is_posted_than_the_outbox_takes(posted: PostedMessages, sizes: list[int]) -> None:
    added = [posted.add(entry(), size) for size in sizes]

    assert added == [*[True] * (len(sizes) - 1), False]


def test_an_empty_outbox_takes_one_message_of_any_size() -> None:
    posted = PostedMessages()
    posted.tell_room(2, 100, is_empty=True)

    assert [posted.add(entry(), 1_000), posted.add(entry(), 1_000)] == [True, False]


def test_what_the_machine_has_taken_counts_there_and_no_longer_here(
    posted: PostedMessages,
) -> None:
    first = entry()
    posted.add(first, 60)

    posted.taken(posted.remove(first))

    assert list(posted) == []
    assert [posted.add(entry(), 41), posted.add(entry(), 40)] == [False, True]


def test_it_is_low_when_less_than_half_of_the_room_is_left(posted: PostedMessages) -> None:
    was_low = posted.is_low
    posted.taken(51)

    assert (was_low, posted.is_low) == (False, True)
    posted.tell_room(2, 100, is_empty=True)
    assert not posted.is_low


def test_nothing_is_posted_once_it_is_closed(posted: PostedMessages) -> None:
    posted.close()

    assert not posted.add(entry(), 1)
