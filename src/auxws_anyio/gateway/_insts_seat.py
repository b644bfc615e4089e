"""One connection of the inst server: who it is, and what is queued for it.

It knows a queue and its writer. It must not know any branch. Queueing never blocks, so that state
and answers change in one step; a full queue means that nobody reads, and ends the connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio

from auxws_proto import AuxError, ConnectionTokenParts

if TYPE_CHECKING:
    from ._app import GatewayConnection

Json: TypeAlias = dict[str, Any]
BranchKey: TypeAlias = tuple[str | None, str, str]

_GONE = (AuxError, OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)
"""What ``GatewayConnection.send`` may raise once its connection is gone."""


class Seat:
    """One connection: who it is, and what is queued for it."""

    def __init__(self, connection: GatewayConnection, max_queued: int) -> None:
        self.info: Json | None = None
        self.token: ConnectionTokenParts | None = None
        self.watching: dict[BranchKey, Json] = {}
        self.watching_devices: set[BranchKey] = set()
        self.is_leaving = False
        self.scope = anyio.CancelScope()
        self._connection = connection
        self._max_queued = max_queued
        self._queue: deque[Callable[[], Awaitable[None]]] = deque()
        self._changed = anyio.Event()

    def send(self, message: Json) -> None:
        self._put(lambda: self._connection.send(message))

    def fail(self, code: str, text: str, event_id: float = -1, **more: Any) -> None:
        """Queue an error event; ``more`` are further fields of its object."""
        info = {"success": False, "errorCode": code, "errorMessage": text, **more}
        self._put(lambda: self._connection.send_error(info, event_id))

    def leave(self) -> None:
        """Disconnect once everything queued is sent."""
        self.is_leaving = True
        self._notify()

    async def write(self) -> None:
        """Send what is queued, until the connection is gone or has nothing to wait for."""
        while self._queue or not self.is_leaving:
            if not self._queue:
                await self._changed.wait()
                continue
            try:
                await self._queue.popleft()()
            except _GONE:
                self.scope.cancel()
                return
            self._notify()

    async def room(self) -> None:
        """Wait until it makes sense to handle another message of this connection."""
        while len(self._queue) > self._max_queued // 2:
            await self._changed.wait()

    def _put(self, call: Callable[[], Awaitable[None]]) -> None:
        if len(self._queue) >= self._max_queued:
            self.is_leaving = True  # it does not read: like the gateway, but not in silence
            self.scope.cancel()
            return
        self._queue.append(call)
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    @property
    def public_info(self) -> Json:
        """What others may see of it, as ``ConnectionInfo``."""
        assert self.info is not None, "only who is logged in can watch or act"
        return {name: self.info[name] for name in ("connectionId", "sessionId", "userId")}
