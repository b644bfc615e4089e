"""`_link`: the table of a transport's states."""

from __future__ import annotations

from auxws_proto._link import IS_OPEN, STEPS, Link, Step


def test_every_state_leads_to_its_end() -> None:
    for link in Link:
        assert Step.ENDED in STEPS[link] or link is Link.ENDED


def test_nothing_leads_out_of_the_end_or_back_from_retirement() -> None:
    assert STEPS[Link.ENDED] == {}
    assert set(STEPS[Link.RETIRING].values()) == {Link.CLOSING, Link.ENDED}


def test_what_is_open_can_be_closed() -> None:
    assert all(STEPS[link][Step.CLOSED_BY_US] is Link.CLOSING for link in IS_OPEN)
