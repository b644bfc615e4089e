"""`_outcomes`: sends that go on, from the machine's acceptance to their outcome."""

from __future__ import annotations

import threading

import pytest

from auxws_proto import FailReason, ReportProgress, SendFailed, SendId, Stage
from auxws_sync._outcomes import Outcomes
from auxws_sync._receipt import Entry


class Changed(threading.Condition):
    """Counts what it is notified of."""

    count = 0

    def notify_all(self) -> None:
        self.count += 1


@pytest.fixture
def changed() -> Changed:
    return Changed()


@pytest.fixture
def outcomes(changed: Changed) -> Outcomes:
    return Outcomes(changed)


def accept(outcomes: Outcomes, *numbers: int) -> list[Entry]:
    entries = [Entry(threading.RLock()) for _ in numbers]
    for entry, number in zip(entries, numbers, strict=True):
        outcomes.accept(entry, SendId(number))
    return entries


def test_a_run_moves_all_of_its_sends_and_wakes_who_waits_for_one_of_them(
    outcomes: Outcomes,
) -> None:
    first, second, third = accept(outcomes, 1, 2, 3)
    second._changed = changed = Changed()

    outcomes.settle([SendId(1), SendId(2), SendId(99)], Stage.SENT, is_final=False)

    assert [entry.stage for entry in (first, second, third)] == [
        Stage.SENT,
        Stage.SENT,
        Stage.QUEUED,
    ]
    assert changed.count == 1
    assert len(outcomes) == 3


def test_a_final_run_ends_its_sends_and_is_told_once(outcomes: Outcomes, changed: Changed) -> None:
    entries = accept(outcomes, 1, 2)

    outcomes.settle([SendId(1), SendId(2)], Stage.CONFIRMED, is_final=True)
    outcomes.tell()
    outcomes.tell()

    assert [(entry.stage, entry.is_final) for entry in entries] == [(Stage.CONFIRMED, True)] * 2
    assert list(outcomes) == []
    assert changed.count == 1


def test_a_run_that_ends_nothing_is_no_outcome(outcomes: Outcomes, changed: Changed) -> None:
    accept(outcomes, 1)

    outcomes.settle([SendId(1)], Stage.SENT, is_final=False)
    outcomes.tell()

    assert changed.count == 0


def test_what_arrived_is_there_at_once_and_has_its_number_when_it_is_taken_up(
    outcomes: Outcomes,
) -> None:
    entry = Entry(threading.RLock())
    entry._changed = changed = Changed()

    outcomes.arrived([(entry, SendId(7))])
    seen = (list(outcomes), outcomes.has_news, entry.send_id)
    outcomes.take_arrived()

    assert seen == ([entry], True, None)
    assert (list(outcomes), outcomes.has_news, entry.send_id) == ([entry], False, 7)
    assert changed.count == 1


def test_progress_is_that_of_its_send(outcomes: Outcomes) -> None:
    [entry] = accept(outcomes, 1)

    for number in (1, 2):
        outcomes.progress(
            ReportProgress(transfer_id=1, send_id=SendId(number), done=number, total=9)
        )

    assert (entry.progress.done, entry.progress.total) == (1, 9)


def test_at_the_end_nobody_knows_what_became_of_the_rest(outcomes: Outcomes) -> None:
    lost = SendFailed(FailReason.CLOSED, "over")
    [entry] = accept(outcomes, 1)
    late = Entry(threading.RLock())
    outcomes.arrived([(late, SendId(2))])

    outcomes.finish(lost)

    assert [(e.stage, e.error, e.is_final) for e in (entry, late)] == [
        (Stage.UNKNOWN, lost, True)
    ] * 2
    assert len(outcomes) == 0
