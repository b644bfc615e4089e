"""What all tests share: hypothesis profiles and the backends of anyio.

Profiles: ``dev`` is quick, ``ci`` (the default where ``CI`` is set) draws the same examples each
time, ``long`` is for ``nox -s sim``. None has a deadline: a slow machine is no failure.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", ANY_SPEED, max_examples=50)
settings.register_profile(
    "ci", ANY_SPEED, max_examples=100, derandomize=True, print_blob=True, database=None
)
settings.register_profile("long", ANY_SPEED, max_examples=10_000, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run each test that is marked ``anyio`` on both backends."""
    backend: str = request.param
    return backend
