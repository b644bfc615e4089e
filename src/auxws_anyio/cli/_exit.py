"""Exit statuses, and the one exception that carries one.

It knows the statuses and what they mean to a script. It must not know who ends with which.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    """What a command tells the shell; ``docs/cli.md`` has the same table."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_CONNECTED = 3
    TIMED_OUT = 4
    UNKNOWN = 5
    MISSING = 6
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


MEANINGS: Final[Mapping[Exit, str]] = {
    Exit.DONE: "done",
    Exit.FAILED: "the thing itself failed: a message, a check, a comparison",
    Exit.USAGE: "wrong options, or input that cannot be read",
    Exit.NOT_CONNECTED: "no connection: name, network, TLS, proxy, handshake or login",
    Exit.TIMED_OUT: "not done within --timeout",
    Exit.UNKNOWN: "a message was written and the connection lost: it may have arrived or not",
    Exit.MISSING: "a package is not installed; the line says which",
    Exit.INTERRUPTED: "interrupted with Ctrl-C, as shells report SIGINT",
    Exit.BROKEN_PIPE: "whoever read the output is gone, as shells report SIGPIPE",
    Exit.TERMINATED: "ended by SIGTERM",
}


class Failure(Exception):
    """A command cannot go on. `text` says what is wrong, `advice` what to do about it."""

    def __init__(self, text: str, advice: str = "", *, exit: Exit = Exit.FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.advice = advice
        self.exit = exit


def table() -> str:
    """The statuses for ``--help``, one a line."""
    return "\n".join(f"  {status.value:>3}  {meaning}" for status, meaning in MEANINGS.items())
