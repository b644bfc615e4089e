"""Signature Version 4 against AWS's own signer, both ways, and what is refused with which word."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from auxws_anyio.gateway._canonical import quote_key
from auxws_anyio.gateway._sigv4 import (
    Presigned,
    SignatureRefused,
    SigningCredentials,
    check,
    is_presigned,
    presign,
)

NOW = 1_790_000_000.25
OURS = SigningCredentials("AKIDLOCAL", "local/secret+key")
TEMPORARY = SigningCredentials("AKIDLOCAL", "local/secret+key", "a token/with+odd=characters")
REGION = "eu-central-1"


def botocore_url(
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    expires: int = 3_600,
    credentials: SigningCredentials = OURS,
) -> str:
    """What AWS's Python SDK signs at `NOW`."""
    moment = datetime.fromtimestamp(int(NOW), UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
        signer: Any = botocore.auth.S3SigV4QueryAuth(
            Credentials(credentials.access_key, credentials.secret_key, credentials.token),
            "s3",
            REGION,
            expires=expires,
        )
        request: Any = AWSRequest(method=method, url=url, headers=headers, params=query or {})
        signer.add_auth(request)
        return str(request.url)


def our_url(method: str, url: str, **kwargs: Any) -> str:
    credentials = kwargs.pop("credentials", OURS)
    return presign(method, url, credentials, region=REGION, now=NOW, **kwargs)


def checked(
    method: str,
    url: str,
    headers: list[tuple[str, str]] | None = None,
    *,
    now: float = NOW,
    credentials: SigningCredentials = OURS,
    region: str = REGION,
) -> Presigned:
    parts = urlsplit(url)
    came = [("Host", parts.netloc), *(headers or [])]
    return check(method, f"{parts.path}?{parts.query}", came, credentials, region=region, now=now)


def refusal(*args: Any, **kwargs: Any) -> SignatureRefused:
    with pytest.raises(SignatureRefused) as caught:
        checked(*args, **kwargs)
    return caught.value


CASES: dict[str, dict[str, Any]] = {
    "plain": {"url": "https://bucket.s3.eu-central-1.amazonaws.com/key"},
    "port": {"url": "http://127.0.0.1:8003/452de08f-a225-48db-a452-a653ffb830d0"},
    "default port": {"url": "https://example.com:443/key"},
    "IPv6": {"url": "http://[::1]:9000/key"},
    "odd key": {"url": "https://example.com/" + quote_key("a b+c/ü~(é)!*'$&=;:@,?#%25//.../日本")},
    "odd query": {
        "url": "https://example.com/k",
        "query": {"x-id": "PutObject", "a b": "c+d&e=f/ü", "empty": ""},
    },
    "query in the URL": {"url": "https://example.com/k?versionId=a%2Fb&x=%20"},
    "acl": {
        "url": "https://example.com/k",
        "headers": {"x-amz-acl": "bucket-owner-full-control"},
    },
    "spaces in a header": {
        "url": "https://example.com/k",
        "headers": {"Content-Type": "  application/json;   charset=utf-8 "},
    },
    "expires": {"url": "https://example.com/k", "expires": 17},
    "session token": {"url": "https://example.com/k", "credentials": TEMPORARY},
}


@pytest.mark.parametrize("method", ["PUT", "GET"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_our_urls_equal_those_of_botocore(case: dict[str, Any], method: str) -> None:
    theirs = botocore_url(method, **case)

    rest = {name: value for name, value in case.items() if name not in ("url", "query")}
    ours = our_url(method, case["url"], query=case.get("query", {}).items(), **rest)

    assert ours == theirs


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_urls_of_botocore_are_good_here(case: dict[str, Any]) -> None:
    url = botocore_url("PUT", **case)
    headers = case.get("headers", {})
    host = "example.com" if "443" in case["url"] else urlsplit(case["url"]).netloc

    parts = urlsplit(url)
    result = check(
        "PUT",
        f"{parts.path}?{parts.query}",
        [("HOST", host), *headers.items()],
        case.get("credentials", OURS),
        region=REGION,
        now=NOW,
    )

    assert result == Presigned(
        access_key="AKIDLOCAL",
        signed_at=1_790_000_000.0,
        expires_at=1_790_000_000.0 + case.get("expires", 3_600),
        signed_headers=tuple(sorted({"host", *(name.lower() for name in headers)})),
    )


KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


NAMES = KEYS.filter(lambda name: not name.startswith("X-Amz-"))


@given(key=KEYS, query=st.dictionaries(NAMES, KEYS, max_size=3), value=KEYS)
def test_any_key_query_and_header(key: str, query: dict[str, str], value: str) -> None:
    url = f"https://example.com/{quote_key(key)}"
    header = value.encode("utf-8").hex(" ", 3)

    theirs = botocore_url("PUT", url, query=query, headers={"x-amz-meta-a": header})
    ours = our_url("PUT", url, query=query.items(), headers={"x-amz-meta-a": header})

    assert ours == theirs
    assert checked("PUT", ours, [("x-amz-meta-a", header)]).access_key == "AKIDLOCAL"


def test_duplicate_query_keys_are_all_signed() -> None:
    url = our_url("GET", "https://example.com/k", query=[("a", "2"), ("a", "1"), ("a", "")])

    assert "a=2&a=1&a=&X-Amz-Algorithm" in url
    assert checked("GET", url).signed_headers == ("host",)
    assert checked("GET", url.replace("a=2&a=1&", "a=1&a=2&")).signed_headers == ("host",)
    assert refusal("GET", url.replace("a=2&", "")).code == "SignatureDoesNotMatch"
    assert refusal("GET", url.replace("a=2&", "a=2&a=2&")).code == "SignatureDoesNotMatch"


def test_octets_that_are_no_utf8_are_told_apart() -> None:
    url = our_url("GET", "https://example.com/%ff?x=%fe")

    assert checked("GET", url).access_key == "AKIDLOCAL"
    assert refusal("GET", url.replace("%FE", "%FD")).code == "SignatureDoesNotMatch"
    assert refusal("GET", url.replace("%ff", "%fd")).code == "SignatureDoesNotMatch"


def test_another_spelling_of_the_same_path_and_query_is_good() -> None:
    url = our_url("GET", "https://example.com/a%20b", query=[("x y", "z")])

    respelled = url.replace("/a%20b", "/%61%20b").replace("x%20y=z", "x+y=%7a")

    assert checked("GET", respelled + "&").access_key == "AKIDLOCAL"


def test_repeated_and_padded_headers_are_joined() -> None:
    url = our_url("PUT", "https://example.com/k", headers={"x-amz-meta-a": "one,two  three"})

    result = checked("PUT", url, [("X-Amz-Meta-A", " one"), ("x-amz-meta-a", "two three ")])

    assert result.signed_headers == ("host", "x-amz-meta-a")


URL = our_url("PUT", "https://example.com/k", headers={"x-amz-acl": "private"}, expires=60)
ACL = ("x-amz-acl", "private")
MISMATCHES: dict[str, tuple[Any, ...]] = {
    "method": ("GET", URL, [ACL]),
    "head": ("HEAD", URL, [ACL]),
    "key": ("PUT", URL.replace("/k?", "/l?"), [ACL]),
    "host": ("PUT", URL.replace("example.com", "example.org"), [ACL]),
    "signed header missing": ("PUT", URL, []),
    "signed header different": ("PUT", URL, [("x-amz-acl", "public-read")]),
    "extra parameter": ("PUT", URL + "&x-id=PutObject", [ACL]),
    "longer life": ("PUT", URL.replace("Expires=60", "Expires=61"), [ACL]),
    "signature": ("PUT", URL[:-1] + ("0" if URL[-1] != "0" else "1"), [ACL]),
    "signature of odd characters": ("PUT", URL[:-1] + "%C3%BC", [ACL]),
    "signature too short": ("PUT", URL[:-1], [ACL]),
}


@pytest.mark.parametrize("arguments", MISMATCHES.values(), ids=MISMATCHES)
def test_signature_does_not_match(arguments: tuple[Any, ...]) -> None:
    assert checked("PUT", URL, [ACL])

    refused = refusal(*arguments)

    assert (refused.code, refused.status) == ("SignatureDoesNotMatch", 403)
    assert OURS.secret_key not in repr(refused.details)


def test_headers_that_are_not_signed_are_denied() -> None:
    url = our_url("GET", "https://example.com/k")

    refused = refusal("GET", url, [("X-Amz-Acl", "private"), ("X-Other", "1")])

    assert (refused.code, refused.status) == ("AccessDenied", 403)
    assert refused.message == "There were headers present in the request which were not signed"
    assert refused.details == (("HeadersNotSigned", "x-amz-acl"),)


def test_host_must_be_signed() -> None:
    url = our_url("GET", "https://example.com/k", headers={"x-amz-a": "1"})

    refused = refusal("GET", url.replace("host%3Bx-amz-a", "x-amz-a"), [("x-amz-a", "1")])

    assert refused.details == (("HeadersNotSigned", "host"),)


@pytest.mark.parametrize(
    ("now", "good"),
    [(NOW, True), (NOW + 59.75, True), (NOW + 60, False), (NOW - 900, True), (NOW - 901, False)],
)
def test_a_url_is_good_from_its_date_to_its_end(now: float, good: bool) -> None:
    if good:
        assert checked("PUT", URL, [ACL], now=now).expires_at == 1_790_000_060.0
    else:
        assert refusal("PUT", URL, [ACL], now=now).code == "AccessDenied"


def test_an_expired_url_is_told_with_the_times() -> None:
    refused = refusal("PUT", URL, [ACL], now=NOW + 61)

    assert refused.message == "Request has expired"
    assert refused.details == (
        ("X-Amz-Expires", "60"),
        ("Expires", "2026-09-21T14:14:20Z"),
        ("ServerTime", "2026-09-21T14:14:21Z"),
    )


@pytest.mark.parametrize(
    "name", ["Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires"]
)
def test_each_parameter_is_needed_once(name: str) -> None:
    doubled = f"{URL}&X-Amz-{name}=x"
    missing = URL.replace(f"X-Amz-{name}=", f"X-Amz-No{name}=")

    for url in (doubled, missing):
        refused = refusal("PUT", url, [ACL])
        assert (refused.code, refused.status) == ("AuthorizationQueryParametersError", 400)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", "X-Amz-Algorithm"),
        ("X-Amz-Expires=60", "X-Amz-Expires=1e3", "should be a number"),
        ("X-Amz-Expires=60", "X-Amz-Expires=-1", "should be a number"),
        ("X-Amz-Expires=60", "X-Amz-Expires=%D9%A3", "should be a number"),
        ("X-Amz-Expires=60", "X-Amz-Expires=604801", "a week"),
        ("X-Amz-Date=20260921T", "X-Amz-Date=20260920T", "credential date"),
        ("X-Amz-Date=20260921T", "X-Amz-Date=20261321T", "X-Amz-Date"),
        ("X-Amz-Date=20260921T", "X-Amz-Date=2026-09-21T", "X-Amz-Date"),
        ("eu-central-1", "us-east-1", "region 'us-east-1' is wrong; expecting 'eu-central-1'"),
        ("%2Fs3%2F", "%2Fsqs%2F", "service"),
        ("aws4_request", "aws5_request", "terminal"),
        ("AKIDLOCAL%2F", "", "mal-formed"),
    ],
)
def test_malformed_parameters_are_named(old: str, new: str, word: str) -> None:
    refused = refusal("PUT", URL.replace(old, new), [ACL])

    assert (refused.code, refused.status) == ("AuthorizationQueryParametersError", 400)
    assert word in refused.message


def test_another_access_key_is_unknown() -> None:
    refused = refusal("PUT", URL.replace("AKIDLOCAL", "AKIDOTHER"), [ACL])

    assert (refused.code, refused.status) == ("InvalidAccessKeyId", 403)


@pytest.mark.parametrize("token", [None, "another"])
def test_a_session_token_must_be_the_right_one(token: str | None) -> None:
    url = our_url("GET", "https://example.com/k", credentials=TEMPORARY)

    refused = refusal(
        "GET", url, credentials=SigningCredentials("AKIDLOCAL", "local/secret+key", token)
    )

    assert (refused.code, refused.status) == ("InvalidToken", 400)


def test_secrets_do_not_show() -> None:
    assert "secret" not in repr(TEMPORARY)
    assert "token" not in repr(TEMPORARY).replace("token=", "")


@pytest.mark.parametrize(
    ("target", "expected"),
    [("/k", False), ("/k?a=X-Amz-Signature", False), ("/k?X-Amz-Signature=", True), (URL, True)],
)
def test_is_presigned(target: str, expected: bool) -> None:
    assert is_presigned(target) is expected


@pytest.mark.parametrize("url", ["/k", "https:///k", "https://example.com/k#part"])
def test_a_url_that_cannot_be_signed_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match="needs a host and must have no fragment"):
        our_url("PUT", url)


@pytest.mark.parametrize("expires", [0, 604_801])
def test_expires_has_bounds(expires: int) -> None:
    with pytest.raises(ValueError, match=f"expires is {expires} s"):
        our_url("PUT", "https://example.com/k", expires=expires)


def test_a_url_is_signed_once() -> None:
    with pytest.raises(ValueError, match="has a parameter of a signature already"):
        our_url("PUT", URL)
