"""What is left of a large payload, and what fills its place when it is played again.

It knows sizes and JSON values. It must not know secrets, lines or machines.

Strategy: strings, lists, objects and depth are cut to bounds, the wider ones first; cutting what is
cut already changes nothing. Blanks behind a JSON text say nothing, so they fill it to any size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from ._json import write_json

DEFAULT_LIMIT: Final = 2_048
"""Payloads over this size, in bytes, are elided: most messages of an inst are under it."""

MAX_CONTROL: Final = 65_536
"""Events that are no messages are kept up to this size: the machine acts on what they say."""

MAX_HEAD: Final = 256
"""What is kept of a payload that is not JSON, in characters."""

_LOOKED_AT: Final = 4_096
"""How much of a string is redacted before it is cut, in characters."""

Change = Callable[[str, str], str]
"""What a string is replaced by, given the name of the member that it is the value of."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    string: int
    kept_string: int
    items: int
    kept_items: int
    members: int
    kept_members: int
    depth: int


_LEVELS: Final = (_Bounds(64, 48, 8, 6, 32, 30, 6), _Bounds(16, 8, 3, 2, 12, 10, 3))


def shrink(value: Any, limit: int, change: Change) -> Any:
    """What is left of a JSON value so that it takes at most `limit` bytes, or little more.

    `change` is called with every string before it is cut. Shrinking what is left gives the same.
    """
    for bounds in _LEVELS:
        small = _cut(value, bounds, bounds.depth, change, "")
        if json_size(small) <= limit:
            return small
    return _type_alone(value, change)


def _type_alone(value: Any, change: Change) -> Any:
    """A message, or an event with one, without all but its type; else nothing."""
    match value:
        case {"type": str(kind)}:
            return {"type": _cut_string(kind, _LEVELS[0], change, "type")}
        case [int() | float() as number, int() | float() | None as event_id, message]:
            return [number, event_id, _type_alone(message, change)]
        case list():
            return []
        case dict():
            return {}
        case _:
            return None


def _cut(value: Any, bounds: _Bounds, depth: int, change: Change, name: str) -> Any:
    if isinstance(value, str):
        return _cut_string(value, bounds, change, name)
    if _is_list(value):
        if not depth:
            return "…"
        is_long = len(value) > bounds.items
        kept = value[: bounds.kept_items] if is_long else value
        items = [_cut(item, bounds, depth - 1, change, "") for item in kept]
        return [*items, f"…[+{len(value) - len(kept)}]"] if is_long else items
    if _is_object(value):
        if not depth:
            return "…"
        return _cut_object(value, bounds, depth, change)
    return value


def _cut_object(
    value: Mapping[str, Any], bounds: _Bounds, depth: int, change: Change
) -> dict[str, Any]:
    names = list(value)
    if len(names) > bounds.members:
        # What a message is must not be lost, wherever it stands.
        names = sorted(names, key=lambda name: name != "type")[: bounds.kept_members]
    kept = {
        _cut_string(name, bounds, change, ""): _cut(value[name], bounds, depth - 1, change, name)
        for name in names
    }
    left = len(value) - len(names)
    return {**kept, "…": f"…[+{left}]"} if left else kept


def _cut_string(value: str, bounds: _Bounds, change: Change, name: str) -> str:
    if name == "type":
        bounds = _LEVELS[0]
    text = change(name, value[:_LOOKED_AT])
    if len(value) <= bounds.string:
        return text
    return f"{text[: bounds.kept_string]}…[+{len(value) - bounds.kept_string}]"


def json_bytes(value: Any) -> bytes:
    """A value as the core writes it."""
    return write_json(value).encode("utf-8", "backslashreplace")


def json_size(value: Any) -> int:
    """The size of a value as JSON, in bytes."""
    return len(json_bytes(value))


def filler(size: int, json: Any = None, head: str | None = None) -> bytes:
    """A payload of this size that has the shape of what is left of an elided one."""
    data = json_bytes(json) if head is None else head.encode("utf-8", "replace")[:size]
    return data.ljust(size)


def _is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, list | tuple)


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)
