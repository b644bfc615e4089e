"""The URL policy and the headers, by table: what is obeyed, what is not, and by which rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import Secret, UrlPolicy, UrlRefused
from auxws_proto import _policy as policy
from auxws_proto._policy import check_url, download_headers, signed_headers, upload_headers

GATEWAY = "wss://abc123.execute-api.us-east-1.amazonaws.com/dev"
OWN = "wss://aux.example.org:8443/websocket"
LOCAL = "ws://127.0.0.1:4000/dev"
BUCKET = "https://messages.s3.us-east-1.amazonaws.com/key?X-Amz-Signature=s"
DEFAULT = UrlPolicy()
ANY_HOST = UrlPolicy(allow_any_host=True)
INSECURE = UrlPolicy(allow_insecure=True)
LISTED = UrlPolicy(allow_hosts=("files.example.org", ".Store.example"))


def rule_of(url: str, websocket: str | None = GATEWAY, rules: UrlPolicy = DEFAULT) -> str:
    refused = check_url(rules, url, "PUT", websocket, "upload")
    return "allowed" if refused is None else refused.rule


BY_DEFAULT: list[tuple[str, str]] = [
    (BUCKET, "allowed"),
    ("https://amazonaws.com/", "allowed"),
    ("https://s3.amazonaws.com/bucket/key", "allowed"),
    ("https://b.s3.cn-north-1.amazonaws.com.cn/k", "allowed"),
    ("https://b.s3.amazonaws.com:443/k", "allowed"),
    ("https://b.s3.amazonaws.com:/k", "allowed"),
    ("HTTPS://B.S3.AMAZONAWS.COM/k", "allowed"),
    ("https://b.s3.amazonaws.com./k", "allowed"),
    ("https://b.s3.amazonaws.com", "allowed"),
    ("https://my_bucket.s3.amazonaws.com/k", "allowed"),
    ("https://b.s3.amazonaws.com/k%0d%0aX:%20y", "allowed"),
    # Look-alikes.
    ("https://amazonaws.com.evil.org/k", "host"),
    ("https://evilamazonaws.com/k", "host"),
    ("https://amazonaws.com.cn.evil.org/k", "host"),
    ("https://amazonaws.co/k", "host"),
    ("https://s3.amazonaws.com.evil/k", "host"),
    ("https://xn--amazonaws-1u3d.com/k", "host"),
    ("https://evil.org/amazonaws.com", "host"),
    ("https://evil.org?.amazonaws.com", "host"),
    ("https://amazonaws/k", "host"),
    ("https://com/k", "host"),
    # Addresses, however they are written.
    ("https://52.216.0.1/k", "host"),
    ("https://169.254.169.254/latest/meta-data/", "host"),
    ("https://2130706433/k", "host"),
    ("https://0x7f000001/k", "host"),
    ("https://127.1/k", "host"),
    ("https://[2600:1fa0::1]/k", "host"),
    ("https://[::ffff:169.254.169.254]/k", "host"),
    ("https://127.0.0.1/k", "loopback"),
    ("https://127.9.9.9/k", "loopback"),
    ("https://[::1]/k", "loopback"),
    ("https://localhost/k", "loopback"),
    ("https://LocalHost./k", "loopback"),
    ("https://s3.amazonaws.com.localhost/k", "loopback"),
    # Schemes.
    ("http://b.s3.amazonaws.com/k", "scheme"),
    ("http://127.0.0.1/k", "scheme"),
    ("ftp://b.s3.amazonaws.com/k", "scheme"),
    ("file://b.s3.amazonaws.com/k", "scheme"),
    ("wss://b.s3.amazonaws.com/k", "scheme"),
    ("javascript://b.s3.amazonaws.com/k", "scheme"),
    ("//b.s3.amazonaws.com/k", "scheme"),
    # Ports.
    ("https://b.s3.amazonaws.com:80/k", "port"),
    ("https://b.s3.amazonaws.com:8443/k", "port"),
    ("https://b.s3.amazonaws.com:0/k", "port"),
    ("https://b.s3.amazonaws.com:65536/k", "syntax"),
    ("https://b.s3.amazonaws.com:-1/k", "syntax"),
    ("https://b.s3.amazonaws.com:http/k", "syntax"),
    # User information.
    ("https://user@b.s3.amazonaws.com/k", "userinfo"),
    ("https://user:pw@b.s3.amazonaws.com/k", "userinfo"),
    ("https://b.s3.amazonaws.com@evil.org/k", "userinfo"),
    ("https://evil.org@b.s3.amazonaws.com/k", "userinfo"),
    ("https://@b.s3.amazonaws.com/k", "userinfo"),
    # Fragments, which the client of one library sends and of another does not.
    ("https://b.s3.amazonaws.com/k#f", "fragment"),
    ("https://b.s3.amazonaws.com/k#", "fragment"),
    ("https://b.s3.amazonaws.com#@evil.org/k", "fragment"),
    # Characters that parsers read in different ways.
    ("https://evil.org\\@b.s3.amazonaws.com/k", "characters"),
    ("https:\\\\b.s3.amazonaws.com\\k", "characters"),
    ("https://b.s3.amazonaws.com/a b", "characters"),
    (" https://b.s3.amazonaws.com/k", "characters"),
    ("https://b.s3.amazonaws.com/k\n", "characters"),
    ("https://b.s3.amazon\taws.com/k", "characters"),
    ("https://b.s3.amazonaws.com/\x00", "characters"),
    ("https://b.s3.amazonaws.com/\x7f", "characters"),
    ("https://b.s3.amazonaws.com/\x85", "characters"),
    ("https://b.s3.amazonaws.com/é", "characters"),
    ("https://b.s3.amazonaws.com\u3002evil.org/k", "characters"),
    ("https://b.s3.\uff41mazonaws.com/k", "characters"),
    ("https://b.s3.amazonaws.com/\ud800", "characters"),
    # No absolute URL.
    ("", "syntax"),
    ("/k", "syntax"),
    ("https:b.s3.amazonaws.com/k", "syntax"),
    ("https:///b.s3.amazonaws.com/k", "syntax"),
    ("https://", "syntax"),
    ("https://:443/k", "syntax"),
    ("https://[::1/k", "syntax"),
    ("https://[zz]/k", "syntax"),
    # No host.
    ("https://./k", "host"),
    ("https://b%2es3.amazonaws.com/k", "host"),
    ("https://a,b.amazonaws.com/k", "host"),
    ("https://*.amazonaws.com/k", "host"),
]


@pytest.mark.parametrize(("url", "rule"), BY_DEFAULT)
def test_the_default_policy(url: str, rule: str) -> None:
    assert rule_of(url) == rule
    assert rule_of(Secret(url)) == rule


REAL = [
    # Virtual-hosted and path style.
    "https://messages.s3.us-east-1.amazonaws.com/record/key",
    "https://messages.s3.amazonaws.com/record/key",
    "https://s3.us-east-1.amazonaws.com/messages/key",
    "https://s3.amazonaws.com/messages/key",
    "https://my.bucket.with.dots.s3.eu-central-1.amazonaws.com/key",
    "https://messages.s3-us-west-2.amazonaws.com/key",
    "https://s3-us-west-2.amazonaws.com/messages/key",
    # Dual stack, acceleration, FIPS, access points, one zone.
    "https://messages.s3.dualstack.us-east-1.amazonaws.com/key",
    "https://s3.dualstack.us-east-1.amazonaws.com/messages/key",
    "https://messages.s3-accelerate.amazonaws.com/key",
    "https://messages.s3-accelerate.dualstack.amazonaws.com/key",
    "https://messages.s3-fips.us-east-1.amazonaws.com/key",
    "https://point-123456789012.s3-accesspoint.us-east-1.amazonaws.com/key",
    "https://messages--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/key",
    # Other partitions.
    "https://messages.s3.cn-north-1.amazonaws.com.cn/key",
    "https://s3.dualstack.cn-northwest-1.amazonaws.com.cn/messages/key",
    "https://messages.s3.us-gov-west-1.amazonaws.com/key",
    "https://messages.s3-fips.dualstack.us-gov-east-1.amazonaws.com/key",
]
QUERY = (
    "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20260301%2Fus-east-1%2Fs3%2F"
    "aws4_request&X-Amz-Date=20260301T120000Z&X-Amz-Expires=3600&X-Amz-Security-Token=a%2Fb%3D%3D"
    "&X-Amz-SignedHeaders=host%3Bx-amz-acl&X-Amz-Signature=0123abcd&x-id=PutObject"
)


@pytest.mark.parametrize("url", REAL)
@pytest.mark.parametrize("websocket", [GATEWAY, OWN, LOCAL, None])
def test_urls_as_aws_makes_them_are_obeyed(url: str, websocket: str | None) -> None:
    assert rule_of(url + QUERY, websocket) == "allowed"


WITH_OTHERS: list[tuple[str, str | None, UrlPolicy, str]] = [
    # The WebSocket's own domain: the host, at any port, and its subdomains.
    ("https://aux.example.org/k", OWN, DEFAULT, "allowed"),
    ("https://aux.example.org:9000/k", OWN, DEFAULT, "allowed"),
    ("https://files.aux.example.org/k", OWN, DEFAULT, "allowed"),
    ("https://files.aux.example.org:9000/k", OWN, DEFAULT, "port"),
    ("https://example.org/k", OWN, DEFAULT, "host"),
    ("https://evilaux.example.org/k", OWN, DEFAULT, "host"),
    ("http://aux.example.org/k", OWN, DEFAULT, "scheme"),
    ("https://aux.example.org/k", "wss://AUX.example.org./x", DEFAULT, "allowed"),
    ("https://aux.example.org/k", None, DEFAULT, "host"),
    ("https://aux.example.org/k", "wss://[", DEFAULT, "host"),
    # The own address has no subdomains, and no neighbours.
    ("https://192.0.2.1:9000/k", "wss://192.0.2.1/x", DEFAULT, "allowed"),
    ("https://1.192.0.2.1/k", "wss://192.0.2.1/x", DEFAULT, "host"),
    ("https://192.0.2.2/k", "wss://192.0.2.1/x", DEFAULT, "host"),
    ("https://[2001:db8::1]/k", "wss://[2001:db8::1]/x", DEFAULT, "allowed"),
    # Loopback, only while the WebSocket is on it: any port, plain http.
    ("http://127.0.0.1:9000/k", LOCAL, DEFAULT, "allowed"),
    ("https://127.0.0.1/k", LOCAL, DEFAULT, "allowed"),
    ("http://localhost:9000/k", LOCAL, DEFAULT, "allowed"),
    ("http://[::1]:9000/k", LOCAL, DEFAULT, "allowed"),
    ("http://bucket.localhost:9000/k", LOCAL, DEFAULT, "allowed"),
    ("http://127.0.0.1.evil.org/k", LOCAL, DEFAULT, "scheme"),
    ("http://localhost.evil.org/k", LOCAL, DEFAULT, "scheme"),
    ("http://notlocalhost/k", LOCAL, DEFAULT, "scheme"),
    ("http://10.0.0.1/k", LOCAL, DEFAULT, "scheme"),
    (BUCKET, LOCAL, DEFAULT, "allowed"),
    ("https://evil.org/k", LOCAL, DEFAULT, "host"),
    # Opting out, one rule at a time.
    ("https://evil.org/k", GATEWAY, ANY_HOST, "allowed"),
    ("https://evil.org:81/k", GATEWAY, ANY_HOST, "port"),
    ("http://evil.org/k", GATEWAY, ANY_HOST, "scheme"),
    ("https://127.0.0.1/k", GATEWAY, ANY_HOST, "loopback"),
    ("https://u@evil.org/k", GATEWAY, ANY_HOST, "userinfo"),
    ("https://127.0.0.1/k", GATEWAY,
     UrlPolicy(allow_any_host=True, allow_private_addresses=True), "allowed"),
    ("https://127.0.0.1/k", GATEWAY, UrlPolicy(allow_private_addresses=True), "host"),
    ("http://b.s3.amazonaws.com/k", GATEWAY, INSECURE, "allowed"),
    ("http://b.s3.amazonaws.com:80/k", GATEWAY, INSECURE, "allowed"),
    ("http://b.s3.amazonaws.com:443/k", GATEWAY, INSECURE, "port"),
    ("http://evil.org/k", GATEWAY, INSECURE, "host"),
    ("https://b.s3.amazonaws.com:9000/k", GATEWAY, UrlPolicy(allow_ports=(9000,)), "allowed"),
    ("https://b.s3.amazonaws.com:9001/k", GATEWAY, UrlPolicy(allow_ports=(9000,)), "port"),
    # Hosts by list: exact, or with a dot the domain and its subdomains.
    ("https://files.example.org/k", GATEWAY, LISTED, "allowed"),
    ("https://a.files.example.org/k", GATEWAY, LISTED, "host"),
    ("https://store.example/k", GATEWAY, LISTED, "allowed"),
    ("https://a.b.store.example/k", GATEWAY, LISTED, "allowed"),
    ("https://mystore.example/k", GATEWAY, LISTED, "host"),
    (BUCKET, GATEWAY, LISTED, "host"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "websocket", "rules", "rule"), WITH_OTHERS)
def test_other_policies(url: str, websocket: str | None, rules: UrlPolicy, rule: str) -> None:
    assert rule_of(url, websocket, rules) == rule


@pytest.mark.parametrize(
    ("use", "allowed"), [("upload", {"PUT"}), ("download", {"GET"}), (None, {"PUT", "GET"})]
)
def test_methods(use: Any, allowed: set[str]) -> None:
    methods = ["PUT", "GET", "POST", "DELETE", "put", "", "GET\r\nX: y"]

    admitted = {m for m in methods if check_url(DEFAULT, BUCKET, m, GATEWAY, use) is None}

    assert admitted == allowed


def test_the_length_has_a_limit_to_the_character() -> None:
    at = BUCKET + "a" * (policy.MAX_URL_SIZE - len(BUCKET))

    assert (rule_of(at), rule_of(at + "a")) == ("allowed", "length")


@given(st.text() | st.from_regex(r"https?://[a-z.@:\[\]0-9/#?\\-]*"))
def test_a_refusal_is_returned_and_never_shows_the_url(url: str) -> None:
    refused = check_url(DEFAULT, f"{url}/signature", "GET", GATEWAY)

    assert refused is None or "signature" not in f"{refused}{refused!r}"


@pytest.mark.parametrize("text", ["localhost", "a.localhost", "127.0.0.1", "::1"])
def test_loopback(text: str) -> None:
    assert policy.is_loopback(text)


@pytest.mark.parametrize("text", ["", "localhost.org", "10.0.0.1", "::2", "example.org"])
def test_not_loopback(text: str) -> None:
    assert not policy.is_loopback(text)


# Headers.


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", None),
        ("?X-Amz-SignedHeaders=host", None),
        ("?X-Amz-Signature=s", frozenset[str]()),
        ("?X-Amz-SignedHeaders=host%3Bx-amz-acl&X-Amz-Signature=s", {"host", "x-amz-acl"}),
        ("?x-amz-signedheaders=Host;Content-Type;;&x-amz-signature=s", {"host", "content-type"}),
    ],
)
def test_signed_headers(query: str, names: object) -> None:
    assert signed_headers(f"https://b.s3.amazonaws.com/k{query}") == names
    assert signed_headers("https://[") is None


SIGNED_ACL = "https://h/k?X-Amz-SignedHeaders=host%3Bx-amz-acl&X-Amz-Signature=s"
SIGNED_HOST = "https://h/k?X-Amz-SignedHeaders=host&X-Amz-Signature=s"
JSON_TYPE = {"Content-Type": "application/json"}
ACL = {"x-amz-acl": "bucket-owner-full-control"}


@pytest.mark.parametrize(
    ("url", "given_headers", "sent"),
    [
        (SIGNED_ACL, {}, JSON_TYPE | ACL),
        ("https://h/k", {}, JSON_TYPE | ACL),
        (SIGNED_HOST, {}, JSON_TYPE),
        (SIGNED_ACL, {"content-type": "text/plain"}, {"content-type": "text/plain"} | ACL),
        (SIGNED_ACL, {"X-AMZ-ACL": "private"}, JSON_TYPE | {"X-AMZ-ACL": "private"}),
        (SIGNED_HOST, {"x-amz-acl": "private"}, JSON_TYPE | {"x-amz-acl": "private"}),
        (SIGNED_HOST, {"X-A": "1", "x-a": "2"}, JSON_TYPE | {"x-a": "2"}),
    ],
)
def test_the_headers_of_an_upload(
    url: str, given_headers: dict[str, str], sent: dict[str, str]
) -> None:
    assert upload_headers(url, given_headers) == sent


def test_a_download_has_the_servers_headers_alone() -> None:
    assert download_headers({"X-Custom": "1"}) == {"X-Custom": "1"}
    assert download_headers({}) == {}


FORBIDDEN = [
    "Host", "Content-Length", "Transfer-Encoding", "Connection", "Authorization", "COOKIE",
    "Proxy-Authorization", "proxy-connection", "Proxy-", "TE", "Trailer", "Upgrade", "Expect",
    "Accept-Encoding",
]  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
def test_headers_that_the_server_may_not_set(name: str) -> None:
    for refused in (upload_headers(SIGNED_ACL, {name: "x"}), download_headers({name: "x"})):
        assert isinstance(refused, UrlRefused)
        assert refused.rule == "header"


BAD_HEADERS: list[tuple[Any, Any]] = [
    ("", "x"), ("a b", "x"), ("a:", "x"), ("a\r\nHost", "x"), ("a\n", "x"), ("é", "x"),
    ("a\x00", "x"), ("a", "x\r\nHost: y"), ("a", "x\n"), ("a", "\x00"), ("a", "x\x7f"),
    ("a", "\u0100"), ("a", " x"), ("a", "x "), ("a", "\tx"), ("a", " "), ("a", 1),
    (b"a", "x"), ("a", None), ("a", "x" * 8_193),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD_HEADERS)
def test_headers_that_are_no_headers(name: Any, value: Any) -> None:
    refused = download_headers({name: value})

    assert isinstance(refused, UrlRefused)
    assert refused.rule == "header_syntax"


@pytest.mark.parametrize("value", ["", "x", "a \t b", "\xe9\xff", "~" * 8_192])
def test_headers_to_the_edge(value: str) -> None:
    assert download_headers({"!#$%&'*+.^_`|~09AZaz-": value}) == {"!#$%&'*+.^_`|~09AZaz-": value}


def test_the_number_of_headers_has_a_limit() -> None:
    headers = {f"x-{i}": "v" for i in range(policy.MAX_HEADERS)}
    assert download_headers(headers) == headers

    refused = download_headers(headers | {"x": "v"})
    assert isinstance(refused, UrlRefused)
    assert refused.rule == "headers"


def test_the_size_of_headers_is_that_of_names_and_values() -> None:
    assert policy.header_size({"ab": "cde", "f": ""}) == policy.header_size([("abc", "def")]) == 6


def test_pairs_come_from_mappings_and_from_pairs() -> None:
    assert policy.header_pairs({"a": "b"}) == policy.header_pairs([("a", "b")]) == (("a", "b"),)


@pytest.mark.parametrize(
    "url", ["https://h/a%20b", "https://h/a%20b?X=1", "https://h/a%20b?a?b#c", "https://h/a%20b#?"]
)
def test_the_announced_url_is_origin_and_path_byte_for_byte(url: str) -> None:
    assert policy.without_query(Secret(url)) == "https://h/a%20b"
