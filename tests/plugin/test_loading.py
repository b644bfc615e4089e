"""How pytest finds the plugin, and what that costs a run that does not use it."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

USING_IT = """
import auxws_anyio.pytest_plugin

def test_it(aux_gateway, aux_world, aux_clock):
    assert isinstance(aux_gateway, auxws_anyio.pytest_plugin.AuxGateway)
    assert aux_world.clock is aux_clock
"""

WRONG_APPLICATION = """
import auxws_sync
import pytest

async def fail(connection):
    async for received in connection:
        raise ZeroDivisionError("of the application")

@pytest.mark.aux_gateway(app=fail)
def test_it(aux_gateway):
    with auxws_sync.connect(aux_gateway.url) as client:
        client.send({"type": "n"})
        aux_gateway.receive("n")
"""

WRONG_MARK = """
import pytest

@pytest.mark.aux_gateway("echo")
def test_it(aux_gateway):
    pass
"""


def run_pytest(
    folder: Path, source: str, *options: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run one test file as its author would, with warnings as errors."""
    (folder / "test_app.py").write_text(source, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    return subprocess.run(
        [*command, "--strict-markers", *options, "test_app.py"],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_found_by_its_entry_point() -> None:
    (entry,) = importlib.metadata.entry_points(group="pytest11", name="auxws")

    assert entry.value == "auxws_anyio.pytest_plugin"


def test_it_works_where_nobody_has_named_it(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, USING_IT)

    assert done.returncode == 0, done.stdout + done.stderr


def test_it_can_be_named(tmp_path: Path) -> None:
    done = run_pytest(
        tmp_path, USING_IT, "-p", "auxws_anyio.pytest_plugin", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_an_application_lets_out_fails_the_test(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, WRONG_APPLICATION)

    assert done.returncode == 1
    assert "ZeroDivisionError: of the application" in done.stdout
    assert "1 passed, 1 error" in done.stdout


def test_a_mark_with_a_positional_argument_is_an_error(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, WRONG_MARK)

    assert done.returncode == 1
    assert "@pytest.mark.aux_gateway takes keyword arguments only" in done.stdout


def test_the_markers_are_documented(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "", "--markers")

    assert "@pytest.mark.aux_gateway(app=insts(), **options): " in done.stdout
    assert "@pytest.mark.aux_world(seed=0, **options): " in done.stdout


def test_a_run_that_does_not_use_it_imports_nothing_of_ours() -> None:
    code = (
        "import auxws_anyio.pytest_plugin, sys; "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in "
        "{'auxws_proto', 'auxws_sync', 'anyio', 'httpx', 'h11', 'wsproto'}))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_a_name_that_is_not_there() -> None:
    import auxws_anyio.pytest_plugin

    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        auxws_anyio.pytest_plugin.nothing  # noqa: B018
