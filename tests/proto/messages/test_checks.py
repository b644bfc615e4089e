"""A check accepts what the annotations allow, and names the place of everything else."""

from __future__ import annotations

import json
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto.messages import MESSAGE_ROWS, MESSAGE_TYPES, Problem
from auxws_proto.messages._checks import compiled_check

BRANCH = {"recordName": None, "inst": "lobby", "branch": "shared"}
OK = {"statusCode": 200}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(),
    float: st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    NoneType: st.none(),
    Any: json_values,
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Everything that an annotation allows."""
    if is_typeddict(hint):
        required, optional = fields(hint)
        return st.fixed_dictionaries(
            {name: values(each) for name, each in required.items()},
            optional={name: values(each) for name, each in optional.items()},
        )
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, UnionType):
        return st.one_of(*map(values, args))
    if origin is list:
        return st.lists(values(args[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(st.text(), values(args[1]), max_size=3)
    return SIMPLE[hint]


def fields(shape: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The annotations of the fields that must be there, and of those that may."""
    required: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for name, hint in get_type_hints(shape, include_extras=True).items():
        if get_origin(hint) is NotRequired:
            optional[name] = get_args(hint)[0]
        else:
            required[name] = hint
    return required, optional


SHAPES = [
    member
    for row in MESSAGE_ROWS.values()
    for shape in row
    if shape is not None
    for member in (get_args(shape) or (shape,))
]
shapes = st.sampled_from(SHAPES)


def problems(shape: Any, message: object) -> list[Problem]:
    found: list[Problem] = []
    compiled_check(shape)(message, (), found)
    return found


@given(st.data(), shapes)
def test_accepts_what_the_annotations_allow(data: st.DataObject, shape: Any) -> None:
    message = data.draw(values(shape))

    assert problems(shape, message) == []
    assert problems(shape, json.loads(json.dumps(message))) == []


@given(st.data(), shapes, st.dictionaries(st.text(min_size=1).map("x-{}".format), json_values))
def test_unknown_fields_are_legal(data: st.DataObject, shape: Any, more: dict[str, Any]) -> None:
    message = data.draw(values(shape))

    assert problems(shape, {**more, **message}) == []


@given(st.data(), shapes)
def test_names_a_missing_field(data: st.DataObject, shape: Any) -> None:
    message = data.draw(values(shape))
    name = data.draw(st.sampled_from(sorted(fields(shape)[0])))
    del message[name]

    found = problems(shape, message)

    assert [(problem.path, problem.received) for problem in found] == [((name,), "undefined")]


@given(st.data(), shapes)
def test_names_a_wrong_field(data: st.DataObject, shape: Any) -> None:
    message = data.draw(values(shape))
    required, optional = fields(shape)
    wrong = [name for name in message if {**required, **optional}[name] is not Any]
    name = data.draw(st.sampled_from(sorted(wrong)))

    found = problems(shape, {**message, name: object()})

    assert [(problem.path, problem.received) for problem in found] == [((name,), "object")]


@pytest.mark.parametrize(
    ("message", "path", "expected"),
    [
        ({"type": "repo/watch_branch", **BRANCH, "inst": None}, "$.inst", "string"),
        (
            {"type": "repo/watch_branch", **BRANCH, "recordName": 1},
            "$.recordName",
            "string or null",
        ),
        ({"type": "repo/watch_branch", **BRANCH, "temporary": 1}, "$.temporary", "boolean"),
        ({"type": "repo/watch_branch", **BRANCH, "protocol": "x"}, "$.protocol", '"updates"'),
        ({"type": "repo/watch_branch", **BRANCH, "markers": "x"}, "$.markers", "array"),
        ({"type": "repo/watch_branch", **BRANCH, "markers": ["a", 1]}, "$.markers[1]", "string"),
        ({"type": "repo/add_updates", **BRANCH}, "$.updates", "array"),
        (
            {"type": "repo/add_updates", **BRANCH, "updates": [], "updateId": True},
            "$.updateId",
            "integer",
        ),
        (
            {"type": "repo/add_updates", **BRANCH, "updates": [], "updateId": 1.5},
            "$.updateId",
            "integer",
        ),
        ({"type": "sync/time", "id": False, "clientRequestTime": 0}, "$.id", "number"),
        ({"type": "sync/time", "id": 0}, "$.clientRequestTime", "number"),
        ({"type": "login_result", "success": 1}, "$.success", "true or false"),
        ({"type": "login_result"}, "$.success", "true or false"),
        ({"type": "login_result", "success": True}, "$.info", "object"),
        ({"type": "login_result", "success": False}, "$.errorCode", "string"),
        (
            {"type": "login_result", "success": True, "info": {"connectionId": "c", "userId": 1}},
            "$.info.sessionId",
            "string or null",
        ),
        ({"type": "repo/send_action", **BRANCH, "action": "x"}, "$.action", "object"),
        (
            {"type": "repo/send_action", **BRANCH, "action": {"type": "device"}},
            "$.action.type",
            '"remote" or "remote_result" or "remote_error"',
        ),
        (
            {"type": "repo/send_action", **BRANCH, "action": {"type": "remote"}},
            "$.action.event",
            "anything",
        ),
        (
            {"type": "http_response", "id": 1, "response": {**OK, "headers": []}},
            "$.response.headers",
            "object",
        ),
        (
            {"type": "http_response", "id": 1, "response": {**OK, "headers": {"a": 1}}},
            "$.response.headers.a",
            "string",
        ),
    ],
)
def test_names_the_place_and_what_was_expected(
    message: dict[str, Any], path: str, expected: str
) -> None:
    (problem, *_) = problems(MESSAGE_TYPES[message["type"]], message)

    assert str(problem).startswith(f"{path}: expected {expected}, received ")


def test_keys_that_are_no_text_are_passed_over() -> None:
    message = {"type": "http_response", "id": 1, "response": {**OK, "headers": {1: 2, "a": "b"}}}

    assert problems(MESSAGE_TYPES["http_response"], message) == []


@pytest.mark.parametrize("kind", ["login_result", "sync/time/response"])
def test_an_object_is_an_object(kind: str) -> None:
    assert problems(MESSAGE_TYPES[kind], []) == [Problem((), "object", "array")]


def test_tuples_are_arrays() -> None:
    message = {"type": "repo/add_updates", **BRANCH, "updates": ("a", "b")}

    assert problems(MESSAGE_TYPES["repo/add_updates"], message) == []


def test_an_annotation_that_has_no_check_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no check for the annotation"):
        compiled_check(bytes)
