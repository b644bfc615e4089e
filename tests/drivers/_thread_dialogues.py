"""The dialogues of the blocking driver with the asynchronous face that the suite is written for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
from anyio.to_thread import run_sync

import auxws_sync

T = TypeVar("T")


async def in_thread(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """``call`` on a worker, of which there are as many as are wanted."""
    return await run_sync(
        partial(call, *args, **kwargs), abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
    )


class ThreadItems:
    """A subscription, or a stream of parts."""

    def __init__(self, items: Any) -> None:
        self._items = items

    def __getattr__(self, name: str) -> Any:
        return getattr(self._items, name)

    def __enter__(self) -> Self:
        self._items.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._items.__exit__(exc_type, exc, traceback)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        # `StopIteration` cannot come out of a worker.
        item = await in_thread(next, self._items, self)
        if item is self:
            raise StopAsyncIteration
        return item


class ThreadInst:
    def __init__(self, inst: auxws_sync.Inst) -> None:
        self._inst = inst

    @property
    def own(self) -> auxws_sync.Inst:
        """The driver's own object."""
        return self._inst

    def __repr__(self) -> str:
        return repr(self._inst)

    def watch(self, **options: Any) -> ThreadItems:
        return ThreadItems(self._inst.watch(**options))

    def devices(self) -> ThreadItems:
        return ThreadItems(self._inst.devices())

    def actions(self) -> ThreadItems:
        return ThreadItems(self._inst.actions())

    def __getattr__(self, name: str) -> Any:
        return partial(in_thread, getattr(self._inst, name))


class ThreadDialogues:
    """What `ThreadClient` has its dialogues from."""

    _client: auxws_sync.AuxClient

    async def sample_time(self, **options: Any) -> Any:
        return await in_thread(self._client.sample_time, **options)

    async def clock_offset(self, **options: Any) -> Any:
        return await in_thread(self._client.clock_offset, **options)

    async def http(self, path: str, **options: Any) -> Any:
        return await in_thread(self._client.http, path, **options)

    @asynccontextmanager
    async def http_stream(self, path: str, **options: Any) -> AsyncIterator[ThreadItems]:
        stream = self._client.http_stream(path, **options)
        await in_thread(stream.__enter__)
        try:
            yield ThreadItems(stream)
        finally:
            stream.__exit__(None, None, None)

    async def connection_count(self, *where: Any, **options: Any) -> int:
        return await in_thread(self._client.connection_count, *where, **options)

    async def get_updates(self, *where: Any, **options: Any) -> Any:
        return await in_thread(self._client.get_updates, *where, **options)

    def inst(self, *where: Any) -> ThreadInst:
        return ThreadInst(self._client.inst(*where))
