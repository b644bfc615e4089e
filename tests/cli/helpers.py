"""A gateway in a thread of its own, the command line in this one, and what it printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from auxws_anyio.cli import main
from auxws_anyio.gateway import App, Gateway, echo


class Ran(NamedTuple):
    """What came of a command."""

    status: int
    out: list[str]
    err: list[str]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON lines."""
        return [json.loads(line) for line in self.out]

    def event(self, name: str) -> dict[str, Any]:
        """The one event with this name."""
        (found,) = (event for event in self.events if event["event"] == name)
        return found

    def all(self, name: str) -> list[dict[str, Any]]:
        """Those with this name."""
        return [event for event in self.events if event["event"] == name]


class Shell:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def run(self, *arguments: object, stdin: Path | None = None) -> Ran:
        """The command with these arguments; ``stdin`` is the file that it reads."""
        with Path(stdin or os.devnull).open(encoding="utf-8") as file:
            self._monkeypatch.setattr(sys, "stdin", file)
            self._capsys.readouterr()
            try:
                status = main([str(argument) for argument in arguments])
            except SystemExit as left:
                status = int(left.code or 0)
        out, err = self._capsys.readouterr()
        return Ran(status, out.splitlines(), err.splitlines())


class Served(NamedTuple):
    """A gateway and the portal to its thread."""

    gateway: Gateway
    portal: BlockingPortal

    @property
    def url(self) -> str:
        """Where to connect to."""
        return self.gateway.url


@contextmanager
def serving(app: App = echo, **options: Any) -> Generator[Served]:
    """A gateway that runs beside the test."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Gateway(app, **options)) as gateway,
    ):
        yield Served(gateway, portal)


def write_lines(path: Path, *messages: object) -> Path:
    """A file of JSON Lines; a string is a line as it stands."""
    lines = (line if isinstance(line, str) else json.dumps(line) for line in messages)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path
