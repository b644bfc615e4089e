"""The store and browsers, over real sockets: preflights, and what answers tell other origins."""

from __future__ import annotations

from xml.etree import ElementTree

import httpx
import pytest

from auxws_anyio.gateway._faults import StoreFault
from tests.gateway.test_s3 import ACL_HEADER, NOW, Running, read_all, responses, running

pytestmark = pytest.mark.anyio

ORIGIN = {"Origin": "http://127.0.0.1:8000"}
ASKED = {
    **ORIGIN,
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "content-type,x-amz-acl",
}

ANSWERED = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD, PUT",
    "access-control-expose-headers": "ETag",
    "access-control-max-age": "3000",
    "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
}
"""What a page of another origin is told, whatever it asked for."""


def cors(response: httpx.Response) -> dict[str, str]:
    return {
        name: value
        for name, value in response.headers.items()
        if name.startswith("access-control-") or name == "vary"
    }


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    error = ElementTree.fromstring(response.content)
    return response.status_code, error.findtext("Code", ""), error.findtext("Message", "")


def without(*names: str, **changed: str) -> dict[str, str]:
    kept = {name: value for name, value in ASKED.items() if name not in names}
    return kept | {f"Access-Control-Request-{name}": value for name, value in changed.items()}


def download_url(it: Running) -> str:
    return it.store.download_url(it.origin, "k", NOW)


async def test_a_preflight_is_answered_and_its_connection_used_again() -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        preflight = await client.options(it.upload_url(), headers=ASKED)
        put = await client.put(it.upload_url(), content=b"{}", headers=ACL_HEADER | ORIGIN)

        assert (preflight.status_code, preflight.content) == (200, b"")
        assert cors(preflight) == {
            **ANSWERED,
            "access-control-allow-headers": "content-type, x-amz-acl",
        }
        assert "connection" not in preflight.headers
        assert put.status_code == 200


async def test_a_preflight_without_headers_is_told_of_none() -> None:
    headers = without("Access-Control-Request-Headers", Method="GET")
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        response = await client.options(download_url(it), headers=headers)

        assert (response.status_code, cors(response)) == (200, ANSWERED)


@pytest.mark.parametrize("target", ["/k", "/", "/k?X-Amz-Signature=wrong"])
async def test_a_preflight_needs_no_signature_and_no_object(target: str) -> None:
    async with running(public_read=False) as it, httpx.AsyncClient(trust_env=False) as client:
        response = await client.options(it.origin + target, headers=ASKED)

        assert response.status_code == 200


async def test_a_preflight_stores_nothing_and_is_not_counted() -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        await client.options(it.upload_url(), headers=ASKED)

        assert (list(it.store), it.server.requests) == ([], 0)


async def test_a_preflight_leaves_faults_to_the_request_that_follows() -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        it.faults.add_store_fault(StoreFault(status=503, code="SlowDown"))

        preflight = await client.options(it.upload_url(), headers=ASKED)
        put = await client.put(it.upload_url(), content=b"{}", headers=ACL_HEADER | ORIGIN)

        assert preflight.status_code == 200
        assert refusal(put) == (503, "SlowDown", "SlowDown")
        assert cors(put) == ANSWERED


async def test_a_preflight_has_faults_of_its_own() -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        it.faults.add_store_fault(StoreFault(method="OPTIONS", status=503, code="SlowDown"))

        put = await client.put(it.upload_url(), content=b"{}", headers=ACL_HEADER)
        preflight = await client.options(it.upload_url(), headers=ASKED)

        assert put.status_code == 200
        assert refusal(preflight) == (503, "SlowDown", "SlowDown")


NOT_ALLOWED = {
    "a method": without(Method="DELETE"),
    "a header that is none": without(Headers="x-amz-acl, not a header"),
    "a header of other letters": without(Headers="x-ü"),
}


