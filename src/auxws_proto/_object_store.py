"""What an object store's answer means (``docs/protocol.md`` §8).

It knows status codes, S3's XML errors and the parameters of a presigned URL. It must not know who
asked. Its texts name the cause in words of our own: an error body can hold signing material and is
never quoted beyond its ``Code``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Final
from urllib.parse import parse_qs, urlsplit

from ._events import HeaderPairs
from ._policy import header_pairs, signed_headers

TRANSIENT_CODES: Final = frozenset(
    {
        "InternalError",
        "SlowDown",
        "ServiceUnavailable",
        "RequestTimeout",
        "RequestTimeTooSkewed",
    }
)
"""The XML codes that trying again can help (§8)."""

_MAY_BE_EXPIRED: Final = frozenset({"AccessDenied", "ExpiredToken"})
"""What is said of a URL that has died, by age or "with the credentials that signed" it (§3, §8)."""

_TRANSIENT_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
# No signature, key or token has this form; the one code with figures stands by itself.
_CODE = re.compile(rb"<Code>\s*([A-Z][A-Za-z.]{1,63}|XAmzContentSHA256Mismatch)\s*</Code>")
_SAYS_EXPIRED = re.compile(rb"expired|difference between the request time", re.IGNORECASE)
"""The second is rclone's, with AccessDenied and 400; S3 has it with RequestTimeTooSkewed alone."""
_EMPTY_CRC32 = "AAAAAA=="


class Verdict(Enum):
    """What to do about an answer."""

    DONE = auto()
    AGAIN = auto()
    REDIRECTED = auto()
    URL_DIED = auto()
    HOPELESS = auto()


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its cause in words; ``location`` is where a redirect points."""

    verdict: Verdict
    detail: str = ""
    location: str = ""


def judge(
    url: str,
    sent: Mapping[str, str],
    status: int,
    headers: HeaderPairs,
    body: bytes | bytearray,
    max_error_body: int,
) -> Judgement:
    """What the answer to a request for `url` with the headers `sent` means.

    Of an error's body at most `max_error_body` bytes are looked at.
    """
    if 200 <= status < 300:
        return Judgement(Verdict.DONE)
    if status == 307:
        for name, value in header_pairs(headers):
            if name.lower() == "location":
                return Judgement(Verdict.REDIRECTED, "307", value)
    body = body[:max_error_body]
    match = _CODE.search(body)
    code = match[1].decode() if match else ""
    # A store could call its error by a part of the URL.
    detail = f"HTTP {status} {code}".rstrip() if code not in url else f"HTTP {status}"
    expired = _expiry(url, body) if code in _MAY_BE_EXPIRED else ""
    if expired:
        return Judgement(Verdict.URL_DIED, f"{detail}: {expired}")
    if code in TRANSIENT_CODES or (not code and status in _TRANSIENT_STATUSES):
        return Judgement(Verdict.AGAIN, detail)
    cause = _diagnose(url, sent, code)
    return Judgement(Verdict.HOPELESS, f"{detail}: {cause}" if cause else detail)


def _expiry(url: str, body: bytes | bytearray) -> str:
    """Whether the store says that the URL has expired, and by how much."""
    if _SAYS_EXPIRED.search(body) is None:
        return ""
    expires, server = _time(body, b"Expires"), _time(body, b"ServerTime")
    if expires is None or server is None:
        return "the URL has expired"
    text = f"the URL expired {(server - expires).total_seconds():.0f} s ago by the store's clock"
    signed = _signed_at(url)
    if signed is not None and server < signed - timedelta(minutes=1):
        ahead = (signed - server).total_seconds()
        text += f"; the signer's clock is {ahead:.0f} s ahead of the store's"
    return text


def _diagnose(url: str, sent: Mapping[str, str], code: str) -> str:
    signed = signed_headers(url)
    names = {name.lower() for name in sent} | {"host", "content-length"}
    if code == "SignatureDoesNotMatch" and signed is not None:
        missing = sorted(signed - names)
        if missing:
            return f"signed and not sent: {', '.join(missing)}"
        return f"a signed header is different, or the key or method is: {', '.join(sorted(signed))}"
    if code == "AccessDenied" and signed is not None:
        extra = sorted(n for n in names - signed if n.startswith("x-amz-"))
        if extra:
            return f"sent and not signed: {', '.join(extra)}"
    if code == "BadDigest" and _EMPTY_CRC32 in _query(url).get("x-amz-checksum-crc32", ()):
        return "the URL carries the checksum of an empty body; sign without a checksum"
    return ""


def _query(url: str) -> dict[str, list[str]]:
    return {k.lower(): v for k, v in parse_qs(urlsplit("".join((url,))).query).items()}


def _signed_at(url: str) -> datetime | None:
    try:
        stamp = _query(url).get("x-amz-date", [""])[0]
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _time(body: bytes | bytearray, tag: bytes) -> datetime | None:
    match = re.search(rb"<%b>([0-9TZ:.+-]{10,40})</%b>" % (tag, tag), body)
    try:
        stamp = datetime.fromisoformat(match[1].decode()) if match else None
    except ValueError:
        return None
    return stamp.replace(tzinfo=UTC) if stamp is not None and stamp.tzinfo is None else stamp
