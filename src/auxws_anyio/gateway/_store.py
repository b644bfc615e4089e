"""An object store that is as strict as S3, without sockets: a request in, a response out.

It knows S3's rules and S3's words for breaking them (``docs/protocol.md`` §8). It must not know how
requests come or when: the time is an input, in seconds since 1970.

Strategy: a request is judged in two steps, as S3 does. `ObjectStore.refuse` judges the head alone,
so that a server can answer before it has read a body that nobody will keep; `ObjectStore.respond`
judges the whole and does what was asked. Both take the fault to play, if any.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from typing import Final
from xml.sax.saxutils import escape

from ._canonical import Pairs, quote_key
from ._cors import PREFLIGHT, check_preflight, cors_headers
from ._faults import StoreFault
from ._s3_rules import (
    METHODS,
    StoreRequest,
    StoreResponse,
    check_digests,
    check_form,
    check_framing,
    check_size,
)
from ._sigv4 import (
    MAX_EXPIRES,
    SignatureRefused,
    SigningCredentials,
    check,
    is_presigned,
    presign,
)

ACL: Final = "bucket-owner-full-control"
"""The value of ``x-amz-acl`` that upload URLs sign (``docs/protocol.md`` §3, §8)."""

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_DENIED: Final = ("AccessDenied", "Access Denied")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object. ``stored_at`` is in seconds since 1970."""

    body: bytes = field(repr=False)
    content_type: str
    stored_at: float

    @property
    def etag(self) -> str:
        """S3's entity tag of an object that was put in one part."""
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


