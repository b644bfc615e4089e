"""Gateways and a shell for the tests of the command line."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from auxws_anyio.gateway import insts

from .helpers import Served, Shell, serving


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Runs commands."""
    for name in ("AUXWS_TOKEN", "AUXWS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys, monkeypatch)


@pytest.fixture
def echoing() -> Generator[Served]:
    """A gateway that sends everything back."""
    with serving() as served:
        yield served


@pytest.fixture
def inst_server() -> Generator[Served]:
    """A gateway with an inst server."""
    with serving(insts()) as served:
        yield served
