"""The book of transports: numbers, opening, closing, dropping, and the timers of each.

It knows which transports there are. It must not know which of them is current, nor why one is
opened or given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ._actions import AbortTransport, CloseTransport, OpenTransport
from ._link import Step
from ._login import TIMER as LOGIN
from ._pulse import Pulse
from ._shared import Shared
from ._transport import Fates, Transport

CONNECT: Final = "connect"
CLOSE: Final = "close"
AGE: Final = "age"
PROOF: Final = "proof"
OVERLAP: Final = "overlap"
KEEPALIVE_MESSAGE: Final = "keepalive_message"
_TIMERS: Final = (CONNECT, CLOSE, AGE, PROOF, OVERLAP, KEEPALIVE_MESSAGE, LOGIN)


class Transports:
    """The transports that are not at their end, in the order in which they were asked for."""

    def __init__(
        self, shared: Shared, pulse: Pulse, headers: tuple[tuple[str, str], ...], fates: Fates
    ) -> None:
        self._shared = shared
        self._fates = fates
        self._pulse = pulse
        self.headers = headers
        self._by_number: dict[int, Transport] = {}
        self._newest = 0

    def __iter__(self) -> Iterator[Transport]:
        return iter(self._by_number.values())

    def __len__(self) -> int:
        return len(self._by_number)

    def find(self, number: int | None) -> Transport | None:
        """The transport of this number, or the newest for None. Late input finds none."""
        return self._by_number.get(self._newest if number is None else number)

    def open_new(self, attempt: int) -> Transport:
        """Ask for a transport."""
        shared = self._shared
        self._newest += 1
        transport = Transport(self._newest, shared, self._fates)
        self._by_number[self._newest] = transport
        shared.actions.append(
            OpenTransport(
                transport=self._newest, attempt=attempt, url=shared.url, headers=self.headers
            )
        )
        shared.timers.set(
            (CONNECT, self._newest), shared.now, shared.config.connect_timeout, wire=True
        )
        return transport

    def abort(self, transport: Transport) -> None:
        """Drop the byte stream; the books are for `drop`."""
        self._shared.actions.append(AbortTransport(transport=transport.number))

    def close(self, transport: Transport) -> None:
        """Start the closing handshake."""
        shared = self._shared
        transport.take(Step.CLOSED_BY_US)
        shared.actions.append(CloseTransport(transport=transport.number))
        self._clear_timers(transport)
        shared.timers.set(
            (CLOSE, transport.number), shared.now, shared.config.close_timeout, wire=True
        )

    def drop(self, transport: Transport) -> None:
        """The transport is at its end."""
        transport.take(Step.ENDED)
        del self._by_number[transport.number]
        self._shared.is_online = any(each.opened_at is not None for each in self)
        self._clear_timers(transport)

    def _clear_timers(self, transport: Transport) -> None:
        for name in _TIMERS:
            self._shared.timers.clear((name, transport.number))
        self._pulse.ended(transport)
