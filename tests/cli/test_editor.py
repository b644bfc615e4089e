"""The line editor: keys in, text, cursor and lines out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_anyio.cli._editor import LineEditor

UP, DOWN, RIGHT, LEFT = b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D"


def typed(*parts: bytes) -> LineEditor:
    editor = LineEditor()
    for part in parts:
        editor.feed(part)
    return editor


@pytest.mark.parametrize(
    ("keys", "text", "cursor"),
    [
        (b"abc", "abc", 3),
        (b"abc" + LEFT + b"X", "abXc", 3),
        (b"abc\x01X", "Xabc", 1),
        (b"abc\x01" + RIGHT + b"X", "aXbc", 2),
        (b"abc\x1b[HX\x1b[FY", "XabcY", 5),
        (b"abc\x02\x02\x0b", "a", 1),
        (b"abc" + LEFT + b"\x15", "c", 0),
        (b"one two  \x17", "one ", 4),
        (b"abc\x7f\x08", "a", 1),
        (b"abc\x01\x1b[3~\x04", "c", 0),
        (LEFT + b"\x7f", "", 0),
        (b"\xe4\xb8\xad\xff", "中\ufffd", 2),
        (b"a\x1b[5~\x1b[1;5Cb\x1bxc\x0c", "abc", 3),
    ],
)
def test_keys(keys: bytes, text: str, cursor: int) -> None:
    editor = typed(keys)

    assert (editor.text, editor.cursor) == (text, cursor)


@pytest.mark.parametrize(
    "keys", [b"ab" + LEFT + b"X", "中é".encode(), b"\x1b[200~a\r\nb\x1b[201~c"]
)
def test_bytes_may_come_one_by_one(keys: bytes) -> None:
    whole = typed(keys)

    single = typed(*(bytes([byte]) for byte in keys))

    assert (single.text, single.cursor) == (whole.text, whole.cursor)


def test_enter_gives_the_line() -> None:
    editor = LineEditor()

    lines = editor.feed(b"one\rtwo\nthr")

    assert (lines, editor.text) == (["one", "two"], "thr")


def test_the_history_goes_back_and_forth_and_keeps_the_draft() -> None:
    editor = typed(b"one\rtwo\rtwo\r \rdraft")
    seen: list[str] = []

    for key in (UP, UP, UP, DOWN, DOWN, DOWN):
        editor.feed(key)
        seen.append(editor.text)

    assert editor.history == ["one", "two"]
    assert seen == ["two", "one", "one", "two", "draft", "draft"]


def test_the_history_is_bounded() -> None:
    editor = LineEditor(history_size=2)

    editor.feed(b"1\r2\r3\r")

    assert editor.history == ["2", "3"]


def test_pasted_text_is_inserted_on_one_line_and_enters_nothing() -> None:
    editor = LineEditor()

    lines = editor.feed(b'>\x1b[200~{\r\n\t"a": 1\n}\x1b[31m\x1b[201~<')

    assert (lines, editor.text) == ([], '>{   "a": 1 }[31m<')


def test_the_end_of_input_counts_on_an_empty_line_alone() -> None:
    editor = typed(b"a\x04")
    assert not editor.has_ended

    assert editor.feed(b"\x15\x04lost\r") == []

    assert editor.has_ended


@given(st.lists(st.binary(max_size=12) | st.sampled_from([UP, DOWN, LEFT, RIGHT, b"\x1b[200~"])))
def test_nothing_that_is_typed_breaks_it(parts: list[bytes]) -> None:
    editor = LineEditor()

    for part in parts:
        editor.feed(part)

        assert 0 <= editor.cursor <= len(editor.text)
        assert editor.text.isprintable()
