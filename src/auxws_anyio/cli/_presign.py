"""What a presigned URL says about itself, without showing it.

It knows the query of Signature Version 4 and what stores insist on (``docs/protocol.md`` §8). It
must not know how the URL was had, nor make any request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from auxws_proto import Secret
from auxws_proto._policy import signed_headers

from ._checks import Result
from ._text import span

SHORT_LIFE: Final = 60
"""Seconds: less is too little for a large message on a slow network."""

SKEW: Final = timedelta(seconds=60)
"""Two clocks that differ by more are worth a word; S3 itself allows 15 minutes."""

_OURS: Final = frozenset({"host", "content-length"})
"""Headers that every request has, beside those of the action."""


class Finding(NamedTuple):
    """One thing about a URL."""

    result: Result
    text: str
    advice: str = ""


def diagnose(url: Secret, headers: Mapping[str, str], now: datetime) -> list[Finding]:
    """What is to be said of a presigned upload URL, the worst first; ``now`` is UTC.

    No finding holds the path, the signature or the credential of the URL.
    """
    order: tuple[Result, ...] = ("fail", "warn", "skip", "ok")
    found = list(_findings(url, headers, now))
    return sorted(found, key=lambda finding: order.index(finding.result))


def _findings(url: Secret, headers: Mapping[str, str], now: datetime) -> Iterator[Finding]:
    parts = urlsplit(url.reveal())
    host = parts.netloc.rpartition("@")[2]
    signed = signed_headers(url)
    if signed is None:
        yield Finding("ok", f"{host}, not signed in the query (no SigV4)")
        return
    query = {name.lower(): values[0] for name, values in parse_qs(parts.query).items()}
    yield from _times(query, now)
    missing = sorted(signed - {name.lower() for name in headers} - _OURS)
    if missing:
        yield Finding(
            "fail", f"signed and not sent: {', '.join(missing)}",
            "let the server sign host and x-amz-acl alone, or send its headers with the URL",
        )  # fmt: skip
    if "host" not in signed:
        yield Finding("fail", "the host is not signed", "sign the header host")
    if any(name.startswith("x-amz-checksum-") for name in query):
        yield Finding(
            "warn", "the URL carries a checksum, which newer SDKs make of an empty body",
            "sign with requestChecksumCalculation WHEN_REQUIRED",
        )  # fmt: skip
    lifetime = query.get("x-amz-expires", "?")
    yield Finding("ok", f"{host}, signs {' '.join(sorted(signed))}, good for {lifetime} s")


def _times(query: Mapping[str, str], now: datetime) -> Iterator[Finding]:
    try:
        at = datetime.strptime(query.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        lifetime = int(query.get("x-amz-expires", ""))
    except ValueError:
        yield Finding("fail", "X-Amz-Date or X-Amz-Expires make no sense", "check the signer")
        return
    ends = at + timedelta(seconds=lifetime)
    if ends <= now:
        ago = span((now - ends).total_seconds())
        yield Finding(
            "fail", f"it had expired {ago} before it came",
            "check the server's clock and this machine's, and the lifetime that the server signs",
        )  # fmt: skip
    elif abs(at - now) > SKEW:
        side = "ahead of" if at > now else "behind"
        yield Finding(
            "warn", f"the signer's clock is {span(abs(at - now).total_seconds())} {side} this one",
            "set the clocks by NTP",
        )  # fmt: skip
    if lifetime < SHORT_LIFE:
        yield Finding(
            "warn", f"it is good for {lifetime} s only", "let the server sign for longer, up to 1 h"
        )
