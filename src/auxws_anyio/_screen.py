"""How the demo looks: plain lines anywhere, bars for transfers on a terminal that has rich.

It knows what to show. It must not know what is going on.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ._demo import Moved, Screen


class Quiet:
    """Shows nothing."""

    def say(self, text: str) -> None:
        """A step began."""

    def moved(self, moved: Sequence[Moved]) -> None:
        """Messages of one kind went one way."""

    def progress(self, who: str, upload: bool, done: int, total: int | None) -> None:
        """A transfer came further."""


class Lines(Quiet):
    """Plain lines."""

    def say(self, text: str) -> None:
        """A step began."""
        self._print(text)

    def moved(self, moved: Sequence[Moved]) -> None:
        """Messages of one kind went one way."""
        last = moved[-1]
        arrow = "->" if last.direction == "sent" else "<-"
        self._print(
            f"  {last.client} {arrow} {last.path:<9} {len(moved):>2} x {last.bytes:>9,} bytes "
            f"{last.ms:>9,.1f} ms"
        )

    def _print(self, text: str) -> None:
        print(text, flush=True)


class Bars(Lines):
    """The same above bars that show the transfers under way."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None
        self._of: tuple[str, bool] | None = None

    def _print(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False)

    def progress(self, who: str, upload: bool, done: int, total: int | None) -> None:
        """A transfer came further; one bar for each, which stays."""
        if self._task is None or self._of != (who, upload) or self._bars.finished:
            self._of = (who, upload)
            self._task = self._bars.add_task(f"{who} {'uploads' if upload else 'downloads'}")
        self._bars.update(self._task, completed=done, total=total)


@contextmanager
def screen_for_people() -> Generator[Screen]:
    """Bars on a terminal, if rich is there; otherwise lines."""
    bars = _make_bars() if sys.stdout.isatty() else None
    if bars is None:
        yield Lines()
    else:
        with bars:
            yield Bars(bars)


def _make_bars() -> Progress | None:
    try:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )
    except ImportError:
        return None
    return Progress(
        TextColumn("  {task.description:<15}"), BarColumn(), DownloadColumn(), TimeElapsedColumn()
    )
