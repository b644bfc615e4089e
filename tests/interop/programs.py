"""Starts and stops the peers, which are programs of others or small servers of our own.

It knows processes and ports. It must not know what is said to them.
"""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 30.0
"""Seconds in which a program must answer; the slowest takes 4 s on two busy cores."""
GRACE: Final = 2.0
"""Seconds that a program has to end in; nothing of it is kept, and SeaweedFS takes its time."""


def program(name: str) -> str:
    """The path of a peer's program: of the environment's own, or of the system.

    Raises RuntimeError if it is missing, since a peer is never skipped.
    """
    own = Path(sys.executable).parent / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed; run these tests with nox -s interop")
    return found


def javascript(name: str) -> str:
    """The path of one of our JavaScript programs in the folder where its packages are."""
    folder = os.environ.get("AUXWS_INTEROP_FOLDER")
    path = Path(folder or "", "js", name)
    if folder is None or not path.exists():
        raise RuntimeError(f"{name} is not installed; run these tests with nox -s interop")
    return str(path)


def free_port() -> int:
    """A port of loopback that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Program:
    """A running program, with what it wrote in `log`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def first_line(self) -> str:
        """The next line of standard output; the first tells that a program is ready."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        if not ready:
            raise TimeoutError(f"{self._name} says nothing: {self._last_words()}")
        line = self.process.stdout.readline().decode().strip()
        if not line:
            raise RuntimeError(f"{self._name} ended: {self._last_words()}")
        return line

    def ask(self, line: str) -> str:
        """Write a line to standard input and read one."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self.first_line()

    def wait_for_port(self, port: int, host: str = "127.0.0.1") -> None:
        """Return when the port is open."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self._name} ended: {self._last_words()}")
            with socket.socket() as probe:
                probe.settimeout(PATIENCE)
                if probe.connect_ex((host, port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"{self._name} opened no port: {self._last_words()}")

    @property
    def _name(self) -> str:
        return Path(str(self.process.args[0])).name  # type: ignore[index]

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:]


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    pipes: bool = False,
) -> Iterator[Program]:
    """The program, until the block is left. With ``pipes`` standard input and output are ours."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipes else output,
            stderr=output,
            cwd=ROOT,
            # `select` must see what a buffer would hide.
            bufsize=0,
            env={**os.environ, **(env or {})},
        )
        with process:
            try:
                yield Program(process, log)
            finally:
                process.terminate()
                try:
                    process.wait(GRACE)
                except subprocess.TimeoutExpired:
                    process.kill()
