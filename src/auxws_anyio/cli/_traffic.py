"""What an observer of a client sees of its traffic: how messages came, transfers under way, rates.

It knows events and times. It must not know how any of it is shown.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from auxws_proto import Config, SendId, Stats, Tally
from auxws_proto.observe import (
    MessageReceived,
    ObserverEvent,
    SendEnded,
    TransferFinished,
    TransferProgressed,
    TransferStarted,
)

KEPT: Final = 20_000
"""Messages whose way is known before somebody takes them; a client holds 10,000."""

LINGER: Final = 1.5
"""Seconds that a finished transfer stays in sight."""

WINDOW: Final = 3.0
"""Seconds over which rates are taken."""

_SHORT: Final = 40


@dataclass(slots=True)
class Transfer:
    """An upload or a download, in bytes."""

    is_upload: bool
    done: int = 0
    total: int | None = None
    send_id: int | None = None
    ended: float | None = None


class Traffic:
    """Give its `observe` to a client as its observer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ways: deque[MessageReceived] = deque(maxlen=KEPT)
        self._ended: OrderedDict[SendId, str | None] = OrderedDict()
        self._transfers: dict[int, Transfer] = {}

    def observe(self, event: ObserverEvent) -> None:
        """Take note of what happened."""
        match event:
            case MessageReceived():
                self._ways.append(event)
            case SendEnded():
                self._ended[event.send_id] = event.path
                if len(self._ended) > KEPT:
                    self._ended.popitem(last=False)
            case TransferStarted():
                self._transfers[event.transfer] = Transfer(
                    event.direction == "upload", total=event.size, send_id=event.send_id
                )
            case TransferProgressed():
                transfer = self._transfers.get(event.transfer)
                if transfer is not None:
                    transfer.done = event.done
                    transfer.total = event.total if event.total is not None else transfer.total
            case TransferFinished():
                transfer = self._transfers.get(event.transfer)
                if transfer is not None:
                    transfer.ended = self._clock()
            case _:
                pass

    def way_of(self, message: Mapping[str, Any]) -> tuple[int, str]:
        """The size in bytes and the path by which a message came; asked once, when it is taken.

        Messages are taken in the order in which they came; those of other types may be left out.
        """
        kind = str(message.get("type"))
        while self._ways:
            event = self._ways.popleft()
            # An observer is told no more than the beginning of a long type.
            if event.type == kind or len(kind) > _SHORT:
                return event.size, event.path
        return 0, "inline"

    def path_of(self, send_id: SendId, size: int, config: Config) -> str:
        """The path by which a message went; asked once, when it has its outcome.

        For one that never went it is the path that it would have taken.
        """
        path = self._ended.pop(send_id, None)
        if path is not None:
            return path
        if size <= config.inline_limit:
            return "inline"
        return "fragments" if size <= config.fragment_limit else "upload"

    @property
    def transfers(self) -> list[Transfer]:
        """Those under way, and those that have ended just now; the oldest first."""
        since = self._clock() - LINGER
        self._transfers = {
            number: transfer
            for number, transfer in self._transfers.items()
            if transfer.ended is None or transfer.ended > since
        }
        return list(self._transfers.values())


@dataclass(frozen=True, slots=True)
class Rates:
    """Messages and bytes a second, each way."""

    messages_out: float = 0.0
    bytes_out: float = 0.0
    messages_in: float = 0.0
    bytes_in: float = 0.0


class RateMeter:
    """Rates over the last seconds, from snapshots of a client's counters."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, Tally, Tally]] = deque()

    def feed(self, stats: Stats) -> Rates:
        """Take a snapshot; return the rates up to it."""
        now = self._clock()
        self._samples.append((now, total(stats.sent), total(stats.received)))
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()
        then, sent, received = self._samples[0]
        passed = now - then
        if passed <= 0:
            return Rates()
        _, sent_now, received_now = self._samples[-1]
        return Rates(
            messages_out=(sent_now.messages - sent.messages) / passed,
            bytes_out=(sent_now.bytes - sent.bytes) / passed,
            messages_in=(received_now.messages - received.messages) / passed,
            bytes_in=(received_now.bytes - received.bytes) / passed,
        )


def total(tallies: Mapping[str, Tally]) -> Tally:
    """The sum over all paths."""
    return Tally(
        messages=sum(tally.messages for tally in tallies.values()),
        bytes=sum(tally.bytes for tally in tallies.values()),
    )
