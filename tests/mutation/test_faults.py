"""The planted faults can still be planted, and the run that plants them tells the truth."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutation import __main__ as mutation
from tests.mutation import suites
from tests.mutation.fault import Fault
from tests.mutation.faults import FAULTS

SOURCE = suites.ROOT / "src"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_can_be_planted(fault: Fault) -> None:
    mutant = mutation.planted(fault, SOURCE)

    clean = (SOURCE / suites.PACKAGE / f"{fault.module}.py").read_text("utf-8")
    assert ast.dump(ast.parse(mutant)) != ast.dump(ast.parse(clean))
    assert all((suites.ROOT / path).is_file() for path in mutation.own_tests(fault.module))


def test_faults_are_many_and_everywhere() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 40
    assert len({fault.module for fault in FAULTS}) >= 25


def test_fault_that_has_moved_is_named() -> None:
    gone = Fault("a fault of yesterday", "_urls", "no such text", "")

    with pytest.raises(mutation.NotPlanted, match=r"'a fault of yesterday': .* 0 times in _urls"):
        mutation.planted(gone, SOURCE)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    mutation.copy_to(tmp_path)
    return tmp_path


def test_fault_is_caught_and_taken_out(copy: Path) -> None:
    fault = Fault(
        "two timers share a name", "_timers",
        "return name in self._deadlines or", "return bool(self._deadlines) or",
    )  # fmt: skip
    before = (copy / suites.PACKAGE / "_timers.py").read_text("utf-8")

    outcome = mutation.look(fault, copy)

    assert outcome.suite == "own tests"
    assert outcome.test.startswith("tests/proto/test_timers.py::")
    assert (copy / suites.PACKAGE / "_timers.py").read_text("utf-8") == before


def test_no_fault_is_no_catch(copy: Path) -> None:
    assert suites.run(copy, ["tests/proto/test_timers.py"], 60.0) == ""


def test_suite_that_hangs_has_caught(copy: Path) -> None:
    assert suites.run(copy, ["tests/proto/test_timers.py"], 0.01) == "none ended within 0 s"


def test_summary_counts() -> None:
    fault = FAULTS[0]
    outcomes = [
        mutation.Outcome(fault, "own tests", "t", 1.0),
        mutation.Outcome(fault, "own tests", "t", 2.0),
        mutation.Outcome(fault, "simulation", "t", 30.0),
        mutation.Outcome(fault, "", "", 60.0),
    ]

    assert mutation.summary(outcomes) == (
        "4 faults; 2 caught by own tests (median 2.0 s, longest 2.0 s); "
        "1 caught by the simulation (median 30.0 s, longest 30.0 s); "
        "1 caught by none (median 60.0 s, longest 60.0 s); 93 s in all"
    )
