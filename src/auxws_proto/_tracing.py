"""What a driver does for ``trace=``: one client's trace, from its making to its end.

It knows when a trace begins and ends, and whose file it is. It must not know lines, nor open
anything itself: a driver hands in how a path is opened, and what the time of day is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import Protocol, TypeAlias, TypeGuard, cast

from ._errors import LocalProtocolError
from ._session_front import SessionFront
from ._trace_elision import DEFAULT_LIMIT
from ._trace_writer import TraceFile, TraceWriter, failure
from ._traced_session import traced


class TracePath(Protocol):
    """A path, as `os.PathLike` is one."""

    def __fspath__(self) -> str: ...


class OpenedFile(TraceFile, Protocol):
    """A file that was opened for a trace."""

    def close(self) -> object: ...


TraceTarget: TypeAlias = str | TracePath | TraceFile
"""What ``trace=`` takes: a path, or an open text file."""


class Tracing:
    """One client's trace; nothing at all without a target.

    ``open_path`` opens a file to be written anew; ``time_of_day`` gives seconds since 1970. Raises
    `LocalProtocolError` for what is neither a path nor a file, and for a negative limit.
    """

    def __init__(
        self,
        target: TraceTarget | None,
        limit: int = DEFAULT_LIMIT,
        *,
        open_path: Callable[[str | TracePath], OpenedFile],
        time_of_day: Callable[[], float],
    ) -> None:
        if not (target is None or _is_path(target) or _is_file(target)):
            raise LocalProtocolError(
                f"trace= is a {type(target).__name__}; it must be a path or an open text file"
            )
        self._target = target
        self._writer = TraceWriter(limit=limit)
        self._open_path = open_path
        self._time_of_day = time_of_day
        self._own: OpenedFile | None = None

    def attach(self, machine: SessionFront) -> None:
        """Record this machine, which has had no input."""
        if self._target is not None:
            traced(machine, self._writer)

    @contextlib.contextmanager
    def begin(self, clock: float) -> Generator[None]:
        """Begin to write, at this time of the machine's clock; what is raised inside ends it.

        Raises `TraceFailed` if the file cannot be opened or written.
        """
        try:
            self._begin(clock)
            yield
        except BaseException:
            self.close()
            raise

    def _begin(self, clock: float) -> None:
        target = self._target
        if target is None:
            return
        file = self._open(target) if _is_path(target) else cast("TraceFile", target)
        self._writer.begin(file, started=self._time_of_day(), clock=clock)

    def _open(self, path: str | TracePath) -> TraceFile:
        try:
            self._own = self._open_path(path)
        except (OSError, ValueError) as error:
            raise failure(error) from error
        return self._own

    def close(self) -> None:
        """Write the end, and close what was opened. Twice is once."""
        self._writer.close()
        own, self._own = self._own, None
        if own is not None:
            # What it would tell has been told, or is of a file that nobody can write.
            with contextlib.suppress(OSError):
                own.close()


def _is_path(target: object) -> TypeGuard[str | TracePath]:
    return isinstance(target, str) or hasattr(target, "__fspath__")


def _is_file(target: object) -> bool:
    return callable(getattr(target, "write", None)) and callable(getattr(target, "flush", None))
