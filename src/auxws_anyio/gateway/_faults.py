"""What can go wrong between a client and AWS, to order.

It knows lists of faults and the values that tests set. It must not know how they are played: the
object store, its server and the gateway look here before they do a thing.

Strategy: a fault that happens once is an entry in a queue, taken by the first thing that it fits;
what lasts is a plain attribute. Nothing here waits, and nothing here is random.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from ._cors import PREFLIGHT

__all__ = ["Drop", "Faults", "StoreFault"]

_T = TypeVar("_T")


class Drop(StrEnum):
    """When the object store drops a connection in the middle of a request."""

    HEAD = "head"
    """Once the head of the request has come."""
    BODY = "body"
    """Half way through the body of the request."""
    ANSWER = "answer"
    """After doing what was asked, instead of answering."""
    RESPONSE = "response"
    """Half way through the body of the response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFault:
    """One thing that goes wrong with one request to the object store.

    ``method`` None fits any but ``OPTIONS``, a browser's preflight. ``status`` refuses the request
    with S3's XML, ``code`` and ``message`` in it; with ``redirect_to`` (an origin) there is a
    Location. ``expired`` treats the presigned URL as expired, ``content`` answers a GET with this
    instead of the object's body. ``delay`` seconds pass first; ``drop`` cuts the connection.
    """

    method: str | None = None
    status: int | None = None
    code: str = "InternalError"
    message: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    redirect_to: str | None = None
    expired: bool = False
    content: bytes | None = field(default=None, repr=False)
    delay: float = 0.0
    drop: Drop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeFault:
    """A handshake that is refused, with an HTTP status and API Gateway's JSON body."""

    status: int
    message: str = "Forbidden"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFault:
    """A connection that ends after its ``after_frames``-th frame from the client.

    With ``code`` None it is dropped without a close frame.
    """

    after_frames: int
    code: int | None = None
    reason: str = ""


class Line(Protocol):
    """An open connection, as far as faults need it."""

    def inject(self, data: str | bytes) -> None: ...
    def notify(self, message: str) -> None: ...
    def close(self, code: int | None, reason: str) -> None: ...
    def drop(self) -> None: ...
    def wake(self) -> None: ...


