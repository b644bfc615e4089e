"""`_encoding`: event arrays to the byte, and what JSON cannot carry."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import LocalProtocolError, Role, Secret
from auxws_proto import _encoding as encoding
from auxws_proto._decoding import decode_message
from auxws_proto._encoding import encode_message

from .json_bench import MESSAGE, Sure, nested

SERVER = Role.SERVER
DEPTH = 256
INFO = {"success": False, "errorCode": "not_supported", "errorMessage": "no"}


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ({"type": "x", "a": [1, 1.5, None, True]}, b'{"type":"x","a":[1,1.5,null,true]}'),
        (OrderedDict(type="x"), b'{"type":"x"}'),
        (MappingProxyType({"type": "x"}), b'{"type":"x"}'),
        ({"type": "x", "a": "é€\U0001f600"}, '{"type":"x","a":"é€\U0001f600"}'.encode()),
        ({"type": "x", "a": "\ud800"}, b'{"type":"x","a":"\\ud800"}'),
        ({"type": "x", "a": "\ud83d\ude00"}, b'{"type":"x","a":"\\ud83d\\ude00"}'),
        ({"type": "x", "\udfff": "\x00\n"}, b'{"type":"x","\\udfff":"\\u0000\\n"}'),
        ({"type": "x", 1: 2, None: 3, False: 4}, b'{"type":"x","1":2,"null":3,"false":4}'),
        ({"type": "x", "a": (1, 2)}, b'{"type":"x","a":[1,2]}'),
        ({"type": Secret("x"), "a": Secret("b")}, b'{"type":"x","a":"b"}'),
        ({"type": "x", "a": 10**4299}, b'{"type":"x","a":1%s}' % (b"0" * 4299)),
    ],
)  # fmt: skip
def test_messages_to_the_byte(message: dict[str, Any], body: bytes) -> None:
    assert encode_message(message, DEPTH) == body


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_comes_back_as_javascript_would_read_it(text: str) -> None:
    body = encode_message({"type": "x", "text": text}, DEPTH)

    message = decode_message(body, DEPTH)
    assert isinstance(message, dict)
    units = text.encode("utf-16", "surrogatepass")
    assert message["text"].encode("utf-16", "surrogatepass") == units


LOOP: dict[str, Any] = {"type": "x"}
LOOP["self"] = LOOP
UNWRITABLE: dict[str, Any] = {
    "set": {"type": "x", "a": {1, 2}},
    "bytes": {"type": "x", "a": b"b"},
    "object": {"type": "x", "a": object()},
    "mapping inside": {"type": "x", "a": MappingProxyType({})},
    "circular": LOOP,
    "NaN": {"type": "x", "a": math.nan},
    "Infinity": {"type": "x", "a": -math.inf},
    "NaN as a key": {"type": "x", "a": {math.nan: 1}},
    "tuple as a key": {"type": "x", "a": {(1,): 1}},
    "bytes as a key": {"type": "x", b"a": 1},
    "too many digits": {"type": "x", "a": 10**4300},
}


@pytest.mark.parametrize("message", UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_json_cannot_carry(message: dict[Any, Any]) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be written as JSON"):
        encode_message(message, DEPTH)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (None, "not NoneType"),
        ([("type", "x")], "not list"),
        ('{"type":"x"}', "not str"),
        ({}, "string 'type'"),
        ({"type": None}, "string 'type'"),
        ({"type": b"x"}, "string 'type'"),
    ],
)
def test_what_is_no_message(message: Any, words: str) -> None:
    with pytest.raises(LocalProtocolError, match=words):
        encode_message(message, DEPTH)


@pytest.mark.parametrize("number", [0, 1, 9, 10, 99_999, 10**15])
def test_a_message_event_embeds_the_body_and_has_the_size_foretold(number: int) -> None:
    body = encode_message({"type": "é"}, DEPTH)

    event = encoding.message_event(number, body)

    assert event == b"[1,%d,%b]" % (number, body)
    assert len(event) == encoding.message_event_size(number, len(body))


def test_the_other_events_to_the_byte() -> None:
    url = Secret("https://b.s3.amazonaws.com/k?X-Amz-Signature=s")

    assert encoding.upload_request(12) == b"[2,12]"
    assert encoding.upload_response(1, url, "PUT", MappingProxyType({})) == (
        b'[3,1,"https://b.s3.amazonaws.com/k?X-Amz-Signature=s","PUT",{}]'
    )
    assert encoding.download_request(2, url) == (
        b'[4,2,"https://b.s3.amazonaws.com/k?X-Amz-Signature=s","GET",{}]'
    )
    assert encoding.error_event(None, INFO) == (
        b'[5,null,{"success":false,"errorCode":"not_supported","errorMessage":"no"}]'
    )


@pytest.mark.parametrize("info", [{"a": {1}}, {"a": math.nan}, LOOP, nested(200_000)])
def test_an_info_that_json_cannot_carry(info: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError, match="info cannot be written"):
        encoding.error_event(-1, info)


def test_another_json_library_is_asked_first() -> None:
    assert encoding.encode_message(MESSAGE, DEPTH, Sure(b"its word")) == b"its word"
    assert encoding.encode_message({"type": "x"}, DEPTH, Sure(None)) == b'{"type":"x"}'
    assert encoding.encode_message({"type": "x"}, 2, Sure(b"[[[]]]")) == b'{"type":"x"}'


def test_events_in_a_row_have_numbers_in_a_row() -> None:
    bodies = [b'{"type":"a"}', b'{"type":"b"}']

    for step, numbers in ((1, (9, 10)), (0, (0, 0))):
        events = encoding.message_events(numbers[0], step, bodies)
        assert events == list(map(encoding.message_event, numbers, bodies))


@pytest.mark.parametrize(("levels", "limit"), [(10, 9), (200, 199), (200_000, 256)])
def test_a_message_that_is_nested_too_deeply(levels: int, limit: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"the limit is {limit} levels"):
        encode_message(nested(levels), limit)


@pytest.mark.parametrize("levels", [9, 200])
def test_a_message_that_is_nested_as_deeply_as_may_be(levels: int) -> None:
    assert json.loads(encode_message(nested(levels), levels)) == nested(levels)
