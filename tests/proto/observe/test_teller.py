"""Observers are told in order, may act, and do no harm."""

from __future__ import annotations

from auxws_proto import AuxError
from auxws_proto.observe import ObserverEvent, PingAnswered
from auxws_proto.observe._teller import Teller


def event(number: int) -> PingAnswered:
    return PingAnswered(at=1.0, client="c", transport=number, latency=0.5)


class Broken(Exception):
    """An observer's own error."""


def test_each_observer_is_told_everything_in_order_and_once() -> None:
    left: list[ObserverEvent] = []
    right: list[ObserverEvent] = []
    teller = Teller([left.append, right.append], lambda error: None)
    teller.emit(event(1))
    teller.emit(None)
    teller.emit(event(2))
    assert left == []

    assert [teller.tell(), teller.tell()] == [True, False]

    assert left == right == [event(1), event(2)]


def test_what_an_observer_brings_about_is_told_behind_the_rest() -> None:
    seen: list[ObserverEvent] = []

    def observe(told: ObserverEvent) -> None:
        seen.append(told)
        if told == event(1):
            teller.emit(event(3))
            assert teller.tell() is False

    teller = Teller([observe], lambda error: None)
    teller.emit(event(1))
    teller.emit(event(2))

    teller.tell()

    assert seen == [event(1), event(2), event(3)]


def test_one_that_raises_is_reported_once_and_told_nothing_more() -> None:
    calls: list[ObserverEvent] = []
    seen: list[ObserverEvent] = []
    reports: list[AuxError] = []

    def fail(told: ObserverEvent) -> None:
        calls.append(told)
        raise Broken("text of its own")

    teller = Teller([fail, seen.append], reports.append)
    teller.emit(event(1))
    teller.emit(event(2))

    teller.tell()

    assert calls == [event(1)]
    assert seen == [event(1), event(2)]
    assert [str(report) for report in reports] == [
        "the observer raised Broken; it is not called again"
    ]
    assert isinstance(reports[0].__cause__, Broken)
    assert not teller.is_over


def test_without_observers_nothing_is_kept() -> None:
    teller = Teller([], lambda error: None)

    teller.emit(event(1))

    assert teller.is_over
    assert teller.tell() is False
