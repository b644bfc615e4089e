"""Test files, run against a copy of the core's sources, each time in a fresh process.

It knows pytest and processes. It must not know what was done to the copy.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent.parent
PACKAGE: Final = "auxws_proto"
OPTIONS: Final = (
    "-x", "-q", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "-p",
    "anyio.pytest_plugin", "--hypothesis-profile=ci", "--no-header", "--tb=no",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
"""With the two plugins that the suites need, whatever else is installed."""

WARM: Final = ("pytest", "hypothesis.stateful", "_hypothesis_pytestplugin", "anyio.pytest_plugin",
               "wsproto", "websockets.server", "websockets.client")  # fmt: skip

_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


def run(source: Path, tests: Sequence[str], limit: float) -> str:
    """The first failing test, with the copy in the sources' place; empty without one."""
    context = multiprocessing.get_context("forkserver")
    # A warm process to fork from: to import all this anew takes longer than most test files.
    context.set_forkserver_preload([*WARM])
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        process = context.Process(target=_run_suite, args=(source, [*tests], output))
        process.start()
        process.join(limit)
        if process.is_alive():
            process.kill()
            process.join()
            return f"none ended within {limit:.0f} s"
        text = output.read_text("utf-8", "replace") if output.exists() else ""
    if process.exitcode == 0:
        return ""
    match = _FAILED.search(text)
    if match is None:
        raise RuntimeError(f"pytest ended with {process.exitcode}:\n{text}")
    return match[1]


def _run_suite(source: Path, tests: list[str], output: Path) -> None:
    """In a process of its own: import the copy, and run these tests."""
    with output.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(ROOT)
    os.environ |= {"PYTHONPATH": str(source), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sys.pycache_prefix = str(source / "compiled")
    sys.path.insert(0, str(source))
    package = importlib.import_module(PACKAGE)
    if not Path(str(package.__file__)).is_relative_to(source):
        raise RuntimeError(f"{package.__file__} is imported instead of {source}")
    sys.exit(int(pytest.main([*OPTIONS, *tests])))
