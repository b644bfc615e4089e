"""The lines of a trace on their way into a file.

It knows the header, the end, and when the file is written. It must not know what is in a line, nor
open anything: whoever traces hands in a text file.

Strategy: lines are collected for as long as one input and its actions take, then handed to the
system in one write, so that a killed process leaves whole inputs. The first failure is the last
thing that is tried.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

from ._errors import AuxError, LocalProtocolError
from ._trace_elision import DEFAULT_LIMIT
from ._trace_redaction import Redactor
from ._version import __version__

VERSION: Final = 1

_MOST: Final = 256
"""Lines that are collected before they are written in any case."""

_encode = json.JSONEncoder(separators=(",", ":")).encode


class TraceFile(Protocol):
    """What a trace is written to: an open text file, for example."""

    def write(self, text: str, /) -> object:
        """Take some text; what it returns is not looked at."""
        ...

    def flush(self) -> object:
        """Hand all of it to the system."""
        ...


class TraceFailed(AuxError):
    """A trace cannot be written. It is raised where tracing begins; later `errors()` has it, once:
    tracing ends, and the session goes on."""


class TraceWriter:
    """Writes one trace, from `begin` to `close`. ``limit`` is the size in bytes from which on
    payloads are elided. Raises `LocalProtocolError` for a negative one."""

    def __init__(self, *, limit: int = DEFAULT_LIMIT) -> None:
        if isinstance(limit, bool) or limit < 0:
            raise LocalProtocolError(f"trace_limit is {limit!r}; it must be 0 bytes or more")
        self.limit: int = limit
        self.redactor: Redactor = Redactor()
        self.clock: float = 0.0
        self.is_on: bool = True
        """Whether it can be written, as far as is known."""
        self._file: TraceFile | None = None
        self._lines: list[Mapping[str, Any]] = []

    def begin(
        self, file: TraceFile, *, started: float | None = None, clock: float | None = None
    ) -> None:
        """Write the header, and what there is.

        ``started`` is the time of day, in seconds since 1970, when the clock of the machines showed
        ``clock``. Raises `TraceFailed` if it cannot be written.
        """
        header: dict[str, Any] = {
            "auxws_trace": VERSION,
            "auxws": __version__,
            "redacted": True,
            "limit": self.limit,
        }
        if clock is not None:
            self.clock = clock
            header |= {"started": started, "clock": clock}
        self._lines.insert(0, header)
        self._file = file
        self.flush()

    def __deepcopy__(self, memo: object) -> TraceWriter:
        """Machines can be copied; what a copy does is not in the trace."""
        twin = TraceWriter(limit=self.limit)
        twin.is_on = False
        return twin

    def write(self, line: Mapping[str, Any]) -> None:
        """Add a line, which may be added to until it is written."""
        self._lines.append(line)

    def flush(self) -> None:
        """Hand what was added to the system. Raises `TraceFailed`, once; then it is off."""
        file = self._file
        if file is None:
            return
        lines, self._lines = self._lines, []
        if not lines or not self.is_on:
            return
        try:
            file.write("".join([f"{_encode(line)}\n" for line in lines]))
            file.flush()
        except Exception as error:
            self.is_on = False
            raise failure(error) from error

    @property
    def is_long(self) -> bool:
        """Whether enough has been added to be written in any case."""
        return len(self._lines) >= _MOST

    def close(self) -> None:
        """Write that this is the end, if that can be written. The file stays open."""
        if self.is_on:
            self.write({"end": "closed"})
            # Nobody is there any more who could be told.
            with contextlib.suppress(TraceFailed):
                self.flush()
            self.is_on = False


def failure(error: Exception) -> TraceFailed:
    """What to tell of an exception that came out of a file, or of the tracing itself."""
    why = getattr(error, "strerror", None)
    return TraceFailed(f"the trace cannot be written: {why or type(error).__name__}")
