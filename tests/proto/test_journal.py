"""`_journal`: what is recorded of a message, and when."""

from __future__ import annotations

import pytest

from auxws_proto import (
    Action,
    Encoded,
    FailReason,
    Journal,
    LocalProtocolError,
    MessageAccepted,
    MessageDone,
    MessageEmitted,
    OutboxChange,
    ReportSend,
    SendBytes,
    SendFailed,
    SendId,
    SendText,
    Stage,
    StoredMessage,
)
from auxws_proto._journal import check_store

ONE, TWO = SendId(1), SendId(2)
MESSAGE = Encoded(type="n", body=b'{"type":"n"}')


def text(send_id: SendId | None) -> SendText:
    return SendText(transport=1, data=b"", max_frame=1, send_id=send_id)


def outcome(stage: Stage, reason: FailReason | None = None) -> ReportSend:
    error = None if reason is None else SendFailed(reason, stage=stage)
    return ReportSend(send_id=ONE, stage=stage, final=True, error=error)


def recorded(*actions: Action) -> list[OutboxChange]:
    """What follows for a message that was accepted before."""
    journal = Journal()
    journal.accepted(ONE, MESSAGE)
    assert journal.take() == [MessageAccepted(key=1, message=MESSAGE)]
    for action in actions:
        journal.watch(action)
    return journal.take()


@pytest.mark.parametrize("action", [text(ONE), SendBytes(transport=1, data=b"", send_id=ONE)])
def test_what_is_about_to_be_written_is_emitted(action: Action) -> None:
    assert recorded(action) == [MessageEmitted(key=1)]


def test_that_it_is_emitted_is_recorded_once() -> None:
    assert recorded(text(ONE), text(ONE)) == [MessageEmitted(key=1)]


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (Stage.CONFIRMED, None),
        (Stage.SENT, None),
        (Stage.FAILED, FailReason.HTTP_STATUS),
        (Stage.UNKNOWN, FailReason.TRANSPORT_LOST),
    ],
)
def test_an_outcome_ends_the_keeping(stage: Stage, reason: FailReason | None) -> None:
    assert recorded(outcome(stage, reason), text(ONE)) == [MessageDone(key=1)]


@pytest.mark.parametrize("stage", [Stage.FAILED, Stage.UNKNOWN])
def test_what_ended_only_because_the_client_did_is_kept(stage: Stage) -> None:
    assert recorded(outcome(stage, FailReason.CLOSED)) == []


@pytest.mark.parametrize(
    "action",
    [
        text(None),
        text(TWO),
        ReportSend(send_id=ONE, stage=Stage.SENT),
        ReportSend(send_id=TWO, stage=Stage.CONFIRMED, final=True),
    ],
)
def test_other_actions_change_nothing(action: Action) -> None:
    assert recorded(action) == []


def test_a_login_is_not_kept() -> None:
    journal = Journal()

    journal.accepted(ONE, Encoded(type="login", body=b'{"type":"login"}'))
    journal.watch(text(ONE))

    assert not journal.has_changes


def test_what_was_kept_goes_on_under_its_key() -> None:
    journal = Journal()
    stored = [
        StoredMessage(key=4, message=MESSAGE, is_emitted=True),
        StoredMessage(key=7, message=MESSAGE),
    ]

    journal.restored(stored, [ONE, TWO])
    journal.watch(text(ONE))
    journal.watch(text(TWO))
    journal.accepted(SendId(3), MESSAGE)
    journal.watch(outcome(Stage.CONFIRMED))

    assert journal.has_changes
    assert journal.take() == [
        MessageEmitted(key=7),
        MessageAccepted(key=8, message=MESSAGE),
        MessageDone(key=4),
    ]


@pytest.mark.parametrize("store", [object(), "a file", {"load": 1}])
def test_what_is_no_store_is_refused(store: object) -> None:
    with pytest.raises(LocalProtocolError, match="without load, record, close"):
        check_store(store)


def test_a_store_and_none_are_taken() -> None:
    class Store:
        def load(self) -> list[StoredMessage]:
            return []

        def record(self, changes: object) -> None: ...

        def close(self) -> None: ...

    check_store(None)
    check_store(Store())
