"""Redaction: no secret remains, sizes and equality do, and the core decides as before."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import UrlPolicy
from auxws_proto._policy import check_url, signed_headers, without_query
from auxws_proto._secret import hide
from auxws_proto._trace_redaction import Redactor

KEY = "1f0c2f2e-aaaa-bbbb-cccc-0123456789ab.json"
SIGNATURE = "feedface" * 8
QUERY = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAMARKED%2F20260101%2Fus-east-1"
    "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host%3Bx-amz-acl"
    f"&X-Amz-Security-Token=marked%2Btoken&X-Amz-Signature={SIGNATURE}"
)
URL = f"https://bucket.s3.us-east-1.amazonaws.com/folder/{KEY}?{QUERY}"
SECRETS = (KEY, SIGNATURE, "AKIAMARKED", "marked%2Btoken", f"folder/{KEY}")
TOKEN = "vCT1.bWFya2Vk.c2Vzc2lvbg==.aGFzaA=="


def left(text: str, *secrets: str) -> list[str]:
    return [secret for secret in (*SECRETS, *secrets) if secret in text]


# URLs.


def test_a_presigned_url_keeps_what_opens_nothing() -> None:
    redacted = Redactor().url(URL)

    assert left(redacted) == []
    assert len(redacted) == len(URL)
    assert redacted.startswith("https://bucket.s3.us-east-1.amazonaws.com/redacted-1---")
    assert "X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600" in redacted
    assert "X-Amz-Signature=redacted-" in redacted
    assert signed_headers(redacted) == signed_headers(URL) == frozenset({"host", "x-amz-acl"})


def test_an_announcement_is_the_upload_without_its_query() -> None:
    redactor = Redactor()

    upload, announced = redactor.url(URL), redactor.url(without_query(URL))

    assert without_query(upload) == announced


def test_the_checksum_of_an_empty_body_stays_for_it_says_what_is_wrong() -> None:
    redacted = Redactor().url(
        "https://h/k?x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-checksum-crc32=B"
    )

    assert redacted.endswith("?x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-checksum-crc32=-")


def test_user_fragment_and_other_parameters_go() -> None:
    redacted = Redactor().url("wss://user:marked-password@host:8443/stage?plain&key=marked#marked")

    assert "marked" not in redacted
    assert "user" not in redacted
    assert redacted.count("@") == redacted.count("#") == 1
    assert "host:8443/" in redacted


@pytest.mark.parametrize("url", ["https://host", "https://host/", "wss://[::1]:1"])
def test_a_url_without_a_path_has_no_secret(url: str) -> None:
    assert Redactor().url(url) == url


@pytest.mark.parametrize("url", ["bucket/marked-key?X-Amz-Signature=1", "", "ftp:marked"])
def test_what_is_no_url_goes_whole(url: str) -> None:
    redacted = Redactor().url(url)

    assert "marked" not in redacted
    assert len(redacted) == len(url)


URLS = st.one_of(
    st.sampled_from(
        [
            URL,
            "http://127.0.0.1:1/k",
            "https://evil.example/x",
            "https://u:p@bucket.s3.amazonaws.com/k",
            "https://bucket.s3.amazonaws.com/k#f",
            "https://bucket.s3.amazonaws.com:444/k",
            "https://bucket.s3.amazonaws.com/a b",
            "https://bucket.s3.amazonaws.com/a?b\\c",
            "https://bucket.s3.amazonaws.com/ünï",
            "https://[::1/k",
            "javascript:alert(1)",
            "https://bucket.s3.amazonaws.com/" + "k" * 20_000,
        ]
    ),
    st.text(max_size=60),
    st.builds(
        "https://{}.amazonaws.com/{}?{}".format,
        st.text("ab-.", max_size=8),
        st.text(max_size=20),
        st.text(max_size=20),
    ),
)


@given(URLS, st.sampled_from(["GET", "PUT"]))
def test_the_url_policy_decides_as_before(url: str, method: str) -> None:
    redacted = Redactor().url(url)
    policy, own = UrlPolicy(), "wss://x.execute-api.us-east-1.amazonaws.com/prod"

    before = check_url(policy, url, method, own, "download")
    after = check_url(policy, redacted, method, own, "download")

    assert getattr(before, "rule", None) == getattr(after, "rule", None)
    assert signed_headers(redacted) == signed_headers(url) or not _is_plain(url)


def _is_plain(url: str) -> bool:
    """Whether it has no percent-encoded names of parameters, which nobody's URLs have."""
    return "%" not in url and url.isascii()


def test_a_token_in_the_place_of_a_host_goes() -> None:
    assert "bWFya2Vk" not in Redactor().url(f"https://user@{TOKEN}/path")


# Strings.


