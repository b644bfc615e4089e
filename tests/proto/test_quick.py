"""Actions made quickly are those that their classes make."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from auxws_proto import (
    Action,
    DeliverMessage,
    FailReason,
    ReportSend,
    SendBytes,
    SendFailed,
    SendId,
    SendText,
    Stage,
)
from auxws_proto._quick import deliver_message, report_send, send_bytes, send_text

ERROR = SendFailed(FailReason.CLOSED, "")
MESSAGE = {"type": "x"}

PAIRS: list[tuple[Action, Action]] = [
    (
        send_text(1, b"a", 2, SendId(3)),
        SendText(transport=1, data=b"a", max_frame=2, send_id=SendId(3)),
    ),
    (send_bytes(1, b"a", None), SendBytes(transport=1, data=b"a")),
    (
        deliver_message(MESSAGE, 2, 3, 4, True, True),
        DeliverMessage(
            message=MESSAGE, size=2, event_id=3, transport=4, downloaded=True, overlap=True
        ),
    ),
    (
        report_send(SendId(1), Stage.FAILED, final=True, error=ERROR),
        ReportSend(send_id=SendId(1), stage=Stage.FAILED, final=True, error=ERROR),
    ),
    (report_send(SendId(1), Stage.SENT), ReportSend(send_id=SendId(1), stage=Stage.SENT)),
]


@pytest.mark.parametrize(("made", "usual"), PAIRS)
def test_they_are_equal_in_every_field(made: Action, usual: Action) -> None:
    assert type(made) is type(usual)
    assert [getattr(made, field.name) for field in dataclasses.fields(made)] == [
        getattr(usual, field.name) for field in dataclasses.fields(usual)
    ]
    assert made == usual
    assert repr(made) == repr(usual)


@pytest.mark.parametrize(("made", "usual"), PAIRS)
def test_they_are_frozen_and_can_be_copied(made: Action, usual: Action) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, dataclasses.fields(made)[0].name, None)

    assert copy.copy(made) == usual
    assert dataclasses.replace(made) == usual
