"""Load: many clients that send and wait, and what is measured of them.

It knows clients, messages and times. It must not know how the figures are shown.

Strategy: a message is a ``sync/time`` with a number of its own, which needs no login and which
every server answers, an echo too. With a rate, latency counts from when a message was due and not
from when it could go: a server that stalls must not hide the stall by holding back the load.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import anyio
from anyio.abc import TaskGroup

from auxws_proto import AuxError, Stage, State, UnconfirmedTransport

from .._client import AuxClient
from .._http import HttpClient
from ._exit import Failure
from ._explain import explain
from ._session import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much load. Sizes are in bytes, times in seconds."""

    clients: int
    duration: float | None
    messages: int | None
    size: int
    window: int
    rate: float | None
    waits_for_reply: bool
    connect_at_once: int
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Figures of one kind; None where there is nothing to tell."""

    count: int
    per_second: float
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(slots=True)
class Times:
    """Times in seconds, and when the first began and the last ended."""

    times: list[float] = field(default_factory=list[float])
    began: float | None = None
    ended: float = 0.0

    def add(self, began: float, ended: float) -> None:
        """One thing took this long."""
        self.times.append(ended - began)
        self.began = began if self.began is None else min(self.began, began)
        self.ended = max(self.ended, ended)

    def summary(self) -> Summary:
        """The figures."""
        ordered = sorted(self.times)
        passed = 0.0 if self.began is None else self.ended - self.began
        return Summary(
            count=len(ordered),
            per_second=round(len(ordered) / passed, 1) if passed > 0 else 0.0,
            p50_ms=percentile(ordered, 50),
            p90_ms=percentile(ordered, 90),
            p99_ms=percentile(ordered, 99),
            max_ms=percentile(ordered, 100),
        )


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile of sorted seconds, in ms: a value that was really measured."""
    if not ordered:
        return None
    rank = max(1, math.ceil(share / 100 * len(ordered)))
    return round(ordered[rank - 1] * 1_000, 3)


class Load:
    """`run` it once."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self.plan = plan
        self.connects = Times()
        self.messages = Times()
        self.failures: Counter[str] = Counter()
        self.first_failure: Failure | None = None
        self.connected = 0
        self.lost = 0
        self._settings = settings
        self._left_to_connect = plan.clients
        self._all_connected = anyio.Event()
        self._until = math.inf

    async def run(self) -> None:
        """Connect all, then send until the plan is done."""
        limiter = anyio.CapacityLimiter(self.plan.connect_at_once)
        # One for all: a pool and a TLS context for each client would measure this machine.
        http = HttpClient(ssl=self._settings.ssl, proxy=self._settings.proxy, max_connections=256)
        try:
            async with anyio.create_task_group() as group:
                for _ in range(self.plan.clients):
                    group.start_soon(self._client, http, limiter)
        finally:
            with anyio.CancelScope(shield=True):
                await http.aclose()

    async def _client(self, http: HttpClient, limiter: anyio.CapacityLimiter) -> None:
        turn = object()
        await limiter.acquire_on_behalf_of(turn)
        is_connecting = True
        try:
            began = monotonic()
            async with self._settings.open(http=http) as client:
                await client.wait_connected()
                self.connects.add(began, monotonic())
                limiter.release_on_behalf_of(turn)
                is_connecting = False
                self.connected += 1
                self._has_connected()
                await self._all_connected.wait()
                try:
                    await _Talk(self, client).run(self._until)
                finally:
                    self.connected -= 1
        except AuxError as error:
            failure = explain(error)
            self.first_failure = self.first_failure or failure
            self.fail(failure.text)
        finally:
            if is_connecting:
                limiter.release_on_behalf_of(turn)
                self._has_connected()

    def _has_connected(self) -> None:
        self._left_to_connect -= 1
        if not self._left_to_connect:
            if self.plan.duration is not None:
                self._until = monotonic() + self.plan.duration
            self._all_connected.set()

    def fail(self, text: str) -> None:
        """Something did not work; counted by its text."""
        self.failures[text] += 1


class _Talk:
    """What one client says and hears."""

    def __init__(self, load: Load, client: AuxClient) -> None:
        self._load = load
        self._plan = load.plan
        self._client = client
        self._waiting: dict[int, anyio.Event] = {}
        self._room = anyio.Semaphore(load.plan.window)
        fixed = '{"type":"sync/time","id":100000,"clientRequestTime":0,"padding":""}'
        self._padding = "x" * max(0, load.plan.size - len(fixed))

    async def run(self, until: float) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch_states)
            group.start_soon(self._watch_errors)
            if self._plan.waits_for_reply:
                group.start_soon(self._listen)
            async with anyio.create_task_group() as sends:
                await self._send_all(until, sends)
            group.cancel_scope.cancel()

    async def _send_all(self, until: float, sends: TaskGroup) -> None:
        plan, started = self._plan, monotonic()
        number = 0
        while plan.messages is None or number < plan.messages:
            due = monotonic()
            if plan.rate is not None:
                due = started + number / plan.rate
                await anyio.sleep(max(0.0, due - monotonic()))
            await self._room.acquire()
            now = monotonic()
            if now >= until or self._client.state is State.CLOSED:
                self._room.release()
                return
            number += 1
            sends.start_soon(self._one, number, due if plan.rate is not None else now)

    async def _one(self, number: int, due: float) -> None:
        message = {
            "type": "sync/time", "id": number, "clientRequestTime": 0, "padding": self._padding,
        }  # fmt: skip
        answered = self._waiting[number] = anyio.Event()
        try:
            with anyio.fail_after(self._plan.timeout):
                receipt = await self._client.send(message)
                await receipt.wait(Stage.SENT if self._plan.waits_for_reply else Stage.CONFIRMED)
                if self._plan.waits_for_reply:
                    await answered.wait()
            self._load.messages.add(due, monotonic())
        except TimeoutError:
            self._load.fail(f"no answer within {self._plan.timeout:g} s")
        except AuxError as error:
            self._load.fail(explain(error).text)
        finally:
            del self._waiting[number]
            self._room.release()

    async def _listen(self) -> None:
        # What ends the client is counted where messages wait for it.
        with suppress(AuxError):
            async for message in self._client:
                number: Any = message.get("id")
                answered = self._waiting.get(number) if isinstance(number, int) else None
                if answered is not None:
                    answered.set()

    async def _watch_states(self) -> None:
        with suppress(AuxError):
            async for change in self._client.states():
                self._load.lost += change.current is State.WAITING

    async def _watch_errors(self) -> None:
        with suppress(AuxError):
            async for report in self._client.errors():
                if not isinstance(report.error, UnconfirmedTransport):
                    self._load.fail(explain(report.error).text)