@pytest.mark.parametrize(
    "text",
    [
        "see {}",
        "see {}, twice {}",
        "'{}'",
        "<{}>",
        "https:\\/\\/{rest}",
        "x=https%3A%2F%2F{rest}",
        "Bearer marked-bearer-token",
        "AWS4-HMAC-SHA256 Credential=AKIAMARKED/x, Signature=marked",
        f"X-Amz-Signature={SIGNATURE}",
        f"{TOKEN} is bad",
        "vCK1.bWFya2Vk.marked",
    ],
)
def test_no_secret_remains_in_a_string(text: str) -> None:
    rest = URL.removeprefix("https://")
    shown = text.format(URL, URL, rest=rest) if "{" in text else text

    redacted = Redactor().string(shown)

    assert left(redacted, "marked", "bWFya2Vk") == []
    assert len(redacted) == len(shown)
    assert hide(redacted) == hide(shown)


@pytest.mark.parametrize("mark", ["'", "<", ">"])
def test_what_stands_behind_a_quotation_mark_in_a_url_goes(mark: str) -> None:
    redactor = Redactor()

    redacted = redactor.string(f"https://host/a{mark}marked-key?b=marked-value{mark}x or so")
    two = redactor.string(
        f"{mark}https://host/marked-one{mark},{mark}https://host/marked-two{mark}"
    )

    assert "marked" not in redacted
    assert redacted.endswith(f"{mark}x or so")
    assert "marked" not in two
    assert two.count("https://host/redacted-") == 2


def test_a_placeholder_stands_for_itself() -> None:
    redactor = Redactor()
    text = redactor.string(URL)

    assert redactor.string(text) == text


def test_a_credential_is_found_anywhere_whatever_it_looks_like() -> None:
    redactor = Redactor()
    placeholder = redactor.credential("an odd token")

    assert redactor.string("an odd token is refused") == f"{placeholder} is refused"
    assert redactor.text('{"e":"an odd token"}') == f'{{"e":"{placeholder}"}}'
    assert redactor.credential("short") == "r2---"
    assert redactor.string("short") == "short"


def test_a_token_keeps_what_says_which_kind_it_is() -> None:
    redacted = Redactor().secret(TOKEN)

    assert redacted == "vCT1.redacted-1".ljust(len(TOKEN), "-")


def test_words_may_quote_a_part_of_a_url() -> None:
    redactor = Redactor()
    redactor.url(URL)

    said = redactor.words(f"no such key {KEY}, signed {SIGNATURE}; again {KEY}")

    assert left(said) == []
    assert said.startswith("no such key ---")


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Authorization", "Basic marked", False),
        ("Set-Cookie", "marked=1", False),
        ("x-amz-server-side-encryption-customer-key", "marked", False),
        ("Location", "/bucket/marked", False),
        ("Location", "https://host/marked", False),
        ("X-Other", "https://host/marked", False),
        ("ETag", "marked", True),
    ],
)
def test_headers_go_by_their_name(name: str, value: str, kept: bool) -> None:
    redacted = Redactor().header(name, value)

    assert ("marked" in redacted) is kept
    assert len(redacted) == len(value)


# Texts.


def test_a_text_keeps_all_but_its_secrets_byte_for_byte() -> None:
    text = f' {{ "a" : [1.50,"{URL}" , 1e3], "connectionToken":"marked", "ü":"\\u00fc" }}\n'

    redacted = Redactor().text(text)

    assert left(redacted, "marked") == []
    assert redacted.startswith(' { "a" : [1.50,"https://bucket')
    assert redacted.endswith('", "ü":"\\u00fc" }\n')
    assert len(redacted.encode()) == len(text.encode())


@pytest.mark.parametrize("text", ['[1,2,{"type":"a"}]', "", "plain words", "[1,2"])
def test_a_text_without_secrets_is_itself(text: str) -> None:
    assert Redactor().text(text) == text


def test_escapes_do_not_hide_a_secret() -> None:
    escaped = "".join(f"\\u{ord(c):04x}" for c in "https") + URL[5:].replace("/", "\\/")
    text = f'{{"x":"{escaped}","y":"{escaped} \\ud800 \\ud83d\\ude00"}}'

    redacted = Redactor().text(text)

    assert left(redacted) == []
    assert len(redacted.encode()) == len(text.encode())
    values = json.loads(redacted)
    assert len(values["x"]) == len(URL)
    assert values["y"].endswith(" \ud800 \U0001f600")


def test_a_string_with_other_characters_keeps_them() -> None:
    text = '["grüße https://host/marked-über ✓"]'

    redacted = Redactor().text(text)

    assert "marked" not in redacted
    assert redacted.startswith('["grüße https://host/r1')
    assert redacted.endswith('¤--- ✓"]')
    assert (len(redacted), len(redacted.encode())) == (len(text), len(text.encode()))


def test_the_url_of_an_event_is_one_whatever_is_in_it() -> None:
    url = 'https://host/marked"<marked> marked'
    text = json.dumps([4, 1, url, "GET", {}])

    redactor = Redactor()
    redacted = redactor.text(text)

    assert "marked" not in redacted
    assert json.loads(redacted)[2] == redactor.url(url)
    assert len(redacted) == len(text)


