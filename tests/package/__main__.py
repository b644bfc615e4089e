"""``python -m tests.package FOLDER``: looks into wheel and sdist there, and tries the wheel.

It knows what belongs into them. It must not use the repository's packages: each trial is a fresh
environment in a folder outside of the tree, in which `smoke` runs as a script.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("auxws_proto", "auxws_anyio", "auxws_sync")

IN_WHEEL: Final = (
    *(f"{package}/py.typed" for package in PACKAGES),
    "auxws_anyio/viewer/page/page.html",
    "auxws_anyio/viewer/page/page.css",
    "auxws_anyio/viewer/page/main.js",
)
IN_SDIST: Final = (
    "LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "pyproject.toml",
    "noxfile.py", "docs/protocol.md", "tests/package/smoke.py", "src/auxws_proto/py.typed",
)  # fmt: skip

TRIALS: Final = {"": "core", "[sync]": "sync", "[anyio]": "anyio", "[all]": "all"}
"""The extras of each environment, and what `smoke` does in it."""


def wheel_problems(wheel: Path) -> list[str]:
    """What is wrong with the files of the wheel."""
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    # Every file of the packages, and nothing else.
    source = {
        path.relative_to(ROOT / "src").as_posix()
        for package in PACKAGES
        for path in (ROOT / "src" / package).rglob("*")
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in path.parts)
    }
    found = {name for name in names if ".dist-info/" not in name}
    problems = [f"the wheel lacks {name}" for name in sorted({*IN_WHEEL, *source} - found)]
    problems += [f"the wheel has {name}" for name in sorted(found - source)]
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in names):
        problems.append("the wheel lacks the licence")
    return problems


def sdist_problems(sdist: Path) -> list[str]:
    """What is wrong with the files of the sdist."""
    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    problems = [f"the sdist lacks {name}" for name in IN_SDIST if name not in names]
    junk = ("__pycache__", ".venv", ".nox", ".git/", ".hypothesis")
    return problems + [f"the sdist has {n}" for n in sorted(names) if any(j in n for j in junk)]


def try_wheel(wheel: Path, extras: str, trial: str) -> None:
    """Install the wheel into an environment of its own, and use it. Raises CalledProcessError."""
    # No variable may lead back into the tree, or into the environment of the session.
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "env")
        scripts = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        python = str(scripts / "python")
        env["PATH"] = f"{scripts}{os.pathsep}{env.get('PATH', '')}"
        # The session's own pip: one for each environment would take longer than all the rest.
        pip = (sys.executable, "-m", "pip", "--python", python)
        quiet = ("--quiet", "--disable-pip-version-check", "--no-compile")
        subprocess.run(
            [*pip, "install", *quiet, f"auxws{extras} @ {wheel.as_uri()}"],
            cwd=folder, env=env, check=True,
        )  # fmt: skip
        smoke = str(Path(__file__).with_name("smoke.py"))
        subprocess.run([python, "-W", "error", smoke, trial], cwd=folder, env=env, check=True)


def trial_problem(wheel: Path, extras: str, trial: str) -> str | None:
    """What is wrong with the wheel in this trial, or None."""
    try:
        try_wheel(wheel, extras, trial)
    except subprocess.CalledProcessError as error:
        return f"{error.cmd[-1]} ended with {error.returncode}"
    return None


def main(folder: Path) -> int:
    """Check everything; returns the exit status."""
    [wheel], [sdist] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    problems = wheel_problems(wheel) + sdist_problems(sdist)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 1
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda trial: trial_problem(wheel.absolute(), *trial), TRIALS.items())
        status = 0
        for extras, outcome in zip(TRIALS, found, strict=True):
            print(f"auxws{extras}: {outcome or 'works'}", flush=True)
            status |= outcome is not None
    return status


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
