"""``docs/performance.md``, and the same on the terminal.

It knows Markdown, and the machine. It must not know what was measured.

Strategy: each group has its own section between two comments, so that a run of some groups
replaces theirs and leaves the others as they were. No name or path of the machine is shown.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .figures import Section, Table

_HEAD = """\
# Performance

Written by `nox -s bench -- --write docs/performance.md`; do not edit. Every figure is the median of
its rounds, with the smallest and the largest in brackets. Contestants take turns within a round,
and a ratio is formed within a round: on another machine, or on the same one at another time, ratios
repeat far better than figures do. Clients and servers are on one machine and share its cores.

Two more scenarios are programs of their own, and print what they find: `python -m bench.deadlines`
(how late each driver is for the core's deadlines) and `python -m bench.memory_download` (what a
large download costs in memory).
"""

_PACKAGES = ("wsproto", "websockets", "picows", "aiohttp", "httpx-ws", "httpx", "orjson", "trio")


def machine() -> str:
    """Cores, system and versions."""
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*:\s*(.*)", info.read_text())
        model = f", {found[1]}" if found else ""
    versions: list[str] = []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"{name} missing")
    return (
        f"{os.cpu_count()} cores{model}; {platform.system()} {platform.machine()}; "
        f"{platform.python_implementation()} {platform.python_version()}; {', '.join(versions)}."
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def section(found: Section, rounds: int) -> str:
    parts = [f"## {found.title}", found.method.strip()]
    parts.append(f"{datetime.now(UTC):%Y-%m-%d}, {rounds} rounds. {machine()}")
    if found.targets:
        rows = [target.row() for target in found.targets]
        parts.append(table(["ratio", "goal", "found", ""], rows))
    for each in found.tables:
        parts += [f"### {each.title}", table(each.columns, each.rows)]
    return "\n\n".join(parts)


def write(page: Path, sections: Sequence[Section], rounds: int) -> None:
    """Replace these groups' sections."""
    old = page.read_text() if page.exists() else ""
    kept = dict(re.findall(r"<!-- (\w+) -->\n(.*?)\n<!-- end -->", old, re.DOTALL))
    kept.update({found.group: section(found, rounds) for found in sections})
    order = ["memory", "messages", "large", "legs", "idle"]
    body = "\n\n".join(
        f"<!-- {name} -->\n{kept[name]}\n<!-- end -->" for name in order if name in kept
    )
    page.write_text(f"{_HEAD}\n{body}\n")


def show(found: Section) -> str:
    """The same for a terminal."""
    parts = [found.title]
    if found.targets:
        parts.append(_aligned([["ratio", "goal", "found", ""], *[t.row() for t in found.targets]]))
    for each in found.tables:
        parts.append(f"{each.title}\n{_columns(each)}")
    return "\n\n".join(parts)


def _columns(each: Table) -> str:
    return _aligned([list(each.columns), *[list(row) for row in each.rows]])


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
