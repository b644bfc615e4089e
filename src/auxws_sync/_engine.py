"""A client's machinery from its start to its end: pump, desk and errands, and who may call them.

It knows lives: of threads, of the process, of the client. It must not know messages.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from threading import get_ident
from typing import TypeVar

from auxws_proto import AuxError, Encoded, LocalProtocolError, SendId, State, Stats, Tally
from auxws_proto._dialogue_websocket import DialogueWebSocket
from auxws_proto._journal import OutboxStore
from auxws_proto._stats import SessionStats

from ._calls import Wish
from ._commands import Commands
from ._desk import Desk
from ._errands import Errands, Settings
from ._process import HERE
from ._pump import Pump
from ._receipt import Entry
from ._recorder import Recorder

T = TypeVar("T")

GRACE = 1.0
"""How long the threads of a client get for what takes them milliseconds: to notice its end."""


class Engine:
    """Everything of a client but its face."""

    def __init__(
        self,
        machine: DialogueWebSocket,
        settings: Settings,
        name: str,
        store: OutboxStore | None = None,
    ) -> None:
        self.machine = machine
        commands = Commands()
        self.desk: Desk = Desk(commands)
        self._recorder = None if store is None else Recorder(store)
        self.pump: Pump = Pump(machine, self.desk, commands, name, self._recorder)
        self.desk.posted.attach(self.pump.submit, machine.send)
        self.errands: Errands = Errands(settings, self.pump, name)
        self.pump.errands = self.errands
        machine.on_sent = self._note
        self._lock = threading.Lock()
        self._is_started = False
        self._is_closed = False
        self.process: int = HERE.number
        """The process that it belongs to."""

    @property
    def has_store(self) -> bool:
        """Whether what is accepted is to be kept."""
        return self._recorder is not None

    def keep(self, send_id: SendId, message: Encoded) -> None:
        """Keep what the machine has just accepted; called on the pump's thread."""
        if self._recorder is not None:
            self._recorder.journal.accepted(send_id, message)

    def restore(self) -> list[Entry]:
        """Take up what the store has kept; raises `OutboxStoreFailed`."""
        return self.call(self._restore)

    def _restore(self, now: float) -> list[Entry]:
        recorder = self._recorder
        if recorder is None:
            return []
        stored = recorder.load()
        entries: list[Entry] = []
        send_ids: list[SendId] = []
        for kept in stored:
            send_ids.append(self.machine.restore(kept.message, now, maybe_arrived=kept.is_emitted))
            entries.append(Entry(self.desk.lock))
            self.desk.accept(entries[-1], send_ids[-1], kept.message.size)
        recorder.journal.restored(stored, send_ids)
        return entries

    def stats(self) -> Stats:
        """A snapshot: the machine's figures from its owner, or from here when it has none."""
        now = self._session_stats()
        with self.desk.lock:
            router = self.desk.router
            messages, size = router.waiting
            return Stats(
                pending_uploads=now.pending_uploads,
                pending_downloads=now.pending_downloads,
                outbox_messages=now.outbox_messages,
                outbox_bytes=now.outbox_bytes,
                sent=now.sent,
                received=now.received,
                waiting=Tally(messages=messages, bytes=size),
                undelivered=router.undelivered,
                dropped=router.dropped,
                errors=self.desk.error_count,
                transports=self.pump.transports,
                latency=now.latency,
            )

    def _session_stats(self) -> SessionStats:
        session = self.machine.session
        if self.pump.is_running:
            with contextlib.suppress(LocalProtocolError):
                return self.call(lambda _now: session.stats())
        return session.stats()

    def _note(self, send_id: SendId) -> None:
        """The machine has sent a message of its dialogues: it is among those that are flushed."""
        self.desk.accept(Entry(self.desk.lock), send_id)

    def check(self) -> None:
        """Raise an error where a call would wait for ever, or work on a copy of the client."""
        if HERE.number != self.process:
            raise AuxError(
                "this client belongs to the parent process; make a new one after os.fork()"
            )
        if get_ident() == self.pump.ident:
            raise LocalProtocolError(
                "called from the observer, on the client's own thread, which would wait for itself"
            )

    def check_started(self) -> None:
        """`check`, and raise an error if nothing has been started."""
        self.check()
        if not self._is_started:
            raise LocalProtocolError("enter the client first: with AuxClient(…) as client")

    def start(self) -> None:
        """Start the thread. Raises `LocalProtocolError` the second time, and after `close`."""
        self.check()
        with self._lock:
            if self._is_started or self._is_closed:
                raise LocalProtocolError("a client is entered once; make a new one")
            self.pump.start()
            self._is_started = True

    def call(
        self, run: Callable[[float], T], *, queues: bool = False, timeout: float | None = None
    ) -> T:
        """Have ``run(now)`` done by the owner of the machine; see `Wish`."""
        if self.desk.crash is not None:
            raise self.desk.crash
        return Wish(self.pump, run, queues=queues).grant(timeout)

    def close(self, timeout: float) -> None:
        """Flush and close within ``timeout`` seconds, then end, whatever could be done."""
        deadline = time.monotonic() + timeout
        with self._lock:
            self._is_closed = True
        if not self._is_started:
            self.desk.finish(None)
            return
        try:
            if self.desk.state is not State.IDLE:
                self.desk.wait_for(self.desk.settled(), deadline)
            self.pump.post(self.machine.close)
            self.desk.wait_for(lambda: self.desk.state is State.CLOSED, deadline)
            self.pump.finish()
            self.pump.join(deadline - time.monotonic())
        finally:
            # Also when `KeyboardInterrupt` ended the waiting: nothing is left behind.
            self.pump.stop()
            self.pump.join(GRACE)
            # What can be cancelled ends in milliseconds; what cannot is not worth the wait.
            now = time.monotonic()
            self.errands.join(min(now + GRACE, max(deadline, now + GRACE / 10)))

    def abandon(self) -> None:
        """End at once, because nobody holds the client any more or the interpreter exits."""
        if self._is_started and HERE.number == self.process:
            self.pump.stop()
            if not self.pump.owns_current_thread():
                self.pump.join(GRACE)
                self.errands.join(time.monotonic() + GRACE)
