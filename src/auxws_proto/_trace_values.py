"""Values of a trace in JSON's terms, and back (``docs/traces.md``).

It knows inputs, actions and settings as shapes. It must not know lines or files, nor what a secret
looks like, which is the `Redactor`'s, nor how much is left of a payload, which is `shrink`'s.
"""

from __future__ import annotations

import base64
import dataclasses
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Any, Final, TypeGuard, cast

from ._actions import Action, DeliverMessage, OpenTransport, PutToUrl, SendBytes
from ._config import Config, Reconnect
from ._constants import Role, Violation
from ._credentials import ConnectionId, ConnectionToken
from ._encoded import Encoded
from ._errors import RemoteProtocolError
from ._events import (
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    LoginUnavailable,
    TransportFailure,
    UploadGranted,
    UploadRefused,
)
from ._json import parse_json
from ._policy import UrlPolicy
from ._secret import PLACEHOLDER, Secret
from ._trace_elision import MAX_CONTROL, MAX_HEAD, filler, json_size, shrink
from ._trace_redaction import Redactor

_SAID_OF_ERRORS: Final = ("violation", "detail", "reason", "code", "status", "rule", "kind")

_ELIDED: Final = frozenset({"data", "body", "on_connect"})
"""What may be large."""
_FOR_THE_MACHINE: Final = frozenset(
    {"login", "login_result", "rate_limit_exceeded", "sync/time", "sync/time/response"}
)
_MESSAGE_EVENT: Final = re.compile(rb"\s*\[\s*1\s*,")
_MAX_DOCUMENT: Final = 8_192
"""What is kept of an object store's error document: S3's have some hundred bytes (§8)."""


def _remote_error(violation: str, text: str, detail: str = "", **_: Any) -> RemoteProtocolError:
    return RemoteProtocolError(Violation(violation), detail)


_CLASSES: Final[Mapping[str, Callable[..., Any]]] = {
    **{
        kind.__name__: kind
        for kind in (
            ConnectionId, ConnectionToken, Encoded, HttpFailed, HttpFailure, HttpProgressed,
            HttpResponded, LoginUnavailable, Reconnect, TransportFailure, UploadGranted,
            UploadRefused, UrlPolicy,
        )
    },
    "RemoteProtocolError": _remote_error,
}  # fmt: skip

_COLLECTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "final_statuses": lambda items: frozenset(items),
    "allow_hosts": lambda items: tuple(items),
    "allow_ports": lambda items: tuple(items),
}
"""Fields of configurations whose lists are something else."""


