"""What all tests share: hypothesis profiles and the backends of anyio.

Profiles: ``dev`` is quick, ``ci`` (the default where ``CI`` is set) draws the same examples each
time, ``long`` is for ``nox -s sim``. None has a deadline: a slow machine is no failure.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(
    "ci", deadline=None, max_examples=100, derandomize=True, print_blob=True, database=None
)
settings.register_profile(
    "long", deadline=None, max_examples=2_000, stateful_step_count=100, print_blob=True
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run each test that is marked ``anyio`` on both backends."""
    backend: str = request.param
    return backend
