"""Actions: what they derive, and what they never show."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import get_args

import pytest

from auxws_proto import (
    AuxError,
    DeliverMessage,
    FailReason,
    GetFromUrl,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportSend,
    ReportState,
    Secret,
    SendBytes,
    SendFailed,
    SendId,
    SendText,
    Stage,
    State,
)
from auxws_proto._actions import Action

SECRET = "signature-of-nobody"
URL = Secret(f"https://b.s3.amazonaws.com/k?X-Amz-Signature={SECRET}")
HEADERS = {"x-api-key": SECRET}

SHY: list[Action] = [
    OpenTransport(transport=1, attempt=0, url=URL.reveal(), headers=tuple(HEADERS.items())),
    SendText(transport=1, data=SECRET.encode(), max_frame=32_000),
    SendBytes(transport=1, data=SECRET.encode()),
    PutToUrl(transfer_id=1, method="PUT", url=URL, headers=HEADERS, body=SECRET.encode()),
    GetFromUrl(transfer_id=1, method="GET", url=URL, headers=HEADERS, max_bytes=1),
    DeliverMessage(
        message={"type": "login", "connectionToken": SECRET}, size=1, event_id=0, transport=1
    ),
    ReportError(error=AuxError(f"at {URL.reveal()}"), info={"errorMessage": SECRET}),
    ReportState(state=State.OPEN, info={"connectionKey": SECRET}),
]


@pytest.mark.parametrize("action", SHY, ids=lambda a: type(a).__name__)
def test_payloads_urls_and_headers_never_show(action: Action) -> None:
    for copied in (action, copy.deepcopy(action), pickle.loads(pickle.dumps(action))):
        assert copied == action or isinstance(action, ReportError)
        assert SECRET not in f"{copied!r} {copied}"


def test_every_action_is_frozen_slotted_and_keyword_only() -> None:
    for kind in get_args(Action):
        parameters = kind.__dataclass_params__
        assert parameters.frozen, kind
        assert "__slots__" in vars(kind), kind
        assert all(field.kw_only for field in dataclasses.fields(kind)), kind


def test_a_text_is_decoded_on_demand() -> None:
    assert SendText(transport=1, data='[1,1,"é"]'.encode(), max_frame=9).text == '[1,1,"é"]'


def test_the_reason_of_a_report_is_a_word() -> None:
    failed = ReportSend(
        send_id=SendId(1), stage=Stage.FAILED, final=True, error=SendFailed(FailReason.CLOSED)
    )

    assert failed.reason == "closed"
    assert ReportSend(send_id=SendId(1), stage=Stage.SENT).reason is None