class Scribe:
    """Writes the values of one machine.

    Without a redactor everything stands as it is, but for a `Secret`, unless it is to be
    ``revealed``; without a limit nothing is elided. ``depth`` is the machine's `max_json_depth`.
    """

    def __init__(
        self,
        redactor: Redactor | None = None,
        limit: int | None = None,
        *,
        revealed: bool = False,
        depth: int = 500,
    ) -> None:
        self.redactor = redactor
        self.limit = limit
        self._revealed = revealed
        self._depth = depth

    # Values.

    def dump(self, value: Any, owner: str = "", name: str = "") -> Any:
        """A value, which may be the field ``name`` of an object of the class ``owner``."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, int | float):
            return value
        if isinstance(value, str):
            return self._string(value, name)
        if isinstance(value, bytes | bytearray | memoryview):
            return self.payload(bytes(cast("bytes", value)), name)
        if isinstance(value, BaseException):
            return self._error(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {"$": type(value).__name__, **self.fields(value)}
        if name == "headers":
            return self._headers(value, is_secret=owner == OpenTransport.__name__)
        if _is_mapping(value):
            return self._object(value, name)
        if isinstance(value, frozenset):
            return sorted(cast("frozenset[int]", value))
        if _is_iterable(value):
            return [self.dump(item, owner, name) for item in value]
        return "?"

    def fields(self, value: Any) -> dict[str, Any]:
        """The fields of a dataclass."""
        kind = cast("Any", type(value))
        owner: str = kind.__name__
        fields = {name: self.dump(getattr(value, name), owner, name) for name in _names(kind)}
        if isinstance(value, HttpResponded) and not 200 <= value.status < 300:
            fields["body"] = self._document(bytes(value.body))
        return fields

    def _string(self, value: str, name: str) -> str:
        redactor, text = self.redactor, "".join((value,))
        if redactor is None:
            return PLACEHOLDER if isinstance(value, Secret) and not self._revealed else text
        match name:
            case "url" | "announce_url":
                return redactor.url(text)
            case "token":
                return redactor.credential(text)
            case "detail" | "reason" | "kind" | "error" | "code" | "rule":
                return redactor.words(text)
            case "data":
                return redactor.text(text, is_wire=True)
            case _:
                return redactor.placeholder(text) if isinstance(value, Secret) else (
                    redactor.string(text)
                )  # fmt: skip

    def _error(self, error: BaseException) -> dict[str, Any]:
        line: dict[str, Any] = {
            "$": type(error).__name__,
            "text": self._string(str(error), "detail"),
        }
        for name in _SAID_OF_ERRORS:
            said = getattr(error, name, None)
            if isinstance(said, str | int) and said != "":
                line[name] = self.dump(said, "", name)
        return line

    def _headers(self, headers: Any, *, is_secret: bool = False) -> Any:
        redactor = self.redactor
        if _is_mapping(headers):
            pairs = self._headers(tuple(headers.items()), is_secret=is_secret)
            return dict(pairs)
        if redactor is None:
            return [[name, value] for name, value in headers]
        if is_secret:
            return [[name, redactor.placeholder(value)] for name, value in headers]
        return [[name, redactor.header(name, value)] for name, value in headers]

    def _object(self, value: Mapping[Any, Any], name: str, size: int | None = None) -> Any:
        redactor = self.redactor
        if self.limit is not None and name in ("message", "info"):
            size = json_size(value) if size is None else size
            if size > self.limit:
                return self._elided(value, size)
        if redactor is not None:
            value = redactor.value(value, redactor.words if name in ("info", "error") else None)
        items = {str(key): _PLAIN.dump(item) for key, item in value.items()}
        clash = any(key.startswith("$") for key in items)
        return {"$": "dict", "items": items} if clash else items

    # Payloads.

    def payload(self, data: bytes, name: str = "") -> dict[str, Any]:
        """Bytes, which are the argument or field ``name``: a text of the wire, a body, a ping's."""
        if self.limit is not None and len(data) > self.limit and name in _ELIDED:
            is_text = name == "data"
            is_message = not is_text or _MESSAGE_EVENT.match(data) is not None
            if is_message or len(data) > MAX_CONTROL:
                return self._cut(data, is_text)
        return self._whole(data, is_wire=name == "data")

    def _whole(self, data: bytes, *, is_wire: bool) -> dict[str, Any]:
        redactor = self.redactor
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            data = data if redactor is None else redactor.raw(data, error.start)
            return {"$b": base64.b64encode(data).decode()}
        return {"$u": text if redactor is None else redactor.text(text, is_wire=is_wire)}

    def _cut(self, data: bytes, is_text: bool) -> dict[str, Any]:
        try:
            value = parse_json(data, self._depth + is_text)
            if len(data) <= MAX_CONTROL and _is_for_the_machine(value):
                return self._whole(data, is_wire=is_text)
            return self._elided(value, len(data))
        except RemoteProtocolError:
            head = data[:MAX_HEAD].decode("utf-8", "replace")
            head = head if self.redactor is None else self.redactor.text(head)
            return {"$e": len(data), "head": head}

    def _elided(self, value: Any, size: int) -> dict[str, Any]:
        assert self.limit is not None
        return {"$e": size, "json": shrink(value, self.limit, self._changed)}

    def _changed(self, name: str, text: str) -> str:
        return text if self.redactor is None else self.redactor.member(name, text)

    def _document(self, body: bytes) -> dict[str, Any]:
        if self.redactor is not None:
            body = self.redactor.document(body[:_MAX_DOCUMENT])
        return _PLAIN.payload(body)

    # Inputs, actions, settings.

    def action(self, action: Action, role: Role) -> dict[str, Any]:
        """An action. Where nothing is elided, large bodies and masked bytes are a sum all the same:
        they say nothing to a reader, or are never twice the same."""
        kind = type(action).__name__
        if self.limit is not None and isinstance(action, DeliverMessage):
            fields = {name: getattr(action, name) for name in _names(DeliverMessage)}
            fields["message"] = self._object(action.message, "message", action.size)
            return {"action": kind, **fields}
        fields = self.fields(action)
        match action:
            case SendBytes(data=data):
                fields["data"] = {"$e": len(data)}
                if role is Role.SERVER:
                    fields["data"]["crc"] = zlib.crc32(data)
            case PutToUrl(body=body) if self.limit is None:
                fields["body"] = {"$e": len(body), "crc": zlib.crc32(body)}
            case _:
                pass
        return {"action": kind, **fields}

    def config(self, config: Config) -> dict[str, Any]:
        """What of a configuration is not the default. Settings that are code are not compared, and
        not written: what ``random`` gives is in the trace, the others change nothing in it."""
        default = Config()
        return {
            field.name: self.dump(getattr(config, field.name), "Config", field.name)
            for field in dataclasses.fields(config)
            if field.compare and getattr(config, field.name) != getattr(default, field.name)
        }


_PLAIN: Final = Scribe()
"""Writes what is free of secrets already."""


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a dataclass."""
    return tuple(field.name for field in dataclasses.fields(kind))


def _is_for_the_machine(value: Any) -> bool:
    """Whether a machine acts on what this message says."""
    match value:
        case [_, _, {"type": str(kind)}] | {"type": str(kind)}:
            return kind in _FOR_THE_MACHINE
        case _:
            return False


def load(value: Any) -> Any:
    """The value that was written, for what stands in an input; elided payloads are filled up."""
    if not _is_mapping(value):
        return [load(item) for item in value] if _is_list(value) else value
    fields: dict[str, Any] = dict(value)
    if list(fields) == ["$u"]:
        return fields["$u"].encode("utf-8", "surrogatepass")
    if list(fields) == ["$b"]:
        return base64.b64decode(fields["$b"])
    if "$e" in fields:
        return filler(fields["$e"], fields.get("json"), fields.get("head"))
    if fields.get("$") == "dict":
        return {key: load(item) for key, item in fields["items"].items()}
    items = {key: _load_field(key, item) for key, item in fields.items() if key != "$"}
    if "$" in fields:
        return _CLASSES[fields["$"]](**items)
    return items


def _load_field(name: str, value: Any) -> Any:
    loaded = load(value)
    return _COLLECTIONS[name](loaded) if name in _COLLECTIONS else loaded


def load_config(fields: Mapping[str, Any], random: Callable[[], float]) -> Config:
    """The configuration that was written."""
    values: dict[str, Any] = {name: load(value) for name, value in fields.items()}
    return Config(**values, random=random)


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable)
