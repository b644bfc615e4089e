"""What the interop tests share: which drivers they run on, and the table that they fill.

The table is written if all tests passed and ``AUXWS_INTEROP_TABLE`` names a file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.drivers.adapter import Case, Driver
from tests.interop.cases import CASES
from tests.interop.table import Section, Table

TABLE = pytest.StashKey[Table]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = Table()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    path = os.environ.get("AUXWS_INTEROP_TABLE")
    if path is not None and exitstatus == pytest.ExitCode.OK:
        Path(path).write_text(session.config.stash[TABLE].render(), encoding="utf-8")


class Recorder:
    """Puts findings of one test module into the table, under its ``TITLE`` and ``TEXT``."""

    def __init__(self, table: Table, section: Section) -> None:
        self._table = table
        self._section = section

    def put(self, peer: str, row: str, column: str, value: str = "yes") -> None:
        """One finding."""
        self._table.put(self._section, peer, row, column, value)

    def note(self, text: str) -> None:
        """A line below the table."""
        self._section.notes[text] = None


@pytest.fixture(scope="module")
def record(request: pytest.FixtureRequest) -> Recorder:
    """The recorder of this module."""
    module: Any = request.module
    table = request.config.stash[TABLE]
    return Recorder(table, table.section(module.TITLE, module.TEXT))


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The driver's own backend; asyncio for tests that use no client of ours."""
    if "case" not in request.fixturenames:
        return ("asyncio", {})
    case: Case = request.getfixturevalue("case")
    return case.backend


@pytest.fixture
def driver(case: Case) -> Driver:
    return case.make()


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what the peers write."""
    return tmp_path_factory.mktemp("logs")
