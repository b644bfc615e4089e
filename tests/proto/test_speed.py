"""The extra ``speed``: the same results as without it, or the standard library's word."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import gc
import json
import math
import sys
import tracemalloc
import uuid
from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auxws_proto import Config, LocalProtocolError, RemoteProtocolError
from auxws_proto._encoding import encode_message
from auxws_proto._frames import mask
from auxws_proto._json import NOT_THE_SAME, FastJson, Load, parse_json, write_json
from auxws_proto._speed import equipment, fast_json, fast_mask

DEPTH = 256

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62, max_value=2**66)
    | st.integers(min_value=-(2**66), max_value=-(2**62))
    | st.floats()
    | st.text(st.characters(codec=None))
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.dictionaries(st.integers() | st.none(), inner, max_size=2)
        | st.tuples(inner)
    ),
    max_leaves=20,
)
NUMBERS = st.from_regex(r"\A-?[0-9]{1,25}(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?\Z")


def fast() -> FastJson:
    found = fast_json()
    assert found is not None
    return found


def has_floats(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(has_floats, value.values()))
    return isinstance(value, float) or (
        isinstance(value, list | tuple) and any(map(has_floats, value))
    )


@given(VALUES)
def test_what_it_writes_is_what_the_standard_library_writes(value: object) -> None:
    data = fast().write(value)

    if data is not None:
        standard = write_json(value).encode()
        # The two have different words for some floats (1e16 and 1e+16).
        assert data == standard or has_floats(value)
        assert repr(json.loads(data)) == repr(json.loads(standard))


@given(
    VALUES.map(lambda value: json.dumps(value).encode())
    | NUMBERS.map(lambda text: f"[{text}]".encode())
    | st.text('[]{}",:0123456789-+eE.tfn \\u\n').map(str.encode)
    | st.binary()
)
@example(b"[-0, -0.0, 1E400]")
@example(b"[18446744073709551616, -9223372036854775809, 9223372036854775808]")
@example(b'{"a": "\\ud800", "a\\"": 12345678901234567890}')
@example(b"\xef\xbb\xbf[]")
@example(b"[" * 300 + b"]" * 300)
def test_what_it_parses_is_what_the_standard_library_parses(data: bytes) -> None:
    value = fast().parse(data)

    if value is not NOT_THE_SAME:
        assert repr(value) == repr(parse_json(data, 1_000))


class Colour(enum.Enum):
    RED = "red"


class Text(str):
    __slots__ = ()


@dataclasses.dataclass
class Point:
    x: int = 0


@pytest.mark.parametrize(
    "value",
    [
        Colour.RED, uuid.UUID(int=1), datetime.date(2024, 1, 1), Point(), b"bytes", {1, 2},
        math.nan, math.inf, object(),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_json_cannot_carry_is_refused_with_it_as_without(value: object) -> None:
    message = {"type": "x", "value": value}
    with pytest.raises(LocalProtocolError) as without:
        encode_message(message, DEPTH)

    with pytest.raises(LocalProtocolError) as with_it:
        encode_message(message, DEPTH, fast())

    assert str(with_it.value) == str(without.value)


@pytest.mark.parametrize(
    "value",
    ["\ud800", 2**64, -(2**63) - 1, {1: 2}, Text("a"), OrderedDict(a=1), None, [[[]]], (1, 2), 1.5],
    ids=repr,
)
def test_what_json_can_carry_is_the_same_with_it_as_without(value: object) -> None:
    message = {"type": "x", "value": value}

    assert encode_message(message, DEPTH, fast()) == encode_message(message, DEPTH)


def test_a_mapping_that_is_no_dict_is_a_message_too() -> None:
    assert encode_message(MappingProxyType({"type": "x"}), DEPTH, fast()) == b'{"type":"x"}'


@pytest.mark.parametrize("depth", [3, 4])
def test_the_limit_of_nesting_is_the_same_when_writing(depth: int) -> None:
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    message = {"type": "x" * DEPTH, "value": value}

    if depth == 3:
        assert encode_message(message, 3, fast()) == encode_message(message, 3)
    else:
        with pytest.raises(LocalProtocolError, match="limit is 3 levels"):
            encode_message(message, 3, fast())


@pytest.mark.parametrize(
    "data",
    [b"[1,", b"[NaN]", b"\xff", b"[" * 600 + b"]" * 600, b"[1e999]", "[\ud800]"],
    ids=["cut", "NaN", "not UTF-8", "too deep", "infinite", "a lone surrogate"],
)
def test_what_is_no_json_has_the_standard_library_s_errors(data: bytes | str) -> None:
    with pytest.raises(RemoteProtocolError) as without:
        parse_json(data, DEPTH)

    with pytest.raises(RemoteProtocolError) as with_it:
        parse_json(data, DEPTH, fast())

    assert str(with_it.value) == str(without.value)


def test_a_long_text_is_looked_through_as_a_whole() -> None:
    text = json.dumps(["a" * 100_000, 2**70]).encode()

    assert fast().parse(text) is NOT_THE_SAME
    assert fast().parse(json.dumps(["a" * 100_000, 7]).encode()) == ["a" * 100_000, 7]


@pytest.mark.parametrize("digits", [19, 20])
@pytest.mark.parametrize("place", range(240, 300))
def test_a_long_integer_is_found_at_any_place(place: int, digits: int) -> None:
    data = b'["%b",%b,"%b"]' % (b"x" * place, b"9" * digits, b"x" * 300)

    assert fast().parse(data) is NOT_THE_SAME
    assert parse_json(data, DEPTH, fast()) == json.loads(data)


@given(st.binary(max_size=5_000), st.binary(min_size=4, max_size=4))
def test_both_masks_are_the_same(data: bytes, key: bytes) -> None:
    fast_one = fast_mask()
    assert fast_one is not None

    assert fast_one(data, key) == mask(data, key)


def test_drivers_take_what_is_installed() -> None:
    assert equipment(Config()) == {"json": fast_json(), "mask": fast_mask()}


def test_drivers_leave_what_was_chosen() -> None:
    class Mine:
        def write(self, value: object) -> bytes | None:
            return None

        def parse(self, data: bytes | bytearray) -> Any:
            return NOT_THE_SAME

        def loader(self, texts: list[bytes]) -> Load | None:
            return None

    def my_mask(data: bytes, key: bytes) -> bytes:
        return mask(data, key)

    assert equipment(Config(json=Mine(), mask=my_mask)) == {}
    assert equipment(Config(speed=False)) == {}


@pytest.fixture
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "orjson", None)
    monkeypatch.setitem(sys.modules, "websockets.speedups", None)


@pytest.mark.usefixtures("_nothing_installed")
def test_without_the_extra_everything_is_as_it_was() -> None:
    assert fast_json.__wrapped__() is None
    assert fast_mask.__wrapped__() is None


def test_digits_in_strings_do_not_matter_in_a_text_of_some_size() -> None:
    data = json.dumps({"id": "1" * 30, "text": "a" * 2_000}).encode()

    assert fast().parse(data) == json.loads(data)
    assert fast().parse(data[:-1] + b',"n":' + b"1" * 30 + b"}") is NOT_THE_SAME


def test_one_look_at_all_texts_of_a_row() -> None:
    load = fast().loader([b"[1]", b'{"a":-123456789012345678}'])
    assert load is not None
    assert [load(b"[1]"), load(b'{"a":-123456789012345678}')] == [[1], {"a": -123456789012345678}]
    assert fast().loader([b"[1]", b"[1234567890123456789]", b"[1]"]) is None


@given(st.lists(VALUES.map(lambda value: json.dumps(value).encode()), min_size=1))
def test_what_a_row_s_loader_loads_is_what_the_standard_library_parses(texts: list[bytes]) -> None:
    load = fast().loader(texts)

    for data in texts if load is not None else ():
        try:
            value = load(data)  # type: ignore[misc]
        except ValueError:
            continue
        assert repr(value) == repr(parse_json(data, 1_000))


def test_a_short_text_holds_no_more_than_it_has() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        texts = [fast().write({"type": "x", "n": number}) for number in range(1_000)]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(texts) == 1_000
    assert held < 1_000_000
