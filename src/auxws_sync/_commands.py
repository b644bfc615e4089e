"""What other threads want done on the pump's: commands in their order, and a bell that wakes it.

It knows threads and a selector. It must not know what a command does, nor when its owner has time.

Strategy: callers post to a deque and wake the selector through a socket pair, once for as many
commands as are waiting, since every system call lets another thread go on.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections import deque

from ._roles import Command

_AT_ONCE = 1_024
"""Commands that are run before the sockets are looked at."""


def _nothing(_now: float) -> None:
    """A command that only wakes."""


class Commands:
    """The commands for one thread. `attach` and `open` it, `shut` it and `run` what is left."""

    def __init__(self) -> None:
        self.is_open: bool = False
        """Whether commands are taken."""
        self.last: Command | None = None
        """The latest one, for which the bell has been rung; None when all of them were run."""
        self._queue: deque[Command] = deque()
        self._is_woken = False
        self._gate = threading.Lock()
        """Held to post and to shut, so that nothing is posted to a thread that has ended."""

    def __len__(self) -> int:
        return len(self._queue)

    # Called from any thread.

    def post(self, command: Command) -> bool:
        """Have ``command`` run soon; false if none are taken."""
        with self._gate:
            if not self.is_open:
                return False
            self._queue.append(command)
            if not self._is_woken:
                # In this order, for a signal's handler may raise in between: twice is harmless.
                self._writer.send(b"\0")
                self._is_woken = True
            self.last = command
        return True

    def nudge(self) -> None:
        """Have the owner look at what has changed."""
        # Once woken, it looks before it waits again.
        if not self._is_woken:
            self.post(_nothing)

    # Called by the owner.

    def attach(self, selector: selectors.BaseSelector) -> None:
        """Wake this selector; raises `OSError`."""
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        selector.register(self._reader, selectors.EVENT_READ)

    def open(self) -> None:
        """Take commands from now on."""
        self.is_open = True

    def hear(self) -> None:
        """The selector says that the bell has rung."""
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(64)

    def run(self, now: float) -> None:
        """Run those that wait, up to a limit."""
        for _ in range(min(len(self._queue), _AT_ONCE)):
            self._queue.popleft()(now)
        with self._gate:
            # While some are left it does not wait, and need not be woken.
            self._is_woken = bool(self._queue)
            if not self._is_woken:
                self.last = None

    def shut(self) -> None:
        """Take no more; what has been posted is still to be run."""
        with self._gate:
            self.is_open = False

    def close(self) -> None:
        """Let go of the bell, once it is shut."""
        self._reader.close()
        self._writer.close()
