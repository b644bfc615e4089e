"""What an observer learns of an error: kind, text and code, and nothing of what the peer sent.

It knows which word of each class of errors is its code. It must not know who observes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .._errors import (
    AuxError,
    ConnectionFailed,
    DownloadFailed,
    LoginRefused,
    RemoteProtocolError,
    SendFailed,
    ServerError,
    UrlRefused,
)
from .._secret import hide
from ._events import Fault

MAX_TEXT: Final = 500
"""Characters of a text, and a tenth of that of a name: both can be a peer's, of any length."""

_CODES: Final[Mapping[type[AuxError], str]] = {
    ServerError: "code",
    LoginRefused: "code",
    SendFailed: "reason",
    DownloadFailed: "reason",
    RemoteProtocolError: "violation",
    UrlRefused: "rule",
    ConnectionFailed: "kind",
}
"""The attribute that says in one word what is wrong."""


def fault_of(error: AuxError) -> Fault:
    """The error without what came with it."""
    code: Any = None
    for kind, name in _CODES.items():
        if isinstance(error, kind):
            code = getattr(error, name)
    return Fault(
        kind=type(error).__name__,
        text=short(str(error), MAX_TEXT),
        # The words of enumerations are plain strings to whoever writes them down.
        code=None if code is None else short(str(code)),
        retryable=error.retryable,
    )


def maybe_fault(error: AuxError | None) -> Fault | None:
    """The same for an error that there may be."""
    return None if error is None else fault_of(error)


def short(text: str, limit: int = MAX_TEXT // 10) -> str:
    """At most so many characters of a text that may be a peer's, with what is secret in it hidden.

    Hidden first: half a URL would not be known for one.
    """
    text = hide(text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
