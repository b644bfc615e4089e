"""An object store with S3's manners: presigned URLs, XML errors, and everything that can go wrong.

It knows keys, bodies, signatures' headers and expiry (``docs/protocol.md`` §8). It must not know
machines: it is asked, and answers with a status or with None for silence.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit

from .._events import HttpFailure
from ._clock import VirtualClock

STORE_FAULTS: Final = (
    "500", "503", "slow_down", "request_timeout", "forbidden", "expired", "drop", "lost", "silent",
    "forget", "junk", "redirect", "cancelled",
)  # fmt: skip
"""What a request can meet: errors of the store, a connection that drops (``lost``: after the store
did what was asked), silence, a PUT that is forgotten, a body that is no JSON, a redirect."""

_HOST: Final = "messages.s3.us-east-1.amazonaws.com"
_OTHER_HOST: Final = "messages.s3.eu-west-1.amazonaws.com"
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_ERRORS: Final = {
    "500": (500, "InternalError"),
    "503": (503, "ServiceUnavailable"),
    "slow_down": (503, "SlowDown"),
    "request_timeout": (400, "RequestTimeout"),
    "forbidden": (403, "SignatureDoesNotMatch"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request got: a response, or a failure."""

    status: int = 0
    body: bytes = b""
    location: str = ""
    failure: HttpFailure | None = None


class ObjectStore:
    """Objects by key. ``next_faults`` meets the next requests, one each; ``None`` is none.

    ``lifetime`` is how long its URLs are good, in seconds.
    """

    def __init__(self, clock: VirtualClock, lifetime: float = 3_600.0) -> None:
        self.objects: dict[str, bytes] = {}
        self.lifetime = lifetime
        self.next_faults: deque[str | None] = deque()
        self._clock = clock
        self._count = 0

    def presign(self) -> tuple[str, str]:
        """A presigned PUT of a fresh key, and the presigned GET of the same key."""
        self._count += 1
        key = f"message-{self._count}"
        return self._signed(key, "host%3Bx-amz-acl"), self._signed(key, "host")

    def _signed(self, key: str, headers: str) -> str:
        stamp = (_EPOCH + timedelta(seconds=self._clock.now)).strftime("%Y%m%dT%H%M%SZ")
        return (
            f"https://{_HOST}/{key}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={stamp}"
            f"&X-Amz-Expires={self.lifetime:.0f}&X-Amz-SignedHeaders={headers}"
            f"&X-Amz-Signature=00"
        )

    def put(self, url: str, headers: dict[str, str], body: bytes, fault: str | None) -> Answer:
        """Store an object."""
        problem = self._problem(url, headers, fault)
        if problem is not None and fault != "lost":
            return problem
        if fault != "forget":
            self.objects[_key(url)] = body
        return problem or Answer(200)

    def get(self, url: str, limit: int, fault: str | None, *, is_owner: bool) -> Answer:
        """Fetch an object; its owner needs no signature."""
        problem = self._problem(url, {}, fault, is_owner=is_owner)
        if problem is not None:
            return problem
        body = self.objects.get(_key(url))
        if body is None or fault == "forget":
            self.objects.pop(_key(url), None)
            return Answer(404, _xml("NoSuchKey"))
        if fault == "junk":
            return Answer(200, b"\xff not JSON")
        if len(body) > limit:
            return Answer(failure=HttpFailure(kind="too_large", transient=False))
        return Answer(200, body)

    def forget_all(self) -> None:
        """Delete every object, as after a day."""
        self.objects.clear()

    def _problem(
        self, url: str, headers: dict[str, str], fault: str | None, *, is_owner: bool = False
    ) -> Answer | None:
        if fault in _ERRORS:
            status, code = _ERRORS[fault]
            return Answer(status, _xml(code))
        if fault in ("drop", "lost"):
            return Answer(failure=HttpFailure(kind="read"))
        if fault == "cancelled":
            return Answer(failure=HttpFailure(kind="cancelled", transient=False))
        if fault == "redirect" and _HOST in url:
            return Answer(307, location=url.replace(_HOST, _OTHER_HOST))
        query = parse_qs(urlsplit(url).query)
        if "X-Amz-Date" not in query:
            return None if is_owner else Answer(403, _xml("AccessDenied"))
        signed_at = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        expires = signed_at + timedelta(seconds=float(query["X-Amz-Expires"][0]))
        server_time = _EPOCH + timedelta(seconds=self._clock.now)
        if fault == "expired" or server_time > expires:
            detail = (
                f"<Message>Request has expired</Message><Expires>{expires:%Y-%m-%dT%H:%M:%SZ}"
                f"</Expires><ServerTime>{server_time:%Y-%m-%dT%H:%M:%SZ}</ServerTime>"
            )
            return Answer(403, _xml("AccessDenied", detail))
        signs_acl = "x-amz-acl" in query["X-Amz-SignedHeaders"][0].split(";")
        names = {name.lower(): value for name, value in headers.items()}
        if signs_acl != (names.get("x-amz-acl") == "bucket-owner-full-control"):
            return Answer(403, _xml("SignatureDoesNotMatch" if signs_acl else "AccessDenied"))
        return None


def _key(url: str) -> str:
    return urlsplit(url).path[1:]


def _xml(code: str, detail: str = "") -> bytes:
    return f"<Error><Code>{code}</Code>{detail}</Error>".encode()
