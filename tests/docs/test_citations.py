"""What the code and the pages cite is there: pages, sections, files of the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CODE = sorted([*ROOT.glob("src/**/*.py"), *ROOT.glob("docs/**/*.py")])
MARKDOWN = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("newsfragments/*.md")]
)

RFC = re.compile(r"RFC[ -]?\d+(?:,|'s)? (?:sections? )?§[\d.]+(?:(?:,| and|;) §[\d.]+)*")
CITATION = re.compile(r"(?:docs/([\w/-]+)\.md`*)?(?:,? |\()?((?:§\d+[a-z]?(?:,? and |, | )?)+)")
NUMBER = re.compile(r"§(\d+[a-z]?)")
LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")


def sections(page: str) -> set[str]:
    """The numbers of a page's sections."""
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    return set(re.findall(r"^## (\d+[a-z]?)\. ", text, re.MULTILINE))


def cited_sections(text: str) -> set[tuple[str, str]]:
    """Every section that is cited, with its page; without one it is the protocol's."""
    return {
        (match[1] or "protocol", number)
        for match in CITATION.finditer(RFC.sub("", text))
        for number in NUMBER.findall(match[2])
    }


def test_citations_are_found() -> None:
    text = (
        "as RFC 6455 §5.2 says; docs/protocol.md §8 and (§3), ``docs/interop.md`` §3b; in §5 and §7"
    )

    assert cited_sections(text) == {
        ("protocol", "8"), ("protocol", "3"), ("interop", "3b"), ("protocol", "5"),
        ("protocol", "7"),
    }  # fmt: skip


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_sections_that_code_cites_exist(path: Path) -> None:
    cited = cited_sections(path.read_text("utf-8"))

    assert {(page, number) for page, number in cited if number not in sections(page)} == set()


def test_the_protocol_is_cited() -> None:
    cited = {number for path in CODE for _, number in cited_sections(path.read_text("utf-8"))}

    assert sections("protocol") - cited == set()


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pages_that_code_cites_exist(path: Path) -> None:
    cited = re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text("utf-8"))

    assert [page for page in cited if not (ROOT / page).exists()] == []


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_files_lead_to_files(path: Path) -> None:
    found = [one or two for one, two in LINK.findall(path.read_text("utf-8"))]
    links = [link.partition("#")[0] for link in found if "://" not in link]

    # News are read in CHANGELOG.md, which is beside the README.
    folder = ROOT if path.parent.name == "newsfragments" else path.parent
    assert [link for link in links if link and not (folder / link).exists()] == []
