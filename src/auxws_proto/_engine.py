"""What is behind a session's doors: its parts, their time, and the one pump of all doors.

It knows in which order the parts move. It must not know how any part does its work, what an event
means, nor what a door looks like from outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ._answers import Answers
from ._config import Config
from ._constants import Role
from ._encoding import encode_message
from ._errors import LocalProtocolError
from ._inbox import Inbox
from ._life import BACKOFF, Life
from ._link import Link
from ._outbox import Outbox
from ._pulse import KEEPALIVE, Pulse
from ._reception import PAUSED, Reception
from ._shared import Shared
from ._transfers import REST, Transfers
from ._transfers import TIMER as TRANSFER
from ._transport import Transport
from ._transports import KEEPALIVE_MESSAGE
from ._urls import RENEWAL, UrlPool
from ._urls import TIMER as UPLOAD_URL


class Engine:
    """The parts of one session, and the way in which they move each other."""

    def __init__(
        self, role: Role, config: Config, url: str | None, headers: Iterable[tuple[str, str]]
    ) -> None:
        self.role = role
        self.config = config
        self.shared = shared = Shared(role, config, url)
        self.transfers = Transfers(shared)
        self.urls = UrlPool(shared)
        self.outbox = Outbox(shared, self.urls, self.transfers)
        self.inbox = Inbox(shared, self.transfers)
        self.pulse = Pulse(shared)
        self.life = Life(
            shared, self.outbox, self.urls, self.transfers, self.pulse, tuple(headers),
            self._tear_down,
        )  # fmt: skip
        self.answers = Answers(shared, self.urls, self.outbox)
        self.reception = Reception(
            shared, self.life, self.outbox, self.inbox, self.pulse, self.answers, self.pump
        )
        message = config.keepalive_message
        self._keepalive = (
            () if message is None else (encode_message(message, config.max_json_depth),)
        )
        self._clear: Transport | None = None
        """Where the next message may go out at once: nothing is ahead of it, or in its way."""
        self.is_behind = False
        """Whether the outbox has accepted messages that the pump does not know of."""
        self.is_reading = True

    @property
    def wants_data(self) -> bool:
        """Whether the wire should be read on."""
        if not self.is_reading:
            return False
        if self.life.is_over:
            # Nobody need take anything any more for the end to be read.
            return True
        current = self.life.current
        answers = 0 if current is None else current.queued_bytes
        return self.inbox.has_room and answers < self.config.write_ahead

    def at(self, now: float) -> None:
        """An input comes at this time. What was accepted before it goes out before it."""
        if self.is_behind:
            self.catch_up()
        self.tick(now)

    def tick(self, now: float) -> None:
        """It is this time."""
        if self.shared.now < now < math.inf:
            self.shared.now = now
        elif not math.isfinite(now):
            raise LocalProtocolError(
                f"now is {now!r}; it must be finite seconds of a monotonic clock"
            )
        # A clock that goes back would arm timers in the past: it stands.

    def is_at_rest(self, transport: Transport) -> bool:
        """Whether nothing but proof can move by what this transport has to say."""
        return transport is self._clear and self.shared.now < self.shared.timers.earliest

    def catch_up(self) -> None:
        """Let everything move that can, for the messages that were accepted."""
        current = self._clear
        if current is not None and self.shared.now < self.shared.timers.earliest:
            # Everything else is at rest since the last pump, and cannot move by this.
            self.is_behind = False
            if self.outbox.emit_small(current):
                if current.ping_out is None and current.wants_proof:
                    self.pulse.prove(current, paused=False)
                return
        self.pump()

    def pump(self) -> None:
        """Let everything move that can, then fire what is due, until nothing is."""
        self.is_behind = False
        while True:
            self._move()
            name = self.shared.timers.pop_due(self.shared.now)
            if name is None:
                break
            self._fire(*name)
        is_clear = (
            self.life.may_send and self.outbox.is_empty and not self.shared.timers.is_set(PAUSED)
        )
        self._clear = self.life.current if is_clear else None

    def _move(self) -> None:
        life, timers = self.life, self.shared.timers
        paused = timers.is_set(PAUSED)
        if not paused:
            life.authenticate()
        # Before anything is sent: what waited for the old transport to be proven goes out now.
        life.release_if_proven()
        if not paused:
            self._send_ready()
        self.inbox.deliver_ready()
        # Behind it: what was delivered makes room, and another slot the head of the line.
        self.inbox.start_downloads()
        while self.inbox.failures:
            event_id, number, error = self.inbox.failures.pop(0)
            transport = life.transports.find(number)
            if transport is not None:
                self.answers.download_failed(transport, event_id, error)
        for transport in life.transports:
            transport.flush()
            self.pulse.prove(transport, paused=paused)
        if self.wants_data or life.is_over:
            timers.go_on(self.shared.now)
        else:
            timers.stand_still(self.shared.now)

    def _send_ready(self) -> None:
        outbox, urls, current = self.outbox, self.urls, self.life.current
        outbox.uploads.start()
        if current is None or not self.life.may_send:
            return
        while True:
            outbox.uploads.start()
            if urls.wants(outbox.uploads.wanted_urls(current), current):
                urls.ask(current)
                continue
            outbox.emit_small(current)
            if not outbox.emit_ready(current):
                return

    def _fire(self, kind: str, number: int) -> None:
        transport = self.life.transports.find(number)
        if kind == TRANSFER:
            self.transfers.timed_out(number)
        elif kind == REST:
            self.transfers.rested(number)
        elif kind == UPLOAD_URL:
            self.answers.timed_out(number)
        elif kind == RENEWAL:
            self.urls.drop_stale()
        elif kind == BACKOFF:
            self.life.waited()
        elif transport is not None:
            if kind == KEEPALIVE:
                paused = self.shared.timers.is_set(PAUSED)
                self.pulse.keepalive_due(transport, paused=paused)
            elif kind == KEEPALIVE_MESSAGE:
                self._keep_alive(transport)
            else:
                self.life.fire(kind, transport)

    def _keep_alive(self, transport: Transport) -> None:
        if transport.link is Link.READY:
            self.outbox.accept_first(self._keepalive)
        name = (KEEPALIVE_MESSAGE, transport.number)
        self.shared.timers.set(name, self.shared.now, self.config.keepalive_interval)

    def _tear_down(self) -> None:
        """The session is over: everything comes to its outcome."""
        self.urls.clear()
        self.transfers.cancel_all()
        self.outbox.fail_all("the session was closed")
        self.inbox.close()
