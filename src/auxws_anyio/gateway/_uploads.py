"""The gateway's side of the detour by the object store: upload URLs, and the server's transfers.

It knows the store and the faults that concern uploads. It must not know sockets. The server puts
and gets with its own credentials (``docs/protocol.md`` §3), so it goes to the store directly;
nothing that clients are made to suffer happens to it.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import uuid4

from auxws_proto import (
    GetFromUrl,
    HttpResponded,
    PutToUrl,
    UploadGranted,
    UploadRefused,
)

from ._faults import Faults
from ._store import ObjectStore


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
        self.granted: int = 0
        """How many upload URLs clients were given."""
        self.by_server: int = 0
        """How many messages the server itself has put into the store."""

    def answer(
        self, request_id: int, *, asked: bool
    ) -> tuple[UploadGranted | UploadRefused | None, float]:
        """The answer to a request for an upload URL (None: there is none), and in how many seconds.

        ``asked``: by the client; otherwise by the server itself, whom faults do not concern.
        """
        if not asked:
            self.by_server += 1
            return self._grant(request_id, self._clock()), 0.0
        delay = self._faults.delay_upload_answer
        fault = self._faults.take_upload_fault()
        if fault is not None:
            error = fault[0]
            refused = None if error is None else UploadRefused(request_id=request_id, error=error)
            return refused, delay
        self.granted += 1
        signed_at = self._clock()
        if self._faults.take_expired_url():
            signed_at -= self._lifetime + 1
        return self._grant(request_id, signed_at, self._faults.upload_query), delay

    def _grant(
        self, request_id: int, signed_at: float, query: tuple[tuple[str, str], ...] = ()
    ) -> UploadGranted:
        origin, key = self._origin(), str(uuid4())
        return UploadGranted(
            request_id=request_id,
            url=self._store.upload_url(origin, key, signed_at, expires=self._lifetime, query=query),
            # Only for the server's own: a client announces its upload URL without the query.
            announce_url=self._store.download_url(origin, key, signed_at, expires=self._lifetime),
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
