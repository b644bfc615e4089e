"""What `AuxClient` has its dialogues from: requests, the clock, HTTP over the socket, insts.

It knows how a task waits for the answer to a question. It must not know questions nor messages:
those are in `auxws_proto._questions`, and who gets which answer in `auxws_proto._dialogues`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio

from auxws_proto import LocalProtocolError
from auxws_proto._clock_offset import (
    ClockOffset,
    TimeSample,
    estimate,
    time_question,
    time_sample,
)
from auxws_proto._dialogues import Dialogues
from auxws_proto._http_request import HttpExchange, HttpHead, HttpResult, http_request
from auxws_proto._questions import (
    Question,
    StoredUpdates,
    count_question,
    updates_question,
)
from auxws_proto._requests import Answer, Request

from ._bell import Bell
from ._engine import Engine
from ._inst import Inst
from ._sender import Outgoing, Sender

__all__ = [
    "HttpStream",
]

T = TypeVar("T")


class Talk:
    """Asking, and waiting for the answer, over one engine."""

    __slots__ = ("_sender", "engine", "room")

    def __init__(self, engine: Engine, sender: Sender) -> None:
        self.engine: Engine = engine
        self.room: Bell = Bell()
        """Rings when there may be room for more updates."""
        self._sender = sender
        self.dialogues.room_made = self.room.ring

    @property
    def dialogues(self) -> Dialogues:
        """The dialogues of the engine's machine."""
        return self.engine.machine.dialogues

    async def ask(self, request: Request, message: Outgoing, timeout: float | None) -> Any:
        """Send a question, and wait for the message that answers it."""
        self.dialogues.open(request)
        try:
            with anyio.move_on_after(timeout):
                await self.send(request, message)
                return await wait_for(request)
            hint = self.dialogues.requests.hint(request)
        finally:
            self.close(request)
        heard = "" if hint is None else f"; the last error that was reported meanwhile: {hint}"
        raise TimeoutError(f"no reply within {timeout:g} s{heard}")

    async def put(self, question: Question[T], timeout: float | None) -> T:
        """The same for a question whose answer is read."""
        return question.read(await self.ask(question.request, question.message, timeout))

    async def tell(self, message: Outgoing, timeout: float | None) -> None:
        """Send a message that has no answer; returns once it is accepted."""
        with anyio.move_on_after(timeout):
            await self._sender.accept(message)
            return
        raise TimeoutError(f"there was no room in the outbox within {timeout:g} s")

    async def send(self, request: Request, message: Outgoing) -> None:
        """Send the message of an open request, which shares its fate from then on."""
        entry = await self._sender.accept(message)
        self.dialogues.requests.sent(request, entry.send_id)
        if entry.error is not None:
            raise entry.error

    def close(self, request: Request) -> None:
        """Wait no longer."""
        self.dialogues.close(request)
        # It may have been all that held the reading back.
        self.engine.dispatch()


async def wait_for(answer: Answer[T]) -> T:
    """What the answer is, once it is there."""
    bell = Bell()
    answer.wake = bell.ring
    while not answer.is_settled:
        await bell.wait()
    return answer.get()


class HttpStream:
    """An answer of the records API, part by part: ``async with`` it, then iterate over texts.

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
        self._bell = Bell()
        exchange.wake = self._bell.ring

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

    async def __aenter__(self) -> Self:
        exchange = self._exchange
        self._talk.dialogues.open(exchange)
        try:
            with anyio.move_on_after(self._timeout):
                await self._talk.send(exchange, self._message)
                while exchange.head is None and not exchange.is_settled:
                    await self._bell.wait()
                if exchange.head is None:
                    exchange.get()
                return self
            raise self._timed_out()
        except BaseException:
            self._talk.close(exchange)
            raise

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._talk.close(self._exchange)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        parts = self._exchange.parts
        with anyio.move_on_after(self._timeout):
            while (text := parts.pop()) is None:
                if parts.is_finished:
                    raise StopAsyncIteration
                await self._bell.wait()
            if not self._talk.engine.is_reading:
                self._talk.engine.dispatch()
            return text
        raise self._timed_out()

    @property
    def _head(self) -> HttpHead:
        if self._exchange.head is None:
            raise LocalProtocolError("enter the stream first: async with client.http_stream(…)")
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

    async def sample_time(self, *, timeout: float | None = None) -> TimeSample:
        """Ask the server for its time, once."""
        talk = self._talk
        number = talk.dialogues.next_number()
        request = Request("sync/time/response", fields={"id": number})
        sent, began = time.time(), time.monotonic()
        answer = await talk.ask(request, time_question(number, sent), timeout)
        # Whoever sets the clock meanwhile does not disturb this.
        return time_sample(answer, sent, sent + time.monotonic() - began)

    async def clock_offset(self, *, samples: int = 5, timeout: float | None = None) -> ClockOffset:
        """How far the server's clock is ahead of ours, from ``samples`` questions in turn.

        ``timeout`` is for all of them. Raises `LocalProtocolError` for less than one sample.
        """
        with anyio.move_on_after(timeout):
            return estimate([await self.sample_time() for _ in range(samples)])
        raise TimeoutError(f"no {samples} time samples within {timeout:g} s")

    async def http(
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
        await talk.ask(exchange, message, timeout)
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

    async def connection_count(
        self,
        record_name: str | None = None,
        inst: str | None = None,
        branch: str | None = None,
        *,
        timeout: float | None = None,
    ) -> int:
        """How many connections there are: in all, to an inst, or to a branch of it."""
        return await self._talk.put(count_question(record_name, inst, branch), timeout)

    async def get_updates(
        self,
        record_name: str | None,
        inst: str,
        branch: str = "shared",
        *,
        timeout: float | None = None,
    ) -> StoredUpdates:
        """All updates that are stored for a branch, without watching it."""
        return await self._talk.put(updates_question((record_name, inst, branch)), timeout)

    def inst(self, record_name: str | None, inst: str, branch: str = "shared") -> Inst:
        """One branch of an inst, to be watched and written to; ``record_name`` None: public."""
        return Inst(self._talk, record_name, inst, branch)
