"""Accepting messages: at once, or in turn while there is no room.

It knows the outbox's bound and who waits for it. It must not know what becomes of a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from auxws_proto import Config, ConnectionFailed, Encoded, OutboxFull, SendId, State

from ._engine import Engine
from ._receipt import Entry, Receipt

Outgoing: TypeAlias = Mapping[str, Any] | Encoded


class Sender:
    """The way into the outbox of one engine."""

    def __init__(self, engine: Engine, config: Config) -> None:
        self._engine = engine
        self._desk = engine.desk
        self._config = config

    async def send(self, message: Outgoing) -> Receipt:
        """See `AuxClient.send`. Cancelled, it has accepted nothing."""
        return Receipt(await self.accept(message))

    async def accept(self, message: Outgoing) -> Entry:
        """The same, for whoever wants to be told of the outcome."""
        await checkpoint_if_cancelled()
        await self._wait_until_online()
        if not self._desk.line:
            try:
                return self._accept(message)
            except OutboxFull:
                if self._config.overflow == "raise":
                    raise
        return await self._accept_in_turn(message)

    def note(self, send_id: SendId) -> None:
        """The machine has sent a message of its dialogues: it is among those that are flushed."""
        self._desk.entries[send_id] = Entry(send_id)

    async def flush(self) -> None:
        """Wait until every message accepted so far has an outcome."""
        for entry in list(self._desk.entries.values()):
            while not entry.is_final:
                await entry.changed.wait()

    def _accept(self, message: Outgoing) -> Entry:
        machine = self._engine.machine

        def accept(now: float) -> Entry:
            # Kept before the machine is drained, which may report the outcome at once.
            entry = Entry(machine.send(message, now))
            self._desk.entries[entry.send_id] = entry
            return entry

        return self._engine.call(accept)

    async def _accept_in_turn(self, message: Outgoing) -> Entry:
        line = self._desk.line
        turn = anyio.Event()
        line.append(turn)
        try:
            while True:
                await turn.wait()
                try:
                    return self._accept(message)
                except OutboxFull:
                    # Still the head of the line, for the next outcome.
                    line[0] = turn = anyio.Event()
        finally:
            line.remove(turn)
            self._desk.admit()

    async def _wait_until_online(self) -> None:
        desk = self._desk
        if self._config.offline == "queue" or desk.state is State.OPEN:
            return
        if self._config.offline == "raise":
            raise ConnectionFailed("offline", f"the client is {desk.state.value}")
        await desk.wait_for(lambda: desk.state in (State.OPEN, State.CLOSED))
