"""Traces read back, whoever wrote them: a driver, a machine, a simulated world, a killed process.

It knows lines and which record each is. It must not know what a machine makes of them, nor open
anything by a name: it takes lines, or something that reads itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias, TypeGuard, cast

from ._constants import Role
from ._trace_elision import json_size
from ._trace_records import (
    TraceAction,
    TraceDraw,
    TraceHeader,
    TraceInput,
    TraceMachine,
    TraceNote,
    TracePayload,
    TraceRecord,
    TraceTransfer,
)
from ._trace_transfers import downloads, uploads
from ._trace_writer import VERSION

_ARGUMENTS: Final[Mapping[str, str]] = {
    "send": "message",
    "restore": "message",
    "login": "credentials",
    "set_on_connect": "messages",
    "taken": "size",
    "transport_failed": "failure",
    "receive_text": "data",
    "receive_bytes": "data",
    "data_sent": "count",
    "receive_pong": "payload",
    "report_violation": "error",
    "handle": "event",
    "send_error": "info",
}
"""The names of arguments that are given by their place."""

DOORS: Final = frozenset(_ARGUMENTS) | {
    "connect", "disconnect", "close", "pause_reading", "resume_reading", "transport_opened",
    "receive_eof", "handle_timeout",
}  # fmt: skip
"""What an input may call."""

_PAYLOADS: Final = ("message", "data", "body", "payload")


class TraceError(ValueError):
    """A file is no trace, or needs a machine that is not at hand."""


class ReadsItself(Protocol):
    """What gives its text when it is asked: a `pathlib.Path`, for example."""

    def read_text(self, encoding: str | None = ..., errors: str | None = ...) -> str: ...


TraceSource: TypeAlias = ReadsItself | Iterable[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A trace. ``rows`` are its lines as they stand, each with its number."""

    header: TraceHeader
    machines: Mapping[str, TraceMachine]
    records: tuple[TraceRecord, ...] = field(repr=False)
    rows: tuple[tuple[int, Mapping[str, Any]], ...] = field(repr=False)
    torn_line: int | None = None
    """The number of a torn last line, which is left out."""

    @property
    def is_torn(self) -> bool:
        """Whether there was a torn last line."""
        return self.torn_line is not None

    @property
    def is_complete(self) -> bool:
        """Whether it was ended in order."""
        return bool(self.rows) and "end" in self.rows[-1][1]

    def uploads(self) -> list[TraceTransfer]:
        """The large messages that went out, in the order of ``send()``."""
        return uploads(self.records)

    def downloads(self) -> list[TraceTransfer]:
        """The large messages that came, in the order of their announcements."""
        return downloads(self.records)


def read_trace(source: TraceSource) -> Trace:
    """Read a trace: from a `pathlib.Path`, an open text file, or any lines.

    A torn last line is left out. Raises `TraceError`, with the number of the line, for what is no
    trace, and what reading a path raises.
    """
    if _reads_itself(source):
        return trace_of(source.read_text("utf-8", "replace").split("\n"))
    return trace_of(cast("Iterable[str]", source))


def trace_of(lines: Iterable[str | Mapping[str, Any]]) -> Trace:
    """The trace of these lines, or of what they are as JSON; raises `TraceError`."""
    try:
        rows, torn_line = _rows(lines)
    except UnicodeDecodeError:
        raise TraceError("a trace is ASCII, and this is not UTF-8 either") from None
    if not rows or rows[0][1].get("auxws_trace") != VERSION:
        raise TraceError(f'the first line is not {{"auxws_trace": {VERSION}}}')
    header = _header(rows[0][1])
    machines: dict[str, TraceMachine] = {}
    records: list[TraceRecord] = []
    time = header.clock or 0.0
    for number, row in rows[1:]:
        try:
            record = _record(number, row, time)
        except (AttributeError, TypeError, ValueError) as error:
            raise TraceError(f"line {number} is not as the format has it: {error!r}") from None
        match record:
            case TraceMachine():
                machines[record.name] = record
            case TraceInput() | TraceAction():
                time = record.time
                if record.machine not in machines:
                    raise TraceError(f"line {number} is of a machine that was not made before")
            case _:
                pass
        records.append(record)
    return Trace(
        header=header,
        machines=machines,
        records=tuple(records),
        rows=tuple(rows),
        torn_line=torn_line,
    )


