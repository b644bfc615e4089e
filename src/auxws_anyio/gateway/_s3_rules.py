"""What S3 says about a request before it looks at signatures or objects.

It knows the shapes of request and response, and the rules for method, key, framing, size and
digests (``docs/protocol.md`` §8). It must not know which objects there are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote

from ._sigv4 import SignatureRefused

METHODS: Final = frozenset({"GET", "HEAD", "PUT"})
"""What this store does with objects."""

_MAX_KEY: Final = 1_024  # bytes; S3's limit
_LENGTH: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRequest:
    """A request as it came: ``target`` is path and query, undecoded."""

    method: str
    target: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        """The target without its query, undecoded."""
        return self.target.partition("?")[0]

    @property
    def key(self) -> str:
        """The object's key: the path without its first slash, percent-decoded."""
        return unquote(self.path[1:], errors="surrogateescape")

    @property
    def length(self) -> int:
        """What Content-Length says; 0 without one, or with one that `check_framing` refuses."""
        text = self.header("content-length") or ""
        return int(text) if _LENGTH.fullmatch(text) else 0

    def header(self, name: str) -> str | None:
        """The first header of this lower-case name."""
        return next((value for n, value in self.headers if n.lower() == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreResponse:
    """The answer. For HEAD, ``body`` is empty and Content-Length that of the object."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)


def check_form(request: StoreRequest) -> None:
    """Refuses what names no object or no method."""
    if not request.target.startswith("/"):
        raise SignatureRefused("InvalidURI", "Couldn't parse the specified URI.", status=400)
    if request.method not in METHODS or not request.key:
        raise SignatureRefused(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            status=405,
            details=(("Method", request.method),),
        )
    size = len(request.key.encode("utf-8", "surrogateescape"))
    if size > _MAX_KEY:
        raise SignatureRefused(
            "KeyTooLongError",
            "Your key is too long",
            status=400,
            details=(("Size", str(size)), ("MaxSizeAllowed", str(_MAX_KEY))),
        )


def check_framing(request: StoreRequest) -> None:
    """Refuses a body whose length is not said in a Content-Length."""
    # docs/protocol.md §8: "Transfer-Encoding: chunked: 501 NotImplemented".
    if request.header("transfer-encoding") is not None:
        raise SignatureRefused(
            "NotImplemented",
            "A header you provided implies functionality that is not implemented.",
            status=501,
            details=(("Header", "Transfer-Encoding"),),
        )
    length = request.header("content-length")
    if length is None and request.method == "PUT":
        raise SignatureRefused(
            "MissingContentLength",
            "You must provide the Content-Length HTTP header.",
            status=411,
        )
    if length is not None and not _LENGTH.fullmatch(length):
        raise SignatureRefused("InvalidArgument", "Content-Length must be a number.", status=400)


def check_size(request: StoreRequest, limit: int) -> None:
    """Refuses a body of more than ``limit`` bytes, whether it has come or is only announced."""
    if max(request.length, len(request.body)) > limit:
        raise SignatureRefused(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            status=400,
            details=(("ProposedSize", str(request.length)), ("MaxSizeAllowed", str(limit))),
        )


def _crc32(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "big")


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()


_DIGESTS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "x-amz-checksum-crc32": _crc32,
    "content-md5": _md5,
}


def check_digests(request: StoreRequest, *, in_query: bool) -> None:
    """Compares the digests in the headers, and the checksum in the query, with the body."""
    for name, given in _digests(request, in_query=in_query):
        _check_digest(name, given, _DIGESTS[name](request.body))


def _digests(request: StoreRequest, *, in_query: bool) -> Iterator[tuple[str, str]]:
    for name, value in request.headers:
        if name.lower() in _DIGESTS:
            yield name.lower(), value
    if in_query:
        # docs/protocol.md §8: newer SDKs put the checksum of an empty body into the URL.
        for name, value in parse_qsl(request.target.partition("?")[2], errors="replace"):
            if name.lower() == "x-amz-checksum-crc32":
                yield name.lower(), value


def _check_digest(name: str, given: str, computed: bytes) -> None:
    try:
        wanted = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        wanted = b""
    if len(wanted) != len(computed):
        raise SignatureRefused(
            "InvalidDigest", f"The value of {name} that you specified is not valid.", status=400
        )
    if wanted != computed:
        raise SignatureRefused(
            "BadDigest", f"The {name} you specified did not match what we received.", status=400
        )
