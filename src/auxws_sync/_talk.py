"""How a thread asks, and waits for the answer.

It knows the engine's door, the lock of the dialogues and who waits. It must not know questions nor
messages: those are in `auxws_proto._questions`, and who gets which answer in
`auxws_proto._dialogues`.

Strategy: the dialogues belong to the pump's thread, as the machine does. One lock is held while
they are told something, and by whoever looks at mailboxes and answers; what changes them is asked
of the pump.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from auxws_proto import AuxError, SendId
from auxws_proto._dialogues import Dialogues
from auxws_proto._mailbox import Mailbox
from auxws_proto._questions import (
    Question,
)
from auxws_proto._requests import Answer, Request

from ._engine import Engine
from ._typed import Outgoing
from ._waits import deadline_of, wait_until

T = TypeVar("T")


class Send(Protocol):
    """How a client accepts a message."""

    def __call__(
        self, message: Outgoing, timeout: float | None, on_accepted: Callable[[SendId], None]
    ) -> object: ...


class Room:
    """Tells those who wait that there may be room for more updates."""

    def __init__(self, lock: threading.RLock) -> None:
        self.lock = lock
        self._changed = threading.Condition(lock)
        self._count = 0

    def made(self) -> None:
        """There may be room; called with the lock held."""
        self._count += 1
        self._changed.notify_all()

    def look(self) -> int:
        """What to `wait` with, if there turns out to be none."""
        return self._count

    def wait(self, seen: int, deadline: float | None) -> bool:
        """Wait until there may be room that was not there at the `look`; false when time is up."""
        with self.lock:
            while self._count == seen:
                if not wait_until(self._changed, deadline):
                    return False
        return True


class Talk:
    """Asking, and waiting for the answer, over one engine."""

    def __init__(self, engine: Engine, send: Send, room: Room) -> None:
        self.engine = engine
        self.lock: threading.RLock = room.lock
        self.room = room
        self._send = send

    @property
    def dialogues(self) -> Dialogues:
        """The dialogues of the engine's machine."""
        return self.engine.machine.dialogues

    def items(
        self,
        box: Mailbox[T],
        on_open: Callable[[float], None],
        on_close: Callable[[float], None],
    ) -> Items[T]:
        """The source of a subscription to what a dialogue puts into ``box``."""
        return Items(self, box, on_open, on_close)

    def call(self, run: Callable[[float], T]) -> T:
        """Have ``run(now)`` done by the owner of the dialogues."""

        def locked(now: float) -> T:
            with self.lock:
                return run(now)

        return self.engine.call(locked)

    def leave(self, run: Callable[[float], None]) -> None:
        """The same for an end, which a client that has ended has seen already."""
        with contextlib.suppress(AuxError):
            self.call(run)

    def ask(self, request: Request, message: Outgoing, timeout: float | None) -> Any:
        """Send a question, and wait for the message that answers it."""
        deadline = deadline_of(timeout)
        self.open(request)
        try:
            with contextlib.suppress(TimeoutError):
                self.send(request, message, timeout)
                if self.wait_for(request, deadline):
                    return request.get()
            with self.lock:
                hint = self.dialogues.requests.hint(request)
        finally:
            self.close(request)
        heard = "" if hint is None else f"; the last error that was reported meanwhile: {hint}"
        raise TimeoutError(f"no reply within {timeout:g} s{heard}")

    def put(self, question: Question[T], timeout: float | None) -> T:
        """The same for a question whose answer is read."""
        return question.read(self.ask(question.request, question.message, timeout))

    def tell(self, message: Outgoing, timeout: float | None) -> None:
        """Send a message that has no answer; returns once it is accepted."""
        self._send(message, timeout, lambda send_id: None)

    def open(self, request: Request) -> None:
        """Look out for the answer to a request."""
        with self.lock:
            self.dialogues.open(request)

    def send(self, request: Request, message: Outgoing, timeout: float | None) -> None:
        """Send the message of an open request, which shares its fate from then on."""

        def sent(send_id: SendId) -> None:
            with self.lock:
                self.dialogues.requests.sent(request, send_id)

        self._send(message, timeout, sent)

    def close(self, request: Request) -> None:
        """Wait no longer."""
        with self.lock:
            was_full = self.dialogues.is_full
            self.dialogues.close(request)
        if was_full:
            self.engine.pump.nudge()

    def wait_for(self, answer: Answer[Any], deadline: float | None) -> bool:
        """Wait until an answer is settled; false when time is up."""
        woken = threading.Condition(self.lock)
        with self.lock:
            answer.wake = woken.notify_all
            while not answer.is_settled:
                if not wait_until(woken, deadline):
                    return False
        return True

    def take(self, box: Mailbox[T], woken: threading.Condition, deadline: float | None) -> T | None:
        """The next item of a mailbox, waited for; None when nothing more comes.

        Raises `TimeoutError`, and the error that ended the mailbox.
        """
        with self.lock:
            was_full = box.is_full
            while (item := box.pop()) is None and not box.is_finished:
                if not wait_until(woken, deadline):
                    raise TimeoutError("nothing came in time")
        if was_full:
            self.engine.pump.nudge()
        return item


class Items(Generic[T]):
    """What a dialogue brings, as the source of a `Subscription`."""

    def __init__(
        self,
        talk: Talk,
        box: Mailbox[T],
        on_open: Callable[[float], None],
        on_close: Callable[[float], None],
    ) -> None:
        self._talk = talk
        self._box = box
        self._on_open = on_open
        self._on_close = on_close
        self._lock = threading.Lock()
        self._woken = threading.Condition(talk.lock)
        self._is_open = False
        box.wake = self._woken.notify_all

    @property
    def dropped(self) -> int:
        """See `Subscription.dropped`."""
        return self._box.dropped

    @property
    def waiting(self) -> int:
        """See `Subscription.waiting`."""
        return len(self._box)

    def open(self) -> None:
        """Begin."""
        if not self._is_open:
            with self._lock:
                if not self._is_open:
                    self._talk.call(self._on_open)
                    self._is_open = True

    def take(self, deadline: float | None) -> T | None:
        """The next item."""
        self.open()
        return self._talk.take(self._box, self._woken, deadline)

    def close(self) -> None:
        """Want no more."""
        with self._talk.lock:
            self._box.finish()
        self._talk.leave(self._on_close)
