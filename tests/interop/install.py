"""Installs the peers that are no Python packages: ``python -m tests.interop.install FOLDER``.

Packages from npm go into ``FOLDER/js``, where the reference client is bundled, too; programs from
Debian are installed where they are missing. What cannot be had is an error, never a skip: a peer
that is quietly missing would prove nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parent / "js"

DEBIAN = {
    "node": "nodejs",
    "npm": "npm",
    "openssl": "openssl",
    "ip": "iproute2",
    "tc": "iproute2",
    "stunnel": "stunnel4",
    "tinyproxy": "tinyproxy",
    "microsocks": "microsocks",
}
"""Programs, and the packages that have them."""


def install_debian() -> None:
    """Install the programs that are missing."""
    missing = {package for program, package in DEBIAN.items() if shutil.which(program) is None}
    if not missing:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-q", env=quiet)
    run("apt-get", "install", "-q", "-y", "--no-install-recommends", *sorted(missing), env=quiet)
    for program in DEBIAN:
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is still missing after installing its package")


def install_npm(folder: Path) -> None:
    """Install the packages, and bundle the reference client.

    Its packages are ES modules without extensions, which Node does not load.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.iterdir():
        shutil.copy(source, folder)
    # No package here needs a script to be run; esbuild's only checks its own binary.
    run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock",
        "--loglevel=error", cwd=folder)  # fmt: skip
    run(
        "node_modules/.bin/esbuild",
        "reference_client.mjs",
        "--bundle",
        "--platform=node",
        "--format=cjs",
        "--outfile=reference_client.cjs",
        "--log-level=warning",
        cwd=folder,
    )


def run(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run a step; its failure is the end."""
    if subprocess.run(command, cwd=cwd, env=env, check=False).returncode:
        raise SystemExit(f"a peer cannot be installed: {' '.join(command)} failed")


def main() -> None:
    """Install everything into the folder that is the first argument."""
    install_debian()
    install_npm(Path(sys.argv[1]).absolute() / "js")


if __name__ == "__main__":
    main()
