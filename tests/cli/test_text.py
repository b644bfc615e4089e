"""Other people's text is shown and never obeyed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_anyio.cli import _text

HOSTILE = "\x1b]0;title\x07\x1b[31m\r\n\x7f\x9b\u202e\u200b\u2028\ud800[bold]é😀"


def test_escape_leaves_nothing_that_a_terminal_obeys() -> None:
    shown = _text.escape(HOSTILE)

    assert shown == (
        "\\u001b]0;title\\u0007\\u001b[31m\\u000d\\u000a\\u007f\\u009b\\u202e\\u200b\\u2028"
        "\\ud800[bold]é😀"
    )


@given(st.text())
def test_escaped_text_is_printable(text: str) -> None:
    assert _text.escape(text).isprintable()


@given(st.text())
def test_json_lines_are_printable_ascii_and_say_the_same(text: str) -> None:
    line = _text.as_json_line({"text": text})

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"text": text}


@given(st.text())
def test_compact_json_is_printable_and_says_the_same(text: str) -> None:
    line = _text.as_compact({"text": text})

    assert line.isprintable()
    # A lone surrogate comes back as it was, and a pair of them as the character.
    assert json.loads(line)["text"] == json.loads(json.dumps(text))


def test_an_astral_format_character_is_escaped_as_json_has_it() -> None:
    assert _text.escape("\U000e0001") == "\\udb40\\udc01"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("token vCT1.YWJj.ZGVm end", "token <secret> end"),
        ("key vCK1.YWJj", "key <secret>"),
        ("https://b/k?X-Amz-Signature=abc&x=1", "https://b/k?<secret>&x=1"),
        ("https://example.com/page", "https://example.com/page"),
    ],
)
def test_tokens_and_signatures_are_hidden(text: str, shown: str) -> None:
    assert _text.hide_tokens(text) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://h.example/prod?token=secret", "wss://h.example/prod?…"),
        ("ws://[::1]:8080/x", "ws://[::1]:8080/x"),
        ("wss://h.example:bad/", "<a URL that cannot be taken apart>"),
    ],
)
def test_a_url_is_shown_without_its_query(url: str, shown: str) -> None:
    assert _text.shown_url(url) == shown


def test_what_is_elided_is_counted() -> None:
    assert _text.elide("x" * 1_500, 10) == "xxxxxxxxxx… 1,490 more"
    assert _text.elide("short", 10) == "short"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (5_000_000, "5.0 MB"), (2e9, "2.0 GB")],
)
def test_sizes(count: float, shown: str) -> None:
    assert _text.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "-"), (0.0004, "0.4 ms"), (0.083, "83 ms"), (2.06, "2.1 s")]
)
def test_spans(seconds: float | None, shown: str) -> None:
    assert _text.span(seconds) == shown


def test_pretty_json_is_escaped_line_by_line() -> None:
    assert _text.as_pretty({"type": "\x1b[2J"}) == ["{", '  "type": "\\u001b[2J"', "}"]
