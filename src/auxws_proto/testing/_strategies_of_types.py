"""Hypothesis strategies for the types that describe JSON: whatever a `TypedDict` can say.

It knows how Python's annotations spell shapes. It must not know any of the protocol's.
"""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Sequence
from typing import Any, Final, NotRequired, Required, TypeAlias

from hypothesis import strategies as st

Drawn: TypeAlias = st.SearchStrategy[Any]

_FINITE: Final = st.floats(allow_nan=False, allow_infinity=False)
_NUMBERS: Final = st.one_of(st.integers(-(2**53), 2**53), _FINITE)
TEXTS: Final = st.text(st.characters(), max_size=20)
"""With lone surrogates, which JavaScript's strings can hold as well."""


def json_values(depth: int = 2) -> Drawn:
    """Whatever JSON can carry, nested so deep."""
    values: Drawn = st.one_of(st.none(), st.booleans(), _NUMBERS, TEXTS)
    for _ in range(depth):
        # Level by level: `recursive` costs many times as much.
        values = st.one_of(
            values, st.lists(values, max_size=3), st.dictionaries(TEXTS, values, max_size=3)
        )
    return values


def message(shape: Any) -> Drawn:
    """Messages of one type: a `TypedDict` of ``auxws_proto.messages``, or a union of some."""
    return _of(shape)


def _of(shape: Any) -> Drawn:
    origin = typing.get_origin(shape)
    items = typing.get_args(shape)
    if shape is Any or shape is object:
        return json_values()
    if shape is None or shape is type(None):
        return st.none()
    if origin in (NotRequired, Required):
        return _of(items[0])
    if origin is typing.Literal:
        return st.sampled_from(items)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([_of(item) for item in items])
    if origin is list or origin is Sequence:
        return st.lists(_of(items[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(_of(items[0]), _of(items[1]), max_size=3)
    if typing.is_typeddict(shape):
        return _of_typed_dict(shape)
    leaves: dict[Any, Drawn] = {
        str: TEXTS,
        int: st.integers(-(2**53), 2**53),
        float: _NUMBERS,
        bool: st.booleans(),
    }
    return leaves[shape]


def _of_typed_dict(shape: Any) -> Drawn:
    # Annotations may be strings, which stand for names of the module that defines the shape.
    hints = typing.get_type_hints(shape, vars(sys.modules[shape.__module__]), include_extras=True)
    required: frozenset[str] = shape.__required_keys__
    fields = {name: _later(hint) for name, hint in hints.items()}
    return st.fixed_dictionaries(
        {name: field for name, field in fields.items() if name in required},
        optional={name: field for name, field in fields.items() if name not in required},
    )


def _later(shape: Any) -> Drawn:
    def drawn() -> Drawn:
        return _of(shape)

    return st.deferred(drawn)
