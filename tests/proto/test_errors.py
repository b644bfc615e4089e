"""Errors: what each says of itself, copies of every kind, and blame by class."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from auxws_proto import (
    AuxError,
    ConnectionClosed,
    ConnectionFailed,
    DownloadFailed,
    ExtraMissing,
    FailReason,
    GatewayNotice,
    LocalProtocolError,
    LoginRefused,
    LoginTimeout,
    OutboxFull,
    RateLimited,
    RemoteProtocolError,
    SendFailed,
    ServerError,
    Stage,
    UnconfirmedTransport,
    UrlRefused,
    Violation,
)

INFO = {"success": False, "errorCode": "not_supported", "errorMessage": "no uploads here"}
REFUSED = UrlRefused("scheme", "only https is allowed")

# error, text, connection_usable, retryable
ERRORS: list[tuple[AuxError, str, bool, bool]] = [
    (LocalProtocolError("no message"), "no message", True, False),
    (ExtraMissing("pycrdt", "yjs"),
     "pycrdt is not installed; it comes with the extra: auxws[yjs]", True, False),
    (OutboxFull("10,000 messages"), "10,000 messages", True, True),
    (RemoteProtocolError(Violation.NOT_JSON, "not JSON"), "not JSON", True, False),
    (RemoteProtocolError(Violation.WEBSOCKET), "websocket", True, False),
    (ServerError(INFO, 3), "not_supported: no uploads here", True, False),
    (ServerError({"errorCode": 5}, None), "None", True, False),
    (ServerError({"errorCode": "x", "errorMessage": {}}, -1), "x", True, False),
    (GatewayNotice({"message": "Forbidden"}), "Forbidden", True, False),
    (GatewayNotice({"message": None}), "a notice without a text", True, False),
    (RateLimited(1.5), "rate limited: sending pauses for 1.5 s", True, True),
    (UnconfirmedTransport("no pong"), "no pong", True, False),
    (SendFailed(FailReason.CLOSED), "closed", True, False),
    (SendFailed(FailReason.URL_REFUSED, "x", cause=REFUSED), "url_refused: x", True, False),
    (SendFailed(FailReason.TOO_LARGE), "too_large", True, False),
    (SendFailed(FailReason.TRANSPORT_LOST, stage=Stage.UNKNOWN), "transport_lost", True, True),
    (SendFailed(FailReason.HTTP_STATUS, "HTTP 503"), "http_status: HTTP 503", True, True),
    (DownloadFailed(FailReason.BAD_CONTENT), "bad_content", True, False),
    (DownloadFailed(FailReason.URL_REFUSED, "x", cause=REFUSED), "url_refused: x", True, False),
    (ConnectionFailed("tls"), "tls", False, True),
    (ConnectionFailed("rejected", "HTTP 401", status=401, retryable=False),
     "rejected: HTTP 401", False, False),
    (ConnectionClosed(1006), "closed: code 1006", False, True),
    (ConnectionClosed(1001, "going away", retryable=False),
     "closed: code 1001 (going away)", False, False),
    (LoginRefused("invalid_token", "bad", INFO), "invalid_token: bad", True, True),
    (LoginRefused(None, "", {}), "None", True, True),
    (LoginTimeout("30 s"), "30 s", False, True),
    (REFUSED, "scheme: only https is allowed", True, False),
    (UrlRefused("host"), "host", True, False),
]  # fmt: skip


def fields(error: Any) -> object:
    """All that can be compared; a cause by what it says."""
    if not isinstance(error, AuxError):
        return error
    return type(error), error.args, {name: fields(v) for name, v in vars(error).items()}


@pytest.mark.parametrize(("error", "text", "usable", "retryable"), ERRORS)
def test_what_an_error_says(error: AuxError, text: str, usable: bool, retryable: bool) -> None:
    assert (str(error), error.connection_usable, error.retryable) == (text, usable, retryable)


@pytest.mark.parametrize("error", [row[0] for row in ERRORS])
def test_errors_survive_copies_and_pickles(error: AuxError) -> None:
    for copied in (
        copy.copy(error),
        copy.deepcopy(error),
        copy.deepcopy([error])[0],
        *(pickle.loads(pickle.dumps(error, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
    ):
        assert fields(copied) == fields(error)
        assert (str(copied), repr(copied)) == (str(error), repr(error))


URL = "https://b.s3.amazonaws.com/hush?X-Amz-Signature=hush"
QUOTING: list[AuxError] = [
    AuxError(URL, 5, URL),
    LocalProtocolError(URL),
    RemoteProtocolError(Violation.WEBSOCKET, URL),
    ServerError({"errorCode": URL, "errorMessage": f"see {URL}"}, 1),
    GatewayNotice({"message": f"no {URL}"}),
    SendFailed(FailReason.TRANSFER_FAILED, URL),
    DownloadFailed(FailReason.TRANSFER_FAILED, URL),
    ConnectionFailed(URL, URL),
    ConnectionClosed(1008, URL),
    LoginRefused(URL, "vCT1.hush.hush", {}),
    LoginRefused("invalid_token", URL, {}),
    UrlRefused("host", URL),
]


@pytest.mark.parametrize("error", QUOTING)
def test_what_others_say_is_told_without_urls_and_tokens(error: AuxError) -> None:
    parts = {name: value for name, value in vars(error).items() if name != "info"}

    assert "hush" not in f"{error} {error!r} {error.args} {parts}"
    assert "<secret>" in f"{error}"


def test_notes_survive_a_pickle() -> None:
    error = SendFailed(FailReason.CLOSED)
    error.add_note("while flushing")

    assert pickle.loads(pickle.dumps(error)).__notes__ == ["while flushing"]


def test_every_kind_of_error_is_in_the_table() -> None:
    def kinds(base: type[AuxError]) -> set[type[AuxError]]:
        return {base}.union(*(kinds(sub) for sub in base.__subclasses__()))

    core = {kind for kind in kinds(AuxError) if kind.__module__ == AuxError.__module__}

    assert core - {type(row[0]) for row in ERRORS} == {AuxError}


def test_the_parts_of_an_error_can_be_read() -> None:
    server = ServerError(INFO, 3)
    closed = ConnectionClosed(1001, "away")

    assert (server.code, server.info, server.event_id) == ("not_supported", INFO, 3)
    assert ServerError({"errorCode": 5}, None).code is None
    assert (closed.kind, closed.code, closed.reason, closed.status) == (
        "closed",
        1001,
        "away",
        None,
    )
    assert SendFailed(FailReason.CLOSED, cause=REFUSED).cause is REFUSED
    assert LoginRefused("x", "y", INFO).info is INFO
    assert GatewayNotice({"message": "Forbidden"}).info == {"message": "Forbidden"}
    assert RateLimited(2).retry_after == 2
