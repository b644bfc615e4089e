"""What comes in: each event to the part that it concerns, messages in rows.

It knows what an event means to the session, and what a message says to it. It must not know how
anything moves that an event lets move: that is the pump's, which it is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, assert_never

from . import _decoding as decoding
from ._actions import ReportError
from ._answers import Answers
from ._constants import Role, SendId, Violation
from ._errors import AuxError, GatewayNotice, RateLimited, RemoteProtocolError, ServerError
from ._inbox import Inbox
from ._life import Life
from ._link import Link
from ._login import refusal
from ._outbox import Outbox
from ._pulse import Pulse
from ._shared import Shared
from ._transport import Transport

PAUSED: Final = ("pause", 0)
"""The timer that is set while the server wants nothing sent."""

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


class Reception:
    """Takes texts, and tells the parts of one session."""

    __slots__ = (
        "_answers", "_inbox", "_life", "_outbox", "_paused_until", "_peer", "_pulse", "_pump",
        "_shared",
    )  # fmt: skip

    def __init__(
        self, shared: Shared, life: Life, outbox: Outbox, inbox: Inbox, pulse: Pulse,
        answers: Answers, pump: Callable[[], None],
    ) -> None:  # fmt: skip
        self._shared = shared
        self._life = life
        self._outbox = outbox
        self._inbox = inbox
        self._pulse = pulse
        self._answers = answers
        self._pump = pump
        self._paused_until = float("-inf")
        self._peer = Role.SERVER if shared.role is Role.CLIENT else Role.CLIENT

    def receive(self, texts: Iterable[str | bytes], number: int | None) -> None:
        """Take texts that came in a row, and let everything move that can by each."""
        config = self._shared.config
        depth, fast, limit = config.max_json_depth, config.json, config.max_message_size
        texts = tuple(texts)
        raws = _as_bytes(texts)
        sizes = [*map(len, raws)]
        messages, event_ids = decoding.decode_messages(raws, limit, depth, fast)
        at, end = 0, len(texts)
        while at < end:
            # At first, and wherever the last may have moved something.
            transport = self._life.transports.find(number)
            if transport is None or not transport.is_read:
                self._pump()
                return
            number = transport.number
            transport.last_received = self._shared.now
            overlap = self._life.rotation.retiring is not None or transport.reads_to_end
            until = self._plain_until(messages, sizes, at)
            if until > at:
                row: list[Any] = messages[at:until]
                self._inbox.deliver(number, overlap, row, sizes[at:until], event_ids[at:until])
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
            self._pump()
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
        timers, inbox = self._shared.timers, self._inbox
        if inbox.has_slots or self._shared.now >= timers.earliest:
            return 0.0
        return math.inf if timers.is_still else inbox.room

    def _received(
        self, event: decoding.Decoded, size: int, transport: Transport, *, overlap: bool
    ) -> None:
        match event:
            case tuple((event_id, message)):
                if not self._acts_on(message, transport):
                    self._inbox.message(message, size, event_id, transport.number, overlap)
            case decoding.DownloadRequestEvent():
                self._inbox.download(event, size, transport.number, overlap=overlap)
            case decoding.UploadResponseEvent():
                self._answers.granted(event, transport)
            case decoding.UploadRequestEvent():
                self._answers.asked(event, transport)
            case decoding.ErrorEvent():
                self._receive_error(event, transport)
            case decoding.NoticeObject():
                self.report(GatewayNotice(event.info), transport, info=event.info)
            case decoding.Malformed():
                self.report(event.error, transport, event.event_id)
                self._answers.malformed(event, transport)
            case _:
                assert_never(event)

    def _acts_on(self, message: dict[str, Any], transport: Transport) -> bool:
        """Act at once on what a message says to the session. True: it is not the application's."""
        kind = message["type"]
        if kind == "login_result" and self._shared.role is Role.CLIENT:
            self._life.login_result(transport, message)
        elif kind == "rate_limit_exceeded" and self._shared.role is Role.CLIENT:
            self._rate_limited(message, transport)
        elif kind == "sync/time/response":
            return self._pulse.answers(transport, message)
        return False

    def _rate_limited(self, message: dict[str, Any], transport: Transport) -> None:
        after = message.get("retryAfter")
        if isinstance(after, bool) or not isinstance(after, int | float) or not 0 <= after < 1e12:
            detail = "rate_limit_exceeded without a usable retryAfter"
            self.report(RemoteProtocolError(Violation.WRONG_MESSAGE, detail), transport)
            return
        pause = min(float(after), _LONGEST_PAUSE)
        now = self._shared.now
        if now + pause > max(now, self._paused_until):
            self._paused_until = now + pause
            self._shared.timers.set(PAUSED, now, pause)
        self.report(RateLimited(pause), transport, info=message)

    def _receive_error(self, event: decoding.ErrorEvent, transport: Transport) -> None:
        send_id = None
        if event.event_id is not None:
            if event.event_id == transport.login_number and transport.link is Link.LOGGING_IN:
                self._life.login_refused(transport, refusal(event.info))
                return
            if self._answers.refused(event.event_id, event.info, transport):
                return
            send_id = self._outbox.numbers.find(event.event_id)
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
        self._shared.actions.append(
            ReportError(
                error=error,
                event_id=event_id,
                info=info,
                transport=None if transport is None else transport.number,
                send_id=send_id,
            )
        )
