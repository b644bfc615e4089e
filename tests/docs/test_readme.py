"""The examples of the documentation are Python, and those in the table run.

A block is named by its file and its place among that file's Python blocks, ``README.md:1``.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import anyio.to_thread
import pytest

from auxws_anyio import connect
from auxws_anyio.gateway import Gateway, insts
from auxws_proto import ConnectionId

ROOT = Path(__file__).parent.parent.parent
FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

EXECUTED = frozenset({"README.md:4"})
"""Blocks that run as they stand, by name."""

SERVED = ("README.md:1", "README.md:2", "README.md:3")
"""Blocks that run against the local gateway, whose URL takes the place of theirs."""

PLACEHOLDER = "wss://{api-id}.execute-api.{region}.amazonaws.com/{stage}"
BRANCH = {"recordName": None, "inst": "my-inst", "branch": "default"}


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


class SeenEnoughError(Exception):
    """Ends an example that would go on for ever."""


async def keep_updating(url: str) -> None:
    """Another client, whose updates the example may print."""
    async with connect(url, login=ConnectionId("other")) as client:
        while True:
            await client.send({"type": "repo/add_updates", **BRANCH, "updates": ["dXBkYXRl"]})
            await client.flush()


def run_example(source: str, path: Path) -> list[tuple[Any, ...]]:
    """What the example printed first, if it prints at all."""
    printed: list[tuple[Any, ...]] = []

    def show(*values: Any) -> None:
        printed.append(values)
        raise SeenEnoughError

    with contextlib.suppress(SeenEnoughError):
        exec(compile(source, path, "exec"), {"__name__": "__main__", "print": show})
    return printed


@pytest.mark.anyio
@pytest.mark.parametrize("name", SERVED)
async def test_example_runs_against_the_gateway(name: str) -> None:
    block = next(block for block in BLOCKS if block.name == name)
    assert PLACEHOLDER in block.source
    printed: list[tuple[Any, ...]] = []
    source = ""
    with anyio.fail_after(30):
        async with Gateway(insts()) as gateway, anyio.create_task_group() as group:
            group.start_soon(keep_updating, gateway.url)
            source = block.source.replace(PLACEHOLDER, gateway.url)

            printed = await anyio.to_thread.run_sync(run_example, source, block.path)

            group.cancel_scope.cancel()
    # How many updates there are by then is chance; what the example says of them is not.
    assert [(inst, word) for inst, _, word in printed] == (
        [("my-inst", "updates")] if "print" in source else []
    )


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
