"""Checks a message against the types of ``docs/protocol.md`` §7, before it is sent.

It knows directions and unknown types. It must not know any field (`_checks` finds them in the
annotations). Nothing received is ever checked here: a peer may send more than we know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._constants import Role
from .._errors import LocalProtocolError
from ._checks import (
    MISSING,
    JsonPath,
    Problem,
    as_array,
    as_object,
    compiled_check,
    json_type,
    written,
)
from ._table import MESSAGE_ROWS


class InvalidMessage(LocalProtocolError):
    """A message of a known type has wrong fields; `problems` has all of them, never a value."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("invalid message: " + "; ".join(map(str, problems)))
        self.problems: tuple[Problem, ...] = tuple(problems)

    @property
    def path(self) -> str:
        """The JSON path of the first problem, such as ``$.updates[2]``."""
        return written(self.problems[0].path)

    @property
    def expected(self) -> str:
        """What the first problem's place should have held."""
        return self.problems[0].expected


def validate(message: Mapping[str, Any], sender: Role | None = None) -> None:
    """Check the fields of a message of a known type (``docs/protocol.md`` §7).

    ``sender`` picks the direction; without it, either will do. Fields that are not known pass, and
    so do unknown types, which need only ``type: str``; keys must be text everywhere. Raises
    `InvalidMessage` with every problem.
    """
    problems = find_problems(message, sender)
    if problems:
        raise InvalidMessage(problems)


def find_problems(message: Mapping[str, Any], sender: Role | None = None) -> list[Problem]:
    """What `validate` would raise, as a list; empty for a good message."""
    found = as_object(message)
    if found is None:
        return [Problem((), "object", json_type(message))]
    kind = found.get("type", MISSING)
    if not isinstance(kind, str):
        return [Problem(("type",), "string", json_type(kind))]
    return [*_wrong_fields(found, kind, sender), *_wrong_keys(found)]


def _wrong_fields(
    message: Mapping[object, object], kind: str, sender: Role | None
) -> list[Problem]:
    row = MESSAGE_ROWS.get(kind)
    if row is None:
        return []
    shapes = {
        Role.CLIENT: (row.to_server,),
        Role.SERVER: (row.from_server,),
        None: (row.to_server, row.from_server),
    }[sender]
    known = [shape for shape in shapes if shape is not None]
    if not known:
        assert sender is not None, "each type has a direction"
        return [Problem(("type",), f"a type that a {sender.value} sends", f'"{kind}"')]
    problems: list[Problem] = []
    for shape in known:
        problems = []
        compiled_check(shape)(message, (), problems)
        if not problems:
            break
    return problems


def _wrong_keys(message: Mapping[object, object]) -> Iterator[Problem]:
    """Keys that are no text, at any depth: JSON would silently make them text."""
    waiting: list[tuple[object, JsonPath]] = [(message, ())]
    seen: set[int] = set()  # a message that holds itself is for the encoder to refuse
    while waiting:
        value, path = waiting.pop()
        if id(value) in seen:
            continue
        if (members := as_object(value)) is not None:
            for key, inner in members.items():
                if isinstance(key, str):
                    waiting.append((inner, (*path, key)))
                else:
                    yield Problem(path, "keys of type string", f"a key of type {json_type(key)}")
        elif (items := as_array(value)) is not None:
            waiting += ((inner, (*path, index)) for index, inner in enumerate(items))
        else:
            continue
        seen.add(id(value))