class ObjectStore:
    """Objects by key, in memory, behind S3's rules.

    ``public_read`` answers unsigned GETs, as the messages bucket does; writing always needs a
    signature. ``check_checksum`` compares an ``x-amz-checksum-crc32`` in the query with the body.
    An object has at most ``max_object`` bytes; when all have more than ``max_total``, the oldest
    are deleted, and so is what is older than ``lifetime`` seconds.
    """

    def __init__(
        self,
        credentials: SigningCredentials,
        *,
        region: str = "us-east-1",
        public_read: bool = True,
        check_checksum: bool = True,
        max_object: int = 64 * 1024 * 1024,
        max_total: int = 1024 * 1024 * 1024,
        lifetime: float = 86_400.0,
    ) -> None:
        self._credentials = credentials
        self._region = region
        self._objects: dict[str, StoredObject] = {}
        self._request_ids = count(1)
        self.public_read = public_read
        self.check_checksum = check_checksum
        self.max_object = max_object
        self.max_total = max_total
        self.lifetime = lifetime
        self.total_bytes: int = 0
        """Of all objects."""
        self.deleted: int = 0
        """How many objects gave way to newer ones, or were too old."""

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[str]:
        """The keys, oldest first."""
        return iter(tuple(self._objects))

    def get(self, key: str, now: float) -> bytes | None:
        """The object of this key as its owner reads it, or None."""
        self._delete_old(now)
        stored = self._objects.get(key)
        return None if stored is None else stored.body

    def put(self, key: str, body: bytes, now: float, content_type: str = "") -> None:
        """Stores an object as its owner, and makes room for it."""
        self._remove(key)
        self._delete_old(now)
        while self._objects and self.total_bytes + len(body) > self.max_total:
            self._delete_oldest()
        # A PUT without Content-Type gets S3's default.
        stored = StoredObject(body, content_type or "binary/octet-stream", now)
        self._objects[key] = stored
        self.total_bytes += len(body)

    def delete(self, key: str) -> None:
        """Deletes an object, if it is there."""
        self._remove(key)

    def upload_url(
        self, origin: str, key: str, now: float, *, expires: int = 3_600, query: Pairs = ()
    ) -> str:
        """A presigned PUT that signs ``host`` and ``x-amz-acl`` (``docs/protocol.md`` §8)."""
        return self._presign("PUT", origin, key, now, expires, query, {"x-amz-acl": ACL})

    def download_url(
        self, origin: str, key: str, now: float, *, expires: int = 3_600, query: Pairs = ()
    ) -> str:
        """A presigned GET that signs ``host`` only (``docs/protocol.md`` §8)."""
        return self._presign("GET", origin, key, now, expires, query, {})

    def refuse(
        self, request: StoreRequest, now: float, fault: StoreFault | None = None
    ) -> StoreResponse | None:
        """The refusal that the head of a request has earned, or None: read its body, `respond`."""
        try:
            self._judge(request, now, fault)
        except SignatureRefused as refused:
            return self._error(request, refused)
        return None if fault is None or fault.status is None else self._played(request, fault)

    def respond(
        self, request: StoreRequest, now: float, fault: StoreFault | None = None
    ) -> StoreResponse:
        """The answer to a whole request."""
        refusal = self.refuse(request, now, fault)
        if refusal is not None:
            return refusal
        try:
            if request.method == PREFLIGHT:
                return self._response(request, 200, [])
            if request.method == "PUT":
                return self._write(request, now)
            return self._read(request, now, None if fault is None else fault.content)
        except SignatureRefused as refused:
            return self._error(request, refused)

    def error(self, request: StoreRequest, status: int, code: str, message: str) -> StoreResponse:
        """An XML error in S3's form, for what the server has to say about a request."""
        return self._error(request, SignatureRefused(code, message, status=status))

    def _presign(
        self,
        method: str,
        origin: str,
        key: str,
        now: float,
        expires: int,
        query: Pairs,
        headers: Mapping[str, str],
    ) -> str:
        return presign(
            method,
            f"{origin}/{quote_key(key)}",
            self._credentials,
            region=self._region,
            now=now,
            expires=expires,
            headers=headers,
            query=query,
        )

    def _judge(self, request: StoreRequest, now: float, fault: StoreFault | None) -> None:
        is_preflight = request.method == PREFLIGHT
        for rule in (check_preflight if is_preflight else check_form, check_framing):
            rule(request)
        check_size(request, self.max_object)
        if is_preflight:
            return
        if is_presigned(request.target):
            # An expired URL is played by looking from a time when it has expired.
            seen_at = now + MAX_EXPIRES + 1 if fault is not None and fault.expired else now
            check(
                request.method,
                request.target,
                request.headers,
                self._credentials,
                region=self._region,
                now=seen_at,
            )
        elif request.method == "PUT" or not self.public_read:
            raise SignatureRefused(*_DENIED)

    def _write(self, request: StoreRequest, now: float) -> StoreResponse:
        body = request.body
        if len(body) != request.length:
            raise SignatureRefused(
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length "
                "HTTP header.",
                status=400,
            )
        check_digests(request, in_query=self.check_checksum)
        self.put(request.key, body, now, request.header("content-type") or "")
        return self._response(request, 200, [("ETag", self._objects[request.key].etag)])

    def _read(self, request: StoreRequest, now: float, content: bytes | None) -> StoreResponse:
        self._delete_old(now)
        stored = self._objects.get(request.key)
        if stored is None:
            # Whoever may not list the bucket is not told that a key does not exist.
            if not is_presigned(request.target):
                raise SignatureRefused(*_DENIED)
            raise SignatureRefused(
                "NoSuchKey",
                "The specified key does not exist.",
                status=404,
                details=(("Key", request.key),),
            )
        headers = [
            ("Accept-Ranges", "bytes"),
            ("Content-Type", stored.content_type),
            ("Last-Modified", formatdate(stored.stored_at, usegmt=True)),
            ("ETag", stored.etag),
        ]
        body = stored.body if content is None else content
        return self._response(request, 200, headers, body)

    def _played(self, request: StoreRequest, fault: StoreFault) -> StoreResponse:
        status, code = fault.status or 500, fault.code
        refused = SignatureRefused(code, fault.message or code, status=status)
        response = self._error(request, refused)
        location = fault.redirect_to
        extra = () if location is None else (("Location", location + request.target),)
        return StoreResponse(
            status=status, headers=response.headers + fault.headers + extra, body=response.body
        )

    def _error(self, request: StoreRequest, refused: SignatureRefused) -> StoreResponse:
        request_id = f"{next(self._request_ids):016X}"
        elements = [
            ("Code", refused.code),
            ("Message", refused.message),
            *refused.details,
            ("RequestId", request_id),
            ("HostId", "local"),
        ]
        inner = "".join(f"<{name}>{_xml(text)}</{name}>" for name, text in elements)
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()
        headers = [("Content-Type", "application/xml")]
        if refused.status == 405:
            headers.append(("Allow", ", ".join(sorted(METHODS))))
        return self._response(request, refused.status, headers, body, request_id)

    def _response(
        self,
        request: StoreRequest,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes = b"",
        request_id: str | None = None,
    ) -> StoreResponse:
        fixed = (
            ("x-amz-request-id", request_id or f"{next(self._request_ids):016X}"),
            ("Content-Length", str(len(body))),
        )
        return StoreResponse(
            status=status,
            headers=(*headers, *cors_headers(request), *fixed),
            body=b"" if request.method == "HEAD" else body,
        )

    def _delete_old(self, now: float) -> None:
        # Objects are in the order of their time: a PUT takes its key to the end.
        while self._objects:
            oldest = next(iter(self._objects.values()))
            if oldest.stored_at + self.lifetime > now:
                break
            self._delete_oldest()

    def _delete_oldest(self) -> None:
        self._remove(next(iter(self._objects)))
        self.deleted += 1

    def _remove(self, key: str) -> None:
        stored = self._objects.pop(key, None)
        if stored is not None:
            self.total_bytes -= len(stored.body)


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("?", text))
