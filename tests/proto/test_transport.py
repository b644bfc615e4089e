"""`_transport`: the books of one transport, and who learns what became of a text."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import Config, Role, SendId
from auxws_proto._link import Step
from auxws_proto._shared import Shared
from auxws_proto._transport import Transport

from .helpers import SMALL, Bench, brief


class Message:
    """Stands for a message."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.send_id = None


class Desk:
    """A transport that is ready, and what it tells of messages."""

    def __init__(self, **settings: object) -> None:
        self.shared = Shared(Role.CLIENT, Config(**settings), None)  # type: ignore[arg-type]
        self.shared.now = 0.0
        self.told: list[str] = []
        self.transport = Transport(1, self.shared, self)
        self.transport.take(Step.LOGIN_NOT_NEEDED)

    def emit(self, name: str, size: int = 20) -> None:
        message: Any = Message(name)
        self.transport.emit(b'[1,0,{"type":"m"}]'.ljust(size), message)

    def heard(self) -> list[str]:
        """What was told since the last time."""
        told, self.told[:] = self.told[:], []
        return told

    # See `Fates`.

    def written(self, sends: list[Any]) -> None:
        self.told += [f"{send.name} written" for send in sends]

    def proven(self, sends: list[Any]) -> None:
        self.told += [f"{send.name} proven" for send in sends]

    def unprovable(self, sends: list[Any]) -> None:
        self.told += [f"{send.name} unprovable" for send in sends]

    def unsettled(self, send: Any) -> None:
        self.told.append(f"{send.name} unsettled")


def test_a_step_that_the_table_does_not_have_is_a_defect() -> None:
    transport = Desk().transport

    with pytest.raises(KeyError):
        transport.take(Step.LOGIN_ACCEPTED)


def test_texts_in_a_row_are_those_one_by_one() -> None:
    row, single = Desk(), Desk()
    messages: list[Any] = [Message(name) for name in "ab"]
    row.transport.emit_all([b"one", b"three"], messages, [SendId(1), SendId(2)])
    for number, data in enumerate((b"one", b"three")):
        single.transport.emit_all([data], [messages[number]], [SendId(number + 1)])

    assert row.transport.upcoming_serial == single.transport.upcoming_serial == 3
    assert row.transport.room == single.transport.room
    assert list(row.shared.actions.one_by_one()) == single.shared.actions.waiting()
    for desk in (row, single):
        assert desk.transport.written(1) == 1
        desk.transport.ping()
        desk.transport.answered(2)
        assert desk.heard() == ["a written", "a proven", "b proven"]


def test_an_answer_where_nothing_was_to_be_proven() -> None:
    desk = Desk()
    desk.transport.ping()

    assert desk.transport.answered(0)
    assert desk.heard() == []


def test_writes_are_told_in_order_and_no_more_than_there_are() -> None:
    desk = Desk()
    desk.emit("a")
    desk.emit("b")

    assert desk.transport.written(1) == 1
    assert desk.heard() == ["a written"]
    assert desk.transport.unwritten == 1
    assert desk.transport.written(5) == 1
    assert desk.transport.written(5) == 0
    assert desk.heard() == ["b written"]


def test_it_is_nearly_full_while_anything_may_wait_for_room() -> None:
    desk = Desk(write_ahead=60_000)
    assert not desk.transport.is_nearly_full
    desk.emit("a", 60_000 - 1_024)
    assert not desk.transport.is_nearly_full
    desk.emit("b", 1)
    assert desk.transport.is_nearly_full
    desk.transport.written(2)
    assert not desk.transport.is_nearly_full
    desk.transport.queue(b"an answer")
    assert desk.transport.is_nearly_full


def test_a_proof_covers_what_was_emitted_before_the_ping() -> None:
    desk = Desk()
    desk.emit("a")
    assert desk.transport.wants_proof
    desk.transport.ping()
    assert desk.transport.ping_out == 1
    assert not desk.transport.wants_proof
    desk.emit("b")
    desk.shared.now = 1.5

    assert desk.transport.answered(1)
    assert desk.heard() == ["a proven"]
    assert desk.transport.latency == 1.5
    assert desk.transport.wants_proof
    assert not desk.transport.is_proven


