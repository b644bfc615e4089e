"""What is behind a session's doors: every event that comes in, and the one pump of all doors.

It knows which part each input concerns, and in which order the parts move. It must not know how any
part does its work, nor what a door looks like from outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, assert_never

from . import _decoding as decoding
from ._actions import ReportError
from ._answers import Answers
from ._config import Config
from ._constants import Role, SendId, Violation
from ._encoding import encode_message
from ._errors import (
    AuxError,
    GatewayNotice,
    LocalProtocolError,
    RateLimited,
    RemoteProtocolError,
    ServerError,
)
from ._inbox import Inbox
from ._life import BACKOFF, Life
from ._link import Link
from ._login import refusal
from ._outbox import Outbox
from ._pulse import KEEPALIVE, Pulse
from ._shared import Shared
from ._transfers import REST, Transfers
from ._transfers import TIMER as TRANSFER
from ._transport import Transport
from ._transports import KEEPALIVE_MESSAGE
from ._urls import RENEWAL, UrlPool
from ._urls import TIMER as UPLOAD_URL

PAUSE: Final = "pause"
_PAUSED: Final = (PAUSE, 0)
_FOR_THE_SESSION: Final = frozenset({"login_result", "rate_limit_exceeded", "sync/time/response"})
"""The types of messages that say something to the session too."""

_LONGEST_PAUSE: Final = 3_600.0


def _as_bytes(texts: tuple[str | bytes, ...]) -> list[bytes]:
    """Texts in UTF-8."""
    raws: list[Any] = [*texts]
    if {*map(type, raws)} != {bytes}:
        raws = [
            text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
            for text in texts
        ]
    return raws


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
        message = config.keepalive_message
        self._keepalive = (
            () if message is None else (encode_message(message, config.max_json_depth),)
        )
        self._paused_until = float("-inf")
        self._peer = Role.SERVER if role is Role.CLIENT else Role.CLIENT
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

    def receive(self, texts: Iterable[str | bytes], number: int | None) -> None:
        """Take texts that came in a row, and let everything move that can by each."""
        config = self.config
        depth, fast, limit = config.max_json_depth, config.json, config.max_message_size
        texts = tuple(texts)
        raws = _as_bytes(texts)
        sizes = [*map(len, raws)]
        messages, event_ids = decoding.decode_messages(raws, limit, depth, fast)
        at, end = 0, len(texts)
        while at < end:
            # At first, and wherever the last may have moved something.
            transport = self.life.transports.find(number)
            if transport is None or not transport.is_read:
                self.pump()
                return
            number = transport.number
            transport.last_received = self.shared.now
            overlap = self.life.rotation.retiring is not None or transport.reads_to_end
            until = self._plain_until(messages, sizes, at)
            if until > at:
                row: list[Any] = messages[at:until]
                self.inbox.deliver(number, overlap, row, sizes[at:until], event_ids[at:until])
                if until == end:
                    return
            size, message = sizes[until], messages[until]
            if size > limit:
                detail = f"the message has {size:,} bytes; the limit is {limit:,}"
                self.report(RemoteProtocolError(Violation.TOO_LARGE, detail), transport)
            else:
                event: decoding.Decoded
                if message is not None:
                    event = event_ids[until], message
                else:
                    # A `str` may have lone surrogates, which are no UTF-8.
                    event = decoding.decode_event(texts[until], self._peer, depth, fast)
                self._received(event, size, transport, overlap=overlap)
            self.pump()
            at = until + 1

    def _plain_until(self, messages: list[Any], sizes: list[int], at: int) -> int:
        """How far messages lie in a row that are delivered without anything else moving."""
        room = self._room_to_deliver()
        # Nearly all traffic. Once: what is not plain shall not have the rest looked at anew.
        if (
            not at
            and all(messages)
            and sum(sizes) < room
            and _FOR_THE_SESSION.isdisjoint([message["type"] for message in messages])
        ):
            return len(messages)
        for place in range(at, len(messages)):
            message = messages[place]
            room -= sizes[place]
            if message is None or message["type"] in _FOR_THE_SESSION or room <= 0:
                return place
        return len(messages)

    def _room_to_deliver(self) -> float:
        """How many bytes may be delivered, each message in its turn, before anything else moves."""
        timers, inbox = self.shared.timers, self.inbox
        if inbox.has_slots or self.shared.now >= timers.earliest:
            return 0.0
        return math.inf if timers.is_still else inbox.room

    def _received(
        self, event: decoding.Decoded, size: int, transport: Transport, *, overlap: bool
    ) -> None:
        match event:
            case tuple((event_id, message)):
                if not self._acts_on(message, transport):
                    self.inbox.message(message, size, event_id, transport.number, overlap)
            case decoding.DownloadRequestEvent():
                self.inbox.download(event, size, transport.number, overlap=overlap)
            case decoding.UploadResponseEvent():
                self.answers.granted(event, transport)
            case decoding.UploadRequestEvent():
                self.answers.asked(event, transport)
            case decoding.ErrorEvent():
                self._receive_error(event, transport)
            case decoding.NoticeObject():
                self.report(GatewayNotice(event.info), transport, info=event.info)
            case decoding.Malformed():
                self.report(event.error, transport, event.event_id)
                self.answers.malformed(event, transport)
            case _:
                assert_never(event)

    def _acts_on(self, message: dict[str, Any], transport: Transport) -> bool:
        """Act at once on what a message says to the session. True: it is not the application's."""
        kind = message["type"]
        if kind == "login_result" and self.role is Role.CLIENT:
            self.life.login_result(transport, message)
        elif kind == "rate_limit_exceeded" and self.role is Role.CLIENT:
            self._rate_limited(message, transport)
        elif kind == "sync/time/response":
            return self.pulse.answers(transport, message)
        return False

    def _rate_limited(self, message: dict[str, Any], transport: Transport) -> None:
        after = message.get("retryAfter")
        if isinstance(after, bool) or not isinstance(after, int | float) or not 0 <= after < 1e12:
            detail = "rate_limit_exceeded without a usable retryAfter"
            self.report(RemoteProtocolError(Violation.WRONG_MESSAGE, detail), transport)
            return
        pause = min(float(after), _LONGEST_PAUSE)
        now = self.shared.now
        if now + pause > max(now, self._paused_until):
            self._paused_until = now + pause
            self.shared.timers.set(_PAUSED, now, pause)
        self.report(RateLimited(pause), transport, info=message)

    def _receive_error(self, event: decoding.ErrorEvent, transport: Transport) -> None:
        send_id = None
        if event.event_id is not None:
            if event.event_id == transport.login_number and transport.link is Link.LOGGING_IN:
                self.life.login_refused(transport, refusal(event.info))
                return
            if self.answers.refused(event.event_id, event.info, transport):
                return
            send_id = self.outbox.numbers.find(event.event_id)
        error = ServerError(event.info, event.event_id)
        self.report(error, transport, event.event_id, event.info, send_id)

    def report(
        self,
        error: AuxError,
        transport: Transport | None,
        event_id: float | None = None,
        info: Mapping[str, Any] | None = None,
        send_id: SendId | None = None,
    ) -> None:
        self.shared.actions.append(
            ReportError(
                error=error,
                event_id=event_id,
                info=info,
                transport=None if transport is None else transport.number,
                send_id=send_id,
            )
        )

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
            self.life.may_send and self.outbox.is_empty and not self.shared.timers.is_set(_PAUSED)
        )
        self._clear = self.life.current if is_clear else None

    def _move(self) -> None:
        life, timers = self.life, self.shared.timers
        paused = timers.is_set(_PAUSED)
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
                paused = self.shared.timers.is_set(_PAUSED)
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
