"""Development sessions. ``nox`` alone runs `check`, which is the README's test command.

The steps are plain functions. `check` installs once and runs them all, which saves an environment
for each; every step has a session of its own too, for work on one thing.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["check"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PACKAGES = sorted(path.parent.name for path in ROOT.glob("src/*/__init__.py"))


def install(session: nox.Session, *groups: str) -> None:
    """Install the project, editable and with all its extras, and some dependency groups."""
    requirements = nox.project.dependency_groups(PYPROJECT, *groups)
    session.install("--editable", ".[all]", *requirements)


def run_lint(session: nox.Session) -> None:
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


def run_types(session: nox.Session) -> None:
    session.run("mypy", "--strict")
    session.run("pyright")
    for package in PACKAGES:
        session.run("pyright", "--ignoreexternal", "--verifytypes", package)


def run_tests(session: nox.Session, *options: str) -> None:
    session.run("pytest", "-m", "not interop", *options)


def run_cover(session: nox.Session, *modules: str) -> None:
    session.run("python", "-m", "tests.tools.own_coverage", *modules)


@nox.session
def check(session: nox.Session) -> None:
    """Everything that must pass before a change lands."""
    install(session, "check")
    run_lint(session)
    run_types(session)
    run_tests(session)
    run_cover(session)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and the formatter's opinion."""
    session.install(*nox.project.dependency_groups(PYPROJECT, "lint"))
    run_lint(session)


@nox.session
def types(session: nox.Session) -> None:
    """Both type checkers, and the completeness of the public types."""
    install(session, "typing", "test")
    run_types(session)


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, but for interop. Arguments after ``--`` go to pytest."""
    install(session, "test")
    run_tests(session, *session.posargs)


@nox.session
def cover(session: nox.Session) -> None:
    """Each core module under its own test file. Arguments after ``--`` name modules."""
    install(session, "test")
    run_cover(session, *session.posargs)


@nox.session
def sim(session: nox.Session) -> None:
    """The simulation, with the long profile. Arguments after ``--`` go to pytest."""
    install(session, "test")
    session.run("pytest", "tests/sim", "--hypothesis-profile=long", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """The fuzz targets. The argument after ``--`` is how long, in seconds (60)."""
    install(session, "test")
    seconds = session.posargs[0] if session.posargs else "60"
    session.run("python", "-m", "fuzz", "--seconds", seconds)


@nox.session
def interop(session: nox.Session) -> None:
    """Against software that is not ours. After ``--``: ``write`` (docs/interop.md), or a selection.

    The peers are installed into the session's own environment and folder, programs from Debian
    where they are missing, which needs root, as the tests with network namespaces do.
    """
    install(session, "test")
    session.install("--requirement", "tests/interop/requirements.txt")
    folder = Path(session.create_tmp())
    page = folder / "interop.md"
    session.run("python", "-m", "tests.interop.install", str(folder))
    verb, *selection = session.posargs or ["check"]
    if verb not in ("check", "write"):
        selection = [verb, *selection]
    env = {"AUXWS_INTEROP_FOLDER": str(folder), "AUXWS_INTEROP_TABLE": str(page)}
    session.run("pytest", "-m", "interop", "tests/interop", *selection, env=env)
    if not selection:
        session.run("python", "-m", "tests.interop.table", verb, str(page))
