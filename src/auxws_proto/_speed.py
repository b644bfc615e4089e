"""The extra ``speed``: orjson and a mask in C, where they are installed.

It knows where another library does what ours does, and where it does not. It must not know who asks
for it: drivers take what is here, and whoever embeds the core may.

Strategy: orjson is asked first and believed where its result is the standard library's; for the
rest (lone surrogates, integers of more than 64 bits, keys that are no strings, types that only one
of the two takes) the standard library does it again, with its own errors.
"""

from __future__ import annotations

import marshal
from functools import cache
from typing import Any, Final

from ._config import Config
from ._frames import Mask, mask
from ._json import NOT_THE_SAME, FastJson, Load

_NULL: Final = b"null"
_LONG: Final = b"0" * 19
"""The digits of an integer that may not fit into 64 bits; orjson makes a float of it."""

_ZERO, _BACKSLASH = b"0\\"
_DIGITS: Final = bytes(48 if chr(byte).isdigit() else byte for byte in range(128)) + bytes(128)
_COPIED: Final = 2_048
"""A text that is shorter is copied: that takes less than its memory is worth."""

_SAMPLE_FROM: Final = 256
"""A sample of the text pays from here on."""
_SPLIT_FROM: Final = 1_024
_SPLIT_UP_TO: Final = 65_536
"""Leaving out what is in quotes pays for texts of some size, and costs objects for large ones."""


@cache
def fast_json() -> FastJson | None:
    """orjson, behind its exact fallback; None if it is not installed."""
    try:
        import orjson
    except ImportError:
        return None
    return _Orjson(orjson)


@cache
def fast_mask() -> Mask | None:
    """The mask of the websockets library, which is written in C; None if it is not there."""
    try:
        from websockets.speedups import apply_mask
    except ImportError:
        return None
    return apply_mask


def equipment(config: Config) -> dict[str, Any]:
    """The settings that a driver takes from here, in place of those that are at their defaults."""
    if not config.speed:
        return {}
    found: dict[str, Any] = {}
    if config.json is None:
        found["json"] = fast_json()
    if config.mask is mask:
        found["mask"] = fast_mask() or mask
    return found


class _Orjson:
    def __init__(self, orjson: Any) -> None:
        self._dumps = orjson.dumps
        self._loads = orjson.loads
        # What it would serialize and the standard library would not.
        self._options = (
            orjson.OPT_PASSTHROUGH_SUBCLASS
            | orjson.OPT_PASSTHROUGH_DATACLASS
            | orjson.OPT_PASSTHROUGH_DATETIME
        )

    def write(self, value: Any) -> bytes | None:
        try:
            # Only what has exactly JSON's types can be marshalled, or is refused by orjson: it
            # takes enumerations and UUIDs, without an option against it.
            marshal.dumps(value)
            data: bytes = self._dumps(value, None, self._options)
        except Exception:
            return None
        # NaN and infinity are written as null, which the standard library refuses.
        if data.find(_NULL) >= 0:
            return None
        # What orjson gives holds 4 KiB, however short it is, for as long as it waits.
        return b"%b" % data if len(data) < _COPIED else data

    def parse(self, data: bytes | bytearray) -> Any:
        if len(data) < _SAMPLE_FROM:
            # `find`, for `in` tries the text as an integer first.
            if data.translate(_DIGITS).find(_LONG) >= 0:
                return NOT_THE_SAME
        elif self._may_be_long(data):
            return NOT_THE_SAME
        try:
            return self._loads(data)
        except Exception:
            return NOT_THE_SAME

    def loader(self, texts: list[bytes]) -> Load | None:
        # One look at all of them costs a third of one at each.
        joined = b",".join(texts).translate(_DIGITS)
        return None if joined.find(_LONG) >= 0 else self._loads

    @staticmethod
    def _may_be_long(data: bytes | bytearray) -> bool:
        """Whether there may be an integer that does not fit into 64 bits."""
        size = len(data)
        if data[:: len(_LONG)].translate(_DIGITS).find(_ZERO) < 0:
            # One of its digits would be among these.
            return False
        outside = data
        if _SPLIT_FROM <= size <= _SPLIT_UP_TO and _BACKSLASH not in data:
            outside = b"".join(data.split(b'"')[::2])
        return outside.translate(_DIGITS).find(_LONG) >= 0
