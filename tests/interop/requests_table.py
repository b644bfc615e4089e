"""Right and wrong requests to an object store, each with what S3 answers.

It knows S3's documented rules. It must not know the stores: where one differs from the rules, that
is said in `DIFFERENCES`, with the reason.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.interop.stores import (
    ACCESS_KEY,
    ACL,
    Answer,
    Presign,
    StorePeer,
    ask,
    presign_by_botocore,
)

BODY: Final = b'{"type":"note","text":"\xe6\xbc\xa2"}'
ACL_HEADER: Final = {"x-amz-acl": ACL}
JSON_HEADER: Final = {"Content-Type": "application/json"}
RIGHT: Final = {**ACL_HEADER, **JSON_HEADER}

Try = Callable[[StorePeer, Presign], Answer]


@dataclass(frozen=True)
class Row:
    """One request. ``expected`` is what S3 answers: a status, and the code of an error."""

    title: str
    expected: str
    attempt: Try


def put(
    headers: Mapping[str, str] = RIGHT,
    *,
    change: Callable[[str], str] = lambda url: url,
    access_key: str = ACCESS_KEY,
    key: str = "an-object",
    chunked: bool = False,
) -> Try:
    """A PUT to a URL that was presigned for a PUT."""

    def attempt(store: StorePeer, _: Presign) -> Answer:
        url = change(presign_by_botocore(store, "PUT", key, access_key=access_key))
        return ask("PUT", url, dict(headers), BODY, chunked=chunked)

    return attempt


def get(
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    change: Callable[[str], str] = lambda url: url,
    key: str = "an-object-to-get",
    is_there: bool = True,
) -> Try:
    """A GET of an object that was put before, through a URL that was presigned for a GET."""

    def attempt(store: StorePeer, presign: Presign) -> Answer:
        if is_there:
            put(key=key)(store, presign)
        url = change(presign_by_botocore(store, "GET", key))
        answer = ask(method, url, dict(headers or {}))
        if answer.status == 200 and method == "GET":
            assert answer.body == BODY
        return answer

    return attempt


def twice(store: StorePeer, presign: Presign) -> Answer:
    """Two PUTs to one URL: "a PUT to one may be repeated" (docs/protocol.md §3)."""
    url = presign_by_botocore(store, "PUT", "put-twice")
    assert ask("PUT", url, dict(RIGHT), b"{}").status == 200
    return ask("PUT", url, dict(RIGHT), BODY)


def wrong_method(store: StorePeer, presign: Presign) -> Answer:
    put(key="an-object-to-get")(store, presign)
    url = presign_by_botocore(store, "PUT", "an-object-to-get")
    return ask("GET", url, dict(ACL_HEADER))


def wrong_way(store: StorePeer, presign: Presign) -> Answer:
    url = presign_by_botocore(store, "GET", "an-object-to-get")
    return ask("PUT", url, dict(JSON_HEADER), BODY)


def by_javascript(**how: int) -> Try:
    """A PUT to a URL of AWS's SDK for JavaScript, which can sign for another time."""

    def attempt(store: StorePeer, presign: Presign) -> Answer:
        url = presign(store, "PUT", "by-javascript", **how)
        return ask("PUT", url, dict(RIGHT), BODY)

    return attempt


def parameter(name: str, change: Callable[[str], str]) -> Callable[[str], str]:
    """Changes the value of one query parameter."""

    def apply(url: str) -> str:
        head, _, query = url.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&")]
        return f"{head}?" + "&".join(
            f"{key}={change(value) if key == name else value}" for key, _, value in pairs
        )

    return apply


def other_digit(signature: str) -> str:
    return signature[:-1] + ("0" if signature[-1] != "0" else "1")


def without_query(url: str) -> str:
    return url.partition("?")[0]


WRONG_MD5: Final = base64.b64encode(hashlib.md5(b"x", usedforsecurity=False).digest()).decode()