def test_an_error_event_may_quote_a_part_of_a_url_and_a_message_may_not_know_it() -> None:
    redactor = Redactor()
    redactor.url(URL)

    error = redactor.text(f'[5,1,{{"errorMessage":"{KEY}"}}]', is_wire=True)
    body = redactor.text(f'{{"errorMessage":"{KEY}"}}')

    assert KEY not in error
    assert KEY in body


@pytest.mark.parametrize(
    "text",
    [
        '{"connectionToken":"marked',
        '{"a":"\\x marked-2 https://host/marked',
        '"\\x https://host/marked"',
        "\\u0068ttps://host/marked",
        "not \\u00 https://host/marked \\n",
        'a"https://host/marked',
        '[3,1,"https://host/marked\x00"]',
    ],
)
def test_what_is_no_json_hides_nothing_either(text: str) -> None:
    redacted = Redactor().text(text.replace("marked-2", ""))

    assert "marked" not in redacted


def test_a_text_of_quotes_takes_linear_time() -> None:
    text = '"\\' * 60_000 + "https://host/marked"

    assert "marked" not in Redactor().text(text)


def test_bytes_that_are_no_text_stay_none() -> None:
    data = b'["https://host/marked","\xff https://host/marked \xfe"]'

    redacted = Redactor().raw(data, 24)

    assert b"marked" not in redacted
    assert len(redacted) == len(data)
    assert redacted[24:] == b"\xff".ljust(len(data) - 24, b"-")
    assert Redactor().raw(b"[3,\x80,1]", 3) == b"[3,\x80,1]"


# Documents and structures.


def test_an_error_document_keeps_what_went_wrong() -> None:
    body = (
        "<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code>"
        "<Message>It does not.</Message>"
        f"<AWSAccessKeyId>AKIAMARKED</AWSAccessKeyId><StringToSign>{SIGNATURE}</StringToSign>"
        f"<Resource>/folder/{KEY}</Resource><Empty> </Empty>"
        "<ServerTime>2026-01-01T00:00:00Z</ServerTime></Error>"
    ).encode()

    redacted = Redactor().document(body)

    assert left(redacted.decode()) == []
    assert b"<Code>SignatureDoesNotMatch</Code><Message>It does not.</Message>" in redacted
    assert b"<ServerTime>2026-01-01T00:00:00Z</ServerTime>" in redacted
    assert len(redacted) == len(body)


def test_another_document_is_words() -> None:
    redactor = Redactor()
    redactor.url(URL)

    assert left(redactor.document(f"no {KEY} \xff".encode("latin-1")).decode("latin-1")) == []
    assert left(redactor.document(f"no {KEY}".encode()).decode()) == []
    assert b"marked" not in Redactor().document("<Key>märked-key</Key>".encode())


def test_a_structure_is_redacted_as_its_text_is() -> None:
    value: Any = {
        "url": URL, "list": [URL, 1, None, True], "token": "marked", "cookie": {"x": URL}, URL: 1.5,
    }  # fmt: skip
    redactor = Redactor()

    structure = redactor.value(value)

    assert left(json.dumps(structure), "marked") == []
    assert structure == json.loads(redactor.text(json.dumps(value)))
    assert redactor.member("token", "marked") == structure["token"]
    assert redactor.member("a", "plain") == "plain"
    assert redactor.value(["x"], str.upper) == ["X"]


PIECES = st.one_of(
    st.just(URL),
    st.just(URL.replace("/", "\\/")),
    st.just(quote(URL, safe="")),
    st.just(json.dumps(URL)),
    st.just(json.dumps(json.dumps({"url": URL}))),
    st.just(f"'{URL}'"),
    st.just(TOKEN),
    st.text(max_size=10),
    st.sampled_from(
        ['"', "\\", "{", "[3,1,", "[4,", "[5,1,", ":", " ", "\n", "\x00", "\ud800", "<"]
    ),
)


@given(st.lists(PIECES, max_size=12), st.booleans())
def test_no_presigned_url_remains_in_a_hostile_text(pieces: list[str], is_wire: bool) -> None:
    text = "".join(pieces)

    redacted = Redactor().text(text, is_wire=is_wire)

    assert left(redacted, "bWFya2Vk", f"folder%2F{KEY}", QUERY) == []
    size = len(text.encode("utf-8", "surrogatepass"))
    assert len(redacted.encode("utf-8", "surrogatepass")) == size


@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), PIECES),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(PIECES, inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_json_stays_json_of_the_same_shape(value: Any) -> None:
    redactor = Redactor()
    text = json.dumps([1, 2, value])

    redacted = redactor.text(text)

    assert left(redacted) == []
    assert len(redacted) == len(text)
    assert json.loads(redacted) == redactor.value([1, 2, value])
