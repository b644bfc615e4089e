"""A run as JSON lines: every call of a machine's doors, every action, every draw of jitter.

It knows how values are written and read. It must not know what they lead to. ``docs`` of the
format: one object a line.

* ``{"auxws_trace": 1}`` is the first line.
* ``{"machine": name, "class": …, "role": …, "config": {…}, …}`` makes a machine; of a configuration
  only what is not the default is written. ``serves`` names the client and its transport.
* ``{"t": seconds, "to": name, "call": door, "args": […], "kwargs": {…}}`` is an input, with
  ``raised`` if the door raised.
* ``{"from": name, "action": …, …}`` is an output.
* ``{"to": name, "draw": number}`` is what ``Config.random`` gave.
* ``{"foreign": message}`` is a message that no machine sent, ``{"check": "rest"}`` a look at the
  whole once it has come to rest, ``{"failure": text}`` the end.

Values: ``{"$": class, …}`` is a dataclass, ``{"$u": text}`` bytes that are UTF-8, ``{"$b": …}``
other bytes, in base64. A URL of the object store is never written.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeGuard, cast

from .._actions import Action, PutToUrl, SendBytes
from .._config import Config, Reconnect
from .._constants import Role
from .._credentials import ConnectionId
from .._events import (
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    LoginUnavailable,
    TransportFailure,
    UploadGranted,
    UploadRefused,
)
from .._policy import UrlPolicy
from .._secret import Secret

VERSION: Final = 1

_CALLABLE: Final = frozenset({"random", "mask", "mask_keys"})
"""Settings that are code; what the first of them gives is in the trace, the others change nothing
that can be told apart once bytes are unmasked."""

_CLASSES: Final[Mapping[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (
        ConnectionId, HttpFailed, HttpFailure, HttpProgressed, HttpResponded, LoginUnavailable,
        Reconnect, TransportFailure, UploadGranted, UploadRefused, UrlPolicy,
    )
}  # fmt: skip

_COLLECTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "final_statuses": lambda items: frozenset(items),
    "allow_hosts": lambda items: tuple(items),
    "allow_ports": lambda items: tuple(items),
}
"""Fields of configurations whose lists are something else."""


def dump(value: Any) -> Any:
    """A value in JSON's terms."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Secret):
        return "<secret>"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(cast("bytes", value))
        try:
            return {"$u": data.decode()}
        except UnicodeDecodeError:
            return {"$b": base64.b64encode(data).decode()}
    if isinstance(value, BaseException):
        return {"$": type(value).__name__, "text": str(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"$": type(value).__name__, **_fields(value)}
    if _is_mapping(value):
        items = {str(key): dump(item) for key, item in value.items()}
        clash = any(key.startswith("$") for key in items)
        return {"$": "dict", "items": items} if clash else items
    if isinstance(value, frozenset):
        return sorted(cast("frozenset[int]", value))
    if _is_iterable(value):
        return [dump(item) for item in value]
    return "?"


def load(value: Any) -> Any:
    """The value that `dump` wrote, for what stands in a call."""
    if not _is_mapping(value):
        return [load(item) for item in value] if _is_list(value) else value
    fields: dict[str, Any] = dict(value)
    if list(fields) == ["$u"]:
        return fields["$u"].encode()
    if list(fields) == ["$b"]:
        return base64.b64decode(fields["$b"])
    if fields.get("$") == "dict":
        return {key: load(item) for key, item in fields["items"].items()}
    items = {key: _load_field(key, item) for key, item in fields.items() if key != "$"}
    if "$" in fields:
        return _CLASSES[fields["$"]](**items)
    return items


def _load_field(name: str, value: Any) -> Any:
    return _COLLECTIONS.get(name, _same)(load(value))


def _same(value: Any) -> Any:
    return value


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable)


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: dump(getattr(value, field.name)) for field in dataclasses.fields(value)}


def dump_config(config: Config) -> dict[str, Any]:
    """What of a configuration is not the default."""
    default = Config()
    return {
        field.name: dump(getattr(config, field.name))
        for field in dataclasses.fields(config)
        if field.name not in _CALLABLE
        and getattr(config, field.name) != getattr(default, field.name)
    }


def load_config(fields: Mapping[str, Any], random: Any) -> Config:
    """The configuration that `dump_config` wrote."""
    values: dict[str, Any] = {name: load(value) for name, value in fields.items()}
    return Config(**values, random=random)


def dump_action(action: Action, role: Role) -> dict[str, Any]:
    """An action, short where its bytes say nothing to a reader, or are never twice the same."""
    fields = _fields(action)
    match action:
        case SendBytes(data=data):
            fields["data"] = len(data)
            if role is Role.SERVER:
                fields["crc"] = zlib.crc32(data)
        case PutToUrl(body=body):
            fields["body"] = len(body)
            fields["crc"] = zlib.crc32(body)
        case _:
            pass
    return {"action": type(action).__name__, **fields}


@dataclasses.dataclass(slots=True)
class Call:
    """One input of one machine."""

    now: float
    name: str
    door: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    raised: str = ""

    def line(self) -> dict[str, Any]:
        """The input as a line."""
        line: dict[str, Any] = {"t": self.now, "to": self.name, "call": self.door}
        if self.args:
            line["args"] = [dump(arg) for arg in self.args]
        if self.kwargs:
            line["kwargs"] = dump(self.kwargs)
        if self.raised:
            line["raised"] = self.raised
        return line


class Tape:
    """The lines of a run. Calls and actions are kept as they are and written when they are read."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any] | Call | tuple[str, Role, Action]] = []
        self.write({"auxws_trace": VERSION})

    def write(self, line: dict[str, Any]) -> None:
        """Add a line."""
        self._entries.append(line)

    def called(self, call: Call) -> None:
        """Add an input."""
        self._entries.append(call)

    def acted(self, name: str, role: Role, action: Action) -> None:
        """Add an output."""
        self._entries.append((name, role, action))

    def lines(self) -> Iterator[dict[str, Any]]:
        """The run, line by line."""
        for entry in self._entries:
            match entry:
                case Call():
                    yield entry.line()
                case (name, role, action):
                    yield {"from": name, **dump_action(action, role)}
                case _:
                    yield entry

    def text(self) -> str:
        """The run as JSON lines."""
        return "".join(
            json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n"
            for line in self.lines()
        )
