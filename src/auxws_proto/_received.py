"""What a WebSocket has to say: the shapes that bytes come out as.

It knows shapes only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from ._errors import RemoteProtocolError
from ._events import TransportFailure


@dataclass(frozen=True, slots=True)
class Accepted:
    """The handshake is done."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The handshake failed."""

    failure: TransportFailure


class Texts(NamedTuple):
    """Whole text messages, with nothing in between: nearly all there is."""

    data: list[bytes]

    def __repr__(self) -> str:
        return f"Texts({len(self.data)} messages, {sum(map(len, self.data))} bytes)"


@dataclass(frozen=True, slots=True)
class Pinged:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Ponged:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Violated:
    """Something that is no text message; the connection goes on."""

    error: RemoteProtocolError


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes that must go out now."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Closed:
    """The WebSocket is closed, by the peer's close frame or by a failure of its making."""

    code: int
    reason: str
    error: RemoteProtocolError | None = None


Other: TypeAlias = Accepted | Refused | Pinged | Ponged | Violated | Reply | Closed
Received: TypeAlias = Texts | Other