def _rows(
    lines: Iterable[str | Mapping[str, Any]],
) -> tuple[list[tuple[int, Mapping[str, Any]]], int | None]:
    """The objects, each with the number of its line; the number of a torn last one."""
    rows: list[tuple[int, Mapping[str, Any]]] = []
    torn = None
    for number, line in enumerate(lines, 1):
        if isinstance(line, str) and not line.strip():
            continue
        if torn is not None:
            raise TraceError(f"line {torn} is not JSON")
        try:
            value: object = json.loads(line) if isinstance(line, str) else line
        except (ValueError, RecursionError):
            # It may be the last one, half of which is in the file.
            torn = number
            continue
        if not _is_object(value):
            raise TraceError(f"line {number} is no object")
        rows.append((number, value))
    return rows, torn


def _header(row: Mapping[str, Any]) -> TraceHeader:
    return TraceHeader(
        version=VERSION,
        library=row.get("auxws"),
        is_redacted=row.get("redacted") is True,
        limit=row.get("limit"),
        started=row.get("started"),
        clock=row.get("clock"),
    )


def _record(number: int, row: Mapping[str, Any], time: float) -> TraceRecord:
    match row:
        case {"machine": str(name), "class": str(kind), "role": role, "config": config}:
            return TraceMachine(
                line=number,
                name=name,
                kind=kind,
                role=Role(role),
                url=row.get("url"),
                config=dict(config),
            )
        case {"to": str(name), "draw": float() | int() as value}:
            return TraceDraw(line=number, machine=name, value=value)
        case {"to": str(name), "call": str(door), "t": float() | int() as now}:
            arguments = {_ARGUMENTS.get(door, "value"): arg for arg in row.get("args", ())}
            arguments |= row.get("kwargs", {})
            return TraceInput(
                line=number,
                time=now,
                machine=name,
                door=door,
                arguments=arguments,
                gave=row.get("gave"),
                raised=row.get("raised"),
                payload=_payload_of(arguments),
            )
        case {"from": str(name), "action": str(kind)}:
            fields = {k: v for k, v in row.items() if k not in ("t", "from", "action")}
            return TraceAction(
                line=number,
                time=row.get("t", time),
                machine=name,
                kind=kind,
                fields=fields,
                payload=_payload_of(fields),
            )
        case _:
            return TraceNote(line=number, fields=row)


def _payload_of(fields: Mapping[str, Any]) -> TracePayload | None:
    for name in _PAYLOADS:
        match fields.get(name):
            case {"$": "Encoded", "body": body}:
                return payload(body)
            case str(text):
                return payload({"$u": text})
            case value if _is_object(value):
                return payload(value, fields.get("size"))
            case _:
                pass
    match fields.get("event"):
        case {"$": "HttpResponded", "body": body}:
            return payload(body)
        case _:
            return None


def payload(value: Mapping[str, Any], size: int | None = None) -> TracePayload:
    """A value of the format that is a payload: bytes, or a message that takes ``size`` bytes."""
    match value:
        case {"$e": int(full)}:
            return _described(value.get("json"), TracePayload(size=full, is_elided=True))
        case {"$u": str(text)}:
            try:
                data = json.loads(text)
            except (ValueError, RecursionError):
                data = None
            full = len(text.encode("utf-8", "surrogatepass"))
            return _described(data, TracePayload(size=full, text=text))
        case {"$b": str(text)}:
            return TracePayload(size=len(text) * 3 // 4 - text.count("="))
        case _:
            data = value["items"] if value.get("$") == "dict" else value
            full = json_size(data) if size is None else size
            return _described(data, TracePayload(size=full))


def _described(data: Any, found: TracePayload) -> TracePayload:
    event: int | None = None
    message: Any = data
    if _is_list(data):
        message = None
        if data and isinstance(data[0], int) and 1 <= data[0] <= 5:
            event = data[0]
            message = data[2] if event == 1 and len(data) > 2 else None
    kind = message.get("type") if _is_object(message) else None
    return TracePayload(
        size=found.size,
        text=found.text,
        data=data,
        is_elided=found.is_elided,
        event=event,
        type=kind if isinstance(kind, str) else None,
    )


def _reads_itself(source: object) -> TypeGuard[ReadsItself]:
    return callable(getattr(source, "read_text", None))


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
