"""The table of message types is the table of the specification, and everything in it is public."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

from auxws_proto import messages
from auxws_proto.messages import MESSAGE_ROWS, MESSAGE_TYPES, ClientMessage, ServerMessage

PROTOCOL = Path(__file__).parents[3] / "docs" / "protocol.md"
ROW = re.compile(r"^\| (?P<types>`[^|]+) \| (?P<direction>to server|to|from|both) \|", re.MULTILINE)


def members(shape: Any) -> set[Any]:
    """The `TypedDict`s of a union, or the one that is none."""
    return set(get_args(shape)) or {shape}


def test_types_and_directions_are_those_of_the_specification() -> None:
    section = PROTOCOL.read_text(encoding="utf-8").split("\n## 7. ")[1].split("\n## ")[0]

    specified = {
        name: row["direction"].removesuffix(" server")
        for row in ROW.finditer(section)
        for name in re.findall(r"`([^`]+)`", row["types"])
    }

    directions = {(True, False): "to", (False, True): "from", (True, True): "both"}
    assert specified == {
        name: directions[row.to_server is not None, row.from_server is not None]
        for name, row in MESSAGE_ROWS.items()
    }


def test_each_shape_has_its_own_type_as_literal() -> None:
    literals = {
        (name, get_args(get_type_hints(member)["type"]))
        for name, row in MESSAGE_ROWS.items()
        for shape in row
        if shape is not None
        for member in members(shape)
    }

    assert literals == {(name, (name,)) for name in MESSAGE_ROWS}


def test_unions_hold_all_shapes_of_their_direction() -> None:
    to_server = {m for row in MESSAGE_ROWS.values() if row[0] for m in members(row[0])}
    from_server = {m for row in MESSAGE_ROWS.values() if row[1] for m in members(row[1])}

    assert (set(get_args(ClientMessage)), set(get_args(ServerMessage))) == (to_server, from_server)


def test_types_are_as_a_client_sees_them() -> None:
    assert MESSAGE_TYPES["repo/connection_count"] is messages.ConnectionCount
    assert MESSAGE_TYPES["repo/watch_branch"] is messages.WatchBranch
    assert MESSAGE_TYPES.keys() == MESSAGE_ROWS.keys()


def test_required_keys_are_exact_at_run_time() -> None:
    shape = messages.AddUpdates

    assert shape.__required_keys__ == {"type", "recordName", "inst", "branch", "updates"}
    assert shape.__optional_keys__ == {"updateId", "initial", "timestamps"}
