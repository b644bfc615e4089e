"""A few threads for what blocks: resolving, dialling, transfers, the user's callables.

It knows how to start threads on demand and how to end them. It must not know any job. The threads
are daemons, since `concurrent.futures` joins its own at the interpreter's exit, and a transfer that
nobody waits for must not hold the exit back.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable


class Workers:
    """At most ``limit`` daemon threads that run jobs in the order of `submit`.

    A job must not raise; an exception that escapes one is the thread's own and is reported by
    `threading.excepthook`.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._unclaimed = 0
        """Jobs that are queued less threads that wait; over zero, another thread helps."""
        self._closed = False

    def submit(self, job: Callable[[], None]) -> bool:
        """Queue a job; false if it will not run: after `close`, or without any thread."""
        with self._lock:
            if self._closed:
                return False
            self._unclaimed += 1
            if self._unclaimed > 0 and len(self._threads) < self._limit:
                thread = threading.Thread(
                    target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:
                    # No more threads are to be had: the ones that there are do the job.
                    if not self._threads:
                        self._unclaimed -= 1
                        return False
                else:
                    self._threads.append(thread)
            self._jobs.put(job)
        return True

    def owns_current_thread(self) -> bool:
        """Whether the caller is one of these threads."""
        return threading.current_thread() in self._threads

    def close(self) -> None:
        """End each thread after its job; queued jobs are dropped. Then `join`."""
        with self._lock:
            self._closed = True
            for _ in self._threads:
                self._jobs.put(None)

    def join(self, deadline: float) -> bool:
        """Wait for the threads until ``time.monotonic()`` is ``deadline``; true if all ended."""
        for thread in self._threads:
            if thread is not threading.current_thread():
                left = max(0.0, deadline - time.monotonic())
                thread.join(min(left, threading.TIMEOUT_MAX))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while True:
            with self._lock:
                self._unclaimed -= 1
            job = self._jobs.get()
            if job is None or self._closed:
                return
            job()
            del job
