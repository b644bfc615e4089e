"""One transfer on its thread: its end from outside, its progress, and its silence.

It knows which transfer this thread runs. It must not know HTTP.

Strategy: a thread runs one transfer at a time, so the one that blocks in a socket is found in a
thread-local; that is also how log records of our own requests, whose headers may hold a presigned
URL, are told from those of other people's.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from auxws_proto import HttpFailure

_QUIET = tuple(
    logging.getLogger(name)
    for name in (
        "httpcore.connection",
        "httpcore.http11",
        "httpcore.http2",
        "httpcore.proxy",
        "httpcore.socks",
    )
)


class TransferFailed(Exception):
    """A transfer got no response; `failure` is what the machine is told. It holds no URL."""

    def __init__(self, kind: str, detail: str = "", *, transient: bool = True) -> None:
        super().__init__(detail)
        self.failure = HttpFailure(kind=kind, detail=detail, transient=transient)


class Cancellation:
    """Ends one transfer early, from any thread. A user's own `HttpTransport` may look at it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._end: Callable[[], None] | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits for this transfer any more."""
        return self._cancelled

    def cancel(self) -> None:
        """Give the transfer up; harmless when it is over."""
        with self._lock:
            self._cancelled = True
            if self._end is not None:
                self._end()

    def guard(self, end: Callable[[], None] | None) -> None:
        """From now on ``end``, which must not block, cuts short what this thread is blocked in.

        Raises ``TransferFailed``, which is ours, if the transfer is cancelled already.
        """
        with self._lock:
            self._end = end
            if self._cancelled and end is not None:
                raise TransferFailed("cancelled")


class Run:
    """The transfer that this thread runs: its end from outside, and its progress."""

    def __init__(
        self, cancellation: Cancellation, progress: Callable[[int, int | None], None]
    ) -> None:
        self.cancellation = cancellation
        self._progress = progress
        self._part_at: int | None = None
        self._total: int | None = None
        self._reported_at = 0.0

    def part(self, at: int, total: int) -> None:
        """The part of the body that begins at ``at`` is the next to be written."""
        self._part_at, self._total = at, total

    def wrote(self, count: int) -> None:
        """So many bytes of what was last given to `Line.write` are on their way."""
        if self._part_at is not None and self._total is not None:
            self.moved(min(self._part_at + count, self._total), self._total)

    def moved(self, done: int, total: int | None) -> None:
        """Report progress, but not more often than anybody can see (and each end of a body)."""
        now = time.monotonic()
        if done == total or now - self._reported_at >= 0.1:
            self._reported_at = now
            self._progress(done, total)

    def __enter__(self) -> Run:
        for logger in _QUIET:
            logger.addFilter(_is_foreign)
        _thread.run = self
        return self

    def __exit__(self, *_: object) -> None:
        _thread.run = None
        # The connection may serve somebody else from now on.
        self.cancellation.guard(None)


def current_run() -> Run | None:
    """The transfer that this thread runs."""
    return _thread.run


class _Thread(threading.local):
    run: Run | None = None


_thread = _Thread()


def _is_foreign(_record: logging.LogRecord) -> bool:
    """Whether a record comes from a request that is not ours."""
    return _thread.run is None
