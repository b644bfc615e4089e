"""Processes: the servers, and the clients that are measured.

It knows processes and lines of JSON. It must not know what is measured.

Strategy: every client is a process of its own, with its own CPU time and peak memory, which lives
through all the rounds and does one job at a time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .figures import Sample, Unavailable

ROOT = Path(__file__).parents[1]
PYTHON = (sys.executable, "-m")


class Process:
    """A program that answers lines with lines, until the block is left."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                cwd=ROOT,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        except FileNotFoundError:
            self._log.close()
            raise Unavailable(f"there is no program {Path(self.command[0]).name}") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._process, self._log:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> str:
        """The next line that it says. Raises `Unavailable` with its last words if it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            self._log.seek(0)
            words = self._log.read().decode(errors="replace").strip().splitlines()[-1:]
            # No path of this machine is to get into the page.
            raise Unavailable(" ".join(words).replace(str(ROOT), "…")[:200] or "it ended")
        return line

    def ask(self, what: Mapping[str, Any]) -> Any:
        """Say a line, and return the answer. Raises `Unavailable` for an answer with ``error``."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = json.loads(self.line())
        if isinstance(answer, dict) and "error" in answer:
            raise Unavailable(answer["error"])
        return answer


class Client(Process):
    """A client that is measured: each job is answered by a sample."""

    def measure(self, job: Mapping[str, Any]) -> Sample:
        answer: dict[str, float] = self.ask(job)
        return answer


class Absent:
    """Stands for a client that could not even be started."""

    def __init__(self, why: str) -> None:
        self._why = why

    def measure(self, job: Mapping[str, Any]) -> Sample:
        raise Unavailable(self._why)


def websocket_server() -> Process:
    """`bench.server`; its first line is its URL."""
    return Process([*PYTHON, "bench.server"])


def gateway() -> Process:
    """`bench.world`; its first line is its URL, and it takes commands."""
    return Process([*PYTHON, "bench.world"])


def ours(driver: str) -> list[str]:
    """The command for our client on ``driver``."""
    return [*PYTHON, "bench.clients.ours", driver]


def core() -> list[str]:
    """The command for the measurements in memory."""
    return [*PYTHON, "bench.clients.core"]


def transfers() -> list[str]:
    """The command for bare transfers to and from an object store."""
    return [*PYTHON, "bench.clients.transfers"]


def python_peer(name: str) -> list[str]:
    return [*PYTHON, "bench.clients.peers", name]


def node_peer(name: str) -> list[str]:
    """Raises `Unavailable` if the packages of npm are not there."""
    folder = os.environ.get("AUXWS_BENCH_FOLDER")
    bundle = Path(folder or "", "js", "clients.cjs")
    if folder is None or not bundle.exists():
        raise Unavailable("its packages are not installed (npm)")
    return ["node", str(bundle), name]