@pytest.mark.parametrize("headers", NOT_ALLOWED.values(), ids=NOT_ALLOWED)
async def test_a_preflight_that_asks_too_much_is_refused(headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        response = await client.options(it.upload_url(), headers=raw)

        status, code, message = refusal(response)
        assert (status, code) == (403, "AccessForbidden")
        assert message.startswith("CORSResponse: This CORS request is not allowed.")
        assert cors(response) == {}


@pytest.mark.parametrize(("target", "kind"), [("/k", "OBJECT"), ("/", "BUCKET")])
async def test_a_refusal_names_what_was_asked(target: str, kind: str) -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        response = await client.options(it.origin + target, headers=without(Method="POST"))

        error = ElementTree.fromstring(response.content)
        assert (error.findtext("Method"), error.findtext("ResourceType")) == ("POST", kind)


MALFORMED = {
    "no origin": (
        without("Origin"),
        "Insufficient information. Origin request header needed.",
    ),
    "an empty origin": (
        without() | {"Origin": ""},
        "Insufficient information. Origin request header needed.",
    ),
    "no method": (
        without("Access-Control-Request-Method"),
        "Invalid Access-Control-Request-Method: null",
    ),
    "no method of S3's": (
        without(Method="PATCH"),
        "Invalid Access-Control-Request-Method: PATCH",
    ),
    "a method in small letters": (
        without(Method="put"),
        "Invalid Access-Control-Request-Method: put",
    ),
}


@pytest.mark.parametrize(("headers", "message"), MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_preflight_is_told_what_it_lacks(
    headers: dict[str, str], message: str
) -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        response = await client.options(it.upload_url(), headers=headers)

        assert refusal(response) == (400, "BadRequest", message)
        assert cors(response) == {}


async def test_a_preflight_is_bounded_as_a_put_is() -> None:
    async with running(max_object=10) as it, httpx.AsyncClient(trust_env=False) as client:
        response = await client.request(
            "OPTIONS", it.upload_url(), headers=ASKED, content=b"x" * 11
        )

        assert refusal(response)[:2] == (400, "EntityTooLarge")


@pytest.mark.parametrize(("headers", "told"), [(ORIGIN, ANSWERED), ({}, {})])
async def test_only_who_names_an_origin_is_told(
    headers: dict[str, str], told: dict[str, str]
) -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        put = await client.put(it.upload_url(), content=b"{}", headers=ACL_HEADER | headers)
        got = await client.get(download_url(it), headers=headers)
        head = await client.head(f"{it.origin}/k", headers=headers)

        assert [r.status_code for r in (put, got, head)] == [200, 200, 200]
        assert [cors(r) for r in (put, got, head)] == [told] * 3
        assert got.content == b"{}"


@pytest.mark.parametrize(("headers", "told"), [(ORIGIN, ANSWERED), ({}, {})])
async def test_an_error_can_be_read_by_who_names_an_origin(
    headers: dict[str, str], told: dict[str, str]
) -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        denied = await client.put(f"{it.origin}/k", content=b"{}", headers=headers)
        missing = await client.get(download_url(it), headers=headers)

        assert refusal(denied)[:2] == (403, "AccessDenied")
        assert refusal(missing)[:2] == (404, "NoSuchKey")
        assert [cors(denied), cors(missing)] == [told] * 2


async def test_a_method_that_is_not_allowed_is_not_explained_to_other_origins() -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        response = await client.delete(f"{it.origin}/k", headers=ORIGIN)

        assert refusal(response)[:2] == (405, "MethodNotAllowed")
        assert cors(response) == {}


async def test_a_page_that_is_too_slow_can_read_that_it_was() -> None:
    async with running(stall_timeout=0.1) as it, await it.connect() as stream:
        await stream.send(it.head(100, "Origin: http://127.0.0.1:8000") + b"half")

        data = await read_all(stream)

        [(status, body)] = responses(data, "PUT")
        assert (status, b"<Code>RequestTimeout</Code>" in body) == (400, True)
        assert b"\r\nAccess-Control-Allow-Origin: *\r\n" in data
