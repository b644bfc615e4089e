"""Documents that are generated from the tests are what the tests say now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

GENERATORS = ["tests.drivers.matrix", "docs.tools.state_diagrams"]
"""Modules that are run with ``--check``, and write with ``--write``."""


@pytest.mark.parametrize("module", GENERATORS)
def test_a_generated_document_is_current(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
