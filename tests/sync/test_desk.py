"""`_desk` and `_sources`: rows that are delivered at once, and taken without a lock."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import AuxError, DeliverMessage, Encoded, SendId, Stage
from auxws_proto._router import MessageBox
from auxws_proto._runs import DeliveryRun, ReportRun
from auxws_sync._commands import Commands
from auxws_sync._desk import Desk
from auxws_sync._receipt import Entry
from auxws_sync._sources import Messages

SIZE = 100


class Bell(Commands):
    """Counts how often the pump is woken."""

    def __init__(self) -> None:
        super().__init__()
        self.rings = 0

    def nudge(self) -> None:
        self.rings += 1


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def desk(bell: Bell) -> Desk:
    return Desk(bell)


def messages(desk: Desk, count: int, **limits: Any) -> Messages:
    """A subscription to which a row of messages has been delivered."""
    source = Messages(desk, MessageBox("x", **limits))
    source.open()
    deliver(desk, range(count))
    return source


def deliver(desk: Desk, numbers: range) -> None:
    row = [{"type": "x", "number": number} for number in numbers]
    desk.report([DeliveryRun(1, False, row, [SIZE] * len(row), numbers)])


def take(source: Messages, count: int) -> list[int | None]:
    taken = (source.take(0.0) for _ in range(count))
    return [None if message is None else message["number"] for message in taken]


def test_one_lock_is_enough_for_a_row(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    source = messages(desk, 200)
    calls: list[object] = []
    behind_lock = desk.take

    def counted(*args: Any) -> Any:
        calls.append(args)
        return behind_lock(*args)

    monkeypatch.setattr(desk, "take", counted)

    taken = take(source, 200)

    assert taken == list(range(200))
    assert len(calls) == 2


def test_what_is_at_hand_still_waits_until_it_is_taken(desk: Desk) -> None:
    source = messages(desk, 10, max_messages=10)
    before = desk.flow(True)

    take(source, 3)

    assert source.waiting == 7
    assert desk.router.waiting == (7, 7 * SIZE)
    assert (before, desk.flow(True)) == ((0, False), (3 * SIZE, True))


def test_a_pop_wakes_the_pump_while_reading_waits_for_it(desk: Desk, bell: Bell) -> None:
    source = messages(desk, 10)
    take(source, 1)
    while_reading = bell.rings
    desk.flow(False)

    take(source, 1)

    assert while_reading == 0
    assert bell.rings == 1
    assert desk.flow(True)[0] == SIZE


def test_what_has_more_than_enough_taken_is_told_also_while_reading(desk: Desk, bell: Bell) -> None:
    source = Messages(desk, MessageBox("x"))
    source.open()
    big = DeliverMessage(message={"type": "x"}, size=2**20, event_id=1, transport=1)
    desk.report([big])

    source.take(0.0)

    assert bell.rings == 1


def test_close_takes_away_what_is_at_hand(desk: Desk) -> None:
    source = messages(desk, 10)
    take(source, 1)

    source.close()

    assert source.take(0.0) is None
    assert desk.flow(True)[0] == 10 * SIZE


def test_the_end_comes_behind_what_is_at_hand(desk: Desk) -> None:
    source = messages(desk, 3)
    take(source, 1)

    desk.finish(AuxError("over"))

    assert take(source, 2) == [1, 2]
    for _ in range(2):
        with pytest.raises(AuxError, match="over"):
            source.take(0.0)


@pytest.mark.parametrize("policy", ["drop_oldest", "error"])
def test_nothing_is_at_hand_where_messages_may_be_lost(desk: Desk, policy: str) -> None:
    source = messages(desk, 3, policy=policy, max_messages=3)
    take(source, 1)

    deliver(desk, range(3, 4))
    oldest = take(source, 1)
    deliver(desk, range(4, 6))

    assert oldest == [1]
    assert source.dropped == 1
    assert take(source, 1) == ([3] if policy == "drop_oldest" else [2])


def test_at_the_end_what_is_on_its_way_was_not_sent_and_the_rest_is_unknown(desk: Desk) -> None:
    error = AuxError("a bug")
    desk.set_room(10, 1_000, is_empty=True)
    sent, posted = Entry(desk.lock), Entry(desk.lock)
    desk.accept(sent, SendId(1))
    was_added = desk.posted.add(posted, Encoded(type="x", body=b"{}"))
    pending = desk.settled()
    before = (desk.unsettled, pending())

    desk.finish(error)

    assert was_added
    assert before == (2, False)
    assert [(e.stage, e.error) for e in (sent, posted)] == [
        (Stage.UNKNOWN, error),
        (Stage.FAILED, error),
    ]
    assert (desk.unsettled, pending()) == (0, True)


def test_a_row_of_outcomes_is_one_report(desk: Desk) -> None:
    entries = [Entry(desk.lock) for _ in range(3)]
    for number, entry in enumerate(entries):
        desk.accept(entry, SendId(number))

    desk.report([ReportRun(Stage.CONFIRMED, True, map(SendId, range(3)))])

    assert [entry.stage for entry in entries] == [Stage.CONFIRMED] * 3
    assert desk.unsettled == 0
