"""What is told of an error: a kind, a text and a word, and nothing of what the peer sent."""

from __future__ import annotations

import pytest

from auxws_proto import (
    AuxError,
    ConnectionClosed,
    DownloadFailed,
    FailReason,
    LoginRefused,
    RateLimited,
    RemoteProtocolError,
    SendFailed,
    ServerError,
    UrlRefused,
    Violation,
)
from auxws_proto.observe import Fault
from auxws_proto.observe._fault import fault_of, maybe_fault, short

URL = "https://bucket.s3.amazonaws.com/key?X-Amz-Signature=s"


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (AuxError("plain"), Fault(kind="AuxError", text="plain")),
        (
            ServerError({"errorCode": "not_authorized", "errorMessage": "no"}, 3),
            Fault(kind="ServerError", text="not_authorized: no", code="not_authorized"),
        ),
        (ServerError({}, 3), Fault(kind="ServerError", text="None")),
        (
            LoginRefused("invalid_token", "old", {}),
            Fault(
                kind="LoginRefused", text="invalid_token: old", code="invalid_token", retryable=True
            ),
        ),
        (
            SendFailed(FailReason.HTTP_STATUS, "HTTP 403"),
            Fault(
                kind="SendFailed", text="http_status: HTTP 403", code="http_status", retryable=True
            ),
        ),
        (
            DownloadFailed(FailReason.TOO_LARGE),
            Fault(kind="DownloadFailed", text="too_large", code="too_large"),
        ),
        (
            RemoteProtocolError(Violation.NOT_JSON),
            Fault(kind="RemoteProtocolError", text="not_json", code="not_json"),
        ),
        (UrlRefused("host"), Fault(kind="UrlRefused", text="host", code="host")),
        (
            ConnectionClosed(1001, "bye"),
            Fault(
                kind="ConnectionClosed", text="closed: code 1001 (bye)", code="closed",
                retryable=True,
            ),
        ),
        (
            RateLimited(2.0),
            Fault(
                kind="RateLimited", text="rate limited: sending pauses for 2 s", retryable=True
            ),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, AuxError) else "",
)  # fmt: skip
def test_an_error_in_short(error: AuxError, fault: Fault) -> None:
    assert fault_of(error) == fault


def test_nothing_of_an_info_object_is_told() -> None:
    fault = fault_of(ServerError({"errorCode": "x", "reason": {"marked": "marked"}}, 1))

    assert "marked" not in repr(fault)


def test_a_url_in_a_code_or_a_text_is_hidden_and_a_long_text_is_cut() -> None:
    fault = fault_of(ServerError({"errorCode": URL, "errorMessage": f"{URL} {'x' * 1_000}"}, 1))

    assert fault.code == "<secret>"
    assert fault.text.startswith("<secret>: <secret> xxx")
    assert len(fault.text) == 500


def test_a_url_that_would_be_cut_is_hidden_first() -> None:
    assert short(f"{'x' * 40} {URL}", 50) == f"{'x' * 40} <secret>"
    assert short("x" * 51) == f"{'x' * 49}…"


def test_no_error_is_no_fault() -> None:
    assert maybe_fault(None) is None
    assert maybe_fault(AuxError("x")) == Fault(kind="AuxError", text="x")