def test_a_proof_may_come_before_the_report_of_the_write() -> None:
    desk = Desk()
    desk.emit("a")
    desk.transport.ping()
    desk.transport.answered(1)
    desk.heard()

    assert desk.transport.written(1) == 1
    assert desk.heard() == []
    assert desk.transport.is_proven


def test_an_answer_that_is_not_awaited() -> None:
    desk = Desk()
    desk.emit("a")
    desk.transport.ping()

    assert not desk.transport.answered(7)
    assert desk.heard() == []


def test_giving_up_proof_ends_what_is_written_and_waits_for_the_rest() -> None:
    desk = Desk()
    desk.emit("a")
    desk.emit("b")
    desk.transport.written(1)
    desk.transport.ping()
    desk.heard()

    desk.transport.give_up_proof()

    assert desk.heard() == ["a unprovable"]
    assert not desk.transport.wants_proof
    desk.transport.written(1)
    assert desk.heard() == ["b unprovable"]
    assert desk.transport.is_proven


def test_a_late_answer_makes_pings_worth_sending_again() -> None:
    desk = Desk()
    desk.transport.ping()
    desk.transport.give_up_proof()

    assert not desk.transport.answered(0)
    assert desk.transport.answers_pings
    desk.emit("a")
    assert desk.transport.wants_proof


def test_settling_tells_the_last_first_and_only_once() -> None:
    desk = Desk()
    for name in "abc":
        desk.emit(name)
    desk.transport.queue(b"[5,null,{}]")
    desk.transport.written(1)
    desk.heard()

    desk.transport.settle()

    assert desk.heard() == ["c unsettled", "b unsettled", "a unsettled"]
    assert (desk.transport.unwritten, desk.transport.queued_bytes) == (0, 0)
    desk.transport.settle()
    assert desk.heard() == []


def test_the_window_takes_one_text_of_any_size() -> None:
    desk = Desk(write_ahead=100)

    assert desk.transport.has_room(1_000)
    desk.emit("a", 60)
    assert desk.transport.has_room(40)
    assert not desk.transport.has_room(41)


def test_answers_wait_for_room_alone() -> None:
    desk = Desk(write_ahead=100)
    desk.emit("a", 60)
    desk.transport.queue(b"x" * 41)
    desk.transport.flush()
    assert desk.transport.queued_bytes == 41

    desk.transport.written(1)
    desk.transport.flush()

    assert desk.transport.queued_bytes == 0
    assert len(desk.shared.actions.items) == 2


def test_an_answer_is_not_sent_where_nothing_can_be() -> None:
    desk = Desk()
    desk.transport.queue(b"x")
    desk.transport.take(Step.CLOSED_BY_US)
    desk.transport.flush()

    assert not desk.shared.actions.items
    assert not desk.transport.is_alive


def test_a_question_is_a_text_that_nobody_waits_for() -> None:
    desk = Desk(barrier="message")
    desk.emit("a")
    assert desk.transport.upcoming_serial == 2
    desk.transport.ask_by_message(b'[1,2,{"type":"sync/time"}]')
    desk.transport.written(2)

    assert desk.transport.answered(2)
    assert desk.heard() == ["a written", "a proven"]
    assert [brief(action)[0] for action in desk.shared.actions.one_by_one()] == ["text", "text"]


def test_what_is_read() -> None:
    transport = Desk().transport
    assert not transport.is_read
    transport.opened_at = 0.0
    assert transport.is_read
    transport.take(Step.CLOSED_BY_US)
    assert not transport.is_read
    transport.reads_to_end = True
    assert transport.is_read


def test_frames_of_a_text_have_the_inline_limit() -> None:
    bench = Bench(inline_limit=300).open()
    bench.send(SMALL)

    assert getattr(bench.actions[0], "max_frame", None) == 300
