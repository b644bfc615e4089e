"""Masking keys in bulk (RFC 6455 §5.3): one call of the source for a thousand frames.

It knows how to cut. It must not know where unpredictable bytes come from; a system call for each
frame costs most where threads are, since it lets another one in.
"""

from __future__ import annotations

from collections.abc import Callable

_BULK = 4_096


class MaskKeys:
    """What ``Config.mask_keys`` takes, for one client.

    ``source`` gives as many unpredictable bytes as it is asked for; ``process`` tells which process
    this is, so that a child never goes on with its parent's keys.
    """

    def __init__(self, source: Callable[[int], bytes], process: Callable[[], int]) -> None:
        self._source = source
        self._process = process
        self._owner: int | None = None
        self._keys = b""
        self._at = 0

    def __call__(self, size: int) -> bytes:
        """The next `size` bytes; none is given twice."""
        process = self._process()
        if process != self._owner or self._at + size > len(self._keys):
            self._owner = process
            self._keys = self._source(max(size, _BULK))
            self._at = 0
        start = self._at
        self._at = start + size
        return self._keys[start : self._at]
