"""The terminal of a conversation: lines scroll above, the typed line and a status line stay below.

It knows keys' descriptor, rich's live region and the editor. It must not know what a line means.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Final

import anyio

from ._editor import PASTE_OFF, PASTE_ON, LineEditor
from ._out import Out, styled
from ._stdin import chunks, descriptor_of_stdin, lines

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

FRAMES: Final = 8
"""Drawings a second while nobody types."""

PROMPT: Final = "> "


def is_interactive(out: Out) -> bool:
    """Whether there is a person at a terminal that can be drawn on, and typed at key by key."""
    if out.as_json or not out.is_terminal or not os.isatty(descriptor_of_stdin()):
        return False
    try:
        import termios
    except ImportError:  # Windows
        return False
    return bool(termios)


async def plain_lines() -> AsyncGenerator[str]:
    """Lines of standard input, from a pipe, a file, or a terminal that edits lines itself."""
    async with contextlib.aclosing(lines(descriptor_of_stdin())) as source:
        async for line in source:
            yield line.decode("utf-8", "replace")


class Screen:
    """Draws below, and gives the lines that are typed."""

    def __init__(self, out: Out, below: Callable[[], list[RenderableType]]) -> None:
        """``below`` gives what stands under the typed line, anew for each drawing."""
        self._out = out
        self._below = below
        self.editor = LineEditor()
        self.refresh: Callable[[], None] = _nothing
        """Draw now."""

    async def typed(self) -> AsyncGenerator[str]:
        """Lines as they are entered; draws until it is closed."""
        from rich.live import Live

        descriptor = descriptor_of_stdin()
        with (
            _key_by_key(descriptor),
            Live(
                self, console=self._out.console, auto_refresh=False, transient=True,
                redirect_stdout=False, redirect_stderr=sys.stderr.isatty(),
            ) as live,
        ):  # fmt: skip
            self.refresh = live.refresh
            try:
                async with contextlib.aclosing(chunks(descriptor)) as keys:
                    async for data in keys:
                        entered = self.editor.feed(data)
                        live.refresh()
                        for line in entered:
                            yield line
                        if self.editor.has_ended:
                            return
            finally:
                self.refresh = _nothing

    async def keep_drawing(self) -> None:
        """Draw again and again, until cancelled, what changes without a key."""
        while True:
            await anyio.sleep(1 / FRAMES)
            self.refresh()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield draw_line(self.editor.text, self.editor.cursor, options.max_width)
        yield from self._below()


def _nothing() -> None:
    """What draws when there is no screen."""


def draw_line(text: str, cursor: int, width: int) -> Text:
    """The typed line with its cursor, a window of it where it is wider than the terminal."""
    from rich.cells import cell_len

    room = max(8, width - len(PROMPT) - 1)
    # The cursor stays in sight, and needs a cell for itself. Most characters take a cell or two, so
    # what is further away cannot be seen, however much was pasted.
    start = max(0, cursor - room)
    while cell_len(text[start:cursor]) >= room:
        start += 1
    end = start
    used = 0
    while end < len(text) and used + cell_len(text[end]) < room + 1:
        used += cell_len(text[end])
        end += 1
    under = text[cursor : cursor + 1] or " "
    line = styled(
        (PROMPT, "bold green"), text[start:cursor], (under, "reverse"), text[cursor + 1 : end]
    )
    line.no_wrap = True
    line.overflow = "crop"
    return line


@contextlib.contextmanager
def _key_by_key(descriptor: int) -> Generator[None]:
    """The terminal gives each key at once and echoes none; Ctrl-C still interrupts."""
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSADRAIN)
    _write(PASTE_ON)
    try:
        yield
    finally:
        _write(PASTE_OFF)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _write(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), text.encode())
