"""What was accepted and has not gone out, in the order of ``send()``.

It knows whose turn it is, and how much it holds. It must not know how a message gets a URL, nor the
connection: it is told which transport to use, if any. In strict order it gives up its head only
when that is ready; in relaxed order small messages and uploads each have a lane.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._actions import ReportError
from ._constants import FailReason, Role, SendId, Stage
from ._encoding import download_request, message_event, message_event_size, message_events
from ._errors import OutboxFull, SendFailed
from ._json import parse_json
from ._quick import report_send
from ._reports import Tally
from ._runs import ReportRun
from ._send import Send, Upload, UploadStep
from ._sent_numbers import SentNumbers
from ._shared import Counts, Shared
from ._transfers import Transfers
from ._transport import Transport
from ._uploads import Uploads
from ._urls import UrlPool

_LONGEST_HEAD = message_event_size(-(2**53), 0)
"""What an event adds to its message at most."""

_NOT_COUNTED = SendId(0)
"""The id of all messages of the session's own."""

_SERVER_DOWNLOAD = -1
"""The number of a server's own download request (``docs/protocol.md`` §2)."""


class Outbox:
    """The queue, its uploads, and its bounds."""

    def __init__(self, shared: Shared, urls: UrlPool, transfers: Transfers) -> None:
        self._shared = shared
        self.uploads = Uploads(shared, urls, transfers, self.drop)
        # All are lists, for an empty deque takes 760 bytes.
        # Strict order keeps everything in the first lane; relaxed order gives uploads the second.
        self._lanes: tuple[list[Send], list[Send]] = ([], [])
        self._is_mixed = False
        """Whether the first may hold anything but messages that surely go inline: to look at each
        would cost a burst 5 %."""
        self._next_id = 0
        self.numbers = SentNumbers()
        self.messages = 0
        self.bytes = 0
        self.actions = shared.actions
        self._max_messages = shared.config.max_outbox_messages
        self._max_bytes = shared.config.max_outbox_bytes
        self._inline_limit = shared.config.inline_limit
        self._surely_inline = self._inline_limit - _LONGEST_HEAD
        self._sent = Counts()
        self._inline = self._sent.of("inline")
        self.may_repeat = shared.config.resend_unknown

    @property
    def is_empty(self) -> bool:
        """Whether nothing is queued."""
        return not self._lanes[0] and not self._lanes[1]

    @property
    def sent(self) -> dict[str, Tally]:
        """What went out, by path."""
        return self._sent.tallies()

    # Accepting.

    def accept(self, body: bytes, *, watched: bool) -> SendId:
        """Queue a message; raises `OutboxFull` if it has no room."""
        size = len(body)
        if self.messages >= self._max_messages or (
            self.messages and self.bytes + size > self._max_bytes
        ):
            raise self._full(size)
        # Without a call, which the type would take for each message.
        number: Any = self._next_id + 1
        send_id: SendId = number
        self._next_id = number
        send = Send(self, body, send_id, watched)
        self.messages += 1
        self.bytes += size
        if size < self._surely_inline:
            # Nearly all traffic.
            self._lanes[0].append(send)
        else:
            self._lane(send).append(send)
        return send_id

    def _full(self, size: int) -> OutboxFull:
        if self.messages >= self._max_messages:
            return OutboxFull(
                f"the outbox holds {self.messages:,} messages; the limit is {self._max_messages:,}"
            )
        return OutboxFull(
            f"the outbox holds {self.bytes:,} bytes, and the message has {size:,}; the limit "
            f"is {self._max_bytes:,}"
        )

    def restore(self, body: bytes, *, maybe_arrived: bool) -> SendId:
        """Queue a message of an earlier process, which was admitted then; or end it as unknown."""
        self._next_id += 1
        send = Send(self, body, SendId(self._next_id), watched=True)
        self.messages += 1
        self.bytes += len(body)
        if maybe_arrived and not self.may_repeat:
            detail = "it was sent, then the process ended before anything proved its arrival"
            error = SendFailed(FailReason.TRANSPORT_LOST, detail, stage=Stage.UNKNOWN)
            send.end(Stage.UNKNOWN, error)
            info = parse_json(body, self._shared.config.max_json_depth)
            self.actions.append(ReportError(error=error, info=info, send_id=send.send_id))
        else:
            send.maybe_arrived = maybe_arrived
            self._lane(send).append(send)
        return send.send_id

    def accept_first(self, bodies: Iterable[bytes]) -> None:
        """Put messages of the session's own before everything else, in their order."""
        for body in reversed(list(bodies)):
            send = Send(self, body, _NOT_COUNTED, watched=False, courtesy=True)
            self._lane(send).insert(0, send)

    def _lane(self, send: Send) -> list[Send]:
        self._is_mixed = True
        if send.upload is Upload.NONE and self._goes_by_upload(len(send.body)):
            self._outgrow(send)
        relaxed = self._shared.config.ordering == "relaxed"
        return self._lanes[relaxed and send.upload is not Upload.NONE]

    def _outgrow(self, send: Send) -> None:
        send.take(UploadStep.OUTGREW)
        self.uploads.wait(send)

    def _goes_by_upload(self, body_size: int) -> bool:
        config = self._shared.config
        size = message_event_size(self._shared.upcoming_number, body_size)
        if config.offload == "never" or size <= config.inline_limit:
            return False
        return not (config.offload == "auto" and size <= config.fragment_limit)

    # Emitting.

    def emit_small(self, transport: Transport) -> bool:
        """Emit what surely goes inline from the head of the queue, as far as there is room.

        False: something is left, which this does not move.
        """
        lane, room = self._lanes[0], transport.room
        # Of a long queue, no more than could fit in.
        sends = lane[: max(0, room) // _LONGEST_HEAD + 1]
        bodies = [send.body for send in sends]
        size = sum(map(len, bodies))
        if self._is_mixed or size + _LONGEST_HEAD * len(sends) > room:
            sends = self._small_ones(room)
            bodies = [send.body for send in sends]
            size = sum(map(len, bodies))
        if not sends:
            return self.is_empty
        del lane[: len(sends)]
        if not lane:
            self._is_mixed = False
        shared = self._shared
        self._inline[0] += len(bodies)
        self._inline[1] += size
        ids = [send.send_id for send in sends]
        number = shared.upcoming_number
        if shared.step:
            self.numbers.remember(number, ids)
            shared.upcoming_number += len(bodies)
        transport.emit_all(message_events(number, shared.step, bodies), sends, ids)
        return self.is_empty

    def _small_ones(self, room: int) -> list[Send]:
        """The messages at the head of the queue that surely go inline and fit in."""
        found: list[Send] = []
        for send in self._lanes[0]:
            size = len(send.body)
            room -= size + _LONGEST_HEAD
            if (
                room < 0
                or size >= self._surely_inline
                or send.upload is not Upload.NONE
                or send.courtesy
            ):
                break
            found.append(send)
        return found

    def emit_ready(self, transport: Transport) -> bool:
        """Emit one message whose turn it is, if one is ready and there is room.

        False: nothing has moved.
        """
        small, large = self._lanes
        if small and small[0].upload is Upload.NONE and self._goes_by_upload(len(small[0].body)):
            # Its number has come to be a digit longer.
            self._outgrow(small[0])
            if self._shared.config.ordering == "relaxed":
                large.append(small.pop(0))
            return True
        if small:
            event = self._event_of(small[0], transport)
            if event is not None:
                return self._emit(small, small[0], event, transport)
        for send in large:
            event = self._event_of(send, transport)
            if event is not None:
                return self._emit(large, send, event, transport)
        return False

    def _event_of(self, send: Send, transport: Transport) -> bytes | None:
        """The event that carries this message now, or None if it is not ready."""
        number = self._shared.upcoming_number
        if send.upload is Upload.NONE or (
            send.upload is Upload.WANTS_URL and transport.uploads_off
        ):
            return message_event(number, send.body)
        if send.upload is Upload.STORED:
            assert send.announce_url is not None
            if self._shared.role is Role.SERVER:
                number = _SERVER_DOWNLOAD
            return download_request(number, send.announce_url)
        return None

    def _emit(self, lane: list[Send], send: Send, event: bytes, transport: Transport) -> bool:
        if not transport.has_room(len(event)):
            return False
        lane.remove(send)
        if send.upload is Upload.WANTS_URL:
            self.uploads.give_up(send)
            send.take(UploadStep.NOT_SUPPORTED)
        if send.upload is Upload.STORED:
            path = "upload"
        else:
            path = "inline" if len(event) <= self._inline_limit else "fragments"
        self._emitted(send, event, transport, path)
        return True

    def _emitted(self, send: Send, event: bytes, transport: Transport, path: str) -> None:
        self._sent.add(path, len(send.body))
        number = self._shared.next_number()
        if send.courtesy:
            transport.emit(event, send)
            return
        if number:
            self.numbers.remember(number, [send.send_id])
        transport.emit(event, send, send.send_id)

    # What a transport tells (see `Fates`).

    def written(self, sends: list[Send]) -> None:
        """A completed write took these, and proof may still come."""
        self._reached(Stage.SENT, False, [send.send_id for send in sends if send.watched])

    def proven(self, sends: list[Send]) -> None:
        """These arrived at the gateway."""
        self._ended(Stage.CONFIRMED, sends)

    def unprovable(self, sends: list[Send]) -> None:
        """A completed write took these, and no proof will come."""
        self._ended(Stage.SENT, sends)

    def unsettled(self, send: Send) -> None:
        """The transport is given up, and nothing proved that this one arrived."""
        send.maybe_arrived = True
        if send.courtesy:
            return
        if self.may_repeat:
            # To the head of the queue: the transport broke under it.
            self._lane(send).insert(0, send)
        else:
            detail = "it was sent, then the transport broke before anything proved its arrival"
            error = SendFailed(FailReason.TRANSPORT_LOST, detail, stage=Stage.UNKNOWN)
            send.end(Stage.UNKNOWN, error)

    def _ended(self, stage: Stage, sends: list[Send]) -> None:
        ids = [send.send_id for send in sends]
        if _NOT_COUNTED in ids:
            sends = [send for send in sends if not send.courtesy]
            ids = [send.send_id for send in sends]
        self.messages -= len(ids)
        self.bytes -= sum([len(send.body) for send in sends])
        self._reached(stage, True, ids)

    def _reached(self, stage: Stage, final: bool, ids: list[SendId]) -> None:
        if len(ids) > 1:
            self.actions.append(ReportRun(stage, final, ids))
        elif ids:
            self.actions.append(report_send(ids[0], stage, final))

    # Endings.

    def drop(self, send: Send) -> None:
        """Out of the queue: it has failed."""
        for lane in self._lanes:
            if send in lane:
                lane.remove(send)

    def courtesy_failed(self, error: SendFailed) -> None:
        """A message of the session's own could not be sent."""
        self.actions.append(ReportError(error=error))

    def transport_lost(self) -> None:
        """Messages of the session's own are not sent on another transport."""
        for lane in self._lanes:
            for send in [s for s in lane if s.courtesy]:
                lane.remove(send)
                self.uploads.give_up(send)

    def fail_all(self, detail: str) -> None:
        """The session is over: what is queued ends as ``FAILED("closed")``."""
        self.uploads.clear()
        for lane in self._lanes:
            sends = lane.copy()
            lane.clear()
            for send in sends:
                send.fail(FailReason.CLOSED, detail)
