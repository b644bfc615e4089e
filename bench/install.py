"""Installs the peers on Node: ``python -m bench.install FOLDER``.

They go into ``FOLDER/js`` and are bundled there, since the reference client's packages are ES
modules without extensions, which Node does not load. Where that fails, the rows of these peers say
so, and everything else is measured.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parent / "js"


def install(folder: Path) -> None:
    """Raises OSError or CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.iterdir():
        shutil.copy(source, folder)
    # No package here needs a script to be run; esbuild's only checks its own binary.
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--loglevel=error")
    subprocess.run(["npm", "install", *quiet], cwd=folder, check=True)
    subprocess.run(
        ["node_modules/.bin/esbuild", "clients.mjs", "--bundle", "--platform=node", "--format=cjs",
         "--outfile=clients.cjs", "--log-level=warning"],
        cwd=folder, check=True,
    )  # fmt: skip


if __name__ == "__main__":
    try:
        install(Path(sys.argv[1]).absolute() / "js")
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"the peers on Node are left out: {error}", file=sys.stderr)
