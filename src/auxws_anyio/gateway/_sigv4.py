"""AWS Signature Version 4 for query-presigned S3 URLs: makes them and checks their use.

It knows the signature's arithmetic and S3's words for what is wrong (``docs/protocol.md`` §8). It
must not know objects, sockets or clocks: the time is an input, in seconds since 1970.

Strategy: signing and checking share one canonical form (`_canonical`), so that a URL that was made
here is good here whatever a client's library did to its spelling.
"""

from __future__ import annotations

import hmac
import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import strptime
from typing import Final
from urllib.parse import urlsplit

from ._canonical import (
    ALGORITHM,
    Pairs,
    canonical_request,
    decoded_pairs,
    encode,
    host_header,
    sign,
    string_to_sign,
)

MAX_EXPIRES: Final = 604_800
"""Seconds; S3 signs for at most a week."""

_MAX_SKEW: Final = 900.0  # S3 accepts clocks that are up to 15 minutes ahead of its own.
_REQUIRED: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)
_ONCE: Final = frozenset({*_REQUIRED, "X-Amz-Security-Token"})
_MALFORMED: Final = "AuthorizationQueryParametersError"
_TIMESTAMP: Final = re.compile(r"\d{8}T\d{6}Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class SigningCredentials:
    """What signs: an access key's id, its secret, and the token of a temporary session."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presigned:
    """What a good signature says. ``signed_at`` and ``expires_at`` are seconds since 1970."""

    access_key: str
    signed_at: float
    expires_at: float
    signed_headers: tuple[str, ...]


class SignatureRefused(Exception):
    """A request that S3 would refuse; `code`, `status` and `message` are S3's own.

    `details` are further elements of S3's XML error; they can hold signing material.
    """

    def __init__(self, code: str, message: str, *, status: int = 403, details: Pairs = ()) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.details = tuple(details)


def presign(
    method: str,
    url: str,
    credentials: SigningCredentials,
    *,
    region: str,
    now: float,
    expires: int = 3_600,
    headers: Mapping[str, str] | None = None,
    query: Pairs = (),
    service: str = "s3",
) -> str:
    """A URL that lets whoever has it do one ``method`` on ``url`` for ``expires`` seconds.

    ``url`` has its path percent-encoded already (`quote_key`); its query and then ``query`` come
    before the signature's parameters. ``headers`` are signed with ``host``: the request must carry
    them with these values. The order of parameters is that of AWS's Python SDK.
    Raises ValueError for a URL without host or with a fragment, for ``expires`` out of 1 to
    604,800, and for a query that has a parameter of a signature already.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.fragment:
        raise ValueError("the URL to presign needs a host and must have no fragment")
    if not 1 <= expires <= MAX_EXPIRES:
        raise ValueError(f"expires is {expires} s; it must be 1 to {MAX_EXPIRES}")
    stamp = datetime.fromtimestamp(int(now), UTC).strftime("%Y%m%dT%H%M%SZ")
    signed = {name.lower(): value for name, value in (headers or {}).items()}
    signed.setdefault("host", host_header(parts.scheme, parts.hostname, parts.port))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    pairs = [*decoded_pairs(parts.query), *query]
    if not _ONCE.isdisjoint(name for name, _ in pairs):
        raise ValueError("the URL to presign has a parameter of a signature already")
    pairs += [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{credentials.access_key}/{scope}"),
        ("X-Amz-Date", stamp),
        ("X-Amz-Expires", str(expires)),
        ("X-Amz-SignedHeaders", ";".join(sorted(signed))),
    ]
    if credentials.token is not None:
        pairs.append(("X-Amz-Security-Token", credentials.token))
    canonical = canonical_request(method, parts.path, pairs, sorted(signed), signed.items())
    signature = sign(credentials.secret_key, scope, string_to_sign(stamp, scope, canonical))
    encoded = "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs)
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{encoded}&X-Amz-Signature={signature}"


def is_presigned(target: str) -> bool:
    """Whether a request target carries any part of a query signature."""
    names = {name for name, _ in decoded_pairs(target.partition("?")[2])}
    return not names.isdisjoint(_ONCE)


def check(
    method: str,
    target: str,
    headers: Pairs,
    credentials: SigningCredentials,
    *,
    region: str,
    now: float,
    service: str = "s3",
) -> Presigned:
    """What the signature of this request says, if it is good.

    ``target`` is the request target as it came (path and query); ``headers`` are all that came.
    Raises `SignatureRefused` for what S3 refuses: parameters missing, doubled or malformed, another
    key or region, a time before or after the URL's, ``x-amz-*`` headers that are not
    signed, and a signature that does not match method, key, query and signed headers.
    """
    path, _, query = target.partition("?")
    pairs = decoded_pairs(query)
    found = _parameters(pairs)
    scope = _scope(found["X-Amz-Credential"], credentials, region, service)
    if found["X-Amz-Algorithm"] != ALGORITHM:
        raise _malformed(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    if found.get("X-Amz-Security-Token") != credentials.token:
        raise SignatureRefused(
            "InvalidToken", "The provided token is malformed or otherwise invalid.", status=400
        )
    signed_at, expires_at = _check_time(found, scope, now)
    came = [(name.lower(), value) for name, value in headers]
    signed = tuple(found["X-Amz-SignedHeaders"].split(";"))
    _check_headers(signed, {name for name, _ in came})
    unsigned = [pair for pair in pairs if pair[0] != "X-Amz-Signature"]
    canonical = canonical_request(method, path, unsigned, signed, came)
    to_sign = string_to_sign(found["X-Amz-Date"], scope, canonical)
    if not hmac.compare_digest(
        sign(credentials.secret_key, scope, to_sign).encode(),
        found["X-Amz-Signature"].encode(),
    ):
        raise SignatureRefused(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
            details=(
                ("AWSAccessKeyId", credentials.access_key),
                ("StringToSign", to_sign),
                ("SignatureProvided", found["X-Amz-Signature"]),
                ("CanonicalRequest", canonical),
            ),
        )
    return Presigned(
        access_key=credentials.access_key,
        signed_at=signed_at,
        expires_at=expires_at,
        signed_headers=signed,
    )


def _malformed(message: str) -> SignatureRefused:
    return SignatureRefused(_MALFORMED, message, status=400)


def _parameters(pairs: Pairs) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in _ONCE:
            if name in found:
                raise _malformed(f"{name} must be given once")
            found[name] = value
    if any(name not in found for name in _REQUIRED):
        raise _malformed(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters."
        )
    return found


def _scope(credential: str, credentials: SigningCredentials, region: str, service: str) -> str:
    # Access keys hold no slash, but whoever named this one may not know that.
    access_key, *rest = credential.rsplit("/", 4)
    if len(rest) != 4:
        raise _malformed(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "
            'expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    for what, got, want in (
        ("region", rest[1], region),
        ("service", rest[2], service),
        ("terminal", rest[3], "aws4_request"),
    ):
        if got != want:
            raise _malformed(
                f"Error parsing the X-Amz-Credential parameter; the {what} '{got}' is wrong; "
                f"expecting '{want}'"
            )
    if not hmac.compare_digest(access_key.encode(), credentials.access_key.encode()):
        raise SignatureRefused(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
            details=(("AWSAccessKeyId", access_key),),
        )
    return "/".join(rest)


def _check_time(found: Mapping[str, str], scope: str, now: float) -> tuple[float, float]:
    stamp, lifetime = found["X-Amz-Date"], found["X-Amz-Expires"]
    try:
        if not _TIMESTAMP.fullmatch(stamp):
            raise ValueError
        signed_at = float(timegm(strptime(stamp, "%Y%m%dT%H%M%SZ")))
    except ValueError:
        raise _malformed(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        ) from None
    if not scope.startswith(f"{stamp[:8]}/"):
        raise _malformed("Invalid credential date in X-Amz-Credential: not that of X-Amz-Date.")
    if not (lifetime.isascii() and lifetime.isdigit() and len(lifetime) <= 9):
        raise _malformed("X-Amz-Expires should be a number")
    if int(lifetime) > MAX_EXPIRES:
        raise _malformed(
            f"X-Amz-Expires must be less than a week (in seconds); that is {MAX_EXPIRES}"
        )
    expires_at = signed_at + int(lifetime)
    if signed_at > now + _MAX_SKEW:
        raise SignatureRefused("AccessDenied", "Request is not yet valid")
    if now > expires_at:
        raise SignatureRefused(
            "AccessDenied",
            "Request has expired",
            details=(
                ("X-Amz-Expires", lifetime),
                ("Expires", iso_time(expires_at)),
                ("ServerTime", iso_time(now)),
            ),
        )
    return signed_at, expires_at


def _check_headers(signed: tuple[str, ...], came: set[str]) -> None:
    # docs/protocol.md §8: "an x-amz-* header that is not signed: 403 AccessDenied".
    must = {name for name in came if name.startswith("x-amz-")} | {"host"}
    missing = sorted(must.difference(signed))
    if missing:
        raise SignatureRefused(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            details=(("HeadersNotSigned", ", ".join(missing)),),
        )


def iso_time(now: float) -> str:
    """A time as S3's XML writes it, in whole seconds, UTC."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
