"""Validation accepts what the types allow, and names the place of everything else."""

from __future__ import annotations

import json
from pathlib import Path
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

from auxws_proto import LocalProtocolError, Role
from auxws_proto.messages import MESSAGE_ROWS, InvalidMessage, find_problems, validate
from auxws_proto.messages._validate import _compiled

BRANCH = {"recordName": None, "inst": "lobby", "branch": "shared"}
RECORDINGS = sorted((Path(__file__).parents[2] / "transcripts").glob("*.jsonl"))
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
    (sender, member)
    for row in MESSAGE_ROWS.values()
    for sender, shape in ((Role.CLIENT, row.to_server), (Role.SERVER, row.from_server))
    if shape is not None
    for member in (get_args(shape) or (shape,))
]
shapes = st.sampled_from(SHAPES)


@given(st.data(), shapes)
def test_accepts_what_the_types_allow(data: st.DataObject, shape: tuple[Role, Any]) -> None:
    sender, typed_dict = shape
    message = data.draw(values(typed_dict))

    validate(message, sender)
    validate(json.loads(json.dumps(message)))


@given(st.data(), shapes, st.dictionaries(st.text(min_size=1).map("x-{}".format), json_values))
def test_unknown_fields_are_legal(
    data: st.DataObject, shape: tuple[Role, Any], more: dict[str, Any]
) -> None:
    sender, typed_dict = shape
    message = data.draw(values(typed_dict))

    validate({**more, **message}, sender)


@given(st.data(), shapes)
def test_names_a_missing_field(data: st.DataObject, shape: tuple[Role, Any]) -> None:
    sender, typed_dict = shape
    message = data.draw(values(typed_dict))
    name = data.draw(st.sampled_from(sorted(fields(typed_dict)[0])))
    del message[name]

    with pytest.raises(InvalidMessage) as caught:
        validate(message, sender)

    assert caught.value.path == f"$.{name}"
    assert caught.value.problems[0].received == "undefined"


@given(st.data(), shapes)
def test_names_a_wrong_field(data: st.DataObject, shape: tuple[Role, Any]) -> None:
    sender, typed_dict = shape
    message = data.draw(values(typed_dict))
    required, optional = fields(typed_dict)
    wrong = [name for name in message if {**required, **optional}[name] is not Any]
    name = data.draw(st.sampled_from(sorted(wrong)))

    with pytest.raises(InvalidMessage) as caught:
        validate({**message, name: object()}, sender)

    assert caught.value.path == f"$.{name}"
    assert caught.value.problems[0].received == "object"


@pytest.mark.parametrize(
    ("message", "path", "expected"),
    [
        ({"type": 5}, "$.type", "string"),
        ({}, "$.type", "string"),
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
            {"type": "http_response", "id": 1, "response": {**OK, "headers": {1: ""}}},
            "$.response.headers",
            "keys of type string",
        ),
        (
            {
                "type": "http_response",
                "id": 1,
                "response": {**OK, "headers": {"a": 1}},
            },
            "$.response.headers.a",
            "string",
        ),
    ],
)
def test_names_the_place_and_what_was_expected(
    message: dict[str, Any], path: str, expected: str
) -> None:
    with pytest.raises(InvalidMessage) as caught:
        validate(message)

    assert (caught.value.path, caught.value.expected) == (path, expected)
    assert path in str(caught.value)
    assert isinstance(caught.value, LocalProtocolError)


def test_reports_every_problem() -> None:
    message = {"type": "repo/add_updates", **BRANCH, "inst": 5, "updates": "x"}

    found = [str(problem) for problem in find_problems(message)]

    assert found == [
        "$.inst: expected string, received number",
        "$.updates: expected array, received string",
    ]


@pytest.mark.parametrize("message", [None, [], "x", 5, True])
def test_a_message_is_an_object(message: Any) -> None:
    with pytest.raises(InvalidMessage, match=r"^invalid message: \$: expected object, received "):
        validate(message)


@pytest.mark.parametrize("sender", [None, *Role])
def test_unknown_types_pass(sender: Role | None) -> None:
    assert find_problems({"type": "no/such/type", "any": object()}, sender) == []


def test_direction_counts_only_if_it_is_given() -> None:
    request = {"type": "repo/connection_count", **BRANCH}

    assert find_problems(request) == []
    assert find_problems({**request, "count": 1}) == []
    assert find_problems(request, Role.CLIENT) == []
    assert [p.path for p in find_problems(request, Role.SERVER)] == [("count",)]


def test_a_type_of_the_other_direction_is_refused() -> None:
    with pytest.raises(InvalidMessage, match='a type that a client sends, received "login_result"'):
        validate({"type": "login_result", "success": False}, Role.CLIENT)


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ({"type": "no/such/type", 5: "x"}, "$"),
        ({"type": "no/such/type", "list": [0, {"in": {None: "x"}}]}, "$.list[1].in"),
        (
            {"type": "repo/send_action", **BRANCH, "action": {"type": "remote", "event": {1: 2}}},
            "$.action.event",
        ),
    ],
)
def test_keys_are_text_everywhere(message: dict[Any, Any], path: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        validate(message)

    assert (caught.value.path, caught.value.expected) == (path, "keys of type string")


def test_a_message_that_holds_itself_is_left_to_the_encoder() -> None:
    message: dict[str, Any] = {"type": "no/such/type"}
    message["self"] = [message]

    assert find_problems(message) == []


def test_recorded_messages_pass() -> None:
    """The sessions with the real server, of both sides; the README beside them explains."""
    senders = {"app_send": Role.CLIENT, "client_message": Role.SERVER}
    lines = [
        json.loads(line)
        for path in RECORDINGS
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    messages = [(senders[line["ev"]], line["message"]) for line in lines if line["ev"] in senders]

    found = [(m["type"], p) for sender, m in messages for p in find_problems(m, sender)]

    assert found == []
    assert len(messages) > 100


def test_tuples_are_arrays() -> None:
    assert find_problems({"type": "repo/add_updates", **BRANCH, "updates": ("a", "b")}) == []


@given(st.text(min_size=8, alphabet="0123456789"))
def test_no_value_is_shown(secret: str) -> None:
    message = {"type": "login", "connectionToken": [secret], "connectionId": {"x": secret}}

    with pytest.raises(InvalidMessage) as caught:
        validate(message)

    assert secret not in str(caught.value) + repr(caught.value) + repr(caught.value.problems)


def test_an_annotation_that_has_no_check_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no check for the annotation"):
        _compiled(bytes)
