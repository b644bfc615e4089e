"""One transport: its state, its write window, and what on it is not proven to have arrived.

It knows one number, one queue of unproven texts, one ping. It must not know which transport is
current, nor what a text means. Settling (who learns that a transport broke, and with which fate)
starts only here, from `Transport.settle`.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from ._actions import SendPing
from ._constants import SendId
from ._link import IS_OPEN, STEPS, Link, Step
from ._quick import send_text
from ._runs import TextRun
from ._shared import Shared

if TYPE_CHECKING:
    from ._send import Send


class Fates(Protocol):
    """Who is told what became of the messages that texts carry. All are in the order of emission,
    and none is told of in vain."""

    def written(self, sends: list[Send]) -> None:
        """A completed write took these, and proof may still come."""

    def proven(self, sends: list[Send]) -> None:
        """These arrived at the gateway."""

    def unprovable(self, sends: list[Send]) -> None:
        """A completed write took these, and no proof will come."""

    def unsettled(self, send: Send) -> None:
        """The transport is given up, and nothing proved that this one arrived."""


_SHORT: Final = 1_024
"""Requests for URLs and questions for proof are shorter."""

_Text: TypeAlias = "tuple[int, int, Send | None]"
"""A text that was emitted: its serial, its size in bytes, and the message that it carries."""


class Transport:
    """The books of one transport."""

    # An object with thirty attributes of its own would have a dictionary of 1.5 KB.
    __slots__ = (
        "_actions", "_answers", "_confirms", "_fates", "_max_frame", "_ping_sent_at", "_proven",
        "_serial", "_shared", "_unproven", "_unreported", "_unwritten", "_window", "_written",
        "answers_pings", "asks_ahead", "is_reported", "last_received", "latency", "link",
        "login_attempts", "login_number", "number", "opened_at", "ping_out", "queued_bytes",
        "reads_to_end", "ready_at", "unprovable", "uploads_off",
    )  # fmt: skip

    def __init__(self, number: int, shared: Shared, fates: Fates) -> None:
        self.number = number
        self.link = Link.OPENING
        self.opened_at: float | None = None
        self.last_received = float("-inf")
        self.login_attempts = 0
        self.login_number: int | None = None
        self.ready_at: float | None = None
        self.reads_to_end = False
        self.uploads_off = False
        self.asks_ahead = True
        self.answers_pings = False
        self.unprovable = False
        self.is_reported = False
        """Whether it was told that it answers no pings."""
        self.latency: float | None = None
        self._shared = shared
        self._fates = fates
        self._confirms = shared.config.confirm and shared.config.barrier is not None
        self._actions = shared.actions
        self._max_frame = shared.config.inline_limit
        self._window = shared.config.write_ahead
        self._serial = 0
        self._written = 0
        self._proven = 0
        self._unreported = 0
        # Taken from the front by the batch: lists are as fast, and an empty deque has 760 bytes.
        self._unwritten: list[_Text] = []
        self._unproven: list[_Text] = []
        self._answers: list[bytes] = []
        self.queued_bytes = 0
        self.ping_out: int | None = None
        """The serial of the text that the ping on its way is behind."""
        self._ping_sent_at = 0.0

    def take(self, step: Step) -> None:
        """Go where the table says."""
        self.link = STEPS[self.link][step]

    @property
    def is_alive(self) -> bool:
        """Whether anything can still be sent on it."""
        return self.link is not Link.CLOSING and self.link is not Link.ENDED

    @property
    def is_read(self) -> bool:
        """Whether its texts are of interest."""
        if self.link is Link.CLOSING:
            return self.reads_to_end
        return self.opened_at is not None

    # Writing.

    def queue(self, data: bytes) -> None:
        """Queue an answer, which waits for nothing but room."""
        self._answers.append(data)
        self.queued_bytes += len(data)

    def flush(self) -> None:
        """Emit the answers that there is room for."""
        while self._answers and self.link in IS_OPEN and self.has_room(len(self._answers[0])):
            data = self._answers.pop(0)
            self.queued_bytes -= len(data)
            self.emit(data)

    def has_room(self, size: int) -> bool:
        """Whether `size` more bytes fit in the write window; one text always fits an empty one."""
        return not self._unreported or self._unreported + size <= self._window

    @property
    def is_nearly_full(self) -> bool:
        """Whether anything may wait for room: what is short always finds some in time."""
        return bool(self._answers) or self._unreported + _SHORT > self._window

    @property
    def room(self) -> int:
        """How many more bytes fit in the write window; see `has_room` about an empty one."""
        return self._window - self._unreported

    def emit(self, data: bytes, send: Send | None = None, send_id: SendId | None = None) -> int:
        """Emit one text, which may carry a message. Returns the text's serial."""
        serial, size = self._serial + 1, len(data)
        text = (serial, size, send)
        self._serial = serial
        self._unreported += size
        self._unwritten.append(text)
        if send is not None:
            self._unproven.append(text)
        self._actions.append(send_text(self.number, data, self._max_frame, send_id))
        return serial

    def emit_all(self, texts: list[bytes], sends: list[Send], ids: list[SendId]) -> None:
        """Emit texts in a row, each of which carries a message."""
        if len(texts) == 1:
            self.emit(texts[0], sends[0], ids[0])
            return
        first = self._serial + 1
        sizes = [len(text) for text in texts]
        self._serial += len(texts)
        self._unreported += sum(sizes)
        emitted = [*zip(range(first, first + len(texts)), sizes, sends, strict=True)]
        self._unwritten += emitted
        self._unproven += emitted
        self._actions.append(TextRun(self.number, self._max_frame, texts, ids))

    def written(self, count: int) -> int:
        """A completed write took the first `count` unreported texts; returns how many it took."""
        texts = self._unwritten[:count]
        if not texts:
            return 0
        del self._unwritten[:count]
        self._written = texts[-1][0]
        self._unreported -= sum([size for _, size, _ in texts])
        # A write may be reported after the pong that proves it; that is no news any more.
        proven = self._proven
        sends = [send for serial, _, send in texts if send is not None and serial > proven]
        if not sends:
            pass
        elif self._confirms and not self.unprovable:
            self._fates.written(sends)
        else:
            # Without proof texts leave in the order in which they were emitted.
            del self._unproven[: len(sends)]
            self._fates.unprovable(sends)
        return len(texts)

    @property
    def unwritten(self) -> int:
        """How many texts are emitted and not reported."""
        return len(self._unwritten)

    # Proof.

    @property
    def wants_proof(self) -> bool:
        """Whether a text is out that no ping has been sent behind."""
        return (
            self.ping_out is None and self._confirms and bool(self._unproven)
            and not self.unprovable
        )  # fmt: skip

    @property
    def is_proven(self) -> bool:
        """Whether nothing is left that may or may not have arrived."""
        return not self._unproven

    def ping(self) -> None:
        """Send a ping, whose payload is the serial of the last text before it."""
        self.ping_out = self._serial
        self._ping_sent_at = self._shared.now
        self._shared.actions.append(SendPing(transport=self.number, payload=b"%d" % self._serial))

    def ask_by_message(self, data: bytes) -> None:
        """Send a message whose answer proves all before it, where pings cannot be had."""
        self._ping_sent_at = self._shared.now
        self.ping_out = self.emit(data)

    @property
    def upcoming_serial(self) -> int:
        """The serial of the next text."""
        return self._serial + 1

    def answered(self, serial: int) -> bool:
        """The answer for `serial` came. False: it is not the one that is awaited."""
        if serial != self.ping_out:
            if self.unprovable:
                # Late, but an answer: pings are worth sending here after all.
                self.unprovable = False
                self.answers_pings = True
            return False
        self.ping_out = None
        self.answers_pings = True
        self.unprovable = False
        self.latency = self._shared.now - self._ping_sent_at
        self._proven = serial
        proven = bisect_right(self._unproven, serial, key=itemgetter(0))
        sends = [send for _, _, send in self._unproven[:proven] if send is not None]
        del self._unproven[:proven]
        if sends:
            self._fates.proven(sends)
        return True

    def give_up_proof(self) -> None:
        """No answer came, and none ever has: whatever is written ends as sent."""
        self.ping_out = None
        self.unprovable = True
        written = bisect_right(self._unproven, self._written, key=itemgetter(0))
        sends = [send for _, _, send in self._unproven[:written] if send is not None]
        del self._unproven[:written]
        if sends:
            self._fates.unprovable(sends)

    def settle(self) -> None:
        """Give the transport up: what is unproven is told last first.

        Last first, so that each can go back to the head of its queue.
        """
        texts, self._unproven = self._unproven, []
        self._unwritten.clear()
        self._answers.clear()
        self._unreported = self.queued_bytes = 0
        self.ping_out = None
        while texts:
            send = texts.pop()[2]
            assert send is not None
            self._fates.unsettled(send)
