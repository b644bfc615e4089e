"""S3's answers, judged: what to do, why in words of our own, and nothing quoted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto._object_store import Judgement, Verdict, judge

ERROR_BODY = 65_536
PRESIGNED = (
    "https://messages.s3.us-east-1.amazonaws.com/key?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Date=20260301T120000Z&X-Amz-Expires=3600"
    "&X-Amz-SignedHeaders=host%3Bx-amz-acl&X-Amz-Signature=c0ffee"
)
PLAIN = "https://messages.s3.us-east-1.amazonaws.com/key"
SENT = {"Content-Type": "application/json", "X-Amz-Acl": "bucket-owner-full-control"}


def xml(code: str, message: str = "", more: str = "") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message>{more}"
        "<StringToSign>AWS4-HMAC-SHA256 c0ffee</StringToSign></Error>"
    ).encode()


def judged(
    status: int, body: bytes = b"", url: str = PRESIGNED, sent: dict[str, str] = SENT,
    headers: Any = (),
) -> Judgement:  # fmt: skip
    judgement = judge(url, sent, status, headers, body, ERROR_BODY)
    assert "c0ffee" not in judgement.detail
    return judgement


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_is_done(status: int) -> None:
    assert judged(status, xml("InternalError")) == Judgement(Verdict.DONE)


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        # "transient: decide by the XML Code" (docs/protocol.md §8), whatever the status.
        (500, xml("InternalError"), "HTTP 500 InternalError"),
        (503, xml("SlowDown"), "HTTP 503 SlowDown"),
        (503, xml("ServiceUnavailable"), "HTTP 503 ServiceUnavailable"),
        (400, xml("RequestTimeout"), "HTTP 400 RequestTimeout"),
        (403, xml("RequestTimeTooSkewed"), "HTTP 403 RequestTimeTooSkewed"),
        (503, b"<Error><Code>\n  SlowDown </Code></Error>", "HTTP 503 SlowDown"),
        # Without a code, what a proxy in between says.
        (429, b"", "HTTP 429"),
        (500, b"oops", "HTTP 500"),
        (502, b"<html>Bad Gateway</html>", "HTTP 502"),
        (503, b"\xff\xfe", "HTTP 503"),
        (504, b"<Error><Code></Code></Error>", "HTTP 504"),
    ],
)
def test_what_trying_again_can_help(status: int, body: bytes, detail: str) -> None:
    assert judged(status, body) == Judgement(Verdict.AGAIN, detail)


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (400, b"", "HTTP 400"),
        (403, xml("AccessDenied", "Access Denied"), "HTTP 403 AccessDenied"),
        (404, xml("NoSuchKey"), "HTTP 404 NoSuchKey"),
        (411, xml("MissingContentLength"), "HTTP 411 MissingContentLength"),
        (501, xml("NotImplemented"), "HTTP 501 NotImplemented"),
        (500, xml("SomethingElse"), "HTTP 500 SomethingElse"),
        (501, b"", "HTTP 501"),
        (100, b"", "HTTP 100"),
        (301, xml("PermanentRedirect"), "HTTP 301 PermanentRedirect"),
        (302, b"", "HTTP 302"),
        (307, xml("TemporaryRedirect"), "HTTP 307 TemporaryRedirect"),
        (400, xml("X" * 65), "HTTP 400"),
        (400, xml("A secret in words"), "HTTP 400"),
    ],
)
def test_what_nothing_can_help(status: int, body: bytes, detail: str) -> None:
    assert judged(status, body) == Judgement(Verdict.HOPELESS, detail)


# Expiry.


def expired(expires: str, server: str) -> bytes:
    times = f"<Expires>{expires}</Expires><ServerTime>{server}</ServerTime>"
    return xml("AccessDenied", "Request has expired", "<X-Amz-Expires>3600</X-Amz-Expires>" + times)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (
            expired("2026-03-01T13:00:00Z", "2026-03-01T13:00:07Z"),
            "the URL expired 7 s ago by the store's clock",
        ),
        (
            expired("2026-03-01T13:00:00.250+00:00", "2026-03-01T13:02:00.250Z"),
            "the URL expired 120 s ago by the store's clock",
        ),
        (expired("2026-03-01T13:00:00", "2026-03-01T13:01:00Z"),
         "the URL expired 60 s ago by the store's clock"),
        (
            expired("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"),
            "the URL expired 3600 s ago by the store's clock; "
            "the signer's clock is 3600 s ahead of the store's",
        ),
        (xml("AccessDenied", "Request has expired"), "the URL has expired"),
        (
            xml("AccessDenied", "The difference between the request time and the server's time"),
            "the URL has expired",
        ),
        (expired("yesterday", "2026-03-01T13:00:07Z"), "the URL has expired"),
        (expired("2026-99-01T13:00:00Z", "2026-03-01T13:00:07Z"), "the URL has expired"),
        (expired("2026-03-01T13:00:00Z", ""), "the URL has expired"),
    ],
)  # fmt: skip
def test_an_expired_url_is_dead_and_the_clocks_are_compared(body: bytes, detail: str) -> None:
    assert judged(403, body) == Judgement(Verdict.URL_DIED, f"HTTP 403 AccessDenied: {detail}")


def test_a_url_dies_with_the_credentials_that_signed_it() -> None:
    """ "they die with the credentials that signed them" (docs/protocol.md §3)"""
    body = xml("ExpiredToken", "The provided token has expired.")

    assert judged(400, body) == Judgement(
        Verdict.URL_DIED, "HTTP 400 ExpiredToken: the URL has expired"
    )


@pytest.mark.parametrize("date", ["", "&X-Amz-Date=now", "&X-Amz-Date=20260301T130000Z"])
def test_without_a_date_of_signing_no_clock_is_blamed(date: str) -> None:
    body = expired("2026-03-01T12:59:30Z", "2026-03-01T12:59:31Z")

    assert judged(403, body, f"{PLAIN}?x=y{date}").detail.endswith("1 s ago by the store's clock")


def test_denied_for_another_reason_is_not_expired() -> None:
    assert judged(403, xml("AccessDenied", "no")).verdict is Verdict.HOPELESS
    assert judged(403, xml("NoSuchKey", "expired")).verdict is Verdict.HOPELESS


# Causes.


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in SENT.items() if key != name}


@pytest.mark.parametrize(
    ("code", "url", "sent", "cause"),
    [
        ("SignatureDoesNotMatch", PRESIGNED, without("X-Amz-Acl"),
         "signed and not sent: x-amz-acl"),
        ("SignatureDoesNotMatch", PRESIGNED, SENT,
         "a signed header is different, or the key or method is: host, x-amz-acl"),
        ("SignatureDoesNotMatch", PLAIN, SENT, ""),
        ("AccessDenied", PRESIGNED, SENT | {"X-Amz-Meta": "1", "x-amz-a": "2"},
         "sent and not signed: x-amz-a, x-amz-meta"),
        ("AccessDenied", PRESIGNED, SENT, ""),
        ("AccessDenied", PLAIN, SENT, ""),
        ("BadDigest", PRESIGNED + "&x-amz-checksum-crc32=AAAAAA%3D%3D", SENT,
         "the URL carries the checksum of an empty body; sign without a checksum"),
        ("BadDigest", PRESIGNED + "&X-Amz-Checksum-Crc32=AAAAAA==", SENT,
         "the URL carries the checksum of an empty body; sign without a checksum"),
        ("BadDigest", PRESIGNED + "&x-amz-checksum-crc32=c0fE3Q%3D%3D", SENT, ""),
        ("BadDigest", PRESIGNED, SENT, ""),
    ],
)  # fmt: skip
def test_the_cause_is_named(code: str, url: str, sent: dict[str, str], cause: str) -> None:
    detail = f"HTTP 403 {code}: {cause}" if cause else f"HTTP 403 {code}"

    assert judged(403, xml(code), url, sent) == Judgement(Verdict.HOPELESS, detail)


# Redirects.


@pytest.mark.parametrize(
    "headers",
    [
        {"Location": "https://other.s3.amazonaws.com/key?c0ffee"},
        [("Server", "AmazonS3"), ("location", "https://other.s3.amazonaws.com/key?c0ffee")],
    ],
)
def test_a_307_says_where_to(headers: Any) -> None:
    assert judged(307, xml("TemporaryRedirect"), headers=headers) == Judgement(
        Verdict.REDIRECTED, "307", "https://other.s3.amazonaws.com/key?c0ffee"
    )


@pytest.mark.parametrize("status", [300, 301, 302, 303, 308])
def test_no_other_redirect_is_followed(status: int) -> None:
    headers = {"Location": "https://other.s3.amazonaws.com/key"}

    assert judged(status, headers=headers).verdict is Verdict.HOPELESS


def test_a_307_to_nowhere_is_hopeless() -> None:
    assert judged(307, headers=[("Server", "AmazonS3")]).verdict is Verdict.HOPELESS


# Hostile bodies.


@pytest.mark.parametrize(
    "code",
    ["c0ffee", "0123456789abcdef" * 4, "vCT1.x.y", "HTTPS://b/k", "x" * 65, "key", "Messages",
     "Ke y", "<b>", "AccessDenied</Code><Code>x"],
)  # fmt: skip
def test_a_code_that_quotes_is_not_shown(code: str) -> None:
    url = PRESIGNED.replace("/key", "/Messages/key")
    judgement = judged(400, xml(code), url)

    assert judgement.verdict is Verdict.HOPELESS
    assert judgement.detail in ("HTTP 400", "HTTP 400 AccessDenied")


def test_only_the_head_of_a_huge_body_is_looked_at() -> None:
    padding = b"x" * (ERROR_BODY - len(b"<Code>SlowDown</Code>"))

    assert judged(400, padding + b"<Code>SlowDown</Code>").verdict is Verdict.AGAIN
    assert judged(400, padding + b"x<Code>SlowDown</Code>").verdict is Verdict.HOPELESS
    assert judged(403, b"<Code>" * 1_000_000) == Judgement(Verdict.HOPELESS, "HTTP 403")


@given(st.integers(100, 599), st.binary(max_size=200) | st.just(xml("AccessDenied", "expired")))
def test_judging_never_raises(status: int, body: bytes) -> None:
    assert len(judged(status, body).detail) < 300
