"""The blocking driver with the asynchronous face that the suite is written for.

Each call that may wait runs on a worker thread. A task of the suite that is cancelled leaves its
thread behind until the client is closed, which ends every wait in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
from anyio.lowlevel import checkpoint
from anyio.to_thread import run_sync

import auxws_sync
from auxws_proto import AuxError, Credentials, Progress, Stage, State, Stats
from tests.drivers._thread_dialogues import ThreadDialogues

T = TypeVar("T")

Message = dict[str, Any]


async def in_thread(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """``call`` on a worker, of which there are as many as are wanted."""
    return await run_sync(
        partial(call, *args, **kwargs),
        abandon_on_cancel=True,
        limiter=anyio.CapacityLimiter(1),
    )


class ThreadReceipt:
    def __init__(self, receipt: auxws_sync.Receipt) -> None:
        self._receipt = receipt

    @property
    def send_id(self) -> int:
        return self._receipt.send_id

    @property
    def stage(self) -> Stage:
        return self._receipt.stage

    @property
    def error(self) -> AuxError | None:
        return self._receipt.error

    @property
    def progress(self) -> Progress:
        return self._receipt.progress

    @property
    def is_final(self) -> bool:
        return self._receipt.is_final

    async def wait(self, stage: Stage = Stage.SENT, timeout: float | None = None) -> Stage:
        return await in_thread(self._receipt.wait, stage, timeout)


class ThreadStream:
    def __init__(self, subscription: auxws_sync.Subscription[Any]) -> None:
        self._subscription = subscription

    @property
    def dropped(self) -> int:
        return self._subscription.dropped

    @property
    def waiting(self) -> int:
        return self._subscription.waiting

    def close(self) -> None:
        self._subscription.close()

    def __enter__(self) -> Self:
        self._subscription.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._subscription.__exit__(exc_type, exc, traceback)

    def __aiter__(self) -> Self:
        iter(self._subscription)
        return self

    async def __anext__(self) -> Any:
        # What is there already costs no thread.
        await checkpoint()
        try:
            item = self._subscription.receive(timeout=0)
        except TimeoutError:
            item = await in_thread(self._subscription.receive)
        if item is None:
            raise StopAsyncIteration
        return item


class ThreadClient(ThreadDialogues):
    def __init__(self, client: auxws_sync.AuxClient) -> None:
        self._client = client

    @property
    def config(self) -> Any:
        return self._client.config

    @property
    def state(self) -> State:
        return self._client.state

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected

    @property
    def info(self) -> Mapping[str, Any] | None:
        return self._client.info

    @property
    def indicator(self) -> Credentials | None:
        return self._client.indicator

    @property
    def origin(self) -> str | None:
        return self._client.origin

    @property
    def stats(self) -> Stats:
        return self._client.stats

    @property
    def waiting_calls(self) -> int:
        """How many calls wait for the client's own thread, which answers nothing meanwhile."""
        return len(self._client._engine.pump._commands)

    @property
    def restored(self) -> tuple[ThreadReceipt, ...]:
        return tuple(ThreadReceipt(receipt) for receipt in self._client.restored)

    async def connect(self) -> None:
        await in_thread(self._client.connect)

    async def disconnect(self) -> None:
        await in_thread(self._client.disconnect)

    async def aclose(self) -> None:
        await in_thread(self._client.close)

    async def wait_connected(self, timeout: float | None = None) -> None:
        await in_thread(self._client.wait_connected, timeout)

    async def send(self, message: Mapping[str, Any]) -> ThreadReceipt:
        return ThreadReceipt(await in_thread(self._client.send, message))

    async def flush(self, timeout: float | None = None) -> None:
        await in_thread(self._client.flush, timeout)

    async def request(
        self,
        message: Mapping[str, Any],
        *,
        reply: str | None = None,
        where: Callable[[Message], bool] | None = None,
        timeout: float | None = None,
    ) -> Message:
        return await in_thread(
            self._client.request, message, reply=reply, where=where, timeout=timeout
        )

    def event(self, type: str, **options: Any) -> ThreadStream:
        return ThreadStream(self._client.event(type, **options))

    def states(self) -> ThreadStream:
        return ThreadStream(self._client.states())

    def errors(self) -> ThreadStream:
        return ThreadStream(self._client.errors())

    def __aiter__(self) -> AsyncIterator[Message]:
        return ThreadStream(iter(self._client))


class ThreadDriver:
    """`auxws_sync`, on threads."""

    def connect(self, url: Any, **options: Any) -> Any:
        return _entered(lambda: auxws_sync.connect(url, **options))

    def client(self, url: Any, **options: Any) -> Any:
        return _entered(lambda: auxws_sync.AuxClient(url, **options))


@asynccontextmanager
async def _entered(
    make: Callable[[], AbstractContextManager[auxws_sync.AuxClient]],
) -> AsyncIterator[ThreadClient]:
    manager = make()
    client = await in_thread(manager.__enter__)
    try:
        yield ThreadClient(client)
    finally:
        with anyio.CancelScope(shield=True):
            await in_thread(manager.__exit__, None, None, None)
