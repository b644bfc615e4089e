"""The check of links finds what is wrong in a site."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.tools.links import main, problems

GOOD = '<link rel="stylesheet" href="s.css"><a href="b.html#x">b</a><a href="https://example.com/">e</a>'


def site(folder: Path, **files: str) -> Path:
    """A site of these pages, beside one with the place ``x`` and a style sheet."""
    for name, text in {"b": '<p id="x">', **files}.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
    (folder / "s.css").write_text("p { color: red }", "utf-8")
    return folder


def test_a_good_site(tmp_path: Path) -> None:
    assert list(problems(site(tmp_path, a=GOOD))) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('<a href="c.html">c</a>', "a.html: c.html leads to no file"),
        ('<a href="b.html#y">b</a>', "a.html: b.html#y leads to no place in the page"),
        ('<a href="#z">here</a>', "a.html: #z leads to no place in the page"),
        ('<img src="no.svg">', "a.html: no.svg leads to no file"),
        ('<a href="https:///x">x</a>', "a.html: https:///x is no URL that a reader could follow"),
        (
            '<script src="https://cdn.example.com/x.js"></script>',
            "a.html: loads https://cdn.example.com/x.js from elsewhere",
        ),
    ],
)
def test_a_page_with_something_wrong(tmp_path: Path, text: str, problem: str) -> None:
    assert list(problems(site(tmp_path, a=text))) == [problem]


def test_a_style_sheet_that_loads_from_elsewhere(tmp_path: Path) -> None:
    site(tmp_path)
    (tmp_path / "s.css").write_text("@import 'https://fonts.example.com/f.css';", "utf-8")

    found = list(problems(tmp_path))

    assert found == ["s.css: loads https://fonts.example.com/f.css from elsewhere"]


def test_the_command_tells_by_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([str(site(tmp_path, a='<a href="c.html">c</a>'))])

    assert (status, capsys.readouterr().out) == (1, "a.html: c.html leads to no file\n")
