"""What can be seen of a session, and what it wants done.

It knows where each figure is kept. It must not know the doors. Looking changes nothing but this:
messages that were sent in a row are moved at last, since all that can be seen depends on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._actions import Action
from ._config import Config
from ._constants import Role, State
from ._engine import Engine
from ._runs import ActionRun
from ._stats import SessionStats


class SessionWindows:
    """The windows of an `AuxSession`."""

    role: Role
    config: Config
    _engine: Engine

    @property
    def state(self) -> State:
        """The public state."""
        return self._engine.life.state

    @property
    def info(self) -> Mapping[str, Any] | None:
        """The connection info of the last login, or None."""
        return self._engine.life.login.info

    @property
    def now(self) -> float:
        """The time of the last input; minus infinity before the first."""
        return self._engine.shared.now

    @property
    def wants_data(self) -> bool:
        """Whether to go on reading the wire."""
        return self._engine.wants_data

    @property
    def latency(self) -> float | None:
        """Seconds from the last ping to its pong on the current transport."""
        return None if self._engine.life.current is None else self._engine.life.current.latency

    @property
    def has_actions(self) -> bool:
        """Whether there is anything to drain."""
        return self._engine.is_behind or bool(self._engine.shared.actions.items)

    @property
    def wants_url(self) -> bool:
        """Whether a message waits for an upload URL: what is sent then is better not left to be
        drained with what follows it."""
        return self._engine.outbox.uploads.wants_url

    def actions(self) -> Iterator[Action]:
        """Drain the FIFO. Verbs called meanwhile append to the same queue."""
        engine = self._engine
        while True:
            yield from engine.shared.actions.one_by_one()
            if not engine.is_behind:
                return
            engine.catch_up()

    def runs(self) -> Iterator[Action | ActionRun]:
        """The same for what passes actions on: like ones in a row come as one `ActionRun`."""
        engine, queue = self._engine, self._engine.shared.actions
        items = queue.items
        while True:
            while items:
                yield queue.take()
            if not engine.is_behind:
                return
            engine.catch_up()

    def next_timeout(self) -> float | None:
        """When to call ``handle_timeout``, on the clock of ``now``; None: no need."""
        if self._engine.is_behind:
            self._engine.catch_up()
        return self._engine.shared.timers.next()

    def stats(self) -> SessionStats:
        """A snapshot of the queues."""
        if self._engine.is_behind:
            self._engine.catch_up()
        return SessionStats(
            outbox_messages=self._engine.outbox.messages,
            outbox_bytes=self._engine.outbox.bytes,
            pending_uploads=self._engine.outbox.uploads.pending,
            pending_downloads=self._engine.inbox.downloads_pending,
            held_bytes=self._engine.inbox.held,
            untaken_bytes=self._engine.inbox.untaken,
            latency=self.latency,
            sent=dict(self._engine.outbox.sent),
            received=dict(self._engine.inbox.received),
        )
