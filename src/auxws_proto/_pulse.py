"""Proof of arrival, keepalive and latency: one small machine with one ping out per transport.

It knows pings and when they are due. It must not know what a dead transport leads to: it says so,
and the life of the connection acts on it.
"""

from __future__ import annotations

from typing import Any, Final

from ._actions import ReportError
from ._encoding import encode_message, message_event
from ._errors import UnconfirmedTransport
from ._link import IS_OPEN, Link
from ._shared import Shared
from ._transport import Transport

PONG: Final = "pong"
KEEPALIVE: Final = "keepalive"
_TICK: Final = 0.001


class Pulse:
    """Pings and what comes back."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def opened(self, transport: Transport) -> None:
        """A transport opened: the keepalive begins."""
        self._set_keepalive(transport, self._shared.config.ping_interval)

    def ended(self, transport: Transport) -> None:
        """A transport is gone."""
        self._shared.timers.clear((PONG, transport.number))
        self._shared.timers.clear((KEEPALIVE, transport.number))

    def prove(self, transport: Transport, *, paused: bool) -> None:
        """Send a ping behind what is out, if none is out and something is to be proven."""
        if transport.wants_proof and transport.link in IS_OPEN:
            self._probe(transport, paused=paused)

    def _probe(self, transport: Transport, *, paused: bool) -> None:
        config = self._shared.config
        if config.barrier == "message":
            # To a retiring transport the question is what a ping would be: the last that it sends.
            if paused or transport.link not in (Link.READY, Link.RETIRING):
                return
            data = self._question(transport)
            if not transport.has_room(len(data)):
                return
            self._shared.next_number()
            transport.ask_by_message(data)
        elif config.can_ping:
            transport.ping()
        else:
            return
        self._shared.timers.set(
            (PONG, transport.number), self._shared.now, config.ping_timeout, wire=True
        )

    def _question(self, transport: Transport) -> bytes:
        # Negative ids keep ours apart from the application's own ``sync/time``.
        body = {
            "type": "sync/time",
            "id": -transport.upcoming_serial,
            "clientRequestTime": round(self._shared.now * 1000),
        }
        return message_event(self._shared.upcoming_number, encode_message(body, 2))

    def pong(self, transport: Transport, payload: bytes) -> None:
        """A pong came; one that answers no ping of ours is no harm (RFC 6455 §5.5.3)."""
        if payload.isdigit() and len(payload) < 20:
            self._answered(transport, int(payload))

    def answers(self, transport: Transport, message: dict[str, Any]) -> bool:
        """Whether this message is the answer to a question of ours, and the application's not."""
        if self._shared.config.barrier != "message":
            return False
        number = message.get("id")
        if message["type"] != "sync/time/response" or type(number) is not int or number >= 0:
            return False
        self._answered(transport, -number)
        return True

    def _answered(self, transport: Transport, serial: int) -> None:
        if transport.answered(serial):
            self._shared.timers.clear((PONG, transport.number))

    def pong_timed_out(self, transport: Transport) -> bool:
        """No pong came. True: the transport is dead.

        A missing pong may kill a connection only after that connection has answered one (§5).
        """
        if transport.answers_pings:
            return True
        transport.give_up_proof()
        if not transport.is_reported:
            transport.is_reported = True
            error = UnconfirmedTransport(
                "the peer does not answer pings: sends end as SENT, without proof of arrival"
            )
            self._shared.actions.append(ReportError(error=error, transport=transport.number))
        return False

    def keepalive_due(self, transport: Transport, *, paused: bool) -> None:
        """Long enough on the line without a word: ask for one.

        Where no ping has been answered yet, it is asked for anyway: a busy connection would never
        be tried again otherwise, and sends on it never be confirmed.
        """
        interval = self._shared.config.ping_interval
        assert interval is not None
        idle = self._shared.now - transport.last_received
        if idle + _TICK < interval and not transport.unprovable:
            self._set_keepalive(transport, max(interval - idle, _TICK))
            return
        if transport.ping_out is None:
            self._probe(transport, paused=paused)
        self._set_keepalive(transport, interval)

    def _set_keepalive(self, transport: Transport, delay: float | None) -> None:
        if delay is not None:
            self._shared.timers.set((KEEPALIVE, transport.number), self._shared.now, delay)
