"""Where a command says what it has to say: lines for people, or JSON lines for programs.

It knows the two forms, colours and streams. It must not know what is said.

Strategy: a command tells each thing once, as an event with fields and as a line for people, and one
of the two is printed. Lines are made of parts with styles, never of markup, and every part is
escaped here: nobody else's text is obeyed, neither by rich nor by the terminal.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeAlias

from ._exit import Exit, Failure
from ._text import as_json_line, escape

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Part: TypeAlias = str | tuple[str, str]
"""A text, or a text and its style in rich's words."""


class Out:
    """The standard output of one command, or its standard error."""

    def __init__(self, *, as_json: bool, stderr: bool = False) -> None:
        self.as_json = as_json
        self._stderr = stderr
        self._began = time.monotonic()
        self._console = None if as_json else make_console(stderr=stderr)

    @property
    def is_terminal(self) -> bool:
        """Whether something can be drawn: for people, on a terminal, with rich there."""
        console = self._console
        return console is not None and console.is_terminal and not console.is_dumb_terminal

    def room(self, *parts: Part, least: int = 40, otherwise: int) -> int:
        """How many characters fit behind the parts on one line of a terminal."""
        if self._console is None or not self._console.is_terminal:
            return otherwise
        taken = sum(len(part if isinstance(part, str) else part[0]) for part in parts)
        # What an elided text ends with needs room as well.
        return max(least, self._console.width - taken - 18)

    @property
    def console(self) -> Console:
        """rich's console. Raises `Failure` where the extra is missing."""
        if self._console is None:
            raise missing("rich")
        return self._console

    def emit(self, event: str, *parts: Part, **fields: Any) -> None:
        """Tell something: as ``{"event": event, "t": seconds, **fields}``, or as a line of parts.

        Without parts people are told nothing; ``event`` empty, programs are not.
        """
        if self.as_json:
            if event:
                t = round(time.monotonic() - self._began, 3)
                self.raw(as_json_line({"event": event, "t": t, **fields}))
        elif parts:
            self.line(*parts)

    def line(self, *parts: Part) -> None:
        """A line for people. It may wrap on a terminal, and is never cut."""
        if self._console is None:
            self.raw("".join(escape(part if isinstance(part, str) else part[0]) for part in parts))
        else:
            self._console.print(styled(*parts), soft_wrap=True)

    def raw(self, line: str) -> None:
        """A line of ASCII that is harmless already."""
        print(line, flush=True, file=sys.stderr if self._stderr else sys.stdout)

    def blank(self) -> None:
        """An empty line for people."""
        if not self.as_json:
            self.line("")

    def note(self, text: str) -> None:
        """A remark on standard error, for people and in the logs of programs."""
        print(f"auxws: {escape(text)}", file=sys.stderr, flush=True)


def styled(*parts: Part) -> Text:
    """The parts as rich's text, escaped."""
    from rich.text import Text

    text = Text()
    for part in parts:
        if isinstance(part, str):
            text.append(escape(part))
        else:
            text.append(escape(part[0]), style=part[1])
    return text


def make_console(*, stderr: bool = False) -> Console | None:
    """A console that obeys nothing in what it prints; None without rich."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


_EXTRAS = {
    "rich": "cli",
    "anyio": "cli",
    "h11": "cli",
    "httpcore": "cli",
    "httpx": "cli",
    "python_socks": "cli",
    "hypothesis": "testing",
}


def missing(module: str) -> Failure:
    """A package that is not installed, and the extra that brings it."""
    top = module.partition(".")[0]
    extra = _EXTRAS.get(top)
    advice = f"pip install 'auxws[{extra}]'" if extra else f"pip install {top}"
    return Failure(f"this needs {top}, which is not installed", advice, exit=Exit.MISSING)


@contextlib.contextmanager
def harmless_streams() -> Generator[None]:
    """Streams that write what their encoding lacks as an escape, for as long as this lasts."""
    changed: list[Any] = []
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
            changed.append(stream)
    try:
        yield
    finally:
        for stream in changed:
            with contextlib.suppress(ValueError, OSError):
                stream.reconfigure(errors="strict")
