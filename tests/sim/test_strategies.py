"""The strategies draw what they promise, and all of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auxws_proto import AuxSession, Config, Role
from auxws_proto._decoding import Malformed, decode_event
from auxws_proto.messages import MESSAGE_ROWS, LoginResult, validate
from auxws_proto.testing import OPERATIONS
from auxws_proto.testing.strategies import (
    byte_streams,
    configs,
    events,
    hostile_texts,
    json_values,
    message,
    messages_to,
    operation_lists,
    operations,
    portions,
    sessions,
)


@pytest.mark.parametrize("role", Role)
def test_messages_are_valid(role: Role) -> None:
    sender = Role.SERVER if role is Role.CLIENT else Role.CLIENT

    @given(messages_to(role))
    def check(drawn: dict[str, Any]) -> None:
        validate(drawn, sender)
        AuxSession(sender).send(drawn, 0.0)

    check()


def all_drawn(strategy: st.SearchStrategy[Any], key: Callable[[Any], object]) -> set[object]:
    """What a strategy draws in five hundred examples, the same each time."""
    seen: set[object] = set()

    @settings(max_examples=500, database=None, derandomize=True)
    @given(strategy)
    def collect(drawn: Any) -> None:
        seen.add(key(drawn))

    collect()
    return seen


@pytest.mark.parametrize("role", Role)
def test_every_type_is_drawn(role: Role) -> None:
    rows = MESSAGE_ROWS.items()
    to_server = role is Role.SERVER

    drawn = all_drawn(messages_to(role), lambda message: message["type"])

    assert drawn == {
        kind for kind, row in rows if (row.to_server if to_server else row.from_server)
    }


def test_one_shape_is_drawn() -> None:
    drawn = all_drawn(message(LoginResult), lambda m: (m["type"], m["success"]))

    assert drawn == {("login_result", True), ("login_result", False)}


@pytest.mark.parametrize("sender", Role)
def test_events_are_events(sender: Role) -> None:
    @given(events(sender))
    def check(event: list[Any]) -> None:
        data = json.dumps(event, ensure_ascii=False).encode("utf-8", "backslashreplace")
        assert not isinstance(decode_event(data, sender, 256), Malformed)

    check()


def test_hostile_texts_hold_what_is_no_event() -> None:
    drawn = all_drawn(hostile_texts(), lambda data: data)

    assert {b"", b"[]", b"[1,0,NaN]"} <= drawn


@given(json_values())
def test_json_values_are_json(value: Any) -> None:
    assert json.loads(json.dumps(value)) == value


@given(st.data())
def test_portions_are_the_whole(data: st.DataObject) -> None:
    stream = data.draw(byte_streams(Role.CLIENT))

    assert b"".join(data.draw(portions(stream))) == stream


@given(configs(Role.CLIENT), configs(Role.SERVER))
def test_configs_have_small_limits(client: Config, server: Config) -> None:
    assert client.inline_limit <= 1_000
    assert server.inline_limit <= 1_000


def test_every_operation_is_drawn() -> None:
    assert all_drawn(operations(), lambda operation: operation.name) == OPERATIONS.keys()


@given(operation_lists(), sessions())
def test_operations_are_json(drawn: list[Any], peaceful: list[Any]) -> None:
    for operation in (*drawn, *peaceful):
        assert json.loads(json.dumps(operation.args)) == list(operation.args)
