"""In which process this is, without asking the system at every call.

It knows `os.fork`. It must not know who lives in the process.
"""

from __future__ import annotations

import os
import sys


class _Here:
    """This process: in a forked child it is another, from its first moment on."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number: int = os.getpid()

    def forked(self) -> None:
        """This is a child now."""
        self.number = os.getpid()


HERE = _Here()

if sys.platform != "win32":
    os.register_at_fork(after_in_child=HERE.forked)
