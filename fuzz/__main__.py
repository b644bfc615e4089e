"""``python -m fuzz [--seconds N] [--target NAME …] [--engine auto|atheris|hypothesis]``.

``--grown FOLDER`` keeps what coverage-guided runs find interesting, for the next to begin with.

``--minimize FILE`` with one target makes a finding smaller; ``--run FILE`` runs it once.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from .engines import Outcome, minimize, run_atheris, run_hypothesis
from .targets import TARGETS

FINDINGS = Path("fuzz-findings")


def main(arguments: list[str]) -> int:
    """Fuzz. 0: nothing was found; 1: something was, and lies in ``fuzz-findings``."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--target", action="append", choices=[*TARGETS])
    parser.add_argument("--engine", choices=["auto", "atheris", "hypothesis"], default="auto")
    parser.add_argument("--grown", type=Path, help="keep here what reaches something new (atheris)")
    parser.add_argument("--run", type=Path, help="run one input on one target")
    parser.add_argument("--minimize", type=Path, help="make a finding of one target smaller")
    options = parser.parse_args(arguments)
    targets: list[str] = options.target or [*TARGETS]
    if options.run is not None or options.minimize is not None:
        return _one_input(parser, options, targets)
    each = options.seconds / len(targets)
    engine = options.engine
    if engine == "auto":
        has_atheris = importlib.util.find_spec("atheris") is not None
        engine = "atheris" if has_atheris else "hypothesis"
    print(f"engine: {engine}; {each:.0f} s for each of {len(targets)} targets", flush=True)
    outcomes = [
        _told(
            run_atheris(target, each, options.grown)
            if engine == "atheris"
            else run_hypothesis(target, each)
        )
        for target in targets
    ]
    print(f"{sum(os.times()[:4]):.0f} s of processor time", flush=True)
    return 1 if any(outcome.finding is not None for outcome in outcomes) else 0


def _one_input(
    parser: argparse.ArgumentParser, options: argparse.Namespace, targets: list[str]
) -> int:
    if len(targets) != 1:
        parser.error("--run and --minimize need one --target")
    if options.run is not None:
        TARGETS[targets[0]](options.run.read_bytes())
        print("no promise is broken")
        return 0
    small = minimize(targets[0], options.minimize.read_bytes())
    path = options.minimize.with_suffix(".min")
    path.write_bytes(small)
    print(f"{len(small)} bytes: {path}")
    return 0


def _told(outcome: Outcome) -> Outcome:
    edges = "" if outcome.coverage is None else f", {outcome.coverage:,} edges covered"
    print(f"{outcome.target}: {outcome.executions:,} executions{edges}", flush=True)
    if outcome.finding is not None:
        FINDINGS.mkdir(exist_ok=True)
        path = FINDINGS / outcome.target
        path.write_bytes(outcome.finding)
        print(f"{outcome.target}: FOUND {outcome.error[:2_000]}")
        print(f"  python -m fuzz --target {outcome.target} --run {path}", flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