ROWS: Final = [
    # Right.
    Row("PUT by botocore", "200", put()),
    Row("PUT by AWS SDK for JavaScript v3", "200", by_javascript()),
    Row("PUT without Content-Type", "200", put(ACL_HEADER)),
    Row("PUT with a header that is not signed", "200", put({**RIGHT, "X-Other": "1"})),
    Row("PUT twice", "200", twice),
    Row("PUT to a key of spaces, signs and Chinese", "200", put(key="a b+c/漢~%41.json")),
    Row("GET by botocore", "200", get()),
    Row("GET of that key", "200", get(key="a b+c/漢~%41.json")),
    # Headers.
    Row("PUT without x-amz-acl", "403 SignatureDoesNotMatch", put(JSON_HEADER)),
    Row(
        "PUT with another x-amz-acl",
        "403 SignatureDoesNotMatch",
        put({**RIGHT, "x-amz-acl": "private"}),
    ),
    Row(
        "PUT with an x-amz header that is not signed",
        "403 AccessDenied",
        put({**RIGHT, "x-amz-meta-a": "1"}),
    ),
    Row("GET with an x-amz header that is not signed", "403 AccessDenied", get(ACL_HEADER)),
    Row(
        "PUT under another Host",
        "403 SignatureDoesNotMatch",
        put({**RIGHT, "Host": "elsewhere.example"}),
    ),
    Row("PUT with a wrong Content-MD5", "400 BadDigest", put({**RIGHT, "Content-MD5": WRONG_MD5})),
    # The URL.
    Row(
        "PUT with another digit in the signature",
        "403 SignatureDoesNotMatch",
        put(change=parameter("X-Amz-Signature", other_digit)),
    ),
    Row(
        "PUT to another key",
        "403 SignatureDoesNotMatch",
        put(change=lambda url: url.replace("/an-object?", "/another-object?")),
    ),
    Row(
        "PUT with a parameter more",
        "403 SignatureDoesNotMatch",
        put(change=lambda url: f"{url}&x=1"),
    ),
    Row(
        "PUT with a longer life",
        "403 SignatureDoesNotMatch",
        put(change=parameter("X-Amz-Expires", lambda _: "7200")),
    ),
    Row("GET with the URL of a PUT", "403 SignatureDoesNotMatch", wrong_method),
    Row("PUT with the URL of a GET", "403 SignatureDoesNotMatch", wrong_way),
    Row("HEAD with the URL of a GET", "403", get(method="HEAD")),
    Row("PUT by an unknown key", "403 InvalidAccessKeyId", put(access_key="AKIANOBODYEXAMPLE000")),
    Row(
        "PUT signed for another region",
        "400 AuthorizationQueryParametersError",
        put(
            change=parameter(
                "X-Amz-Credential", lambda value: value.replace("us-east-1", "eu-west-1")
            )
        ),
    ),
    Row("PUT without a signature", "403 AccessDenied", put(change=without_query)),
    Row(
        "GET without a signature, of a private bucket",
        "403 AccessDenied",
        get(change=without_query),
    ),
    Row("GET of what is not there", "404 NoSuchKey", get(key="nothing", is_there=False)),
    # Time.
    Row(
        "PUT after its time",
        "403 AccessDenied",
        by_javascript(age=3_700),
    ),
    Row(
        "PUT before its time",
        "403 AccessDenied",
        by_javascript(age=-7_200),
    ),
    # The body.
    Row("PUT in chunks", "501 NotImplemented", put(chunked=True)),
    Row(
        "PUT by a newer SDK, with the checksum of an empty body",
        "400 BadDigest",
        by_javascript(checksum=True),
    ),
]

NO_EXTRA_HEADERS: Final = (
    "seaweedfs takes every x-amz header that came into the signature; S3's documentation has "
    "AccessDenied, “There were headers present in the request which were not signed”."
)
NO_REGION: Final = (
    "rclone and seaweedfs have no region of their own; S3's documentation has "
    "AuthorizationQueryParametersError, with the region that it expects."
)
NO_SIGNATURE: Final = (
    "rclone takes a missing signature for one of an unknown kind; S3's documentation has "
    "AccessDenied for anonymous requests."
)
NOT_YET: Final = (
    "rclone and seaweedfs do not look at a date that has not come; S3's documentation has "
    "AccessDenied, “Request is not yet valid”, beyond 15 minutes."
)
CHUNKS: Final = (
    "rclone wants a Content-Length (411), and seaweedfs takes chunks; S3's documentation has "
    "NotImplemented (501) for a Transfer-Encoding (`protocol.md` §8)."
)

DIFFERENCES: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("rclone", "PUT without x-amz-acl"): (
        "403 AccessDenied",
        "rclone names a missing signed header AccessDenied; S3 computes the signature without it: "
        "SignatureDoesNotMatch (`protocol.md` §8).",
    ),
    ("seaweedfs", "PUT with an x-amz header that is not signed"): (
        "403 SignatureDoesNotMatch",
        NO_EXTRA_HEADERS,
    ),
    ("seaweedfs", "GET with an x-amz header that is not signed"): (
        "403 SignatureDoesNotMatch",
        NO_EXTRA_HEADERS,
    ),
    ("rclone", "PUT signed for another region"): ("403 SignatureDoesNotMatch", NO_REGION),
    ("seaweedfs", "PUT signed for another region"): ("403 SignatureDoesNotMatch", NO_REGION),
    ("rclone", "PUT without a signature"): ("400 UnsupportedAlgorithm", NO_SIGNATURE),
    ("rclone", "GET without a signature, of a private bucket"): (
        "400 UnsupportedAlgorithm",
        NO_SIGNATURE,
    ),
    ("rclone", "PUT after its time"): (
        "400 AccessDenied",
        "rclone answers 400 to an expired URL; S3's documentation lists AccessDenied under 403.",
    ),
    ("rclone", "PUT before its time"): ("200", NOT_YET),
    ("seaweedfs", "PUT before its time"): ("200", NOT_YET),
    ("rclone", "PUT in chunks"): ("411 MissingContentLength", CHUNKS),
    ("seaweedfs", "PUT in chunks"): ("200", CHUNKS),
    ("rclone", "PUT by a newer SDK, with the checksum of an empty body"): (
        "200",
        "rclone does not look at a checksum in the query. Sources disagree whether S3 does "
        "(`protocol.md` §8); our store and seaweedfs do.",
    ),
}
"""Where a store differs from what S3 answers: its answer, and why S3's is another."""
