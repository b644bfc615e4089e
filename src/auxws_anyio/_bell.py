"""Waking tasks that wait for something to change.

It knows events. It must not know what changed: whoever waits looks again.
"""

from __future__ import annotations

import anyio


class Bell:
    """Wakes everybody who waits for it, and nobody who comes later. Costs nothing unheard."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def ring(self) -> None:
        """Wake all who wait now."""
        event, self._event = self._event, None
        if event is not None:
            event.set()

    async def wait(self) -> None:
        """Wait for the next ring. Look at what is waited for first, and again afterwards."""
        if self._event is None:
            self._event = anyio.Event()
        await self._event.wait()
