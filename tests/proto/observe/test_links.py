"""Transports from the attempt to the end, and pings."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto.observe import (
    ConnectionAttempted,
    ConnectionEnded,
    ConnectionOpened,
    Fault,
    ObserverEvent,
    PingAnswered,
)
from auxws_proto.observe._links import LinkBook

FAULT = Fault(kind="ConnectionFailed", text="connect", code="connect", retryable=True)


@pytest.fixture
def seen() -> list[ObserverEvent]:
    return []


@pytest.fixture
def book(seen: list[ObserverEvent]) -> LinkBook:
    return LinkBook("c", seen.append)


def ended(at: float, **fields: Any) -> ConnectionEnded:
    return ConnectionEnded(at=at, client="c", transport=1, **{"expected": False, **fields})


def test_a_life(book: LinkBook, seen: list[ObserverEvent]) -> None:
    book.attempted(1, 2, 10.0)
    book.opened(1, 10.5)
    book.ended(1, 20.5, code=1006)
    book.ended(1, 30.0, code=1006)

    assert seen == [
        ConnectionAttempted(at=10.0, client="c", transport=1, attempt=2),
        ConnectionOpened(at=10.5, client="c", transport=1, elapsed=0.5),
        ended(20.5, code=1006, lasted=10.0),
    ]


def test_one_that_never_was_open_has_no_code(book: LinkBook, seen: list[ObserverEvent]) -> None:
    book.attempted(1, 0, 10.0)
    book.ended(1, 11.0, code=1006, fault=FAULT)

    assert seen[1:] == [ended(11.0, fault=FAULT)]


def test_a_servers_is_open_before_it_is_asked_for(
    book: LinkBook, seen: list[ObserverEvent]
) -> None:
    book.opened(1, 10.0)
    book.attempted(1, 0, 10.0)

    assert seen == [ConnectionOpened(at=10.0, client="c", transport=1, elapsed=0.0)]


@pytest.mark.parametrize("is_ending", [False, True])
def test_an_end_is_expected_that_this_side_wants(
    book: LinkBook, seen: list[ObserverEvent], is_ending: bool
) -> None:
    book.opened(1, 10.0)
    if is_ending:
        book.is_ending = True
    else:
        book.closing(1)
    book.closing(2)

    book.ended(1, 11.0, code=1000)

    assert seen[1:] == [ended(11.0, expected=True, code=1000, lasted=1.0)]


def test_latency_is_from_a_ping_to_its_own_pong(book: LinkBook, seen: list[ObserverEvent]) -> None:
    book.opened(1, 10.0)
    book.ponged(1, b"7", 11.0)
    book.pinged(1, b"7", 11.0)
    book.pinged(2, b"7", 11.0)
    book.ponged(2, b"7", 11.5)
    book.ponged(1, b"6", 11.5)
    book.ponged(1, b"7", 11.75)
    book.ponged(1, b"7", 12.0)

    assert seen[1:] == [PingAnswered(at=11.75, client="c", transport=1, latency=0.75)]
