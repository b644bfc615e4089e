"""Runs each test of the suite on every driver and backend."""

from __future__ import annotations

from typing import Any

import pytest

from tests.drivers.adapter import CASES, Case, Driver


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def anyio_backend(case: Case) -> tuple[str, dict[str, Any]]:
    return case.backend


@pytest.fixture
def driver(case: Case) -> Driver:
    return case.make()
