"""The object store on a byte stream: HTTP/1.1 by h11, one task a connection.

It knows HTTP's framing, time limits and how to cut a connection. It must not know S3's rules: those
are `ObjectStore`'s, and what goes wrong on purpose comes from `Faults`.

Strategy: one loop a connection, one request after the other. Whatever a client does ends in a typed
answer or a closed stream, never in an exception. A refused body is read and thrown away, so that
the refusal arrives: a stream that is closed while bytes are unread is reset by the kernel.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import time
from typing import Final

import anyio
import anyio.abc
import h11

from ._cors import PREFLIGHT
from ._faults import Drop, Faults, StoreFault
from ._s3_rules import StoreRequest, StoreResponse
from ._store import ObjectStore
from ._streams import GONE, cut, end_output

_log = logging.getLogger("auxws_anyio.gateway")

_READ: Final = 256 * 1024  # bytes; small reads cost a large body a task switch each.
_MAX_HEAD: Final = 16 * 1024  # S3 takes 8 KB of headers; a presigned target comes on top.

_BAD_REQUESTS: Final = {
    431: ("RequestHeaderSectionTooLarge", "Your request header section is too large."),
    501: ("NotImplemented", "A header you provided implies functionality that is not implemented."),
}
_BAD_REQUEST: Final = ("BadRequest", "An error occurred when parsing the HTTP request.")


class StoreServer:
    """Serves an `ObjectStore`, connection by connection.

    ``clock`` gives seconds since 1970. An idle connection is closed after ``keep_alive`` seconds
    (``docs/protocol.md`` §8: some 5 to 20 s), one that stands still inside a request after
    ``stall_timeout``. `requests` counts what was answered, preflights apart; `failures` keeps what
    was our fault.
    """

    def __init__(
        self,
        store: ObjectStore,
        faults: Faults | None = None,
        *,
        clock: Callable[[], float] = time,
        keep_alive: float = 20.0,
        stall_timeout: float = 20.0,
    ) -> None:
        self.store = store
        self.faults = Faults() if faults is None else faults
        self.clock = clock
        self.keep_alive = keep_alive
        self.stall_timeout = stall_timeout
        self.requests = 0
        self.failures: list[Exception] = []

    async def handle(self, stream: anyio.abc.ByteStream) -> None:
        """Answers requests on this stream until it ends, then closes it. Raises no Exception."""
        try:
            await _Connection(self, stream).run()
        except GONE:
            pass
        except Exception as error:
            self.failures.append(error)
            _log.error("the object store failed: %s", type(error).__name__)
        finally:
            await cut(stream)


class _Dropped(Exception):
    """A fault cuts this connection."""


class _Connection:
    def __init__(self, server: StoreServer, stream: anyio.abc.ByteStream) -> None:
        self._server = server
        self._stream = stream
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)

    async def run(self) -> None:
        try:
            while await self._exchange():
                self._http.start_next_cycle()
        except h11.RemoteProtocolError as error:
            await self._refuse_garbage(error.error_status_hint)
        except _Dropped:
            return
        await self._linger()

    async def _exchange(self) -> bool:
        """One request and its answer; whether another may follow."""
        event = await self._next(self._server.keep_alive)
        if not isinstance(event, h11.Request):
            return False
        request = StoreRequest(
            method=event.method.decode("ascii"),
            target=event.target.decode("ascii"),
            headers=tuple((n.decode("ascii"), v.decode("latin-1")) for n, v in event.headers),
        )
        fault = self._server.faults.take_store_fault(request.method)
        await anyio.sleep(self._server.faults.delay_store + (fault.delay if fault else 0.0))
        _drop(fault, Drop.HEAD)
        store, clock = self._server.store, self._server.clock
        response = store.refuse(request, clock(), fault)
        if response is None:
            body = await self._read_body(request, fault)
            if body is None:
                return False
            whole = StoreRequest(
                method=request.method, target=request.target, headers=request.headers, body=body
            )
            response = store.respond(whole, clock(), fault)
            _drop(fault, Drop.ANSWER)
        # A browser's question is no request of the client's: who counts transfers is not misled.
        self._server.requests += request.method != PREFLIGHT
        await self._answer(request.method, response, fault)
        return await self._finish_reading()

    async def _read_body(self, request: StoreRequest, fault: StoreFault | None) -> bytes | None:
        """The body, or None if the client was too slow or went away."""
        drop_at = request.length // 2 if fault is not None and fault.drop is Drop.BODY else None
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        body = bytearray()
        while True:
            if drop_at is not None and len(body) >= drop_at:
                raise _Dropped
            event = await self._next(self._server.stall_timeout)
            match event:
                case h11.Data():
                    body += event.data
                case h11.EndOfMessage():
                    return bytes(body)
                case None:
                    await self._answer(request.method, self._timed_out(request), None)
                    return None
                case _:
                    return None

    def _timed_out(self, request: StoreRequest) -> StoreResponse:
        return self._server.store.error(
            request,
            400,
            "RequestTimeout",
            "Your socket connection to the server was not read from or written to within the "
            "timeout period. Idle connections will be closed.",
        )

    async def _answer(self, method: str, response: StoreResponse, fault: StoreFault | None) -> None:
        headers = list(response.headers)
        if self._http.they_are_waiting_for_100_continue:
            # The client may or may not send its body now: only a new connection is sure.
            headers.append(("Connection", "close"))
        await self._send(h11.Response(status_code=response.status, headers=headers))
        body = response.body
        if fault is not None and fault.drop is Drop.RESPONSE:
            await self._send(h11.Data(data=body[: len(body) // 2]))
            raise _Dropped
        if body:
            await self._send(h11.Data(data=body))
        await self._send(h11.EndOfMessage())

    async def _finish_reading(self) -> bool:
        """Throws away what is left of a body; whether the connection can be used again."""
        left = self._server.store.max_object
        while self._http.their_state is h11.SEND_BODY and left > 0:
            event = await self._next(self._server.stall_timeout)
            if isinstance(event, h11.Data):
                left -= len(event.data)
            elif not isinstance(event, h11.EndOfMessage):
                return False
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _refuse_garbage(self, status: int) -> None:
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        code, message = _BAD_REQUESTS.get(status, _BAD_REQUEST)
        unread = StoreRequest(method="GET", target="/")
        response = self._server.store.error(unread, status, code, message)
        headers = [*response.headers, ("Connection", "close")]
        await self._send(h11.Response(status_code=response.status, headers=headers))
        await self._send(h11.Data(data=response.body))
        await self._send(h11.EndOfMessage())

    async def _linger(self) -> None:
        """Ends our side and waits for the other's end, within bounds, so that nothing is reset."""
        left = self._server.store.max_object
        with anyio.move_on_after(self._server.stall_timeout):
            await end_output(self._stream)
            while left > 0:
                left -= len(await self._stream.receive(_READ))

    async def _next(self, patience: float) -> h11.Event | None:
        """The next event, or None when nothing comes for ``patience`` seconds."""
        while True:
            event = self._http.next_event()
            if event is h11.PAUSED:
                return h11.ConnectionClosed()
            if not isinstance(event, type):
                # h11 types its sentinels as classes.
                return event
            data = None
            with anyio.move_on_after(patience):
                try:
                    data = await self._stream.receive(_READ)
                except anyio.EndOfStream:
                    data = b""
            if data is None:
                return None
            self._http.receive_data(data)

    async def _send(
        self, event: h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage
    ) -> None:
        data = self._http.send(event)
        if not data:
            return
        with anyio.move_on_after(self._server.stall_timeout) as scope:
            await self._stream.send(data)
        if scope.cancelled_caught:
            raise _Dropped


def _drop(fault: StoreFault | None, when: Drop) -> None:
    if fault is not None and fault.drop is when:
        raise _Dropped
