"""``python -m tests.mutation [--fault NAME …]``: plants each fault, and looks who catches it.

A fault is planted in a copy of the sources, never in the work tree. Its module's own test file runs
first, up to its first failing test, then the simulation. 0: all were caught; 1: some survived;
2: some cannot be planted.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .fault import Fault
from .faults import FAULTS
from .suites import PACKAGE, ROOT, run

OWN_LIMIT: Final = 300.0
SIMULATION_LIMIT: Final = 1_200.0
"""Seconds; a suite that takes longer hangs, which is to have caught the fault."""

OWN_TOO: Final[Mapping[str, tuple[str, ...]]] = {
    "_life": ("test_reconnect.py",),
    "_attempts": ("test_reconnect.py",),
    "_transports": ("test_reconnect.py",),
    "_send": ("test_outbox.py", "test_outcomes.py"),
    "_session": ("test_reconnect.py", "test_verbs.py"),
    "_outbox": ("test_outcomes.py",),
}
"""Test files of several modules, by the module that they are about most."""

_STAMPS: Final = itertools.count(1)


class NotPlanted(Exception):
    """A fault's text is not where the table says."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a fault: caught by a test of one of the suites, after so long, or by none."""

    fault: Fault
    suite: str
    test: str
    seconds: float


def copy_to(source: Path) -> None:
    """Copy the core's sources, to plant in."""
    package = ROOT / "src" / PACKAGE
    shutil.copytree(package, source / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))


def planted(fault: Fault, source: Path) -> str:
    """The module's text with the fault in it; raises `NotPlanted`."""
    text = (source / PACKAGE / f"{fault.module}.py").read_text("utf-8")
    count = text.count(fault.search)
    if count != 1:
        raise NotPlanted(
            f"{fault.name!r}: its text occurs {count} times in {fault.module}.py, not once: "
            f"{fault.search!r}"
        )
    return text.replace(fault.search, fault.replace)


def own_tests(module: str) -> list[str]:
    """The test files of a module: its own, and those that go on where it ends."""
    own = [f"test{module}.py", *OWN_TOO.get(module, ())]
    parts = (ROOT / "tests" / "proto").glob(f"test{module}_*.py")
    return [f"tests/proto/{name}" for name in dict.fromkeys([*own, *sorted(p.name for p in parts)])]


def look(fault: Fault, source: Path) -> Outcome:
    """Plant one fault in the copy ``source``, run the suites, and take it out again."""
    path = source / PACKAGE / f"{fault.module}.py"
    clean = path.read_text("utf-8")
    path.write_text(planted(fault, source), "utf-8")
    # Compiled modules are told apart by their source's size and time in whole seconds.
    stamp = next(_STAMPS)
    os.utime(path, (stamp, stamp))
    begin = time.monotonic()
    try:
        suites = (("own tests", own_tests(fault.module), OWN_LIMIT),
                  ("simulation", ["tests/sim"], SIMULATION_LIMIT))  # fmt: skip
        for suite, tests, limit in suites:
            caught_by = run(source, tests, limit)
            if caught_by:
                return Outcome(fault, suite, caught_by, time.monotonic() - begin)
        return Outcome(fault, "", "", time.monotonic() - begin)
    finally:
        path.write_text(clean, "utf-8")


def main(arguments: Sequence[str]) -> int:
    """Plant, run and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--fault", action="append", choices=[fault.name for fault in FAULTS])
    parser.add_argument("--module", action="append", help="only the faults of this module")
    options = parser.parse_args(arguments)
    faults = [
        fault
        for fault in FAULTS
        if fault.name in (options.fault or [fault.name])
        and fault.module in (options.module or [fault.module])
    ]
    outcomes: list[Outcome] = []
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="auxws-mutation-") as folder:
        source = Path(folder) / "src"
        copy_to(source)
        for fault in faults:
            try:
                outcomes.append(_told(look(fault, source)))
            except NotPlanted as problem:
                problems.append(str(problem))
                print(f"NOT PLANTED  {problem}", flush=True)
    print(summary(outcomes))
    if problems:
        return 2
    return 1 if any(not outcome.suite for outcome in outcomes) else 0


def _told(outcome: Outcome) -> Outcome:
    verdict = outcome.suite or "SURVIVED"
    print(
        f"{verdict:<12}{outcome.seconds:6.1f} s  {outcome.fault.module}: {outcome.fault.name}"
        f"{'  <- ' if outcome.test else ''}{outcome.test}",
        flush=True,
    )
    return outcome


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many faults were caught, by whom, and how long that took."""
    rows = [f"{len(outcomes)} faults"]
    for suite, words in (
        ("own tests", "own tests"),
        ("simulation", "the simulation"),
        ("", "none"),
    ):
        times = [outcome.seconds for outcome in outcomes if outcome.suite == suite]
        if times:
            middle, longest = sorted(times)[len(times) // 2], max(times)
            timing = f"(median {middle:.1f} s, longest {longest:.1f} s)"
            rows.append(f"{len(times)} caught by {words} {timing}")
    rows.append(f"{sum(outcome.seconds for outcome in outcomes):.0f} s in all")
    return "; ".join(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
