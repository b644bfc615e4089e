"""Installs the browser from Debian where it is missing: ``python -m tests.browser.install``.

What cannot be had is an error, never a skip.
"""

from __future__ import annotations

import os
import shutil
import subprocess

DEBIAN = {"chromium": "chromium", "chromedriver": "chromium-driver"}
"""Programs, and the packages that have them."""


def missing() -> list[str]:
    """The packages of the programs that are not there."""
    return sorted({package for name, package in DEBIAN.items() if shutil.which(name) is None})


def run(*command: str) -> None:
    """Run a step; its failure is the end."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run(command, env=env, check=False).returncode:
        raise SystemExit(f"the browser cannot be installed: {' '.join(command)} failed")


def main() -> None:
    """Install what is missing."""
    packages = missing()
    if packages:
        run("apt-get", "update", "-q")
        run("apt-get", "install", "-q", "-y", "--no-install-recommends", *packages)
    if packages := missing():
        raise SystemExit(f"programs are still missing after installing {', '.join(packages)}")


if __name__ == "__main__":
    main()
