"""S3's rules on the pure store: a request, a time, a response."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from auxws_anyio.gateway._faults import Faults, StoreFault
from auxws_anyio.gateway._s3_rules import StoreRequest, StoreResponse
from auxws_anyio.gateway._sigv4 import SigningCredentials
from auxws_anyio.gateway._store import ACL, ObjectStore

NOW = 1_790_000_000.0
ORIGIN = "http://127.0.0.1:8003"
CREDENTIALS = SigningCredentials("AKIDLOCAL", "secret")
ACL_HEADER = ("x-amz-acl", ACL)


def new_store(**kwargs: Any) -> ObjectStore:
    return ObjectStore(CREDENTIALS, **kwargs)


def a_request(
    method: str, url: str, *headers: tuple[str, str], body: bytes = b"", length: bool = True
) -> StoreRequest:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    framing = [("Content-Length", str(len(body)))] if length and method == "PUT" else []
    return StoreRequest(
        method=method,
        target=target,
        headers=(("Host", "127.0.0.1:8003"), *framing, *headers),
        body=body,
    )


def a_put(store: ObjectStore, key: str = "k", body: bytes = b"{}", **kwargs: Any) -> StoreRequest:
    return a_request("PUT", store.upload_url(ORIGIN, key, NOW, **kwargs), ACL_HEADER, body=body)


def xml(response: StoreResponse) -> dict[str, str]:
    assert ("Content-Type", "application/xml") in response.headers
    assert ("Content-Length", str(len(response.body))) in response.headers
    root = ElementTree.fromstring(response.body)
    assert root.tag == "Error"
    return {element.tag: element.text or "" for element in root}


def refused(response: StoreResponse) -> tuple[int, str]:
    return response.status, xml(response)["Code"]


def test_a_put_is_read_by_a_signed_get() -> None:
    store = new_store(public_read=False)
    body = '{"text": "ü"}'.encode()
    etag = f'"{hashlib.md5(body).hexdigest()}"'

    put = store.respond(
        a_request(
            "PUT",
            store.upload_url(ORIGIN, "a/ü", NOW),
            ACL_HEADER,
            ("Content-Type", "application/json"),
            body=body,
        ),
        NOW,
    )
    got = store.respond(a_request("GET", store.download_url(ORIGIN, "a/ü", NOW)), NOW + 1)

    assert (put.status, put.body) == (200, b"")
    assert put.headers == (
        ("ETag", etag),
        ("x-amz-request-id", "0000000000000001"),
        ("Content-Length", "0"),
    )
    assert (got.status, got.body) == (200, body)
    assert got.headers == (
        ("Accept-Ranges", "bytes"),
        ("Content-Type", "application/json"),
        ("Last-Modified", "Mon, 21 Sep 2026 14:13:20 GMT"),
        ("ETag", etag),
        ("x-amz-request-id", "0000000000000002"),
        ("Content-Length", str(len(body))),
    )


def test_a_put_may_be_repeated() -> None:
    store = new_store()

    for _ in range(2):
        assert store.respond(a_put(store), NOW).status == 200

    assert (list(store), store.total_bytes) == (["k"], 2)


@pytest.mark.parametrize("public_read", [True, False])
def test_an_unsigned_get_is_for_public_stores(public_read: bool) -> None:
    store = new_store(public_read=public_read)
    store.put("k", b"{}", NOW)

    response = store.respond(a_request("GET", f"{ORIGIN}/k"), NOW)

    if public_read:
        assert (response.status, response.body) == (200, b"{}")
    else:
        assert refused(response) == (403, "AccessDenied")


def test_head_answers_as_get_without_a_body() -> None:
    store = new_store()
    store.put("k", b"four", NOW)

    found = store.respond(a_request("HEAD", f"{ORIGIN}/k"), NOW)
    missing = store.respond(a_request("HEAD", f"{ORIGIN}/l"), NOW)

    assert (found.status, found.body) == (200, b"")
    assert ("Content-Length", "4") in found.headers
    assert ("Content-Type", "binary/octet-stream") in found.headers
    assert (missing.status, missing.body) == (403, b"")


def test_a_missing_key_is_told_only_to_who_signed() -> None:
    store = new_store()

    signed = store.respond(a_request("GET", store.download_url(ORIGIN, "<k>", NOW)), NOW)
    unsigned = store.respond(a_request("GET", f"{ORIGIN}/k"), NOW)

    assert refused(signed) == (404, "NoSuchKey")
    assert xml(signed)["Key"] == "<k>"
    assert refused(unsigned) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], (403, "SignatureDoesNotMatch")),
        ([("x-amz-acl", "public-read")], (403, "SignatureDoesNotMatch")),
        ([ACL_HEADER, ("x-amz-meta-a", "1")], (403, "AccessDenied")),
        ([ACL_HEADER, ("Content-Type", "application/json"), ("Accept", "*/*")], None),
    ],
)
def test_signed_headers_are_insisted_on(
    headers: list[tuple[str, str]], expected: tuple[int, str] | None
) -> None:
    store = new_store()
    request = a_request("PUT", store.upload_url(ORIGIN, "k", NOW), *headers, body=b"{}")

    response = store.respond(request, NOW)

    if expected is None:
        assert response.status == 200
    else:
        assert refused(response) == expected
        assert not store


def test_an_acl_on_a_get_is_denied() -> None:
    store = new_store()
    store.put("k", b"{}", NOW)

    response = store.respond(
        a_request("GET", store.download_url(ORIGIN, "k", NOW), ACL_HEADER), NOW
    )

    assert refused(response) == (403, "AccessDenied")
    assert xml(response)["Message"] == (
        "There were headers present in the request which were not signed"
    )
    assert xml(response)["HeadersNotSigned"] == "x-amz-acl"


def test_an_upload_url_is_good_for_its_key_and_method_only() -> None:
    store = new_store()
    url = store.upload_url(ORIGIN, "k", NOW)
    other_key = a_request("PUT", url.replace("/k?", "/l?"), ACL_HEADER, body=b"{}")
    other_method = a_request("GET", url, ACL_HEADER)

    assert refused(store.respond(other_key, NOW)) == (403, "SignatureDoesNotMatch")
    assert refused(store.respond(other_method, NOW)) == (403, "SignatureDoesNotMatch")


def test_an_expired_url_is_told_with_its_times() -> None:
    store = new_store()

    response = store.respond(a_put(store, expires=60), NOW + 61)

    assert refused(response) == (403, "AccessDenied")
    assert xml(response) == {
        "Code": "AccessDenied",
        "Message": "Request has expired",
        "X-Amz-Expires": "60",
        "Expires": "2026-09-21T14:14:20Z",
        "ServerTime": "2026-09-21T14:14:21Z",
        "RequestId": "0000000000000001",
        "HostId": "local",
    }
    assert ("x-amz-request-id", "0000000000000001") in response.headers


def test_writing_needs_a_signature() -> None:
    store = new_store(public_read=True)

    response = store.respond(a_request("PUT", f"{ORIGIN}/k", body=b"{}"), NOW)

    assert refused(response) == (403, "AccessDenied")


CRC = base64.b64encode(zlib.crc32(b"{}").to_bytes(4, "big")).decode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("AAAAAA==", (400, "BadDigest")),
        (CRC, None),
        ("AAAA", (400, "InvalidDigest")),
        ("no base64", (400, "InvalidDigest")),
    ],
)
def test_a_checksum_in_the_query_is_compared(value: str, expected: tuple[int, str] | None) -> None:
    store = new_store()
    request = a_put(store, query=[("x-amz-checksum-crc32", value), ("x-id", "PutObject")])

    response = store.respond(request, NOW)

    assert (None if response.status == 200 else refused(response)) == expected


def test_a_checksum_in_the_query_can_be_left_alone() -> None:
    store = new_store(check_checksum=False)
    request = a_put(store, query=[("x-amz-checksum-crc32", "AAAAAA==")])

    assert store.respond(request, NOW).status == 200


def test_content_md5_is_compared() -> None:
    store = new_store()
    digest = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    request = a_request(
        "PUT",
        store.upload_url(ORIGIN, "k", NOW),
        ACL_HEADER,
        ("Content-MD5", digest),
        body=b"{}",
    )

    assert refused(store.respond(request, NOW)) == (400, "BadDigest")


def test_what_the_head_says_is_refused_before_the_body() -> None:
    store = new_store(max_object=10)
    url = store.upload_url(ORIGIN, "k", NOW)
    cases = {
        (501, "NotImplemented"): [("Transfer-Encoding", "chunked"), ACL_HEADER],
        (411, "MissingContentLength"): [ACL_HEADER],
        (400, "InvalidArgument"): [("Content-Length", "+1"), ACL_HEADER],
        (400, "EntityTooLarge"): [("Content-Length", "11"), ACL_HEADER],
        (403, "SignatureDoesNotMatch"): [("Content-Length", "10")],
    }

    for expected, headers in cases.items():
        response = store.refuse(a_request("PUT", url, *headers, length=False), NOW)
        assert response is not None
        assert refused(response) == expected


def test_a_good_head_is_not_refused() -> None:
    store = new_store(max_object=10)
    url = store.upload_url(ORIGIN, "k", NOW)

    head = a_request("PUT", url, ACL_HEADER, ("Content-Length", "10"), length=False)

    assert store.refuse(head, NOW) is None


def test_a_body_shorter_than_promised_is_refused() -> None:
    store = new_store()
    url = store.upload_url(ORIGIN, "k", NOW)
    request = a_request("PUT", url, ("Content-Length", "3"), ACL_HEADER, body=b"{}", length=False)

    assert refused(store.respond(request, NOW)) == (400, "IncompleteBody")


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("DELETE", "/k", (405, "MethodNotAllowed")),
        ("POST", "/", (405, "MethodNotAllowed")),
        ("GET", "/", (405, "MethodNotAllowed")),
        ("GET", "http://127.0.0.1/k", (400, "InvalidURI")),
        ("GET", "/" + "k" * 1_025, (400, "KeyTooLongError")),
        ("GET", "/%ff%fe", (403, "AccessDenied")),
        ("GET", "/k?X-Amz-Signature=x", (400, "AuthorizationQueryParametersError")),
    ],
)
def test_a_bad_form_is_refused(method: str, target: str, expected: tuple[int, str]) -> None:
    response = new_store().respond(StoreRequest(method=method, target=target), NOW)

    assert refused(response) == expected
    assert (dict(response.headers).get("Allow") == "GET, HEAD, PUT") is (expected[0] == 405)


def test_an_odd_key_cannot_break_the_xml() -> None:
    store = new_store()

    response = store.respond(
        a_request("GET", store.download_url(ORIGIN, "\x00<&>\ud800".encode(
            "utf-8", "replace").decode(), NOW)), NOW
    )  # fmt: skip

    assert xml(response)["Key"] == "?<&>?"


def test_the_oldest_objects_make_room() -> None:
    store = new_store(max_total=10)
    for number in range(4):
        store.put(f"k{number}", b"four", NOW + number)

    assert (list(store), store.total_bytes, store.deleted) == (["k2", "k3"], 8, 2)


def test_writing_again_makes_an_object_young() -> None:
    store = new_store(max_total=10)
    for key in ("a", "b", "a", "c"):
        store.put(key, b"four", NOW)

    assert list(store) == ["a", "c"]


def test_objects_are_deleted_after_a_day() -> None:
    store = new_store()
    store.put("k", b"{}", NOW)

    assert store.get("k", NOW + 86_399) == b"{}"
    assert store.get("k", NOW + 86_400) is None
    assert (len(store), store.total_bytes, store.deleted) == (0, 0, 1)


def test_an_object_can_be_deleted() -> None:
    store = new_store()
    store.put("k", b"{}", NOW)

    store.delete("k")
    store.delete("k")

    assert (store.get("k", NOW), store.total_bytes) == (None, 0)


def test_a_fault_refuses_with_its_code() -> None:
    store, faults = new_store(), Faults()
    faults.fail_puts(1, 503, "SlowDown", "Please reduce your request rate.")

    fault = faults.take_store_fault("PUT")
    response = store.respond(a_put(store), NOW, fault)

    assert refused(response) == (503, "SlowDown")
    assert xml(response)["Message"] == "Please reduce your request rate."
    assert not store
    assert faults.take_store_fault("PUT") is None


def test_a_fault_takes_a_method_that_fits() -> None:
    faults = Faults()
    faults.fail_gets(1, 500, "InternalError")
    faults.add_store_fault(StoreFault(delay=1.0))

    assert faults.take_store_fault("PUT") == StoreFault(delay=1.0)
    assert faults.take_store_fault("PUT") is None
    assert faults.take_store_fault("GET") == StoreFault(method="GET", status=500)


def test_a_fault_redirects_to_the_same_target() -> None:
    store, faults = new_store(), Faults()
    faults.redirect_puts("http://localhost:8003")
    request = a_put(store)

    response = store.respond(request, NOW, faults.take_store_fault("PUT"))

    assert refused(response) == (307, "TemporaryRedirect")
    assert dict(response.headers)["Location"] == f"http://localhost:8003{request.target}"


def test_a_fault_expires_a_url() -> None:
    store, faults = new_store(), Faults()
    faults.expire_puts()

    response = store.respond(a_put(store), NOW, faults.take_store_fault("PUT"))

    assert xml(response)["Message"] == "Request has expired"


def test_a_fault_replaces_what_is_read() -> None:
    store = new_store()
    store.put("k", b"{}", NOW)

    response = store.respond(a_request("GET", f"{ORIGIN}/k"), NOW, StoreFault(content=b"<html>"))

    assert (response.status, response.body) == (200, b"<html>")


def test_clearing_mends_everything() -> None:
    faults = Faults()
    faults.fail_puts(3)
    faults.refuse_handshakes(3)
    faults.drop_after_frames(1)
    faults.refuse_uploads(1)
    faults.expire_upload_urls(1)
    faults.silent = True
    faults.answer_pings = False

    faults.clear()

    assert faults.take_store_fault("PUT") is None
    assert faults.take_handshake_fault() is None
    assert faults.take_connection_fault() is None
    assert faults.take_upload_fault() is None
    assert not faults.take_expired_url()
    assert (faults.silent, faults.answer_pings) == (False, True)


def test_paths_and_secrets_do_not_show() -> None:
    store = new_store()
    request = a_put(store, key="a-secret-key")

    assert "a-secret-key" not in repr(request)
    assert "secret" not in repr(CREDENTIALS).replace("secret_key", "")
