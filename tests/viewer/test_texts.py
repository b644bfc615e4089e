"""Other people's words come out short, visible and without secrets."""

from __future__ import annotations

import pytest

from auxws_anyio.viewer._texts import (
    bare_url,
    block,
    line,
    size_text,
    store_url,
    time_text,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ü 漢 🙂", "plain ü 漢 🙂"),
        ("a\nb\x00c\x1bd", "a\\u000ab\\u0000c\\u001bd"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("\ud800 alone", "\\ud800 alone"),
        ("tag \U000e0041", "tag \\U000e0041"),
    ],
)
def test_a_line_hides_nothing(text: str, expected: str) -> None:
    assert line(text) == expected


def test_a_line_is_short() -> None:
    assert line("x" * 1_000_000, 10) == "x" * 9 + "…"


def test_a_block_keeps_its_lines() -> None:
    assert block("a\n\tb\rc", 100, is_redacted=True) == "a\n\tb\\u000dc"


def test_a_block_is_cut_after_secrets_are_hidden() -> None:
    secret = "https://bucket.s3.amazonaws.com/secret-key?X-Amz-Signature=abc"

    shown = block(f'[4,-1,"{secret}"]', 20, is_redacted=False)

    assert "secret-key" not in shown
    assert len(shown) <= 20


@pytest.mark.parametrize("name", ["connectionToken", "sessionKey", "Authorization"])
def test_a_block_hides_what_stands_under_a_telling_name(name: str) -> None:
    shown = block(f'{{"type":"login","{name}":"in\\"side"}}', 1_000, is_redacted=False)

    assert shown == f'{{"type":"login","{name}":"<secret>"}}'


def test_what_is_redacted_already_stays() -> None:
    text = '[4,-1,"https://bucket.example/redacted-1?X-Amz-Signature=redacted-2"]'

    assert block(text, 1_000, is_redacted=True) == text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "wss://user:pw@host.example:8443/prod?X-Amz-Signature=s#f",
            "wss://host.example:8443/prod",
        ),
        ("no url", ""),
        ("https://[bad", ""),
        ("https://host:port/", ""),
    ],
)
def test_bare_url(url: str, expected: str) -> None:
    assert bare_url(url) == expected


def test_a_url_of_the_store_shows_its_path_only_if_that_is_redacted() -> None:
    url = "https://bucket.example/path?q=1"

    assert store_url(url, is_redacted=False) == "https://bucket.example/redacted"
    assert store_url(url, is_redacted=True) == "https://bucket.example/path"


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, "0 B"), (999, "999 B"), (32_000, "32 kB"), (1_234_567, "1.23 MB"), (250e6, "250 MB"),
     (3e9, "3 GB")],
)  # fmt: skip
def test_size_text(size: float, expected: str) -> None:
    assert size_text(size) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 ms"), (0.0123, "12.3 ms"), (0.25, "250 ms"), (0.9999, "1 s"), (12.34, "12.3 s"),
     (125, "2 min 5 s"), (7_380, "2 h 3 min"), (-2, "-2 s")],
)  # fmt: skip
def test_time_text(seconds: float, expected: str) -> None:
    assert time_text(seconds) == expected
