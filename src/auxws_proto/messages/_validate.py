"""Checks a message against the annotations of its `TypedDict`, before it is sent.

It knows how to turn annotations into checks (once for each type, kept). It must not know any
field by name, and it shows no value, since a value may be a token. Nothing received is ever
checked here: a peer may send more than we know.

A check appends `Problem`s to a list; a message without problems allocates nothing but that list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

from .._constants import Role
from .._errors import LocalProtocolError
from ._table import MESSAGE_ROWS

JsonPath: TypeAlias = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing that is wrong: where, what was expected, and the JSON type that was there.

    ``received`` is ``"undefined"`` for a field that is missing.
    """

    path: JsonPath
    expected: str
    received: str

    def __str__(self) -> str:
        return f"{_written(self.path)}: expected {self.expected}, received {self.received}"


class InvalidMessage(LocalProtocolError):
    """A message of a known type has wrong fields; `problems` has all of them, never a value."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("invalid message: " + "; ".join(map(str, problems)))
        self.problems = tuple(problems)

    @property
    def path(self) -> str:
        """The JSON path of the first problem, such as ``$.updates[2]``."""
        return _written(self.problems[0].path)

    @property
    def expected(self) -> str:
        """What the first problem's place should have held."""
        return self.problems[0].expected


_Check: TypeAlias = Callable[[object, JsonPath, list[Problem]], None]


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
    found = _as_object(message)
    if found is None:
        return [Problem((), "object", _json_type(message))]
    kind = found.get("type", _MISSING)
    if not isinstance(kind, str):
        return [Problem(("type",), "string", _json_type(kind))]
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
        _compiled(shape)(message, (), problems)
        if not problems:
            break
    return problems


def _wrong_keys(message: Mapping[object, object]) -> Iterator[Problem]:
    """Keys that are no text, at any depth: JSON would silently make them text."""
    waiting: list[tuple[object, JsonPath]] = [(message, ())]
    seen = {id(message)}  # a message that holds itself is for the encoder to refuse
    while waiting:
        value, path = waiting.pop()
        items: Iterable[tuple[object, object]] = ()
        if isinstance(value, Mapping):
            items = cast("Mapping[object, object]", value).items()
        elif isinstance(value, (list, tuple)):
            items = enumerate(cast("Sequence[object]", value))
        for step, inner in items:
            if isinstance(value, Mapping) and not isinstance(step, str):
                yield Problem(path, "keys of type string", f"a key of type {_json_type(step)}")
            elif isinstance(inner, (Mapping, list, tuple)) and id(inner) not in seen:
                seen.add(id(inner))
                waiting.append((inner, (*path, cast("str | int", step))))


_MISSING = object()


@cache
def _compiled(hint: Any) -> _Check:
    """The check of one annotation; of the forms that the messages do not use there is none."""
    if is_typeddict(hint):
        return _object(hint)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _literal(args)
    if origin in (Union, UnionType):
        return _union(args)
    if origin is list:
        return _array(_compiled(args[0]))
    if origin is dict:
        return _map(_compiled(args[1]))
    try:
        return _SIMPLE[hint]
    except KeyError:
        raise TypeError(f"no check for the annotation {hint!r}") from None


def _of(test: Callable[[object], bool], expected: str) -> _Check:
    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        if not test(value):
            problems.append(Problem(path, expected, _json_type(value)))

    return check


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_SIMPLE: Mapping[Any, _Check] = {
    Any: _of(lambda value: True, "anything"),
    str: _of(lambda value: isinstance(value, str), "string"),
    bool: _of(lambda value: isinstance(value, bool), "boolean"),
    int: _of(lambda value: isinstance(value, int) and not isinstance(value, bool), "integer"),
    float: _of(_is_number, "number"),
    type(None): _of(lambda value: value is None, "null"),
}


def _literal(values: tuple[Any, ...]) -> _Check:
    expected = " or ".join(_quoted(value) for value in values)

    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        # True == 1 in Python, but not in JSON: the type counts too.
        if not any(type(value) is type(good) and value == good for good in values):
            problems.append(Problem(path, expected, _json_type(value)))

    return check


def _as_object(value: object) -> Mapping[object, object] | None:
    return cast("Mapping[object, object]", value) if isinstance(value, Mapping) else None


def _array(item: _Check) -> _Check:
    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        if not isinstance(value, (list, tuple)):
            problems.append(Problem(path, "array", _json_type(value)))
            return
        for index, element in enumerate(cast("Sequence[object]", value)):
            item(element, (*path, index), problems)

    return check


def _map(item: _Check) -> _Check:
    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        found = _as_object(value)
        if found is None:
            problems.append(Problem(path, "object", _json_type(value)))
            return
        for key, element in found.items():
            if isinstance(key, str):  # other keys are found by themselves
                item(element, (*path, key), problems)

    return check


def _object(shape: Any) -> _Check:
    fields = {
        name: (_compiled(_bare(hint)), name in shape.__required_keys__)
        for name, hint in get_type_hints(shape, include_extras=True).items()
    }
    expected = {name: _expected(hint) for name, hint in get_type_hints(shape).items()}

    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        found = _as_object(value)
        if found is None:
            problems.append(Problem(path, "object", _json_type(value)))
            return
        for name, (field, required) in fields.items():
            element = found.get(name, _MISSING)
            if element is not _MISSING:
                field(element, (*path, name), problems)
            elif required:
                problems.append(Problem((*path, name), expected[name], "undefined"))

    return check


def _union(members: tuple[Any, ...]) -> _Check:
    if all(is_typeddict(member) for member in members):
        return _tagged(members)
    # A literal beside `str` only helps editors.
    members = tuple(m for m in members if not (str in members and get_origin(m) is Literal))
    checks = [_compiled(member) for member in members]
    expected = " or ".join(dict.fromkeys(map(_expected, members)))

    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        for member in checks:
            found: list[Problem] = []
            member(value, path, found)
            if not found:
                return
        problems.append(Problem(path, expected, _json_type(value)))

    return check


def _tagged(members: tuple[Any, ...]) -> _Check:
    """A union of objects is told apart by its tag: the one field that is a literal of its own."""
    hints = [get_type_hints(member) for member in members]
    (tag,) = (
        name
        for name in hints[0]
        if all(get_origin(hint.get(name)) is Literal for hint in hints)
        and len({get_args(hint[name]) for hint in hints}) == len(hints)
    )
    by_tag = {
        value: _compiled(member)
        for member, hint in zip(members, hints, strict=True)
        for value in get_args(hint[tag])
    }
    check_tag = _literal(tuple(by_tag))

    def check(value: object, path: JsonPath, problems: list[Problem]) -> None:
        found = _as_object(value)
        if found is None:
            problems.append(Problem(path, "object", _json_type(value)))
            return
        chosen = found.get(tag, _MISSING)
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
    _compiled(hint)(_MISSING, (), probe)
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


def _json_type(value: object) -> str:
    """The JSON type of a value; the Python type's name for what JSON has not."""
    if value is _MISSING:
        return "undefined"
    for types, name in _JSON_TYPES:
        if isinstance(value, types):
            return name
    return type(value).__name__


def _written(path: JsonPath) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
