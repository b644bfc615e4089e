"""What `AuxClient` has its dialogues from: requests, the clock, HTTP over the socket, insts.

It knows how a thread waits for the answer to a question. It must not know questions nor messages:
those are in `auxws_proto._questions`, and who gets which answer in `auxws_proto._dialogues`.

Strategy: the dialogues belong to the pump's thread, as the machine does. One lock is held while
they are told something, and by whoever looks at mailboxes and answers; what changes them is asked
of the pump.
"""

from __future__ import annotations

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from auxws_proto import AuxError, LocalProtocolError, SendId
from auxws_proto._clock_offset import (
    ClockOffset,
    TimeSample,
    estimate,
    time_question,
    time_sample,
)
from auxws_proto._dialogues import Dialogues
from auxws_proto._http_request import HttpExchange, HttpHead, HttpResult, http_request
from auxws_proto._mailbox import Mailbox
from auxws_proto._questions import (
    Question,
    StoredUpdates,
    count_question,
    updates_question,
)
from auxws_proto._requests import Answer, Request

from ._calls import deadline_of
from ._engine import Engine
from ._inst import Inst
from ._receipt import wait_until
from ._typed import Outgoing

__all__ = [
    "HttpStream",
]

T = TypeVar("T")


class Send(Protocol):
    """How a client accepts a message."""

    def __call__(
        self, message: Outgoing, timeout: float | None, on_accepted: Callable[[SendId], None]
    ) -> object: ...


class Room:
    """Tells those who wait that there may be room for more updates."""

    def __init__(self, lock: threading.Lock) -> None:
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
        self.lock: threading.Lock = room.lock
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
        return self._talk.take(self._box, self._woken, deadline)

    def close(self) -> None:
        """Want no more."""
        with self._talk.lock:
            self._box.finish()
        self._talk.leave(self._on_close)


class HttpStream:
    """An answer of the records API, part by part: ``with`` it, then iterate over texts.

    Entering sends the request and waits for the status and headers. ``timeout`` is the longest
    wait for any part. Leaving early is fine: what comes later is ignored.
    """

    def __init__(
        self, talk: Talk, exchange: HttpExchange, message: Outgoing, timeout: float | None
    ) -> None:
        self._talk = talk
        self._exchange = exchange
        self._message = message
        self._timeout = timeout
        self._woken = threading.Condition(talk.lock)
        exchange.wake = self._woken.notify_all

    @property
    def status(self) -> int:
        """The status code. Raises `LocalProtocolError` before the stream is entered."""
        return self._head.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers. Raises `LocalProtocolError` before the stream is entered."""
        return self._head.headers

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self._head.is_success

    def __enter__(self) -> Self:
        talk, exchange = self._talk, self._exchange
        deadline = deadline_of(self._timeout)
        talk.open(exchange)
        try:
            talk.send(exchange, self._message, self._timeout)
            with talk.lock:
                while exchange.head is None and not exchange.is_settled:
                    if not wait_until(self._woken, deadline):
                        raise self._timed_out()
            if exchange.head is None:
                exchange.get()
            return self
        except BaseException:
            talk.close(exchange)
            raise

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._talk.close(self._exchange)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        parts = self._exchange.parts
        try:
            text = self._talk.take(parts, self._woken, deadline_of(self._timeout))
        except TimeoutError:
            raise self._timed_out() from None
        if text is None:
            raise StopIteration
        return text

    @property
    def _head(self) -> HttpHead:
        if self._exchange.head is None:
            raise LocalProtocolError("enter the stream first: with client.http_stream(…)")
        return self._exchange.head

    def _timed_out(self) -> TimeoutError:
        return TimeoutError(f"no part within {self._timeout:g} s: {self._exchange.progress}")


class DialogueVerbs(ABC):
    """The common dialogues with a server, in one call each.

    All of them raise `SendFailed` if the question could not be sent, `ServerError` if the server
    answers it with an error event that names it, `ConnectionFailed` if the connection ends before
    the answer has come, and `TimeoutError` after ``timeout`` seconds.
    """

    @property
    @abstractmethod
    def _talk(self) -> Talk: ...

    def sample_time(self, *, timeout: float | None = None) -> TimeSample:
        """Ask the server for its time, once."""
        talk = self._talk
        number = talk.dialogues.next_number()
        request = Request("sync/time/response", fields={"id": number})
        sent, began = time.time(), time.monotonic()
        answer = talk.ask(request, time_question(number, sent), timeout)
        # Whoever sets the clock meanwhile does not disturb this.
        return time_sample(answer, sent, sent + time.monotonic() - began)

    def clock_offset(self, *, samples: int = 5, timeout: float | None = None) -> ClockOffset:
        """How far the server's clock is ahead of ours, from ``samples`` questions in turn.

        ``timeout`` is for all of them. Raises `LocalProtocolError` for less than one sample.
        """
        deadline = deadline_of(timeout)
        taken: list[TimeSample] = []
        for _ in range(samples):
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                taken.append(self.sample_time(timeout=left))
            except TimeoutError:
                raise TimeoutError(f"no {samples} time samples within {timeout:g} s") from None
        return estimate(taken)

    def http(
        self,
        path: str,
        *,
        method: str = "GET",
        json: Any = None,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        path_params: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpResult:
        """Send a request to the records API over the socket; the answer, whole.

        A status that is no success is no error. Raises `LocalProtocolError` for a request that
        cannot be made, and `RemoteProtocolError` for an answer that makes no sense.
        """
        talk = self._talk
        number = talk.dialogues.next_number()
        message = http_request(
            number, path, method=method, json=json, body=body, headers=headers, query=query,
            path_params=path_params,
        )  # fmt: skip
        exchange = HttpExchange(number)
        talk.ask(exchange, message, timeout)
        return exchange.whole()

    def http_stream(
        self,
        path: str,
        *,
        method: str = "GET",
        json: Any = None,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        path_params: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpStream:
        """The same, for an answer that is read part by part as it comes."""
        talk = self._talk
        number = talk.dialogues.next_number()
        message = http_request(
            number, path, method=method, json=json, body=body, headers=headers, query=query,
            path_params=path_params,
        )  # fmt: skip
        return HttpStream(talk, HttpExchange(number, is_stream=True), message, timeout)

    def connection_count(
        self,
        record_name: str | None = None,
        inst: str | None = None,
        branch: str | None = None,
        *,
        timeout: float | None = None,
    ) -> int:
        """How many connections there are: in all, to an inst, or to a branch of it."""
        return self._talk.put(count_question(record_name, inst, branch), timeout)

    def get_updates(
        self,
        record_name: str | None,
        inst: str,
        branch: str = "shared",
        *,
        timeout: float | None = None,
    ) -> StoredUpdates:
        """All updates that are stored for a branch, without watching it."""
        return self._talk.put(updates_question((record_name, inst, branch)), timeout)

    def inst(self, record_name: str | None, inst: str, branch: str = "shared") -> Inst:
        """One branch of an inst, to be watched and written to; ``record_name`` None: public."""
        return Inst(self._talk, record_name, inst, branch)
