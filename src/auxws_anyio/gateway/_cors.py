"""Cross-origin requests, as S3 answers them for a bucket that browsers may use.

It knows one CORS configuration: any origin, the methods of this store, any header, ETag exposed.
It must not know signatures, objects or faults: a preflight is judged by its head alone. Status,
codes and words are S3's ("OPTIONS object" and "Common Response Headers" in its API reference); a
method that no rule of S3's could allow is malformed there, not refused.

Strategy: two questions about a request's head. `check_preflight` refuses a preflight that is
malformed or asks too much; `cors_headers` says what any answer tells the browser, which is nothing
where no origin is named or the configuration does not fit.
"""

from __future__ import annotations

import re
from typing import Final

from ._s3_rules import METHODS, StoreRequest
from ._sigv4 import SignatureRefused

PREFLIGHT: Final = "OPTIONS"
"""The method by which a browser asks whether it may send."""

_MAX_AGE: Final = 3_000  # seconds; what S3's own examples say.
_EXPOSED: Final = "ETag"

_RULE_METHODS: Final = frozenset({"GET", "PUT", "HEAD", "POST", "DELETE"})
"""What a rule of S3's could allow."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2

_NOT_ALLOWED: Final = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evaluation of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are "
    "not whitelisted by the resource's CORS spec."
)


def check_preflight(request: StoreRequest) -> None:
    """Refuses a preflight that does not say what is asked, or asks for what is not allowed."""
    if not request.header("origin"):
        raise SignatureRefused(
            "BadRequest", "Insufficient information. Origin request header needed.", status=400
        )
    method = _asked_method(request)
    if method not in _RULE_METHODS:
        raise SignatureRefused(
            "BadRequest",
            f"Invalid Access-Control-Request-Method: {method or 'null'}",
            status=400,
        )
    if not _is_allowed(request):
        raise SignatureRefused(
            "AccessForbidden",
            _NOT_ALLOWED,
            status=403,
            details=(("Method", method), ("ResourceType", "OBJECT" if request.key else "BUCKET")),
        )


def cors_headers(request: StoreRequest) -> tuple[tuple[str, str], ...]:
    """What the answer to this request, an error too, says to a browser of another origin."""
    if not request.header("origin") or not _is_allowed(request):
        return ()
    names = ", ".join(_asked_headers(request))
    return (
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", ", ".join(sorted(METHODS))),
        *((("Access-Control-Allow-Headers", names),) if names else ()),
        ("Access-Control-Expose-Headers", _EXPOSED),
        ("Access-Control-Max-Age", str(_MAX_AGE)),
        ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
    )


def _is_allowed(request: StoreRequest) -> bool:
    method = _asked_method(request) if request.method == PREFLIGHT else request.method
    return method in METHODS and all(map(_TOKEN.fullmatch, _asked_headers(request)))


def _asked_method(request: StoreRequest) -> str:
    return request.header("access-control-request-method") or ""


def _asked_headers(request: StoreRequest) -> tuple[str, ...]:
    listed = (request.header("access-control-request-headers") or "").split(",")
    return tuple(name for part in listed if (name := part.strip()))
