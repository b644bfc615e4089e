"""What an application behind the gateway sees: one connection, its messages in order.

It knows shapes only. It must not know frames, uploads or the object store: an application sends and
receives messages of any size.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message of the client. ``event_id`` is the client's number of the event it came in."""

    event_id: float
    message: dict[str, Any]


class GatewayConnection(Protocol):
    """One client, as long as it is connected."""

    @property
    def connection_id(self) -> str:
        """API Gateway's id of this connection, unique."""
        ...

    @property
    def path(self) -> str:
        """The path that the client connected to, with its query."""
        ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of the handshake, with names in lower case."""
        ...

    def __aiter__(self) -> AsyncIterator[Received]:
        """The client's messages in the order in which they came, until it is gone."""
        ...

    async def send(self, message: Mapping[str, Any]) -> None:
        """Sends a message of any size; a large one goes by the object store.

        Any task may call it. After the client is gone it does nothing, as AWS has it: the sender
        is not told in time. Raises `auxws_proto.LocalProtocolError` for what JSON cannot carry.
        """
        ...

    async def send_error(self, info: Mapping[str, Any], event_id: float | None = -1) -> None:
        """Sends an error event, ``[5, event_id, info]`` (``docs/protocol.md`` §2)."""
        ...

    async def disconnect(self) -> None:
        """Ends the connection without code or reason, as ``DeleteConnection`` does (§5)."""
        ...


App: TypeAlias = Callable[[GatewayConnection], Awaitable[None]]
"""Runs once for each connection, in a task of its own, until it returns or the client is gone."""


async def echo(connection: GatewayConnection) -> None:
    """Sends every message back."""
    async for received in connection:
        await connection.send(received.message)
