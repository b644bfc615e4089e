"""The gateway's side of the detour by the object store: upload URLs, and the server's transfers.

It knows the store and the faults that concern uploads. It must not know sockets. The server puts
and gets with its own credentials (``docs/protocol.md`` §3), so it goes to the store directly;
nothing that clients are made to suffer happens to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from auxws_proto import (
    AuxWebSocket,
    GetFromUrl,
    HttpResponded,
    PutToUrl,
    UploadGranted,
    UploadRefused,
)

from ._faults import Faults
from ._store import ObjectStore


class Asker(Protocol):
    """The connection that an answer is for."""

    @property
    def machine(self) -> AuxWebSocket: ...
    def upload_answered(self, outcome: Callable[[float], None], delay: float) -> None: ...


class Uploads:
    """Answers upload requests and runs the server's own transfers.

    ``origin`` is the store's, as clients reach it; ``clock`` gives seconds since 1970; URLs are
    good for ``lifetime`` seconds.
    """

    def __init__(
        self,
        store: ObjectStore,
        faults: Faults,
        *,
        origin: Callable[[], str],
        clock: Callable[[], float],
        lifetime: int,
    ) -> None:
        self._store = store
        self._faults = faults
        self._origin = origin
        self._clock = clock
        self._lifetime = lifetime
        self.granted = 0
        """How many upload URLs clients were given."""
        self.by_server = 0
        """How many messages the server itself has put into the store."""

    def answer(self, asker: Asker, request_id: int, *, asked: bool) -> None:
        """Answers a request for an upload URL, ``asked`` by the client or by the server itself."""
        machine, now = asker.machine, self._clock()
        key, signed_at = str(uuid4()), now
        fault: tuple[Mapping[str, Any] | str | None] | None = None
        query: tuple[tuple[str, str], ...] = ()
        if asked:
            fault = self._faults.take_upload_fault()
            query = self._faults.upload_query
            if self._faults.take_expired_url():
                signed_at = now - self._lifetime - 1
        if fault is not None:
            error = fault[0]
            if error is None:
                return
            refused = UploadRefused(request_id=request_id, error=error)
            asker.upload_answered(
                lambda now: machine.handle(refused, now), self._faults.delay_upload_answer
            )
            return
        origin = self._origin()
        granted = UploadGranted(
            request_id=request_id,
            url=self._store.upload_url(origin, key, signed_at, expires=self._lifetime, query=query),
            announce_url=None
            if asked
            else self._store.download_url(origin, key, now, expires=self._lifetime),
        )
        if asked:
            self.granted += 1
        else:
            self.by_server += 1
        asker.upload_answered(
            lambda now: machine.handle(granted, now),
            self._faults.delay_upload_answer if asked else 0.0,
        )

    def transfer(self, action: PutToUrl | GetFromUrl) -> HttpResponded:
        """What a transfer of the server's own comes to; it takes no time."""
        # docs/protocol.md §3: "the server takes path[1:] as the object's key", undecoded.
        key = urlsplit(action.url.reveal()).path[1:]
        if isinstance(action, PutToUrl):
            content_type = {n.lower(): v for n, v in action.headers.items()}.get("content-type")
            self._store.put(key, action.body, self._clock(), content_type or "")
            return HttpResponded(transfer_id=action.transfer_id, status=200)
        body = self._store.get(key, self._clock())
        if body is None:
            missing = b"<Error><Code>NoSuchKey</Code></Error>"
            return HttpResponded(transfer_id=action.transfer_id, status=404, body=missing)
        return HttpResponded(transfer_id=action.transfer_id, status=200, body=body)
