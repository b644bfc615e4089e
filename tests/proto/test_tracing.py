"""A driver's trace: whose file it is, when it begins, and how it ends."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest

from auxws_proto import AuxWebSocket, LocalProtocolError, Role, TraceFailed, read_trace
from auxws_proto._tracing import OpenedFile, TracePath, Tracing


class Opened(io.StringIO):
    """A file that keeps what was written when it is closed."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.text = ""
        self.error = error

    def close(self) -> None:
        self.text = self.getvalue()
        super().close()
        if self.error is not None:
            raise self.error


class Opener:
    def __init__(self, result: Opened | Exception) -> None:
        self.result = result
        self.paths: list[str | TracePath] = []

    def __call__(self, path: str | TracePath) -> OpenedFile:
        self.paths.append(path)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def tracing(target: Any, opener: Opener | None = None, **options: Any) -> Tracing:
    opener = opener or Opener(ValueError())
    return Tracing(target, open_path=opener, time_of_day=lambda: 100.0, **options)


def run(trace: Tracing) -> AuxWebSocket:
    machine = AuxWebSocket(Role.CLIENT, url="wss://host/")
    trace.attach(machine)
    with trace.begin(5.0):
        machine.connect(6.0)
        assert len(list(machine.actions())) == 2
    return machine


@pytest.mark.parametrize("path", ["a", Path("a")])
def test_a_path_is_opened_written_and_closed(path: Any) -> None:
    opener = Opener(Opened())
    trace = tracing(path, opener)
    before = list(opener.paths)

    run(trace)
    trace.close()
    trace.close()

    assert isinstance(opener.result, Opened)
    read = read_trace(opener.result.text.splitlines())
    assert (before, opener.paths) == ([], [path])
    assert opener.result.closed
    assert read.is_complete
    assert (read.header.started, read.header.clock) == (100.0, 5.0)


def test_a_file_stays_open() -> None:
    file = io.StringIO()
    trace = tracing(file)

    run(trace)
    trace.close()

    assert read_trace(file.getvalue().splitlines()).is_complete


def test_without_a_target_nothing_is_wrapped() -> None:
    machine = AuxWebSocket(Role.CLIENT, url="wss://host/")
    session = machine.session
    trace = tracing(None)

    trace.attach(machine)
    with trace.begin(5.0):
        pass
    trace.close()

    assert machine.session is session


def test_what_cannot_be_opened_is_told() -> None:
    trace = tracing("a", Opener(PermissionError(13, "Permission denied")))

    with pytest.raises(TraceFailed, match="Permission denied"), trace.begin(5.0):
        pass


def test_what_fails_while_it_begins_closes_the_file() -> None:
    opened = Opened()
    trace = tracing("a", Opener(opened))

    with contextlib.suppress(KeyError), trace.begin(5.0):
        raise KeyError

    assert opened.closed


def test_a_file_that_cannot_be_closed_is_nobodys_concern() -> None:
    trace = tracing("a", Opener(Opened(OSError())))

    run(trace)
    trace.close()


@pytest.mark.parametrize("target", [5, object(), b"a"])
def test_what_is_neither_a_path_nor_a_file_is_refused(target: Any) -> None:
    with pytest.raises(LocalProtocolError, match="a path or an open text file"):
        tracing(target)


def test_what_is_no_limit_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="trace_limit"):
        tracing("a", limit=-1)
