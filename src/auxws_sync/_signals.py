"""SIGTERM as an orderly end: a program in a ``with connect(...)`` block flushes and closes.

It knows one signal. It must not know what is closed.

Strategy: Python's default for SIGTERM ends the process without leaving any block, so what was
accepted and not sent is lost. While at least one ``with connect(...)`` block is open in the main
thread, and nobody else has a handler, the signal raises `SystemExit` there, as SIGINT raises
`KeyboardInterrupt`. A program that sets a handler of its own, before or meanwhile, keeps it.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Generator
from types import FrameType

_depth = 0
"""How many blocks are open. Only the main thread counts here."""


def _leave(signum: int, _frame: FrameType | None) -> None:
    # What a shell reports for a process that the signal has ended.
    sys.exit(128 + signum)


@contextlib.contextmanager
def sigterm_leaves() -> Generator[None]:
    """Within the block, SIGTERM raises `SystemExit` in the main thread, if nobody handles it."""
    global _depth
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if _depth == 0 and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _leave)
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if _depth == 0 and signal.getsignal(signal.SIGTERM) is _leave:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
