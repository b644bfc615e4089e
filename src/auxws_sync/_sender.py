"""Accepting messages: at once, or in turn while there is no room.

It knows the outbox's bound, and what is to be done while there is no connection. It must not know
what becomes of a message, nor the client: it lives as long as the engine.
"""

from __future__ import annotations

from collections.abc import Callable

from auxws_proto import Config, ConnectionFailed, Encoded, OutboxFull, SendId, State, encode

from ._calls import NotYet
from ._engine import Engine
from ._receipt import Entry
from ._typed import Outgoing


class Sender:
    """The way into the outbox of one engine."""

    def __init__(self, engine: Engine, config: Config) -> None:
        self._engine = engine
        self._desk = engine.desk
        self._lock = engine.desk.lock
        self._post = engine.desk.posted.add
        self._config = config
        # Whether a message can do without the pump's answer.
        self._posts = config.offline == "queue" and not engine.has_store

    def send(
        self,
        message: Outgoing,
        timeout: float | None,
        on_accepted: Callable[[SendId], None] | None = None,
    ) -> Entry:
        """See `AuxClient.send`; ``on_accepted`` is called before any outcome is known."""
        engine, config = self._engine, self._config
        encoded = message if isinstance(message, Encoded) else encode(message, config)
        entry = Entry(self._lock)
        if self._posts and on_accepted is None and self._post(entry, encoded):
            return entry
        # A question is not worth asking again when its asker is dead.
        keep = engine.has_store and on_accepted is None

        def accept(now: float) -> None:
            state = self._desk.state
            if config.offline != "queue" and state not in (State.OPEN, State.CLOSED):
                if config.offline == "raise":
                    raise ConnectionFailed("offline", f"the client is {state.value}")
                raise NotYet
            try:
                send_id = engine.machine.send(encoded, now)
            except OutboxFull:
                if config.overflow == "raise":
                    raise
                raise NotYet from None
            # Known before the machine is drained, which may report its outcome at once.
            self._desk.accept(entry, send_id, encoded.size)
            if keep:
                engine.keep(send_id, encoded)
            if on_accepted is not None:
                on_accepted(send_id)

        engine.call(accept, queues=True, timeout=timeout)
        if keep and self._desk.crash is not None:
            raise self._desk.crash
        return entry
