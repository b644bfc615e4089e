"""The gateway that a test of a driver talks to, and small helpers."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
import anyio.lowlevel

from auxws_anyio.gateway import App, Gateway, echo

T = TypeVar("T")

TIME_LIMIT = 60
"""Seconds after which a test is taken to hang. No test needs more than a few on an idle machine."""


@asynccontextmanager
async def serving(app: App = echo, **options: Any) -> AsyncIterator[Gateway]:
    """A gateway for a test, which fails if the gateway's own code or the application did."""
    with anyio.fail_after(TIME_LIMIT):
        async with Gateway(app, **options) as gateway:
            yield gateway
        assert gateway.failures == []


async def take(stream: AsyncIterable[T], count: int) -> list[T]:
    """The next ``count`` items of a stream that goes on."""
    taken: list[T] = []
    async for item in stream:
        taken.append(item)
        if len(taken) == count:
            break
    return taken


async def until(condition: Any) -> None:
    """Wait until ``condition()`` is true, giving way to the tasks that make it so."""
    while not condition():
        await anyio.lowlevel.checkpoint()
