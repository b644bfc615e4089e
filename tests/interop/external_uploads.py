"""The gateway with an object store that is not its own.

It knows what the gateway asks of its `Uploads`: URLs for clients, and the server's own transfers.
The server's transfers block the gateway meanwhile: the store is another process, or a thread.
"""

from __future__ import annotations

import uuid
from urllib.parse import unquote, urlsplit

from auxws_anyio.gateway import Gateway
from auxws_anyio.gateway._uploads import Uploads
from auxws_proto import GetFromUrl, HttpResponded, PutToUrl, UploadGranted, UploadRefused
from tests.interop.stores import ACL, BUCKET, Presign, StorePeer, ask


class ExternalUploads(Uploads):
    """`Uploads` whose objects are in `store`, by URLs of `presign`.

    ``options`` go to ``presign`` with each upload URL of a client. ``seen`` is the store as clients
    are to reach it, if that is another address than the gateway's.
    """

    def __init__(
        self,
        gateway: Gateway,
        store: StorePeer,
        presign: Presign,
        *,
        seen: StorePeer | None = None,
        **options: int,
    ) -> None:
        super().__init__(
            gateway.store,
            gateway.faults,
            origin=lambda: (seen or store).endpoint,
            clock=lambda: 0.0,
            lifetime=3_600,
        )
        self._peer = store
        self._seen = seen or store
        self._presign = presign
        self._options = options

    def answer(
        self, request_id: int, *, asked: bool
    ) -> tuple[UploadGranted | UploadRefused | None, float]:
        if asked:
            self.granted += 1
        else:
            self.by_server += 1
        key = str(uuid.uuid4())
        options = self._options if asked else {}
        granted = UploadGranted(
            request_id=request_id,
            url=self._presign(self._seen, "PUT", key, **options),
            announce_url=self._presign(self._seen, "GET", key),
        )
        return granted, 0.0

    def transfer(self, action: PutToUrl | GetFromUrl) -> HttpResponded:
        # "The server takes path[1:] as the object's key, reads it with its own credentials"
        # (docs/protocol.md §3); these stores have the bucket before it.
        key = unquote(urlsplit(action.url.reveal()).path).removeprefix(f"/{BUCKET}/")
        if isinstance(action, PutToUrl):
            url = self._presign(self._peer, "PUT", key)
            answer = ask("PUT", url, {"x-amz-acl": ACL}, action.body)
        else:
            answer = ask("GET", self._presign(self._peer, "GET", key))
        return HttpResponded(transfer_id=action.transfer_id, status=answer.status, body=answer.body)


def use_store(
    gateway: Gateway,
    store: StorePeer,
    presign: Presign,
    *,
    seen: StorePeer | None = None,
    **options: int,
) -> None:
    """Make this gateway keep its messages in ``store``."""
    gateway.uploads = ExternalUploads(gateway, store, presign, seen=seen, **options)
