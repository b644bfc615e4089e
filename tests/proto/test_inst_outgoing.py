"""Updates until they are acknowledged. Own tests of `_inst_outgoing`."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import (
    FailReason,
    LocalProtocolError,
    OutboxFull,
    ReportSend,
    SendId,
    Stage,
    State,
)
from auxws_proto._inst import InstMachine
from auxws_proto._inst_shapes import SendMessage, SettleUpdates, UpdatesRefused
from tests.proto.inst_bench import InstBench


def adding(*updates: str, **settings: Any) -> InstBench:
    """A bench with one batch that has arrived at the server."""
    bench = InstBench(**settings)
    bench.add(*updates or ("u",))
    bench.confirm(1)
    return bench


def sent(update_id: int, *updates: str) -> tuple[Any, ...]:
    return ("send", "add_updates", list(updates or ("u",)), update_id)


def test_updates_are_sent_and_acknowledged() -> None:
    bench = InstBench()

    actions = bench.add("a", "b") + bench.add("c") + bench.received(2) + bench.received(1)

    assert actions == [sent(1, "a", "b"), sent(2, "c"), ("stored", 2), ("stored", 1)]
    assert bench.after(1_000) == []
    assert bench.inst.unacknowledged == 0
    assert bench.inst.is_idle


@pytest.mark.parametrize("updates", [(), ("a", 1), (None,)])
def test_what_is_no_update(updates: Any) -> None:
    bench = InstBench()

    with pytest.raises(LocalProtocolError, match="base64"):
        bench.inst.add_updates(updates, bench.now)


def test_one_text_is_one_update() -> None:
    bench = InstBench()

    actions = bench.turn(bench.inst.add_updates, "abc")

    assert actions == [sent(1, "abc")]


def test_an_acknowledgement_that_nobody_waits_for_is_ignored() -> None:
    bench = adding()

    actions = bench.received(7) + bench.received(True) + bench.received(None)

    assert actions == []


def test_a_refusal_has_its_code_and_its_sizes() -> None:
    bench = adding()

    actions = bench.received(
        1, errorCode="max_size_reached", maxBranchSizeInBytes=10, neededBranchSizeInBytes=20
    )

    (settled,) = bench.actions
    assert actions == [("failed", 1, "UpdatesRefused")]
    assert isinstance(settled, SettleUpdates)
    error = settled.error
    assert isinstance(error, UpdatesRefused)
    assert (error.code, error.max_size, error.needed_size) == ("max_size_reached", 10, 20)


def test_a_refusal_without_sizes() -> None:
    bench = adding()

    actions = bench.received(1, errorCode="inst_not_found", maxBranchSizeInBytes="10")

    assert actions == [("failed", 1, "UpdatesRefused")]


def test_what_is_not_acknowledged_is_repeated_5_s_doubling_to_40_s_and_fails_at_last() -> None:
    bench = adding(repeats=5)
    start, times = bench.now, list[float]()

    for number in range(2, 7):
        while not bench.after(1):
            pass
        times.append(bench.now - start)
        bench.confirm(number)
    actions = bench.after(41)

    assert times == [5, 15, 35, 75, 115]
    assert actions == [("failed", 1, "UpdatesUnacknowledged")]


def test_a_message_that_is_still_on_its_way_is_not_repeated() -> None:
    bench = InstBench()
    bench.add("u")

    actions = bench.after(1_000)

    assert actions == []


def test_a_message_that_was_written_counts_as_arrived() -> None:
    bench = InstBench()
    bench.add("u")
    bench.outcome(1, Stage.SENT)

    actions = bench.after(5)

    assert actions == [sent(1)]


def test_stages_on_the_way_change_nothing() -> None:
    bench = InstBench()
    bench.add("u")
    for stage in (Stage.UPLOADING, Stage.UPLOADED):
        bench.turn(bench.inst.handle, ReportSend(send_id=SendId(1), stage=stage))
    quiet = bench.after(100)

    bench.turn(bench.inst.handle, ReportSend(send_id=SendId(1), stage=Stage.SENT))
    bench.after(3)
    bench.confirm(1)

    assert quiet == []
    assert bench.after(2) == [sent(1)]


def test_after_a_reconnect_everything_that_arrived_is_sent_again_in_order() -> None:
    bench = InstBench()
    for number in (1, 2, 3):
        bench.add(f"u{number}")
    bench.confirm(1)
    bench.outcome(3, Stage.UNKNOWN, FailReason.TRANSPORT_LOST)
    bench.outcome(2, Stage.UNKNOWN, FailReason.TRANSPORT_LOST)

    actions = bench.lose() + bench.after(1_000) + bench.reopen()

    assert actions == [sent(1, "u1"), sent(2, "u2"), sent(3, "u3")]


def test_what_waits_in_the_outbox_is_not_sent_twice() -> None:
    bench = InstBench()
    bench.add("u")

    actions = bench.lose() + bench.reopen()

    assert actions == []


def test_the_wait_begins_anew_on_a_new_connection() -> None:
    bench = adding()
    bench.after(5)
    bench.confirm(2)
    bench.lose()
    bench.reopen()
    bench.confirm(3)

    actions = bench.after(4.9), bench.after(0.2)

    assert actions == ([], [sent(1)])


def test_a_message_that_arrived_as_the_connection_was_lost_waits_for_the_next() -> None:
    bench = InstBench()
    bench.add("u")
    bench.lose()
    bench.confirm(1)

    actions = bench.after(1_000) + bench.reopen()

    assert actions == [sent(1)]


def test_a_rotation_may_lose_the_old_connection_without_a_word() -> None:
    bench = InstBench()
    bench.add("u")
    bench.outcome(1, Stage.UNKNOWN, FailReason.TRANSPORT_LOST)

    actions = bench.after(5)

    assert actions == [sent(1)]


def test_a_send_that_fails_for_now_is_tried_again() -> None:
    bench = InstBench()
    bench.add("u")

    actions = bench.outcome(1, Stage.FAILED, FailReason.REFUSED_BY_SERVER) + bench.after(5)

    assert actions == [sent(1)]


def test_a_send_that_fails_for_good_fails_the_updates() -> None:
    bench = InstBench()
    bench.add("u")

    actions = bench.outcome(1, Stage.FAILED, FailReason.URL_REFUSED)

    assert actions == [("failed", 1, "SendFailed")]


def test_an_acknowledgement_may_overtake_the_proof_of_arrival() -> None:
    bench = InstBench()
    bench.add("u")

    actions = bench.received(1) + bench.confirm(1) + bench.after(1_000)

    assert actions == [("stored", 1)]


def test_the_fate_of_an_earlier_send_is_of_no_interest() -> None:
    bench = adding()
    bench.after(5)
    bench.accepts = OutboxFull("full")
    bench.confirm(2)

    # The third is refused and rests; what becomes of the second does not matter any more.
    actions = bench.after(10) + bench.confirm(2)
    bench.accepts = None

    assert actions == [sent(1)]
    assert bench.after(20) == [sent(1)]


def test_an_outcome_after_the_message_was_sent_again() -> None:
    bench = InstBench()
    bench.add("u")
    bench.turn(bench.inst.handle, ReportSend(send_id=SendId(1), stage=Stage.SENT))
    bench.after(5)

    actions = bench.outcome(1, Stage.UNKNOWN, FailReason.TRANSPORT_LOST) + bench.after(1_000)

    assert actions == []


@pytest.mark.parametrize("acknowledged", [True, False])
def test_a_full_outbox_is_tried_again(acknowledged: bool) -> None:
    bench = InstBench()
    bench.accepts = OutboxFull("full")
    bench.add("u")
    bench.accepts = None
    if acknowledged:
        bench.received(1)

    actions = bench.after(5)

    assert actions == ([] if acknowledged else [sent(1)])


def test_a_closed_session_fails_the_updates() -> None:
    bench = InstBench()
    bench.accepts = LocalProtocolError("closed for good")

    actions = bench.add("u")

    assert actions == [sent(1), ("failed", 1, "LocalProtocolError")]


def test_the_end_of_the_session_fails_what_is_not_acknowledged() -> None:
    bench = adding()

    actions = bench.state(State.CLOSED)

    assert actions == [("failed", 1, "SendFailed")]


def test_the_number_of_batches_is_bounded() -> None:
    bench = InstBench(max_unacknowledged=2)
    bench.add("a")
    bench.add("b")

    with pytest.raises(OutboxFull, match="2 batches"):
        bench.add("c")
    bench.received(1)
    bench.add("c")

    assert bench.inst.unacknowledged == 2


def test_the_size_of_all_batches_is_bounded() -> None:
    bench = InstBench(max_unacknowledged_size=5)
    bench.add("one that is larger than the limit")

    with pytest.raises(OutboxFull, match=r"33 characters .* these have 1; the limit is 5"):
        bench.add("c")
    bench.received(1)
    bench.add("abc")
    bench.add("de")

    assert bench.inst.unacknowledged == 2


def test_numbers_go_on_where_another_machine_ended() -> None:
    inst = InstMachine(None, "i", "b", first_update_id=8)

    assert [inst.add_updates(["a"], 0.0), inst.next_update_id] == [8, 9]


def test_an_acknowledgement_may_come_before_the_refusal_of_a_repeat() -> None:
    bench = adding()
    bench.now += 5
    bench.inst.handle_timeout(bench.now)
    (repeat,) = bench.inst.actions()
    assert isinstance(repeat, SendMessage)
    bench.received(1)

    actions = bench.turn(bench.inst.not_sent, repeat.ref, OutboxFull("full"))

    assert actions == []
