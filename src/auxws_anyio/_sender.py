"""Accepting messages: at once, or in turn while there is no room.

It knows the outbox's bound and who waits for it. It must not know what becomes of a message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import anyio
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from auxws_proto import (
    Config,
    ConnectionFailed,
    Encoded,
    LocalProtocolError,
    OutboxFull,
    SendId,
    State,
    encode,
)
from auxws_proto._journal import StoredMessage

from ._engine import Engine
from ._receipt import Entry, Receipt

Outgoing: TypeAlias = Mapping[str, Any] | Encoded

_YIELD_EVERY = 64
_ROW = 256
_TURN = 0.002
"""Messages that are accepted without letting another task run: a switch each would cost as much as
the message, none at all would have them wait for each other in place of being written. Those that
gather for one write are cheap; so many more of them are accepted, for so many seconds at most."""


class Sender:
    """The way into the outbox of one engine."""

    __slots__ = ("_config", "_desk", "_engine", "_in_a_row", "_row_ends", "_was_full")

    def __init__(self, engine: Engine, config: Config) -> None:
        self._engine = engine
        self._desk = engine.desk
        self._config = config
        self._in_a_row = 0
        """Messages that were accepted since another task had its turn."""
        self._row_ends = 0.0
        self._was_full = False
        """Whether the last message found the outbox full."""

    async def send(self, message: Outgoing) -> Receipt:
        """See `AuxClient.send`. Cancelled, it has accepted nothing."""
        entry = await self.accept(message, keep=True)
        if self._engine.recorder is not None:
            # It is accepted: whoever is cancelled now must still be able to rely on it.
            with anyio.CancelScope(shield=True):
                await self._engine.settle()
        return Receipt(entry)

    async def accept(self, message: Outgoing, *, keep: bool = False) -> Entry:
        """The same, for whoever wants to be told of the outcome.

        ``keep`` is for a store: a question is not worth asking again when its asker is dead.
        """
        if self._in_a_row >= _YIELD_EVERY or (
            self._engine.links.is_writing and self._engine.now() >= self._row_ends
        ):
            self._in_a_row = 0
            self._engine.dispatch()
            await checkpoint()
        elif not (self._in_a_row and self._engine.links.is_writing):
            # Else the writer has not had its turn since the last message, nor whoever cancels.
            await checkpoint_if_cancelled()
        entry = None if self._was_full else self.follow(message, is_first=True)
        return entry if entry is not None else await self._accept(message, keep)

    def follow(self, message: Outgoing, *, is_first: bool = False) -> Entry | None:
        """Accept a message behind others that gather for the next write, without more ado.

        None: it does not follow any, or something is in its way; nothing has changed then.
        ``is_first`` says that it need not.
        """
        engine, desk = self._engine, self._desk
        now = engine.now()
        if is_first:
            self._row_ends = now + _TURN
        elif not engine.links.is_writing or now >= self._row_ends or self._in_a_row >= _ROW:
            return None
        if desk.line or desk.state is not State.OPEN or engine.recorder is not None:
            return None
        try:
            send_id = engine.machine.send(message, now)
        except LocalProtocolError:
            raise
        except OutboxFull:
            self._was_full = True
            return None
        except Exception:
            # It may be the message's own fault: its code is called while it is serialized.
            return None
        self._in_a_row += 1
        # Kept before the machine is drained, which may report the outcome at once.
        entry = desk.entries[send_id] = Entry(send_id)
        if not engine.links.is_writing or engine.machine.session.wants_url:
            engine.dispatch()
        return entry

    async def _accept(self, message: Outgoing, keep: bool) -> Entry:
        """Accept a message that something is in the way of, or must be kept."""
        # Now, and not when its turn comes: the object may have changed by then.
        if not isinstance(message, Encoded):
            message = encode(message, self._config)
        desk = self._desk
        is_offline = desk.state is not State.OPEN and self._is_offline
        if is_offline and self._config.offline == "raise":
            raise ConnectionFailed("offline", f"the client is {desk.state.value}")
        if not (desk.line or (is_offline and self._waits)):
            try:
                entry = self._engine.call(self._put, message, keep)
            except OutboxFull:
                if self._config.overflow == "raise":
                    raise
            else:
                self._in_a_row += 1
                self._was_full = False
                return entry
        return await self._accept_in_turn(message, keep)

    async def load(self) -> Sequence[StoredMessage]:
        """What the store has kept of earlier clients; raises `OutboxStoreFailed`."""
        return () if self._engine.recorder is None else await self._engine.recorder.load()

    def restore(self, stored: Sequence[StoredMessage]) -> tuple[Receipt, ...]:
        """Take these messages up again, before any other; their receipts."""
        machine, recorder = self._engine.machine, self._engine.recorder
        if recorder is None:
            return ()

        def restore(now: float) -> list[Entry]:
            entries = [
                Entry(machine.restore(kept.message, now, maybe_arrived=kept.is_emitted))
                for kept in stored
            ]
            # Before the machine is drained, which may report outcomes at once.
            self._desk.entries.update((entry.send_id, entry) for entry in entries)
            recorder.journal.restored(stored, [entry.send_id for entry in entries])
            return entries

        return tuple(Receipt(entry) for entry in self._engine.call(restore))

    def note(self, send_id: SendId) -> None:
        """The machine has sent a message of its dialogues: it is among those that are flushed."""
        self._desk.entries[send_id] = Entry(send_id)

    async def flush(self) -> None:
        """Wait until every message accepted so far has an outcome."""
        for entry in list(self._desk.entries.values()):
            while not entry.is_final:
                await entry.wait()

    def _put(self, message: Encoded, keep: bool, now: float) -> Entry:
        send_id = self._engine.machine.send(message, now)
        # Kept before the machine is drained, which may report the outcome at once.
        entry = self._desk.entries[send_id] = Entry(send_id)
        if keep and self._engine.recorder is not None:
            self._engine.recorder.journal.accepted(send_id, message)
        return entry

    async def _accept_in_turn(self, message: Encoded, keep: bool) -> Entry:
        line = self._desk.line
        turn = anyio.Event()
        line.append(turn)
        try:
            while True:
                await turn.wait()
                if not self._waits:
                    try:
                        return self._engine.call(self._put, message, keep)
                    except OutboxFull:
                        if self._config.overflow == "raise":
                            raise
                # Still the head of the line, for the next outcome or state.
                line[0] = turn = anyio.Event()
        finally:
            line.remove(turn)
            self._desk.admit()

    @property
    def _is_offline(self) -> bool:
        return self._desk.state not in (State.OPEN, State.CLOSED)

    @property
    def _waits(self) -> bool:
        """Whether nothing is accepted because there is no connection."""
        return self._is_offline and self._config.offline == "wait"
