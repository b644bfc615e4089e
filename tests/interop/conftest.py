"""What the interop tests share: which drivers they run on, and the table that they fill.

The table is written if all tests passed and ``AUXWS_INTEROP_TABLE`` names a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.drivers.adapter import Case, Driver
from tests.interop.cases import CASES
from tests.interop.stores import (
    Presign,
    StorePeer,
    all_stores,
    javascript_presigner,
    presign_by_botocore,
)
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


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, StorePeer]]:
    """The object stores, by the names of `STORES`."""
    with all_stores(tmp_path_factory.mktemp("stores")) as found:
        yield found


@pytest.fixture(scope="session")
def presigners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Presign]]:
    """Who signs URLs."""
    with javascript_presigner(tmp_path_factory.mktemp("presigner")) as by_javascript:
        yield {"botocore": presign_by_botocore, "AWS SDK for JavaScript": by_javascript}
