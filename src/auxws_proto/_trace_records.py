"""What a trace is read as: one record for each line (``docs/traces.md``).

It knows shapes only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ._constants import Role, SendId


@dataclass(frozen=True, slots=True, kw_only=True)
class TracePayload:
    """A message, a body, a text of the wire.

    ``data`` is its JSON value, or what is left of it; ``text`` is all of it, or None if it is
    elided or not UTF-8. ``event`` is the number of an event array, ``type`` that of a message.
    """

    size: int
    """In bytes, before anything was elided."""
    text: str | None = field(default=None, repr=False)
    data: Any = field(default=None, repr=False)
    is_elided: bool = False
    event: int | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceHeader:
    """The first line. ``started`` is the time of day at the machine's time ``clock``."""

    version: int
    library: str | None = None
    is_redacted: bool = False
    limit: int | None = None
    started: float | None = None
    clock: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceMachine:
    """A machine that is traced. ``config`` has what is not the default."""

    line: int
    name: str
    kind: str
    role: Role
    url: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceInput:
    """A call of a door. ``arguments`` are by name, as values of the format; ``payload`` is the
    message, text or body among them. ``time`` is in seconds on the machine's clock."""

    line: int
    time: float
    machine: str
    door: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    gave: Any = None
    raised: str | None = None
    payload: TracePayload | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceAction:
    """An action. ``fields`` are values of the format; ``time`` is that of the input before it,
    in seconds on the machine's clock."""

    line: int
    time: float
    machine: str
    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    payload: TracePayload | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceDraw:
    """What `Config.random` gave."""

    line: int
    machine: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceNote:
    """Any other line."""

    line: int
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)


TraceRecord: TypeAlias = TraceMachine | TraceInput | TraceAction | TraceDraw | TraceNote
"""A line of a trace behind its header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLeg:
    """A part of a transfer's time. ``detail`` says what went wrong with it.

    ``queued`` is until an upload starts, ``http`` one request to the object store, ``waiting`` from
    its end to the announcement or the delivery, ``proving`` from there to the outcome.
    """

    kind: Literal["queued", "http", "waiting", "proving"]
    begun: float
    ended: float | None = None
    transfer_id: int | None = None
    status: int | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceTransfer:
    """One large message on its way through the object store.

    An upload has a ``send_id`` and begins with ``send()``; ``event_id`` is the number of its
    announcement. A download begins with the announcement. ``outcome`` is the final stage of an
    upload, ``"DELIVERED"`` or ``"GAP"`` for a download, None if the trace ends before. ``begun``
    and ``ended`` are in seconds on the machine's clock.
    """

    direction: Literal["upload", "download"]
    machine: str
    size: int | None
    begun: float
    send_id: SendId | None = None
    event_id: float | None = None
    type: str | None = None
    ended: float | None = None
    outcome: str | None = None
    legs: tuple[TraceLeg, ...] = ()
