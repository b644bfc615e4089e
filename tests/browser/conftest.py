"""One browser for all tests, the pages that they open, and what is kept of a run.

Screenshots and times go to the folder that ``AUXWS_BROWSER_FOLDER`` names, if it does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from auxws_anyio.viewer import render_html
from tests.browser.chromium import Browser, chromium
from tests.viewer.traces import Script, everyday, long

TIMES = pytest.StashKey[dict[str, float]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TIMES] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    times = terminalreporter.config.stash.get(TIMES, {})
    if times:
        terminalreporter.section("times of the viewer, in milliseconds")
        for name, milliseconds in times.items():
            terminalreporter.write_line(f"{milliseconds:9.1f}  {name}")


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots and times are kept."""
    named = os.environ.get("AUXWS_BROWSER_FOLDER")
    folder = Path(named) if named else tmp_path_factory.mktemp("artifacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def times(request: pytest.FixtureRequest, artifacts: Path) -> Iterator[dict[str, float]]:
    """Times that were measured, by what they are of."""
    found = request.config.stash[TIMES]
    yield found
    (artifacts / "times.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(chrome: Browser) -> Iterator[Browser]:
    """The browser; at the end its console is empty, and it has asked for the page alone."""
    yield chrome
    assert chrome.complaints() == []
    assert set(chrome.requests()) == {chrome.url}


def write(script: Script, path: Path) -> Path:
    """The page of a trace as a file."""
    path.write_text(render_html(script.trace(), title=path.name), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An everyday session."""
    return write(everyday(), tmp_path_factory.mktemp("pages") / "session.html")


@pytest.fixture(scope="session")
def long_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of more than 20,000 events."""
    return write(long(20_000), tmp_path_factory.mktemp("pages") / "long.html")
