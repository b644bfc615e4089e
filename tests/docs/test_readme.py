"""The examples of the documentation are Python, and those in the table run.

A block is named by its file and its place among that file's Python blocks, ``README.md:1``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent.parent
FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

EXECUTED: frozenset[str] = frozenset()
"""Blocks that run as they stand, by name; one that needs a server is compiled only."""


class Block(NamedTuple):
    name: str
    path: Path
    line: int
    source: str


def blocks() -> Iterator[Block]:
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        text = path.read_text("utf-8")
        for number, match in enumerate(FENCE.finditer(text), 1):
            name = f"{path.relative_to(ROOT).as_posix()}:{number}"
            yield Block(name, path, text.count("\n", 0, match.start(1)) + 1, match[1])


BLOCKS = list(blocks())


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_python_block(block: Block) -> None:
    # The newlines in front make an error name the line of the Markdown file.
    source = "\n" * (block.line - 1) + block.source

    code = compile(source, block.path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    if block.name in EXECUTED:
        exec(code, {"__name__": "__main__"})


def test_readme_has_an_example() -> None:
    assert "README.md:1" in {block.name for block in BLOCKS}


def test_the_table_names_blocks_that_are_there() -> None:
    assert EXECUTED - {block.name for block in BLOCKS} == set()


def test_the_two_commands_come_first_and_stand_alone() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    shell = "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))

    demo, tests = shell.splitlines()[:2]

    install = "python3 -m venv .venv && .venv/bin/python -m pip install -q "
    assert demo == install + "'.[all]' && .venv/bin/auxws demo"
    assert tests == install + "nox && .venv/bin/nox"
