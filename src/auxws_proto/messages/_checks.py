"""Turns the annotations of a `TypedDict` into a check, once for each, and says what is wrong where.

It knows the forms of annotation that the messages use. It must not know any field by name, and it
shows no value, since a value may be a token.

A check appends `Problem`s to a list; for a good message it leaves the list as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import (
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    TypeAlias,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

__all__ = ["JsonPath", "Problem"]

JsonPath: TypeAlias = tuple[str | int, ...]
"""Where in a message: names of fields and positions in lists, from the outside in."""


class Problem(NamedTuple):
    """One thing that is wrong: where, what was expected, and the JSON type that was there.

    ``received`` is ``"undefined"`` for a field that is missing.
    """

    path: JsonPath
    expected: str
    received: str

    def __str__(self) -> str:
        return f"{written(self.path)}: expected {self.expected}, received {self.received}"


Check: TypeAlias = Callable[[object, JsonPath, list[Problem]], None]

MISSING = object()


@cache
def compiled_check(hint: Any) -> Check:
    """The check of one annotation; of the forms that the messages do not use there is none."""
    if is_typeddict(hint):
        return _object(hint)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _literal(args)
    if origin in (Union, UnionType):
        return _union(args)
    if origin is list:
        return _array(compiled_check(args[0]))
    if origin is dict:
        return _map(compiled_check(args[1]))
    try:
        return _SIMPLE[hint]
    except KeyError:
        raise TypeError(f"no check for the annotation {hint!r}") from None


def _of(test: Callable[[object], bool], expected: str) -> Check:
    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        if not test(value):
            problems.append(Problem(path, expected, json_type(value)))

    return check


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_SIMPLE: Mapping[Any, Check] = {
    Any: _of(lambda value: True, "anything"),
    str: _of(lambda value: isinstance(value, str), "string"),
    bool: _of(lambda value: isinstance(value, bool), "boolean"),
    int: _of(lambda value: isinstance(value, int) and not isinstance(value, bool), "integer"),
    float: _of(_is_number, "number"),
    type(None): _of(lambda value: value is None, "null"),
}


def _literal(values: tuple[Any, ...]) -> Check:
    expected = " or ".join(_quoted(value) for value in values)

    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        # True == 1 in Python, but not in JSON: the type counts too.
        if not any(type(value) is type(good) and value == good for good in values):
            problems.append(Problem(path, expected, json_type(value)))

    return check


def _array(item: Check) -> Check:
    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        found = as_array(value)
        if found is None:
            problems.append(Problem(path, "array", json_type(value)))
            return
        for index, element in enumerate(found):
            item(element, (*path, index), problems)

    return check


def _map(item: Check) -> Check:
    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        found = as_object(value)
        if found is None:
            problems.append(Problem(path, "object", json_type(value)))
            return
        for key, element in found.items():
            if isinstance(key, str):  # other keys are found by themselves
                item(element, (*path, key), problems)

    return check


def _object(shape: Any) -> Check:
    fields = {
        name: (compiled_check(_bare(hint)), name in shape.__required_keys__)
        for name, hint in get_type_hints(shape, include_extras=True).items()
    }
    expected = {name: _expected(hint) for name, hint in get_type_hints(shape).items()}

    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        found = as_object(value)
        if found is None:
            problems.append(Problem(path, "object", json_type(value)))
            return
        for name, (field, required) in fields.items():
            element = found.get(name, MISSING)
            if element is not MISSING:
                field(element, (*path, name), problems)
            elif required:
                problems.append(Problem((*path, name), expected[name], "undefined"))

    return check


def _union(members: tuple[Any, ...]) -> Check:
    if all(is_typeddict(member) for member in members):
        return _tagged(members)
    # A literal beside `str` only helps editors.
    members = tuple(m for m in members if not (str in members and get_origin(m) is Literal))
    checks = [compiled_check(member) for member in members]
    expected = " or ".join(dict.fromkeys(map(_expected, members)))

    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        for member in checks:
            found: list[Problem] = []
            member(value, path, found)
            if not found:
                return
        problems.append(Problem(path, expected, json_type(value)))

    return check


def _tagged(members: tuple[Any, ...]) -> Check:
    """A union of objects is told apart by its tag: the one field that is a literal of its own."""
    hints = [get_type_hints(member) for member in members]
    (tag,) = (
        name
        for name in hints[0]
        if all(get_origin(hint.get(name)) is Literal for hint in hints)
        and len({get_args(hint[name]) for hint in hints}) == len(hints)
    )
    by_tag = {
        value: compiled_check(member)
        for member, hint in zip(members, hints, strict=True)
        for value in get_args(hint[tag])
    }
    check_tag = _literal(tuple(by_tag))

    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        found = as_object(value)
        if found is None:
            problems.append(Problem(path, "object", json_type(value)))
            return
        chosen = found.get(tag, MISSING)
        before = len(problems)
        check_tag(chosen, (*path, tag), problems)
        if len(problems) == before:
            by_tag[chosen](found, path, problems)

    return check


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is NotRequired else hint


def _expected(hint: Any) -> str:
    """What a missing or wrong value should have been, as the check itself says it."""
    probe: list[Problem] = []
    compiled_check(hint)(MISSING, (), probe)
    return next((problem.expected for problem in probe), "anything")


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


_JSON_TYPES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "boolean"),
    (str, "string"),
    ((int, float), "number"),
    (type(None), "null"),
    ((list, tuple), "array"),
    (Mapping, "object"),
)


def json_type(value: object) -> str:
    """The JSON type of a value; the Python type's name for what JSON has not."""
    if value is MISSING:
        return "undefined"
    for types, name in _JSON_TYPES:
        if isinstance(value, types):
            return name
    return type(value).__name__


def written(path: JsonPath) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def as_object(value: object) -> Mapping[object, object] | None:
    """The value, if it becomes a JSON object."""
    return cast("Mapping[object, object]", value) if isinstance(value, Mapping) else None


def as_array(value: object) -> Sequence[object] | None:
    """The value, if it becomes a JSON array."""
    return cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else None
