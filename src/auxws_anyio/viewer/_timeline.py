"""What a session looks like: lanes, rows between them, messages as spans with legs, bands of state.

It knows what there is to draw. It must not know how a trace is written, nor how anything is drawn.
Times are seconds since the first row. Every text is harmless already: short enough, without
secrets, and with its control characters spelled out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from auxws_proto import MAX_MESSAGE_SIZE


class Lane(IntEnum):
    """Who takes part, from left to right."""

    APPLICATION = 0
    CLIENT = 1
    GATEWAY = 2
    STORE = 3


class Kind(StrEnum):
    """What a row is about; the viewer filters by it."""

    MESSAGE = "message"
    UPLOAD = "upload"
    DOWNLOAD = "download"
    OUTCOME = "outcome"
    CONNECTION = "connection"
    PING = "ping"
    ERROR = "error"


class Direction(StrEnum):
    """Which way something goes, seen from the machine whose trace it is."""

    OUT = "out"
    IN = "in"
    LOCAL = "local"


class Tone(StrEnum):
    """How a row is meant."""

    PLAIN = "plain"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class Route(StrEnum):
    """Which way a message went."""

    INLINE = "inline"
    FRAMES = "frames"
    UPLOAD = "upload"
    DOWNLOAD = "download"
    UNKNOWN = "unknown"


@dataclass(slots=True, kw_only=True)
class Row:
    """One thing that happened, an arrow from lane to lane (or a note, if they are the same).

    ``at`` is in seconds since the first row.
    """

    at: float
    source: Lane
    target: Lane
    kind: Kind
    label: str
    direction: Direction = Direction.LOCAL
    tone: Tone = Tone.PLAIN
    type: str = ""
    """The type of the application's message that the row belongs to."""
    event: int | None = None
    """The first item of the event array (``docs/protocol.md`` §2)."""
    event_id: float | None = None
    send_id: int | None = None
    transport: int | None = None
    size: int | None = None
    """Bytes of what moved."""
    span: int | None = None
    """The place of its message in `Timeline.spans`."""
    payload: str = ""
    payload_size: int | None = None
    """Bytes of the whole payload, where `payload` is only a part of it."""
    transfer: int | None = None
    url: str = ""
    """Of the object store, redacted."""
    status: int | None = None
    """Of an HTTP response."""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class Leg:
    """A part of a message's way; ``end`` and ``last`` are None while it is under way."""

    name: str
    start: float
    first: int
    end: float | None = None
    last: int | None = None
    ok: bool = True

    @property
    def is_instant(self) -> bool:
        """Whether it took no time that a clock would show."""
        return self.end is not None and self.end - self.start < 1e-6

    def finish(self, at: float, row: int, *, ok: bool = True) -> None:
        """The leg is over."""
        self.end, self.last, self.ok = at, row, ok


@dataclass(slots=True, kw_only=True)
class Span:
    """One message, from ``send()`` or its arrival to its outcome or its delivery.

    ``start`` and ``end`` are in seconds since the first row, ``first`` and ``last`` are rows.
    """

    number: int
    direction: Direction
    start: float
    first: int
    type: str = ""
    size: int | None = None
    path: Route = Route.UNKNOWN
    end: float | None = None
    last: int | None = None
    outcome: str = ""
    """``"CONFIRMED"``, ``"DELIVERED"``, …; empty while it is under way."""
    tone: Tone = Tone.PLAIN
    send_id: int | None = None
    event_ids: list[float] = field(default_factory=list[float])
    legs: list[Leg] = field(default_factory=list[Leg])
    column: int = 0
    """Which of the bars beside each other, where several are under way at once."""

    @property
    def is_large(self) -> bool:
        """Whether it took the detour over the object store."""
        return self.path in (Route.UPLOAD, Route.DOWNLOAD)

    @property
    def duration(self) -> float | None:
        """Seconds from its start to its end."""
        return None if self.end is None else self.end - self.start


@dataclass(slots=True, kw_only=True)
class Band:
    """A time in one state of the session, in seconds since the first row."""

    state: str
    start: float
    first: int
    end: float | None = None
    last: int | None = None
    cause: str = ""
    is_outage: bool = False
    """Whether the session had been open before and was not open now."""


@dataclass(slots=True, kw_only=True)
class Timeline:
    """A whole session; its times are in seconds since the first row."""

    title: str = "auxws"
    machine: str = "client"
    role: str = "client"
    url: str = ""
    """The WebSocket's URL, without its query."""
    started_at: float | None = None
    """The first row's time in seconds since 1970, if the trace has one."""
    inline_limit: int = MAX_MESSAGE_SIZE
    duration: float = 0.0
    rows: list[Row] = field(default_factory=list[Row])
    spans: list[Span] = field(default_factory=list[Span])
    bands: list[Band] = field(default_factory=list[Band])
    notes: list[str] = field(default_factory=list[str])
    """What should be said about the trace as a whole, such as that its end is missing."""

    @property
    def lanes(self) -> tuple[str, str, str, str]:
        """What the lanes are called."""
        own = "Client" if self.role == "client" else "Server"
        return ("Application", own, "Gateway" if own == "Client" else "Peer", "Object store")
