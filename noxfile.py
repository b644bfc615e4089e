"""Development sessions. ``nox`` alone runs `check`, which is the README's test command.

The steps are plain functions. `check` installs once and runs them all, which saves an environment
for each; every step has a session of its own too, for work on one thing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["check"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True

# The sessions start thousands of processes, each of which would compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PACKAGES = sorted(path.parent.name for path in ROOT.glob("src/*/__init__.py"))

PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def find_python(version: str) -> str | None:
    """An interpreter of this version: on the path, or one of pyenv's, which may not be on it."""
    found = shutil.which(f"python{version}")
    # A shim of pyenv is there for every version that any environment has, and may refuse to run.
    if found and not subprocess.run([found, "--version"], capture_output=True).returncode:
        return found
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return next(map(str, sorted(folder.glob(f"{version}.*/bin/python"), reverse=True)), None)


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
    session.run("pytest", "-m", "not interop and not browser", *options)


def run_cover(session: nox.Session, *modules: str) -> None:
    session.run("python", "-m", "tests.tools.own_coverage", *modules)


def run_docs(session: nox.Session) -> None:
    """Build the site without the network, warnings being errors, and check words, links, plots."""
    folder = Path(session.create_tmp()) / "site"
    options = ("--jobs=auto", "-q", "-n", "-W", "--keep-going", "--doctree-dir", f"{folder}-cache")
    session.run("codespell")
    session.run("python", "-m", "sphinx", *options, "docs", str(folder))
    session.run("python", "-m", "docs.tools.links", str(folder))
    session.run("python", "-m", "docs.tools.fleet", "--check")


@nox.session
def check(session: nox.Session) -> None:
    """Everything that must pass before a change lands."""
    install(session, "check")
    run_lint(session)
    run_types(session)
    run_tests(session)
    run_cover(session)
    run_docs(session)


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
    """The tests, but for interop and the browser. Arguments after ``--`` go to pytest."""
    install(session, "test")
    run_tests(session, *session.posargs)


@nox.session
def cover(session: nox.Session) -> None:
    """Each core module under its own test file. Arguments after ``--`` name modules."""
    install(session, "test")
    run_cover(session, *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation site, into this session's own folder, which is printed."""
    install(session, "docs")
    run_docs(session)
    session.log(f"the site is in {Path(session.create_tmp()) / 'site' / 'index.html'}")


@nox.session
def sim(session: nox.Session) -> None:
    """The simulation for an hour: over 100,000 runs. Arguments after ``--`` go to pytest."""
    install(session, "test")
    options = ("--hypothesis-profile=long", "--hypothesis-show-statistics")
    session.run("pytest", "tests/sim", *options, *session.posargs)


@nox.session
def mutation(session: nox.Session) -> None:
    """Faults planted in copies of the core: the tests must catch each. ``-- --fault NAME``: one."""
    install(session, "test")
    session.run("python", "-m", "tests.mutation", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """The fuzz targets. The argument after ``--`` is how long, in seconds (60)."""
    install(session, "test", "fuzz")
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


@nox.session
def package(session: nox.Session) -> None:
    """Wheel and sdist: built, checked, installed outside of the tree, and used there."""
    session.install("build", "twine", "check-wheel-contents")
    folder = Path(session.create_tmp()).absolute() / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(folder))
    built = sorted(str(path) for path in folder.iterdir())
    session.run("twine", "check", "--strict", *built)
    # W002: the two drivers have small modules that are alike, and share none on purpose.
    options = ("--ignore", "W002", "--toplevel", ",".join(PACKAGES))
    session.run("check-wheel-contents", *options, *folder.glob("*.whl"))
    session.run("python", "-m", "tests.package", str(folder))


@nox.session
@nox.parametrize("version", PYTHONS)
def pythons(session: nox.Session, version: str) -> None:
    """The tests of the core, and the types, on each Python that is on this machine."""
    found = find_python(version)
    if found is None:
        session.skip(f"there is no Python {version} on this machine")
    folder = Path(session.create_tmp()).absolute() / version
    python = str(folder / "bin" / "python")
    if not folder.exists():
        session.run(found, "-m", "venv", str(folder), external=True)
    groups = nox.project.dependency_groups(PYPROJECT, "test")
    pip = ("-m", "pip", "install", "--quiet", "--editable", ".[all]", "mypy", *groups)
    session.run(python, *pip, external=True)
    mypy = ("--strict", "--python-version", version, "--cache-dir", str(folder / "mypy"))
    session.run(python, "-m", "mypy", *mypy, "src", external=True)
    tests = ("tests/proto", "tests/test_package.py", *session.posargs)
    session.run(python, "-m", "pytest", *tests, external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Us and the peers in turn. After ``--``: groups, ``--quick``, ``--write docs/performance.md``.

    Peers are installed into the session's own environment and folder; one that cannot be had is
    named in the tables.
    """
    install(session)
    session.install("--requirement", "bench/requirements.txt", "trio")
    folder = Path(session.create_tmp())
    session.run("python", "-m", "bench.install", str(folder))
    env = {"AUXWS_BENCH_FOLDER": str(folder)}
    session.run("python", "-m", "bench", *session.posargs, env=env)


@nox.session
def browser(session: nox.Session) -> None:
    """The viewer's page in Chromium. Arguments after ``--`` go to pytest.

    Chromium comes from Debian where it is missing, which needs root. Screenshots and measured times
    are left in the session's own temporary folder.
    """
    install(session, "test")
    session.install("--requirement", "tests/browser/requirements.txt")
    session.run("python", "-m", "tests.browser.install")
    env = {"AUXWS_BROWSER_FOLDER": str(Path(session.create_tmp()).absolute() / "browser")}
    session.run("pytest", "-m", "browser", "tests/browser", *session.posargs, env=env)
