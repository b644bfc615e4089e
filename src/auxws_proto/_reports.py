"""What both drivers tell the application: the shapes of their reports.

It knows shapes only. It must not know who fills them in or when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ._constants import State
from ._errors import AuxError


class InternalError(AuxError):
    """A defect of this library ended the client; `__cause__` is what happened. Please report it."""

    connection_usable = False

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"the client has stopped: an unexpected {type(cause).__name__}")
        self.__cause__: BaseException | None = cause


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """The connection went from `previous` to `current`; `cause` is the fault that made it so."""

    previous: State
    current: State
    cause: AuxError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """Something went wrong that concerns no send; the stream went on.

    ``info`` is the object of an error event or of a gateway's notice (``docs/protocol.md`` §2),
    ``event_id`` the peer's number where there was one. ``is_gap`` says that an incoming message
    could not be had.
    """

    error: AuxError
    info: Mapping[str, Any] | None = field(default=None, repr=False)
    event_id: float | None = None
    transport: int | None = None
    is_gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """``done`` of ``total`` bytes of a large message have gone over the wire; None: unknown."""

    done: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many messages, and how many bytes."""

    messages: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """A snapshot of a client. Sizes are in bytes, times in seconds.

    ``sent`` and ``received`` count by kind (by the path that messages went). ``waiting`` is what
    was delivered and not taken yet; ``undelivered`` messages had no subscriber; ``dropped`` ones
    were lost to the limits of subscriptions. ``latency`` is that of the last ping, None before one.
    """

    pending_uploads: int = 0
    pending_downloads: int = 0
    outbox_messages: int = 0
    outbox_bytes: int = 0
    sent: Mapping[str, Tally] = field(default_factory=dict[str, Tally])
    received: Mapping[str, Tally] = field(default_factory=dict[str, Tally])
    waiting: Tally = field(default_factory=Tally)
    undelivered: int = 0
    dropped: int = 0
    errors: int = 0
    transports: int = 0
    latency: float | None = None
