"""The ``auxws`` command line: see it, drive it, test with it.

`main` is the whole public interface; each command lives in a module of its own, which is imported
when it is called. ``docs/cli.md`` shows them all.
"""

from __future__ import annotations

from ._main import main

__all__ = ["main"]
