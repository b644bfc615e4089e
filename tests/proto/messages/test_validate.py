"""Validation knows directions, unknown types and keys, and reports everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import LocalProtocolError, Role
from auxws_proto.messages import InvalidMessage, find_problems, validate

BRANCH = {"recordName": None, "inst": "lobby", "branch": "shared"}
RECORDINGS = sorted((Path(__file__).parents[2] / "transcripts").glob("*.jsonl"))


@pytest.mark.parametrize(
    ("message", "path", "expected"),
    [
        ({"type": 5}, "$.type", "string"),
        ({}, "$.type", "string"),
        ({"type": "repo/watch_branch", **BRANCH, "markers": ["a", 1]}, "$.markers[1]", "string"),
        ({"type": "sync/time", "id": 0}, "$.clientRequestTime", "number"),
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


def test_a_good_message_passes() -> None:
    validate({"type": "repo/watch_branch", **BRANCH, "markers": ["a"], "more": {"x": [1]}})


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


@given(st.text(min_size=8, alphabet="0123456789"))
def test_no_value_is_shown(secret: str) -> None:
    message = {"type": "login", "connectionToken": [secret], "connectionId": {"x": secret}}

    with pytest.raises(InvalidMessage) as caught:
        validate(message)

    assert secret not in str(caught.value) + repr(caught.value) + repr(caught.value.problems)
