"""One client's connection: its stream, its tasks, and what its application sees of it.

It knows streams and tasks. It must not know frames, the machine's actions or the gateway's limits:
those are the `Conversation`'s.

Strategy: tasks only wait. One reads, one writes, one watches the time, one plays latency; each
waits for a condition of its own, and whatever changes the conversation lets all be looked at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.abc
import anyio.lowlevel

from auxws_proto import OutboxFull

from ._app import Received
from ._conversation import Conversation
from ._handshake import Head
from ._streams import GONE, cut, end_output

if TYPE_CHECKING:
    from ._gateway import Gateway

_READ: Final = 64 * 1024
_YIELD_EVERY: Final = 32
"""Calls of an application that go on at once before other tasks get a turn: with a turn for each,
an echo of small messages took twice as long."""


class Connection:
    """One client. What applications see of it is `GatewayConnection`."""

    def __init__(
        self, gateway: Gateway, stream: anyio.abc.ByteStream, head: Head, connection_id: str
    ) -> None:
        self.connection_id = connection_id
        self.path = head.path
        self.headers = head.headers
        self._gateway = gateway
        self._faults = gateway.faults
        self._stream = stream
        self._head = head
        self._talk = Conversation(
            gateway,
            head,
            connection_id,
            opened=self._start_app,
            later=self._later,
            wake=self.wake,
        )
        self._lagging: deque[tuple[float, bytes]] = deque()
        self._waiters: list[tuple[Callable[[], object], anyio.Event]] = []
        self._calls = 0
        self._is_gone = False
        self._apps: anyio.abc.TaskGroup | None = None
        self._io: anyio.abc.TaskGroup | None = None

    # What applications call.

    def __aiter__(self) -> Connection:
        return self

    async def __anext__(self) -> Received:
        await self._take_turn()
        talk = self._talk
        await self._until(lambda: talk.mail or talk.is_over)
        if not talk.mail:
            raise StopAsyncIteration
        delivered = talk.mail.popleft()
        talk.feed(talk.machine.taken, delivered.size)
        return Received(event_id=delivered.event_id, message=delivered.message)

    async def send(self, message: Mapping[str, Any]) -> None:
        """Sends a message of any size; nothing happens once the client is gone."""
        await self._take_turn()
        talk = self._talk
        while not talk.is_over:
            try:
                talk.feed(partial(talk.machine.send, watched=False), message)
            except OutboxFull:
                await self._until_written()
            else:
                return

    async def send_error(self, info: Mapping[str, Any], event_id: float | None = -1) -> None:
        """Sends an error event."""
        await self._take_turn()
        talk = self._talk
        if not talk.is_over:
            talk.feed(partial(talk.machine.send_error, event_id=event_id), info)

    async def disconnect(self) -> None:
        """Ends the connection with an empty close frame, as ``DeleteConnection`` does (§5)."""
        await self._take_turn()
        self._talk.close(None)

    async def _take_turn(self) -> None:
        self._calls += 1
        if self._calls % _YIELD_EVERY:
            await anyio.lowlevel.checkpoint_if_cancelled()
        else:
            await anyio.lowlevel.checkpoint()

    # What faults call.

    def inject(self, data: str | bytes) -> None:
        """Sends this as one frame now."""
        self._talk.inject(data)

    def notify(self, message: str) -> None:
        """Sends a notice of API Gateway's own now."""
        self._talk.notify(message)

    def close(self, code: int | None, reason: str) -> None:
        """Closes now, with a close frame."""
        self._talk.close(code, reason)

    def drop(self) -> None:
        """Cuts the connection now."""
        self._talk.drop()

    def wake(self) -> None:
        """Lets every task whose condition has come true go on."""
        for is_ready, event in self._waiters:
            if is_ready():
                event.set()

    @property
    def is_read(self) -> bool:
        """Whether bytes of the client are read on: its application takes what has come."""
        return self._talk.is_over or self._talk.machine.wants_data

    # Running.

    async def run(self) -> None:
        """Serves the client until it is gone and the application has returned."""
        self._faults.attach(self)
        try:
            async with anyio.create_task_group() as self._apps:
                async with anyio.create_task_group() as self._io:
                    self._talk.begin(self._head)
                    for loop in (self._read, self._write, self._watch, self._play_latency):
                        self._io.start_soon(self._guard, loop)
                    await self._until(lambda: self._is_gone)
                    self._io.cancel_scope.cancel()
                await cut(self._stream)
                # An application that only pushes would never see that nobody is there.
                grace = self._gateway.limits.app_grace
                self._apps.cancel_scope.deadline = anyio.current_time() + grace
        finally:
            self._faults.detach(self)

    async def _guard(self, loop: Callable[[], Awaitable[None]]) -> None:
        try:
            await loop()
        except GONE:
            self._hang_up()
        except Exception as error:
            # The machine may be in any state: it is left alone.
            self._gateway.report_failure(error)
            self._talk.is_over = self._is_gone = True
            self.wake()

    def _hang_up(self) -> None:
        """The stream is of no more use."""
        self._is_gone = True
        self._talk.drop()

    def _start_app(self) -> None:
        assert self._apps is not None
        self._apps.start_soon(self._run_app)

    async def _run_app(self) -> None:
        try:
            await self._gateway.app(self)
        except Exception as error:
            # An integration that fails: §2. The connection stays; every message gets the notice.
            self._gateway.report_failure(error)
            self.notify("Internal server error")
            async for _ in self:
                self.notify("Internal server error")
        else:
            self._talk.close(None)

    async def _read(self) -> None:
        talk, faults = self._talk, self._faults
        while True:
            await self._until(lambda: self.is_read and not faults.silent)
            try:
                data = await self._stream.receive(_READ)
            except anyio.EndOfStream:
                data = b""
            await self._until(lambda: not faults.silent)
            if faults.delay_to_server or self._lagging:
                due = anyio.current_time() + faults.delay_to_server
                self._lagging.append((due, data))
                self.wake()
            else:
                talk.arrive(data)
            if not data:
                return

    async def _play_latency(self) -> None:
        while True:
            await self._until(lambda: self._lagging)
            due, data = self._lagging[0]
            await anyio.sleep_until(due)
            self._lagging.popleft()
            self._talk.arrive(data)

    async def _write(self) -> None:
        talk = self._talk
        while True:
            await self._until(self._has_work)
            if not talk.out:
                break
            due = talk.out[0][0]
            if due > anyio.current_time():
                await anyio.sleep_until(due)
            now, texts = anyio.current_time(), 0
            parts: list[bytes] = []
            while talk.out and talk.out[0][0] <= now:
                _, data, count = talk.out.popleft()
                parts.append(data)
                texts += count
            await self._stream.send(b"".join(parts))
            talk.data_sent(texts)
        if talk.waits_for_end:
            await end_output(self._stream)
            await self._until(lambda: not talk.waits_for_end)
        self._hang_up()

    def _has_work(self) -> bool:
        talk = self._talk
        if talk.out:
            return not self._faults.silent
        return talk.ends_when_flushed or talk.cuts_when_flushed

    async def _watch(self) -> None:
        talk = self._talk
        while not talk.handle_timeout():
            until = talk.deadline
            with anyio.CancelScope(deadline=until):
                await self._until(partial(talk.is_due_before, until))
        self._hang_up()

    def _later(self, delay: float, outcome: Callable[[float], None]) -> None:
        if not delay:
            self._talk.add_outcome(outcome)
            return

        async def wait() -> None:
            await anyio.sleep(delay)
            self._talk.feed(outcome)

        assert self._io is not None
        self._io.start_soon(self._guard, wait)

    # Waiting.

    async def _until(self, is_ready: Callable[[], object]) -> None:
        while not is_ready():
            waiter = (is_ready, anyio.Event())
            self._waiters.append(waiter)
            try:
                await waiter[1].wait()
            finally:
                self._waiters.remove(waiter)

    async def _until_written(self) -> None:
        """Until a write has made room, or nothing will."""
        talk = self._talk
        written = talk.written
        await self._until(lambda: talk.written != written or talk.is_over)
