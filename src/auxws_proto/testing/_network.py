"""One connection between two actors: two pipes that delay, cut, split, join and stand still.

It knows items in order and when they arrive. It must not know what they say. In a world of whole
messages it plays the WebSocket library too: it answers pings and closing handshakes. In a world of
bytes it carries bytes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from ._clock import Alarm

if TYPE_CHECKING:
    from ._actor import Actor
    from ._world import World

Kind = Literal["text", "bytes", "ping", "pong", "close", "end"]

WINDOW: Final = 64 * 1024
"""The most bytes that a pipe takes before its reader has read."""


@dataclass(slots=True)
class Item:
    """Something on its way; ``counts`` says that its writer waits for ``data_sent``."""

    kind: Kind
    data: bytes = b""
    code: int = 1000
    reason: str = ""
    counts: bool = False
    arrival: float = 0.0


class Pipe:
    """One direction of a connection."""

    def __init__(self, world: World, source: Actor, sink: Actor, number: int, place: int) -> None:
        self.world = world
        self.source = source
        self.sink = sink
        self.source_number = number
        self.sink_number = place
        self.is_stalled: bool = False
        self.is_shut: bool = False
        self.is_cut: bool = False
        self.has_ended: bool = False
        self.sent_close: bool = False
        self.reverse: Pipe = self
        self._unwritten: deque[Item] = deque()
        self._items: deque[Item] = deque()
        self._in_flight = 0
        self._buffer = bytearray()
        self._last_arrival = 0.0
        self._alarm: Alarm | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on its way."""
        return not (self._unwritten or self._items or self._buffer)

    # Writing.

    def write(self, item: Item) -> None:
        """The source writes; what it writes after the end goes nowhere."""
        if self.is_shut:
            return
        self._unwritten.append(item)
        self._take()

    def _take(self) -> None:
        """Take what there is room for, and tell the writer."""
        clock, seed, faults = self.world.clock, self.world.seed, self.world.faults
        written = 0
        while self._unwritten:
            item = self._unwritten[0]
            if self._in_flight and self._in_flight + len(item.data) > WINDOW:
                break
            self._unwritten.popleft()
            self._in_flight += len(item.data)
            written += item.counts
            arrival = clock.now + seed.between(*faults.latency)
            item.arrival = self._last_arrival = max(arrival, self._last_arrival)
            self._items.append(item)
            if faults.cut and seed.chance(faults.cut):
                clock.call_later(0.0, self.world.cut_of(self))
        if written:
            delay = seed.between(*faults.write_delay)
            clock.call_later(delay, lambda: self._written(written))
        self._arm()

    def _written(self, count: int) -> None:
        if not self.is_shut or self.sent_close:
            self.source.call("data_sent", count, transport=self.source_number)

    # Arriving.

    def _arm(self) -> None:
        if self._alarm is None and (self._items or self._buffer) and not self.is_stalled:
            when = self.world.clock.now if self._buffer else self._items[0].arrival
            self._alarm = self.world.clock.call_at(when, self._arrive)

    def resume(self) -> None:
        """Go on after a standstill of the pipe or of its reader."""
        self._arm()

    def _arrive(self) -> None:
        self._alarm = None
        if self.has_ended or self.is_stalled:
            return
        if not self.sink.reads:
            self._reset()
            return
        if self.sink.watched.takes_bytes:
            self._arrive_bytes()
        elif self._items and self._items[0].arrival <= self.world.clock.now:
            item = self._items.popleft()
            self._left(len(item.data))
            self._give(item)
        self._arm()

    def _arrive_bytes(self) -> None:
        seed, faults, now = self.world.seed, self.world.faults, self.world.clock.now
        while self._items and self._items[0].arrival <= now and self._items[0].kind == "bytes":
            self._buffer += self._items.popleft().data
            if not seed.chance(faults.join):
                break
        if self._buffer:
            size = len(self._buffer)
            if seed.chance(faults.split):
                size = 1 + seed.below(min(size, 1 + seed.below(size)))
            data = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._left(size)
            self.sink.call("receive_bytes", data, transport=self.sink_number)
        elif self._items and self._items[0].arrival <= now and self._items[0].kind != "bytes":
            self._give(self._items.popleft())

    def _left(self, size: int) -> None:
        self._in_flight -= size
        if self._unwritten:
            self.world.clock.call_later(0.0, self._take)

    def _give(self, item: Item) -> None:
        number = self.sink_number
        match item.kind:
            case "text":
                self.sink.call("receive_text", item.data, transport=number)
            case "ping":
                if self.world.answers_pings:
                    self.reverse.write(Item("pong", item.data))
            case "pong":
                self.sink.call("receive_pong", item.data, transport=number)
            case "close":
                self._close_came(item)
            case _:
                self.has_ended = True
                self.reverse.shut()
                self.sink.forget(number)
                self.sink.call("receive_eof", code=item.code, transport=number)

    def _close_came(self, item: Item) -> None:
        """The closing handshake of RFC 6455 §7, by the library that this stands for."""
        self.has_ended = True
        if not self.reverse.sent_close:
            self.reverse.close(item.code, item.reason)
        self.sink.forget(self.sink_number)
        self.sink.call(
            "receive_eof", code=item.code, reason=item.reason, transport=self.sink_number
        )

    # Ending.

    def close(self, code: int, reason: str) -> None:
        """The source starts, or answers, a closing handshake behind all that it wrote."""
        if not self.is_shut:
            self.sent_close = True
            self.write(Item("close", code=code, reason=reason))
            self.is_shut = True

    def finish(self) -> None:
        """The source closes the byte stream behind all that it wrote."""
        self.write(Item("end", code=1006))
        self.is_shut = True

    def shut(self) -> None:
        """The source is gone: nothing more is written, and what was not taken is lost."""
        self.is_shut = True
        self.sent_close = False
        self._unwritten.clear()

    def cut(self) -> None:
        """The connection breaks: some of what is on its way still arrives, then the end does."""
        if self.has_ended:
            return
        self.shut()
        items = list(self._items)
        kept = self.world.seed.below(len(items) + 1)
        self._items = deque(items[:kept])
        if self.sink.watched.takes_bytes and self._items and self.world.seed.chance(0.5):
            last = self._items[-1]
            last.data = last.data[: self.world.seed.below(len(last.data) + 1)]
        self.is_stalled = False
        self.is_cut = True
        self._items.append(Item("end", code=1006, arrival=self._last_arrival))
        self._arm()
        self.world.clock.call_at(self._last_arrival, self._reset)

    def _reset(self) -> None:
        """Who does not read learns of a break by writing; what was not read is lost."""
        if (
            self.is_cut
            and not self.has_ended
            and not self.sink.reads
            and self._last_arrival <= self.world.clock.now
        ):
            self._buffer.clear()
            self._items.clear()
            self._give(Item("end", code=1006))

    def discard_input(self) -> None:
        """The sink has closed its side: whatever comes is thrown away."""
        self.has_ended = True
        self._items.clear()
        self._buffer.clear()

    def discard(self) -> None:
        """The sink is gone: whatever comes is thrown away."""
        self.has_ended = True
        self.shut()
        self._items.clear()
        self._buffer.clear()


class Line:
    """A connection: both pipes."""

    def __init__(self, world: World, client: Actor, number: int, server: Actor) -> None:
        self.client = client
        self.server = server
        self.number = number
        self.up = Pipe(world, client, server, number, 1)
        self.down = Pipe(world, server, client, 1, number)
        self.up.reverse, self.down.reverse = self.down, self.up

    @property
    def pipes(self) -> tuple[Pipe, Pipe]:
        """Both directions."""
        return self.up, self.down

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on its way that anybody would take."""
        return all(pipe.is_empty or pipe.has_ended for pipe in self.pipes)

    def from_(self, actor: Actor) -> Pipe:
        """The pipe that this actor writes to."""
        return self.up if actor is self.client else self.down

    def cut(self) -> None:
        """Break it."""
        for pipe in self.pipes:
            pipe.cut()

    def abort(self, actor: Actor) -> None:
        """One side drops it: that side takes nothing more, the other meets the end."""
        pipe = self.from_(actor)
        pipe.reverse.discard()
        pipe.cut()
