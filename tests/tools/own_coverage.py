"""Each core module, covered by its own test file alone.

    python -m tests.tools.own_coverage [_module …]

`src/auxws_proto/_x.py` must reach 100 % of lines and branches when `tests/proto/test_x.py` runs
alone, in a process of its own; `messages/_x.py` likewise by `tests/proto/messages/test_x.py`. What
other tests happen to touch proves nothing about a module. `auxws_proto.testing` is not measured:
it is itself a tool for tests.

A module that only declares names needs no tests of its own; `EXEMPT` says which and why, and a
module in it that has gained logic is a failure.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CORE = ROOT / "src" / "auxws_proto"
TESTS = ROOT / "tests" / "proto"

EXEMPT = {
    "_constants": "numbers and enumerations",
    "_events": "shapes of inputs",
    "_machine": "the protocol class that both machines satisfy",
    "_stats": "a snapshot's shape",
    "_trace_records": "shapes of a trace's records",
    "_version": "the version",
    "messages/_shared": "shapes that messages share",
    "messages/_types": "shapes of messages",
}

LOGIC = (
    ast.If, ast.IfExp, ast.BoolOp, ast.For, ast.While, ast.Try, ast.TryStar, ast.With, ast.Match,
    ast.Raise, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one module; `problem` is empty if all is well."""

    module: str
    verdict: str
    problem: str = ""


def is_declaration(source: str) -> bool:
    """Whether a module has no control flow, and no function that does anything."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, LOGIC):
            return False
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in node.body:
                match statement:
                    case ast.Expr(value=ast.Constant()) | ast.Pass():
                        continue
                    case _:
                        return False
    return True


def core_modules() -> list[str]:
    """The private modules of the core, by their path in it: ``_outbox``, ``messages/_types``."""
    paths = (path.relative_to(CORE).with_suffix("") for path in CORE.rglob("_[!_]*.py"))
    return sorted(path.as_posix() for path in paths if path.parts[0] != "testing")


def measure(name: str) -> Finding:
    """Run a module's own test file under coverage."""
    module = CORE / f"{name}.py"
    tests = TESTS / module.relative_to(CORE).with_name(f"test{module.name}")
    if name in EXEMPT:
        if is_declaration(module.read_text("utf-8")):
            return Finding(name, f"exempt: {EXEMPT[name]}")
        return Finding(name, "exempt", "has logic now: take it out of EXEMPT")
    if not tests.exists():
        return Finding(name, "untested", f"{tests.relative_to(ROOT)} is missing")
    with tempfile.TemporaryDirectory() as folder:
        data, report = Path(folder, "data"), Path(folder, "report.json")
        coverage = [sys.executable, "-m", "coverage"]
        # Without the settings: what is traced besides costs time, and is not looked at.
        only = ["--rcfile=", "--branch", f"--include={module}"]
        shared = [f"--data-file={data}"]
        pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
        done = run(*coverage, "run", *only, *shared, *pytest)
        if done.returncode:
            return Finding(name, "its tests fail", done.stdout + done.stderr)
        done = run(*coverage, "json", *shared, f"--include={module}", "-q", "-o", str(report))
        if done.returncode:
            return Finding(name, "not measured", done.stdout + done.stderr)
        (measured,) = json.loads(report.read_text("utf-8"))["files"].values()
    missing = [str(line) for line in measured["missing_lines"]]
    missing += [f"{start}->{end}" for start, end in measured["missing_branches"]]
    verdict = f"{measured['summary']['percent_covered']:.1f} %"
    return Finding(name, verdict, ", ".join(missing) and f"missed: {', '.join(missing)}")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def main() -> int:
    """Measure the modules that are named, or all; the exit status is 1 if one falls short."""
    parser = argparse.ArgumentParser(description="Cover each core module by its own tests.")
    parser.add_argument("modules", nargs="*", help="such as _outbox; without any, all")
    chosen: list[str] = parser.parse_args().modules
    known = core_modules()
    unknown = {*chosen, *EXEMPT}.difference(known)
    if unknown:
        parser.error(f"no such module in {CORE.relative_to(ROOT)}: {', '.join(sorted(unknown))}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = list(pool.map(measure, chosen or known))
    for finding in findings:
        mark = "FAIL" if finding.problem else "ok"
        print(f"{mark:<5}{finding.module:<20}{finding.verdict}")
        if finding.problem:
            print("     " + finding.problem.strip().replace("\n", "\n     "))
    short = sum(bool(finding.problem) for finding in findings)
    print(f"own coverage: {len(findings) - short} of {len(findings)} modules are covered")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
