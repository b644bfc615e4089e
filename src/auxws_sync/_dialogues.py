"""What `AuxClient` has its dialogues from: requests, the clock, HTTP over the socket, insts.

It knows the verbs. It must not know how a thread waits for the answer to a question, which is
`Talk`'s business, nor questions and messages, which are the core's.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from auxws_proto import LocalProtocolError
from auxws_proto._clock_offset import (
    ClockOffset,
    TimeSample,
    estimate,
    time_question,
    time_sample,
)
from auxws_proto._http_request import HttpExchange, HttpHead, HttpResult, http_request
from auxws_proto._questions import (
    StoredUpdates,
    count_question,
    updates_question,
)
from auxws_proto._requests import Request

from ._inst import Inst
from ._talk import Talk
from ._typed import Outgoing
from ._waits import deadline_of, wait_until

__all__ = [
    "HttpStream",
]


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
