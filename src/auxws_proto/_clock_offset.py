"""How far the server's clock is ahead of ours, from a few questions about its time.

It knows four times for each question, as NTP does (RFC 5905 §8). It must not know how they came.

Strategy: a sample proves an interval. The server saw the question after we sent it, and answered
before we had the answer, so the offset lies between ``server_sent - received`` and
``server_received - sent``, however the delay was shared between the two ways. What all samples
allow is their intersection; its middle is the estimate and half its width the error bound. If a
clock was set meanwhile there is no such intersection, and the interval that most samples agree on
is taken (Marzullo's algorithm).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ._constants import Violation
from ._errors import LocalProtocolError, RemoteProtocolError

__all__ = [
    "ClockOffset",
    "TimeSample",
]

RESOLUTION: Final = 0.001
"""The server's clock counts whole milliseconds (``docs/protocol.md`` §7): a time may be cut off by
almost that much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSample:
    """One question about the time, in seconds since 1970: ours on our clock, theirs on theirs."""

    sent: float
    server_received: float
    server_sent: float
    received: float

    @property
    def delay(self) -> float:
        """Seconds on the way, there and back."""
        return (self.received - self.sent) - (self.server_sent - self.server_received)

    @property
    def offset(self) -> float:
        """How far their clock is ahead, in seconds, if both ways took equally long."""
        return (self.server_received - self.sent + self.server_sent - self.received) / 2

    @property
    def error_bound(self) -> float:
        """How much `offset` can be off, in seconds."""
        return max(0.0, self.delay) / 2 + RESOLUTION

    @property
    def earliest(self) -> float:
        """The least offset that this sample allows."""
        return self.server_sent - self.received

    @property
    def latest(self) -> float:
        """The greatest offset that this sample allows."""
        return self.server_received + RESOLUTION - self.sent


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffset:
    """Add `offset` to our clock to have the server's; it is off by at most `error_bound` seconds.

    ``samples`` were taken, and ``agreeing`` of them allow this result. `delay` is the least of
    theirs, in seconds.
    """

    offset: float
    error_bound: float
    delay: float
    samples: int
    agreeing: int


def estimate(samples: Iterable[TimeSample]) -> ClockOffset:
    """The offset that the samples agree on, with its error bound.

    Raises `LocalProtocolError` without a sample that makes sense: one whose answer was not received
    before it was sent, on either clock.
    """
    taken = list(samples)
    usable = [sample for sample in taken if sample.earliest <= sample.latest]
    if not usable:
        raise LocalProtocolError(f"none of {len(taken)} time samples makes sense")
    # Beginnings sort before ends at one place: intervals that only touch agree.
    edges = sorted(
        [(sample.earliest, 0) for sample in usable] + [(sample.latest, 1) for sample in usable]
    )
    agreeing = depth = 0
    low = high = 0.0
    for index, (place, is_end) in enumerate(edges):
        depth += -1 if is_end else 1
        if depth > agreeing:
            agreeing, low, high = depth, place, edges[index + 1][0]
    return ClockOffset(
        offset=(low + high) / 2,
        error_bound=(high - low) / 2,
        delay=min(
            max(0.0, sample.delay)
            for sample in usable
            if sample.earliest <= high and sample.latest >= low
        ),
        samples=len(taken),
        agreeing=agreeing,
    )


def time_question(number: int, now: float) -> dict[str, Any]:
    """The message that asks for the time; ``now`` is ours, in seconds since 1970."""
    return {"type": "sync/time", "id": number, "clientRequestTime": round(now * 1000)}


def time_sample(answer: Mapping[str, Any], sent: float, received: float) -> TimeSample:
    """What a ``sync/time/response`` says; raises `RemoteProtocolError` if that is no time.

    ``sent`` and ``received`` are ours, in seconds since 1970, and finer than the message has them.
    """
    times: list[float] = []
    for name in ("serverReceiveTime", "serverTransmitTime"):
        value = answer.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RemoteProtocolError(
                Violation.WRONG_MESSAGE, f"sync/time/response: {name} is no number"
            )
        times.append(value / 1000)
    return TimeSample(sent=sent, server_received=times[0], server_sent=times[1], received=received)
