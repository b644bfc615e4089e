"""One face for every driver, so that the suite is written once.

The suite is asynchronous, as the gateway is that it runs against. A driver is given by an object
that makes clients with the names of the asynchronous one; a blocking driver's adapter calls its
client on worker threads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import auxws_anyio
from auxws_proto import (
    AuxError,
    Credentials,
    Encoded,
    Progress,
    Stage,
    State,
    Stats,
)
from tests.drivers._threads import ThreadDriver

Message = dict[str, Any]


class ReceiptLike(Protocol):
    @property
    def stage(self) -> Stage: ...
    @property
    def error(self) -> AuxError | None: ...
    @property
    def progress(self) -> Progress: ...
    @property
    def is_final(self) -> bool: ...
    async def wait(self, stage: Stage = Stage.SENT, timeout: float | None = None) -> Stage: ...


class StreamLike(Protocol):
    """A subscription: a context manager and an asynchronous iterator in one."""

    @property
    def dropped(self) -> int: ...
    def __enter__(self) -> Any: ...
    def __exit__(self, *exc: Any) -> Any: ...
    def __aiter__(self) -> AsyncIterator[Any]: ...
    async def __anext__(self) -> Any: ...


class ClientLike(Protocol):
    @property
    def state(self) -> State: ...
    @property
    def is_connected(self) -> bool: ...
    @property
    def info(self) -> Mapping[str, Any] | None: ...
    @property
    def indicator(self) -> Credentials | None: ...
    @property
    def origin(self) -> str | None: ...
    @property
    def stats(self) -> Stats: ...
    @property
    def restored(self) -> tuple[ReceiptLike, ...]: ...
    async def connect(self) -> None: ...
    async def disconnect(self) -> None: ...
    async def aclose(self) -> None: ...
    async def wait_connected(self, timeout: float | None = None) -> None: ...
    async def send(self, message: Mapping[str, Any] | Encoded) -> ReceiptLike: ...
    async def flush(self, timeout: float | None = None) -> None: ...
    async def request(
        self,
        message: Mapping[str, Any],
        *,
        reply: str | None = None,
        where: Callable[[Message], bool] | None = None,
        timeout: float | None = None,
    ) -> Message: ...
    def event(self, type: str, **options: Any) -> StreamLike: ...
    def states(self) -> StreamLike: ...
    def errors(self) -> StreamLike: ...
    def __aiter__(self) -> AsyncIterator[Message]: ...


class Driver(Protocol):
    def connect(self, url: Any, **options: Any) -> AbstractAsyncContextManager[Any]: ...
    def client(self, url: Any, **options: Any) -> AbstractAsyncContextManager[Any]: ...


class AnyioDriver:
    """`auxws_anyio`, as it is."""

    def connect(self, url: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        return auxws_anyio.connect(url, **options)

    def client(self, url: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        return auxws_anyio.AuxClient(url, **options)


@dataclass(frozen=True)
class Case:
    """One driver on one backend."""

    name: str
    backend: tuple[str, dict[str, Any]]
    make: Callable[[], Driver]


ASYNC_CASES = [
    Case("asyncio", ("asyncio", {}), AnyioDriver),
    Case("uvloop", ("asyncio", {"use_uvloop": True}), AnyioDriver),
    Case("trio", ("trio", {}), AnyioDriver),
]
CASES = [*ASYNC_CASES, Case("threads", ("asyncio", {}), ThreadDriver)]
