"""Writes what each driver is tested for, as a table in Markdown, from the suite itself.

    python -m tests.drivers.matrix [--differences | --write | --check]

A row is a test, a column a driver (or a backend of one). With ``--differences`` only the tests that
some driver does not run are listed; ``--write`` puts that into ``docs/drivers.md``, and ``--check``
tells whether it is there.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

from tests.drivers.adapter import CASES, Case

HERE = Path(__file__).parent
DOCUMENT = HERE.parent.parent / "docs" / "drivers.md"

INTRODUCTION = """\
# The drivers, side by side

`auxws_anyio` (on asyncio, with or without uvloop, and on trio) and `auxws_sync` (threads) have
the same names, parameters, defaults and errors; `tests/test_surfaces.py` compares them one by one,
and has the few differences as a table: `for` in place of `async for`, `close()` for `aclose()`,
time-outs as parameters in place of cancellation.

One suite, `tests/drivers/`, runs on all of them. These are its tests that not every driver runs.
What has to do with threads alone (signals, `fork`, many callers at once, descriptors) is in
`tests/sync/`, which also has the HTTP tests and the defects of the blocking driver.
What the asynchronous one alone stands on (its sockets and its clock) is in `tests/anyio/`.

"""
NAMES = [case.name for case in CASES]


class Collector:
    """A plugin that keeps what was collected."""

    def __init__(self) -> None:
        self.sections: dict[str, dict[str, set[str]]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            assert isinstance(item, pytest.Function)
            case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
            title = (getattr(item.module, "__doc__", None) or item.nodeid).splitlines()[0]
            words = item.originalname.removeprefix("test_").replace("_", " ")
            drivers = self.sections.setdefault(title, {}).setdefault(words, set())
            if isinstance(case, Case):
                drivers.add(case.name)


def collect() -> dict[str, dict[str, set[str]]]:
    """The drivers that run each test, by section and test."""
    collector = Collector()
    arguments = ["--collect-only", "--assert=plain", "-qqq", str(HERE)]
    with contextlib.redirect_stdout(sys.stderr):
        status = pytest.main(arguments, plugins=[collector])
    if status != pytest.ExitCode.OK:
        raise SystemExit(f"the suite could not be collected: {status!r}")
    return collector.sections


def table(sections: dict[str, dict[str, set[str]]], *, differences: bool = False) -> str:
    """The table, with a heading row for each section."""
    lines = [f"| | {' | '.join(NAMES)} |", f"|---|{'---|' * len(NAMES)}"]
    for title, rows in sections.items():
        shown = {
            words: drivers
            for words, drivers in rows.items()
            if drivers and not (differences and drivers >= set(NAMES))
        }
        if shown:
            lines.append(f"| **{title}** |{' |' * len(NAMES)}")
        for words, drivers in shown.items():
            cells = " | ".join("yes" if name in drivers else "no" for name in NAMES)
            lines.append(f"| {words} | {cells} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    differences = bool({"--differences", "--write", "--check"} & set(arguments))
    text = table(collect(), differences=differences)
    if "--write" in arguments:
        DOCUMENT.write_text(INTRODUCTION + text, "utf-8")
    elif "--check" in arguments:
        if DOCUMENT.read_text("utf-8") != INTRODUCTION + text:
            sys.stdout.write(f"{DOCUMENT.name} is not current; run with --write\n")
            return 1
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
