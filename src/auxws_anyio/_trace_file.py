"""Opening the file of a trace.

It knows files. It must not know what is written into them: that is the core's.
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import IO

from auxws_proto._trace_elision import DEFAULT_LIMIT
from auxws_proto._tracing import TracePath, TraceTarget, Tracing


def tracing(target: TraceTarget | None, limit: int) -> Tracing:
    """A client's trace; see `Tracing`. Clients without one share what does nothing."""
    if target is None and limit == DEFAULT_LIMIT:
        return _nothing()
    return Tracing(target, limit, open_path=_open, time_of_day=time.time)


@cache
def _nothing() -> Tracing:
    return Tracing(None, open_path=_open, time_of_day=time.time)


def _open(path: str | TracePath) -> IO[str]:
    """A new file, or an old one emptied; a new one is for its owner alone to read."""
    return open(path, "w", encoding="ascii", opener=_create)


def _create(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
