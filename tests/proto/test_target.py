"""A WebSocket's URL, taken apart, and the headers that an application may add."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import LocalProtocolError, Secret, UrlPolicy
from auxws_proto._target import Target, check_encryption, check_headers, parse_target

AWS = "abc.execute-api.us-east-1.amazonaws.com"

# url, host, port, is_secure, path, host_header, origin
GOOD = [
    (f"wss://{AWS}/dev", AWS, 443, True, "/dev", AWS, f"https://{AWS}"),
    (f"https://{AWS}/dev", AWS, 443, True, "/dev", AWS, f"https://{AWS}"),
    ("ws://h", "h", 80, False, "/", "h", "http://h"),
    ("http://h/", "h", 80, False, "/", "h", "http://h"),
    ("WSS://H:8443/a?b=c&d", "h", 8443, True, "/a?b=c&d", "h:8443", "https://h:8443"),
    ("wss://h:443/", "h", 443, True, "/", "h", "https://h"),
    ("wss://h:80/", "h", 80, True, "/", "h:80", "https://h:80"),
    ("ws://h:443/", "h", 443, False, "/", "h:443", "http://h:443"),
    ("ws://h?q", "h", 80, False, "/?q", "h", "http://h"),
    ("ws://[::1]:4000/x", "::1", 4000, False, "/x", "[::1]:4000", "http://[::1]:4000"),
    ("wss://[2001:db8::1]/", "2001:db8::1", 443, True, "/", "[2001:db8::1]",
     "https://[2001:db8::1]"),
    ("wss://bücher.example/%C3%BC", "xn--bcher-kva.example", 443, True, "/%C3%BC",
     "xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ("wss://h./", "h.", 443, True, "/", "h.", "https://h."),
]  # fmt: skip


@pytest.mark.parametrize(("url", "host", "port", "secure", "path", "header", "origin"), GOOD)
def test_urls_to_the_part(
    url: str, host: str, port: int, secure: bool, path: str, header: str, origin: str
) -> None:
    for form in (url, Secret(url)):
        target = parse_target(form)

        assert target == Target(host=host, port=port, is_secure=secure, path=path)
        assert (target.host_header, target.origin) == (header, origin)


BAD: list[tuple[Any, str]] = [
    (None, "must be a str, not NoneType"),
    (b"wss://h", "must be a str, not bytes"),
    ("", "scheme ''"),
    ("h/secret", "scheme ''"),
    ("ftp://h/secret", "scheme 'ftp'"),
    ("wss:///secret", "names no host"),
    ("wss:h/secret", "names no host"),
    ("wss://:80/secret", "names no host"),
    ("wss://h:70000/secret", "cannot be taken apart"),
    ("wss://h:x/secret", "cannot be taken apart"),
    ("wss://[::1/secret", "cannot be taken apart"),
    ("wss://secret@h/", "user or a password"),
    ("wss://u:secret@h/", "user or a password"),
    ("wss://h/#secret", "fragment"),
    ("wss://h/secret é", "no spaces"),
    (" wss://h/secret", "no spaces"),
    ("wss://h/secret\r\nX: y", "control characters"),
    ("wss://h\n/secret", "control characters"),
    ("wss://h\x00/secret", "control characters"),
    ("wss://h/secret?\x7f", "control characters"),
    ("wss://h/secreté", "percent-encoded"),
    ("wss://h/?secret=é", "percent-encoded"),
    (f"wss://{'ü' * 70}.example/secret", "host name is not valid"),
    ("wss://ü..example/secret", "host name is not valid"),
]


@pytest.mark.parametrize(("url", "words"), BAD)
def test_what_is_no_websocket_url_is_named_and_not_quoted(url: Any, words: str) -> None:
    with pytest.raises(LocalProtocolError, match=words) as caught:
        parse_target(url)

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text() | st.from_regex(r"wss?://[a-zü.@:\[\]0-9/#?\\ %-]*"))
def test_any_text_is_a_target_or_the_callers_mistake(url: str) -> None:
    try:
        target = parse_target(url)
    except LocalProtocolError:
        return
    assert (target.host_header + target.path).isascii()


@pytest.mark.parametrize(
    "url",
    ["wss://h/", "https://10.0.0.1/", "ws://localhost/", "http://a.localhost./", "ws://127.0.0.9/",
     "ws://[::1]/"],
)  # fmt: skip
def test_tls_and_loopback_need_no_leave(url: str) -> None:
    check_encryption(parse_target(url), UrlPolicy())


@pytest.mark.parametrize(
    "url",
    ["ws://h/", "http://h/", "ws://10.0.0.1/", "ws://localhost.example/", "ws://0.0.0.0/",
     "ws://[::]/", "ws://127.0.0.1.example/", "ws://2130706433/"],
)  # fmt: skip
def test_another_machine_without_tls_needs_leave(url: str) -> None:
    target = parse_target(f"{url}secret?secret=1")

    with pytest.raises(LocalProtocolError, match=r"'scheme' .*UrlPolicy\(allow_insecure=True") as e:
        check_encryption(target, UrlPolicy(allow_any_host=True, allow_private_addresses=True))

    assert target.host in str(e.value)
    assert "secret" not in str(e.value)
    check_encryption(target, UrlPolicy(allow_insecure=True))


@pytest.mark.parametrize(
    "headers", [{"X-Api-Key": "k", "Origin": "https://h"}, [("a", "1"), ("a", "2")], (), {}]
)
def test_the_applications_headers(headers: Any) -> None:
    assert dict(check_headers(headers)) == dict(headers)
    assert check_headers(iter([("a", "1"), ("a", "2")])) == (("a", "1"), ("a", "2"))


@pytest.mark.parametrize(
    "name",
    ["Host", "connection", "Upgrade", "Content-Length", "transfer-encoding", "Sec-WebSocket-Key",
     "sec-websocket-protocol", "SEC-WEBSOCKET-EXTENSIONS"],
)  # fmt: skip
def test_headers_of_the_handshake_itself(name: str) -> None:
    with pytest.raises(LocalProtocolError, match=f"the header {name} belongs to the handshake"):
        check_headers({name: "x"})


@pytest.mark.parametrize(
    ("name", "value"), [("a b", "x"), ("a", "x\r\ny: z"), ("a", "\u20ac"), ("a", " x"), ("a", 1)]
)
def test_headers_that_are_no_headers(name: str, value: Any) -> None:
    with pytest.raises(LocalProtocolError, match="a header of the handshake"):
        check_headers([(name, value)])