class Faults:
    """Everything that can be made to go wrong, on one gateway, while it runs.

    Set the attributes and call the methods from the event loop of the gateway. `clear` mends all.
    """

    def __init__(self) -> None:
        self._store: list[StoreFault] = []
        self._handshakes: list[HandshakeFault] = []
        self._connections: list[ConnectionFault] = []
        self._uploads: list[Mapping[str, Any] | str | None] = []
        self._expired_urls = 0
        self._lines: list[Line] = []
        self._silent = False
        self._mend()

    def _mend(self) -> None:
        self.handshake_delay: float = 0.0
        """Seconds before each handshake is answered."""
        self.delay_to_server: float = 0.0
        """Seconds that bytes from a client wait before the gateway sees them."""
        self.delay_to_client: float = 0.0
        """Seconds that bytes to a client wait before they are written."""
        self.delay_upload_answer: float = 0.0
        """Seconds before an upload request is answered."""
        self.delay_store: float = 0.0
        """Seconds before each request to the object store is answered."""
        self.answer_pings = True
        """False: pings get no pong."""
        self.silent = False
        self.upload_query: tuple[tuple[str, str], ...] = ()
        """More parameters of upload URLs, such as ``("x-amz-checksum-crc32", "AAAAAA==")``."""

    @property
    def silent(self) -> bool:
        """True: connections are neither read nor written; they stay open."""
        return self._silent

    @silent.setter
    def silent(self, silent: bool) -> None:
        self._silent = silent
        for line in tuple(self._lines):
            line.wake()

    def clear(self) -> None:
        """Mends everything that was ordered and has not happened yet."""
        self._mend()
        for queue in (self._store, self._handshakes, self._connections, self._uploads):
            queue.clear()
        self._expired_urls = 0

    # The handshake and the connection.

    def refuse_handshakes(
        self,
        count: int = 1,
        status: int = 503,
        message: str = "Service Unavailable",
        *,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """The next ``count`` handshakes are answered with ``status``."""
        self._handshakes += [
            HandshakeFault(status=status, message=message, headers=headers)
        ] * count

    def drop_after_frames(self, frames: int, *, connections: int = 1) -> None:
        """The next ``connections`` are dropped after that many data frames from the client.

        0 drops at once after the handshake.
        """
        self._connections += [ConnectionFault(after_frames=frames)] * connections

    def close_after_frames(
        self, frames: int, code: int = 1001, reason: str = "", *, connections: int = 1
    ) -> None:
        """As `drop_after_frames`, with a close frame."""
        fault = ConnectionFault(after_frames=frames, code=code, reason=reason)
        self._connections += [fault] * connections

    def drop_connections(self) -> None:
        """Drops every open connection now, without a close frame."""
        for line in tuple(self._lines):
            line.drop()

    def close_connections(self, code: int | None = 1001, reason: str = "Going away") -> None:
        """Closes every open connection now, with a close frame."""
        for line in tuple(self._lines):
            line.close(code, reason)

    def send_junk(self, data: str | bytes) -> None:
        """Sends this to every open connection now: a text frame for `str`, binary for bytes."""
        for line in tuple(self._lines):
            line.inject(data)

    def send_error(self, info: Mapping[str, Any], event_id: float | None = -1) -> None:
        """Sends an error event to every open connection now (``docs/protocol.md`` §2)."""
        self.send_junk(json.dumps([5, event_id, dict(info)], separators=(",", ":")))

    def send_notice(self, message: str = "Internal server error") -> None:
        """Sends a notice of API Gateway's own to every open connection now (§2)."""
        for line in tuple(self._lines):
            line.notify(message)

    # Uploads.

    def refuse_uploads(
        self, count: int = 1, error: str | Mapping[str, Any] = "server_error"
    ) -> None:
        """The next upload requests are answered with an error event: a code or a whole info."""
        self._uploads += [error] * count

    def ignore_uploads(self, count: int = 1) -> None:
        """The next upload requests are never answered."""
        self._uploads += [None] * count

    def expire_upload_urls(self, count: int = 1) -> None:
        """The next upload URLs have expired when they come."""
        self._expired_urls += count

    # The object store.

    def add_store_fault(self, fault: StoreFault, count: int = 1) -> None:
        """The next ``count`` requests that fit go wrong in this way."""
        self._store += [fault] * count

    def fail_puts(
        self, count: int = 1, status: int = 503, code: str = "SlowDown", message: str = ""
    ) -> None:
        """The next PUTs are refused with this status and XML code."""
        self.add_store_fault(
            StoreFault(method="PUT", status=status, code=code, message=message), count
        )

    def fail_gets(
        self, count: int = 1, status: int = 503, code: str = "SlowDown", message: str = ""
    ) -> None:
        """The next GETs are refused with this status and XML code."""
        self.add_store_fault(
            StoreFault(method="GET", status=status, code=code, message=message), count
        )

    def drop_puts(self, count: int = 1, when: Drop = Drop.BODY) -> None:
        """The next PUTs lose their connection."""
        self.add_store_fault(StoreFault(method="PUT", drop=when), count)

    def drop_gets(self, count: int = 1, when: Drop = Drop.RESPONSE) -> None:
        """The next GETs lose their connection."""
        self.add_store_fault(StoreFault(method="GET", drop=when), count)

    def expire_puts(self, count: int = 1) -> None:
        """The next PUTs are told that their URL has expired."""
        self.add_store_fault(StoreFault(method="PUT", expired=True), count)

    def redirect_puts(self, origin: str, count: int = 1) -> None:
        """The next PUTs are sent to the same target at another origin, with a 307."""
        self.add_store_fault(
            StoreFault(
                method="PUT",
                status=307,
                code="TemporaryRedirect",
                message="Please re-send this request to the specified temporary endpoint.",
                redirect_to=origin,
            ),
            count,
        )

    # For the gateway and the store.

    def take_store_fault(self, method: str) -> StoreFault | None:
        """The fault that this request plays, once."""
        # A preflight is the browser's own: it takes no fault from the request that it precedes.
        fitting = (method,) if method == PREFLIGHT else (None, method)
        return _take(self._store, lambda fault: fault.method in fitting)

    def take_handshake_fault(self) -> HandshakeFault | None:
        """The refusal of this handshake, once."""
        return _take(self._handshakes, lambda fault: True)

    def take_connection_fault(self) -> ConnectionFault | None:
        """The end of this connection, once."""
        return _take(self._connections, lambda fault: True)

    def take_upload_fault(self) -> tuple[Mapping[str, Any] | str | None] | None:
        """None: answer. Otherwise one item: the error to answer with, or None for no answer."""
        return (self._uploads.pop(0),) if self._uploads else None

    def take_expired_url(self) -> bool:
        """Whether this upload URL has expired when it comes, once."""
        if not self._expired_urls:
            return False
        self._expired_urls -= 1
        return True

    def attach(self, line: Line) -> None:
        """An open connection, to be told of what happens now."""
        self._lines.append(line)

    def detach(self, line: Line) -> None:
        """A connection that is over."""
        self._lines.remove(line)


def _take(queue: list[_T], fits: Callable[[_T], bool]) -> _T | None:
    for index, fault in enumerate(queue):
        if fits(fault):
            return queue.pop(index)
    return None
