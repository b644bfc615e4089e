"""The strategies draw what they promise, and all of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from auxws_proto import AuxSession, Config, Role
from auxws_proto._codec import Malformed, decode_event
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

FINDING = settings(max_examples=5_000, database=None, derandomize=True)


@pytest.mark.parametrize("role", Role)
def test_messages_are_valid(role: Role) -> None:
    sender = Role.SERVER if role is Role.CLIENT else Role.CLIENT

    @given(messages_to(role))
    def check(drawn: dict[str, Any]) -> None:
        validate(drawn, sender)
        AuxSession(sender).send(drawn, 0.0)

    check()


@pytest.mark.parametrize(
    ("role", "kind"),
    [
        (role, kind)
        for kind, row in MESSAGE_ROWS.items()
        for role, shape in ((Role.SERVER, row.to_server), (Role.CLIENT, row.from_server))
        if shape is not None
    ],
)
def test_every_type_is_drawn(role: Role, kind: str) -> None:
    assert find(messages_to(role), lambda drawn: drawn["type"] == kind, settings=FINDING)


def test_one_shape_is_drawn() -> None:
    for success in (True, False):
        drawn = find(message(LoginResult), lambda m, s=success: m["success"] is s, settings=FINDING)
        assert drawn["type"] == "login_result"


@pytest.mark.parametrize("sender", Role)
def test_events_are_events(sender: Role) -> None:
    @given(events(sender))
    def check(event: list[Any]) -> None:
        data = json.dumps(event, ensure_ascii=False).encode("utf-8", "backslashreplace")
        assert not isinstance(decode_event(data, sender, 256), Malformed)

    check()


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"[1,0,NaN]"], ids=["empty", "empty array", "no JSON"]
)
def test_hostile_texts_hold(text: bytes) -> None:
    assert find(hostile_texts(), lambda data: data == text, settings=FINDING) == text


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


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_drawn(name: str) -> None:
    assert find(operations(), lambda operation: operation.name == name, settings=FINDING)


@given(operation_lists(), sessions())
def test_operations_are_json(drawn: list[Any], peaceful: list[Any]) -> None:
    for operation in (*drawn, *peaceful):
        assert json.loads(json.dumps(operation.args)) == list(operation.args)
