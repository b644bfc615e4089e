"""Values of a trace: written, redacted, elided, and read again."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from auxws_proto import (
    Config,
    ConnectionClosed,
    ConnectionId,
    ConnectionToken,
    DeliverMessage,
    Encoded,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    LoginUnavailable,
    OpenTransport,
    PutToUrl,
    Reconnect,
    RemoteProtocolError,
    ReportError,
    ReportSend,
    ReportState,
    Role,
    SendBytes,
    SendFailed,
    SendId,
    SendText,
    ServerError,
    Stage,
    State,
    TransportFailure,
    UploadGranted,
    UploadRefused,
    UrlPolicy,
    Violation,
)
from auxws_proto._constants import FailReason
from auxws_proto._secret import Secret
from auxws_proto._trace_redaction import Redactor
from auxws_proto._trace_values import Scribe, load, load_config

PLAIN = Scribe()
URL = "https://bucket.s3.amazonaws.com/marked-key?X-Amz-Signature=marked-signature"


def redacting(limit: int | None = 100) -> Scribe:
    return Scribe(Redactor(), limit)


def again(value: Any) -> Any:
    """What a value is after it was in a file."""
    return load(json.loads(json.dumps(PLAIN.dump(value))))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        5,
        1.5,
        "text",
        [1, ["a"]],
        {"a": {"b": [None]}},
        {"$u": {"$": 1}},
        b"utf-8 \xc3\xa9",
        b"\xff\x00",
        b"",
        ConnectionId("c-1"),
        ConnectionToken("vCT1.x"),
        Encoded(type="a", body=b'{"type":"a"}'),
        HttpFailed(transfer_id=1, error=HttpFailure(kind="read", detail="d", transient=False)),
        HttpFailed(transfer_id=1, error="words"),
        HttpProgressed(transfer_id=1, done=2, total=None),
        LoginUnavailable(transport=1, error="x"),
        TransportFailure(kind="rejected", status=401, retry_after=1.5),
        UploadGranted(request_id=1, url="https://h/k", headers={"a": "b"}),
        UploadRefused(request_id=1, error={"errorCode": "x"}),
    ],
)
def test_what_stands_in_an_input_comes_back(value: Any) -> None:
    hidden = isinstance(value, ConnectionToken)
    assert again(value) == (ConnectionToken("<secret>") if hidden else value)


def test_headers_come_back_as_pairs() -> None:
    event = HttpResponded(transfer_id=1, status=200, headers=(("a", "b"),), body=b"x")

    assert again(event).headers == [["a", "b"]]
    assert again(dataclasses.replace(event, headers={"a": "b"})).headers == {"a": "b"}


def test_an_error_of_the_peer_comes_back() -> None:
    error = again(RemoteProtocolError(Violation.TOO_LARGE, "too large"))

    assert isinstance(error, RemoteProtocolError)
    assert (error.violation, str(error)) == (Violation.TOO_LARGE, "too large")
    assert str(again(RemoteProtocolError(Violation.TOO_LARGE))) == "too_large"


def test_what_is_nothing_of_this_is_a_question_mark() -> None:
    assert PLAIN.dump(object()) == "?"
    assert PLAIN.dump(SendFailed) == "?"


def test_views_are_bytes() -> None:
    assert PLAIN.dump(memoryview(b"a")) == PLAIN.dump(bytearray(b"a")) == {"$u": "a"}


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            SendFailed(FailReason.TOO_LARGE, "5 bytes", stage=Stage.FAILED),
            {
                "$": "SendFailed",
                "text": "too_large: 5 bytes",
                "detail": "5 bytes",
                "reason": "too_large",
            },
        ),
        (
            ServerError({"errorCode": "no"}, 1),
            {"$": "ServerError", "text": "no", "code": "no"},
        ),
        (
            ConnectionClosed(1001, "bye"),
            {
                "$": "ConnectionClosed",
                "text": "closed: code 1001 (bye)",
                "detail": "code 1001 (bye)",
                "reason": "bye",
                "code": 1001,
                "kind": "closed",
            },
        ),
    ],
)
def test_errors_say_what_they_are(error: Exception, line: dict[str, Any]) -> None:
    assert PLAIN.dump(error) == line


def test_a_configuration_is_what_is_not_the_default() -> None:
    config = Config(
        inline_limit=500,
        random=lambda: 0.1,
        reconnect=Reconnect(final_statuses=frozenset({403, 401, 404})),
        url_policy=UrlPolicy(allow_hosts=(".example",), allow_ports=(1,)),
        keepalive_message={"type": "sync/time"},
    )

    fields = json.loads(json.dumps(PLAIN.config(config)))

    assert set(fields) == {"inline_limit", "reconnect", "url_policy", "keepalive_message"}
    assert fields["reconnect"]["final_statuses"] == [401, 403, 404]
    assert load_config(fields, config.random) == config
    assert PLAIN.config(Config()) == {}


# Actions.


def test_secrets_are_hidden_or_revealed() -> None:
    action = GetFromUrl(transfer_id=1, method="GET", url=Secret(URL), headers={}, max_bytes=5)

    hidden = PLAIN.action(action, Role.CLIENT)
    revealed = Scribe(revealed=True).action(action, Role.CLIENT)

    assert hidden["url"] == "<secret>"
    assert revealed["url"] == URL
    assert type(revealed["url"]) is str


def test_bodies_and_masked_bytes_of_a_world_are_sums() -> None:
    put = PutToUrl(transfer_id=1, method="PUT", url=Secret("u"), headers={}, body=b"abc")
    data = SendBytes(transport=1, data=b"abc")

    assert PLAIN.action(put, Role.CLIENT)["body"] == {"$e": 3, "crc": 891568578}
    assert PLAIN.action(data, Role.SERVER)["data"] == {"$e": 3, "crc": 891568578}
    assert PLAIN.action(data, Role.CLIENT)["data"] == {"$e": 3}


def test_an_action_is_its_fields() -> None:
    action = ReportSend(send_id=SendId(1), stage=Stage.SENT)

    assert PLAIN.action(action, Role.CLIENT) == {
        "action": "ReportSend",
        "send_id": 1,
        "stage": "SENT",
        "final": False,
        "error": None,
    }


def test_a_delivered_message_is_elided_by_its_size_on_the_wire() -> None:
    message = {"type": "a", "x": "y" * 200}
    action = DeliverMessage(message=message, size=101, event_id=1, transport=1)
    small = dataclasses.replace(action, size=100)

    elided = redacting().action(action, Role.CLIENT)
    whole = redacting().action(small, Role.CLIENT)

    assert elided["message"] == {"$e": 101, "json": {"type": "a", "x": "y" * 48 + "…[+152]"}}
    assert whole["message"] == message
    assert PLAIN.action(action, Role.CLIENT)["message"] == message


# Redaction.


def test_every_field_is_redacted_as_what_it_is() -> None:
    scribe = redacting()
    headers = (("x-api-key", "marked-1"), ("other", "marked-2"))
    dumped = [
        scribe.dump(ConnectionToken("vCT1.marked")),
        scribe.dump(
            UploadGranted(request_id=1, url=URL, headers={"Cookie": "marked"}, announce_url=URL)
        ),
        scribe.dump(UploadRefused(request_id=1, error={"errorMessage": "marked-key"})),
        scribe.dump(TransportFailure(kind="marked-key", detail="no marked-key")),
        scribe.dump(HttpResponded(transfer_id=1, status=307, headers=(("Location", URL),))),
        scribe.dump(HttpResponded(transfer_id=1, status=403, body=b"<Key>marked-key</Key>")),
        scribe.dump(ServerError({"errorCode": "marked-key", "errorMessage": "marked-key"}, 1)),
        scribe.action(OpenTransport(transport=1, attempt=0, url=URL, headers=headers), Role.CLIENT),
        scribe.action(
            ReportState(state=State.OPEN, info={"x": "marked-key", "y": URL}), Role.CLIENT
        ),
        scribe.action(ReportError(error=ServerError({}, 1), info={"token": "marked"}), Role.CLIENT),
        scribe.dump(Secret("marked-secret")),
        scribe.dump({"x": URL}),
        scribe.dump(f"see {URL}"),
        scribe.dump(b"\xff " + URL.encode()),
        scribe.dump("\ud800" + URL, "", "data"),
    ]

    assert "marked" not in json.dumps(dumped)
    assert dumped[1]["announce_url"] == dumped[1]["url"]


def test_a_document_that_is_none_of_a_store_stays_short() -> None:
    event = HttpResponded(transfer_id=1, status=500, body=b"x" * 100_000)

    assert len(redacting().dump(event)["body"]["$u"]) == 8_192
    assert len(Scribe(limit=5).dump(event)["body"]["$u"]) == 100_000


# Elision.


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (
            b'[1,2,{"type":"a","b":"%b"}]' % (b"x" * 99),
            {"$e": 124, "json": [1, 2, {"type": "a", "b": "x" * 48 + "…[+51]"}]},
        ),
        (
            b'[1,2,{"type":"a","b":"%b"' % (b"x" * 99),
            {"$e": 122, "head": '[1,2,{"type":"a","b":"' + "x" * 99 + '"'},
        ),
        (b'[1,2,{"type":"sync/time","b":"%b"}]' % (b"x" * 99), None),
        (b'[3,2,"https://h","PUT",{"b":"%b"}]' % (b"x" * 99), None),
        (b'{"message":"%b"}' % (b"x" * 99), None),
        (
            b'{"message":"%b"}' % (b"x" * 70_000),
            {"$e": 70_014, "json": {"message": "x" * 48 + "…[+69952]"}},
        ),
        (b'[1,2,"%b"]' % (b"x" * 99), {"$e": 107, "json": [1, 2, "x" * 48 + "…[+51]"]}),
        (b'[1,2,{"type":"a"}]', None),
    ],
)
def test_texts_of_the_wire(data: bytes, written: Any) -> None:
    assert redacting().payload(data, "data") == (written or {"$u": data.decode()})
    assert Scribe(limit=100).payload(data, "data") == (written or {"$u": data.decode()})


def test_bodies_are_elided_and_pings_are_not() -> None:
    body = b'{"type":"a","b":"%b"}' % (b"x" * 99)

    written = redacting().payload(body, "body")

    assert written["json"] == {"type": "a", "b": "x" * 48 + "…[+51]"}
    assert load(written) == b'{"type":"a","b":"%b\xe2\x80\xa6[+51]"}' % (b"x" * 48) + b" " * 43
    assert len(load(written)) == len(body)
    assert redacting().payload(body, "payload") == {"$u": body.decode()}
    assert redacting().payload(b"[1,\xff" + body, "body")["head"].startswith("[1,�{")


def test_info_is_elided_by_its_size() -> None:
    action = ReportError(error=ServerError({}, 1), info={"a": "x" * 99})

    assert redacting().action(action, Role.CLIENT)["info"]["$e"] == 107
    assert redacting(107).action(action, Role.CLIENT)["info"] == {"a": "x" * 99}


def test_a_text_that_is_elided_reads_as_the_original_does() -> None:
    action = SendText(transport=1, data=b'[1,2,{"type":"a","b":"%b"}]' % (b"x" * 99), max_frame=9)

    once = redacting().action(action, Role.CLIENT)
    filled = dataclasses.replace(action, data=load(once["data"]))

    assert redacting().action(filled, Role.CLIENT) == once
