"""Elision: what is left of a payload is small, stays as it is when cut again, and can be filled."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto._json import parse_json
from auxws_proto._trace_elision import filler, json_bytes, json_size, shrink


def plain(name: str, text: str) -> str:
    return text


def cut(value: Any, limit: int = 2_048) -> Any:
    return shrink(value, limit, plain)


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ({"type": "a", "n": 1.5, "x": None}, {"type": "a", "n": 1.5, "x": None}),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 48 + "…[+17]"),
        (list(range(8)), list(range(8))),
        (list(range(9)), [0, 1, 2, 3, 4, 5, "…[+3]"]),
        ({"k" * 70: 1}, {"k" * 48 + "…[+22]": 1}),
        ([[[[[[[1]]]]]]], [[[[[["…"]]]]]]),
        (
            {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}},
            {"a": {"b": {"c": {"d": {"e": {"f": "…"}}}}}},
        ),
    ],
)
def test_what_is_over_the_bounds_is_cut(value: Any, left: Any) -> None:
    assert cut(value) == left


def test_a_large_object_keeps_its_type() -> None:
    value = {**{f"k{number}": number for number in range(40)}, "type": "t" * 60}

    left = cut(value)

    assert len(left) == 31
    assert left["type"] == "t" * 60
    assert left["…"] == "…[+11]"


def test_narrower_bounds_come_next() -> None:
    value = {"type": "t" * 60, "a": "x" * 60, "b": [1, 2, 3, 4], "c": [[[[1]]]]}

    assert cut(value, 150) == {
        "type": "t" * 60,
        "a": "xxxxxxxx…[+52]",
        "b": [1, 2, "…[+2]"],
        "c": [["…"]],
    }


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ({"type": "a", "b": "c"}, {"type": "a"}),
        ([1, 7, {"type": "a", "b": "c"}], [1, 7, {"type": "a"}]),
        ([5, None, {"b": "c"}], [5, None, {}]),
        ([1, 2], []),
        ({"a": 1}, {}),
        ("abc", None),
    ],
)
def test_the_type_is_left_at_last(value: Any, left: Any) -> None:
    assert cut(value, 0) == left


def test_strings_are_changed_before_they_are_cut() -> None:
    def changed(name: str, text: str) -> str:
        return f"<{name}>"[: len(text)].ljust(len(text), "-")

    assert shrink({"name": "y" * 10_000}, 2_048, changed) == {
        "<>--": "<name>" + "-" * 42 + "…[+9952]"
    }


JSON: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=90)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=12), st.dictionaries(st.text(max_size=70), inner, max_size=12)
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from([0, 50, 200, 2_048]))
def test_cutting_what_is_cut_changes_nothing(value: Any, limit: int) -> None:
    left = cut(value, limit)

    assert cut(left, limit) == left


@given(JSON)
def test_what_fills_has_the_size_and_the_shape(value: Any) -> None:
    left = cut(value, 100)
    size = json_size(left) + 1_000

    data = filler(size, left)

    assert len(data) == size
    assert parse_json(data, 500) == parse_json(json_bytes(left), 500)


def test_what_is_no_json_is_filled_with_its_beginning() -> None:
    assert filler(8, head="[1,é") == "[1,é   ".encode()
    assert filler(2, head="[1,é") == b"[1"
