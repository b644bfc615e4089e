"""JSON to the byte: what JavaScript takes and gives, and nothing that only Python would."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import RemoteProtocolError, Violation, _json
from auxws_proto._json import NOT_THE_SAME, Load, is_too_deep, load_plain, parse_json, write_json

DEPTH = 256


def violation_of(data: bytes | bytearray | str, max_depth: int = DEPTH) -> Violation:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_json(data, max_depth)
    return caught.value.violation


NESTS: dict[str, Callable[[int], bytes]] = {
    "arrays": lambda n: b"[" * n + b"]" * n,
    "objects": lambda n: b'{"a":' * (n - 1) + b"{}" + b"}" * (n - 1),
    "object around array": lambda n: (
        b'{"a":[' * (n // 2) + b"[]" * (n % 2) + b"]}" * (n // 2)
    ),
    "array around object": lambda n: (
        b'[{"a":' * (n // 2) + (b"[]" if n % 2 else b"0") + b"}]" * (n // 2)
    ),
    "beside shallow ones": lambda n: b"[[]," * (n - 1) + b"[]" + b",{}]" * (n - 1),
    "behind strings": lambda n: b'["[[\\"[{",' * (n - 1) + b'["}]\\\\"]' + b"]" * (n - 1),
}  # fmt: skip


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS)
@pytest.mark.parametrize("limit", [2, 7, 33, 256, 500])
@pytest.mark.parametrize("spaces", [0, 5_000], ids=["short", "long"])
def test_the_limit_of_nesting_is_exact(
    nest: Callable[[int], bytes], limit: int, spaces: int
) -> None:
    at, over = nest(limit) + b" " * spaces, nest(limit + 1) + b" " * spaces

    assert (is_too_deep(at, limit), is_too_deep(over, limit)) == (False, True)
    parse_json(at, limit)
    assert violation_of(over, limit) is Violation.TOO_DEEP


@given(st.recursive(st.text("[]{}\"\\a\n") | st.integers(), lambda v: (
    st.lists(v, max_size=3) | st.dictionaries(st.text("[]{}\"\\"), v, max_size=3)
), max_leaves=30))  # fmt: skip
def test_the_depth_is_that_of_the_value(value: object) -> None:
    def depth(value: object) -> int:
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(inner, str | int):
            return 0
        return 1 + max(map(depth, inner), default=0)  # type: ignore[call-overload]

    data = write_json(value).encode()

    real = depth(value)
    assert not is_too_deep(data, real)
    assert real == 0 or is_too_deep(data, real - 1)


@pytest.mark.parametrize(
    "bomb",
    [b"[" * 1_000_000, b'{"a":' * 200_000, b"[1," * 300_000, b'"x"' + b"[" * 1000],
)
def test_an_unclosed_bomb_is_too_deep_and_costs_no_stack(bomb: bytes) -> None:
    assert violation_of(bomb) is Violation.TOO_DEEP


@pytest.mark.parametrize("limit", [2, 256])
def test_a_long_text_with_few_brackets_is_flat(limit: int) -> None:
    text = b'{"a":"' + b"x" * 10_000 + b'"}'

    assert not is_too_deep(text, limit)
    assert not is_too_deep(text.replace(b"x", b"[", 1), limit)


def test_brackets_in_strings_do_not_nest() -> None:
    text = "[{" * 10_000 + '\\"' + "[" * 1_000

    assert parse_json(json.dumps([text]).encode(), 2) == [text]


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"0", 0),
        (b"-0.0", 0.0),
        (b"1e308", 1e308),
        (b"1e-999", 0.0),
        (b"9" * 4300, 10**4300 - 1),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        ('"\U0001f600"'.encode(), "\U0001f600"),
        (b'"\\ud800"', "\ud800"),
        (b'"\\ude00\\ud83d"', "\ude00\ud83d"),
        (b' \t\r\n[1 , 2]\n', [1, 2]),
        (b'{"a":1,"a":2}', {"a": 2}),
        ('"\u2028\u2029"'.encode(), "\u2028\u2029"),
        ('"\ud800"', "\ud800"),
        ("[]", []),
    ],
)  # fmt: skip
def test_what_javascript_reads(data: bytes | str, value: object) -> None:
    assert parse_json(data, DEPTH) == value


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"nul", b"[1,]", b"{'a':1}", b"[1] 2", b"01", b"+1", b".5", b"1.", b"0x10",
        b"NaN", b"Infinity", b"-Infinity", b"[NaN]", b"1e999", b"-1e999", b"9" * 4301,
        b"-" + b"9" * 4301, b'"\n"', b'"\x00"', b'"', b'"\\', b'"\\x41"', b'"\\u12"', b"// c\n1",
        b"\xef\xbb\xbf[]", "\ufeff[]", b"]", b"[}", b"{]", b"\x00[",
    ],
)  # fmt: skip
def test_what_is_not_json(data: bytes | str) -> None:
    assert violation_of(data) is Violation.NOT_JSON


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b'"\xc3"',
        b'"\xed\xa0\x80"',  # a surrogate in UTF-8 (CESU-8)
        b'"\xc0\x80"',  # overlong
        b'"\xf5\x80\x80\x80"',
        "[]".encode("utf-16"),
    ],
)
def test_what_is_not_utf8(data: bytes) -> None:
    assert violation_of(data) is Violation.INVALID_UTF8


def test_encodings_are_not_guessed() -> None:
    """`json.loads` would read these bytes as UTF-16."""
    assert violation_of("[1]".encode("utf-16-le")) is Violation.NOT_JSON


def test_the_error_names_the_place_and_quotes_nothing() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_json(b'{"key": secret}', DEPTH)

    assert "character 8" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [math.nan], {math.nan: 1}])
def test_numbers_that_json_lacks_are_not_written(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(value)


def test_keys_are_coerced_as_json_does() -> None:
    assert write_json({1: 1, False: 2, None: 3, 1.5: 4}) == '{"1":1,"false":2,"null":3,"1.5":4}'


def test_written_text_is_javascripts() -> None:
    assert write_json({"a": ["é\u2028\x7f\x00", 1.0, 10**20, True]}) == (
        '{"a":["é\u2028\x7f\\u0000",1.0,100000000000000000000,true]}'
    )


@pytest.mark.parametrize("data", [b'{"a":"\xc3\xa9"}', b'["' + b"x" * 100_000 + b'"]'])
def test_a_bytearray_is_read_as_bytes_are_and_emptied(data: bytes) -> None:
    mine = bytearray(data)

    assert parse_json(mine, DEPTH) == parse_json(data, DEPTH)

    assert mine == b""


def test_a_bytearray_that_somebody_looks_at_is_read_all_the_same() -> None:
    mine = bytearray(b"[1]")
    with memoryview(mine):
        assert parse_json(mine, DEPTH) == [1]
    assert mine == b"[1]"


@pytest.mark.parametrize("data", [b"\xff", b"[" * 300, b"no JSON"])
def test_a_bytearray_that_is_refused(data: bytes) -> None:
    assert violation_of(bytearray(data)) is violation_of(data)


def test_a_python_without_an_encoder_in_c_writes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    monkeypatch.setattr(_json, "_IN_C", _json._encoder_in_c())

    assert write_json([1, "ü", {"a": None}]) == '[1,"ü",{"a":null}]'


def test_what_the_encoder_in_c_cannot_write_is_named_by_the_standard_library() -> None:
    circle: list[object] = []
    circle.append(circle)

    with pytest.raises(ValueError, match="Circular"):
        write_json(circle)


class Sure:
    """Another library, which has an answer for everything."""

    def write(self, value: object) -> bytes | None:
        return b"{}"

    def parse(self, data: bytes | bytearray) -> object:
        return NOT_THE_SAME if data == b"[1]" else "its word"

    def loader(self, texts: list[bytes]) -> Load | None:
        return None


def test_another_library_is_asked_first_where_the_nesting_is_in_bounds() -> None:
    sure = Sure()

    assert parse_json(b"[]", DEPTH, sure) == "its word"
    assert parse_json("[]", DEPTH, sure) == "its word"
    assert parse_json(b"[1]", DEPTH, sure) == [1]
    with pytest.raises(RemoteProtocolError):
        parse_json(b"[[[1]]]", 2, sure)


def test_the_plain_way_is_for_texts_that_nothing_is_wrong_with() -> None:
    assert load_plain(b'[1,{"a":"\xc3\xa4"}]') == [1, {"a": "\u00e4"}]
    for text in (b" 1", b"1 ", b"", b"nope", b"[NaN]", b"\xff", b"1e999", b"9" * 5_000):
        with pytest.raises((ValueError, StopIteration)):
            load_plain(text)
