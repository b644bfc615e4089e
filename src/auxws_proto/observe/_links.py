"""The transports of a session, from the attempt to the end, and the pings on them.

It knows numbers and moments. It must not know states, messages, nor why a transport is given up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ._events import (
    ConnectionAttempted,
    ConnectionEnded,
    ConnectionOpened,
    Fault,
    ObserverEvent,
    PingAnswered,
)


@dataclass(slots=True)
class _Link:
    attempted_at: float
    opened_at: float | None = None
    is_closing: bool = False
    ping: tuple[bytes, float] | None = None


class LinkBook:
    """The transports that are not at their end. ``client`` names the session in events."""

    def __init__(self, client: str, emit: Callable[[ObserverEvent], None]) -> None:
        self.is_ending = False
        """Whether this side wants no connection any more."""
        self._client = client
        self._emit = emit
        self._links: dict[int, _Link] = {}

    def attempted(self, number: int, attempt: int, now: float) -> None:
        """A transport is asked for. A server's is there before."""
        if number in self._links:
            return
        self._links[number] = _Link(now)
        self._emit(
            ConnectionAttempted(at=now, client=self._client, transport=number, attempt=attempt)
        )

    def opened(self, number: int, now: float) -> None:
        """A handshake is done."""
        link = self._links.setdefault(number, _Link(now))
        link.opened_at = now
        elapsed = now - link.attempted_at
        self._emit(ConnectionOpened(at=now, client=self._client, transport=number, elapsed=elapsed))

    def closing(self, number: int) -> None:
        """This side closes it."""
        link = self._links.get(number)
        if link is not None:
            link.is_closing = True

    def ended(
        self, number: int, now: float, *, code: int | None = None, fault: Fault | None = None
    ) -> None:
        """It is over, or could not be opened."""
        link = self._links.pop(number, None)
        if link is None:
            return
        is_open = link.opened_at is not None
        self._emit(
            ConnectionEnded(
                at=now,
                client=self._client,
                transport=number,
                expected=link.is_closing or self.is_ending,
                code=code if is_open else None,
                lasted=None if link.opened_at is None else now - link.opened_at,
                fault=fault,
            )
        )

    def pinged(self, number: int, payload: bytes, now: float) -> None:
        """A ping goes out."""
        link = self._links.get(number)
        if link is not None:
            link.ping = (payload, now)

    def ponged(self, number: int, payload: bytes, now: float) -> None:
        """A pong came; it may answer no ping (RFC 6455 §5.5.3)."""
        link = self._links.get(number)
        if link is not None and link.ping is not None and link.ping[0] == payload:
            self.answered(number, now - link.ping[1], now)
            link.ping = None

    def answered(self, number: int, latency: float, now: float) -> None:
        """The answer to a ping, or to the question in its place, came."""
        self._emit(PingAnswered(at=now, client=self._client, transport=number, latency=latency))
