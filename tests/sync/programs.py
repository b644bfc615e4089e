"""Whole programs, in processes of their own: for what happens at an interpreter's end."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def program(text: str, *arguments: str) -> Generator[subprocess.Popen[str]]:
    """Run a Python program; what it prints is the protocol between it and the test."""
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(text), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that the program prints; waits for it."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end_of(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit status, the rest of its output, and what it had to complain about."""
    out, err = process.communicate(timeout=30)
    return process.returncode, out.strip(), err.strip()
