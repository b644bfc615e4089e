"""Other people's words, made harmless to look at: shortened, without secrets, nothing invisible.

It knows characters and figures. It must not know where a text goes: each way of drawing escapes for
its own language on top of this.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from auxws_proto._secret import PLACEHOLDER, hide

LABEL_LIMIT: Final = 160
"""Characters of a text on one line."""

# Controls and format characters that reorder or hide text, and lone surrogates (which no encoding
# can write). Tab and line ends are left to those who show more than one line.
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_KEPT_IN_BLOCKS: Final = frozenset("\t\n")

_TOKENS: Final = re.compile(
    r'("(?:connectionToken|connectionKey|connectionSecret|sessionKey|authorization)"\s*:\s*)'
    r'"(?:[^"\\]|\\.)*"?',
    re.IGNORECASE,
)

_UNITS: Final = (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000))


def _spell(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def line(text: str, limit: int = LABEL_LIMIT) -> str:
    """A text for one line: at most ``limit`` characters, everything invisible spelled out."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return _UNSEEN.sub(_spell, cut)


def block(text: str, limit: int, *, is_redacted: bool) -> str:
    """The beginning of a text for several lines: without secrets, everything invisible spelled out.

    What the trace's writer has redacted stays as it is. The rest is cut before it is searched, with
    room for a secret that stands across the cut.
    """
    kept = text[:limit] if is_redacted else conceal(text[: limit + 4_096])[:limit]
    return _UNSEEN.sub(
        lambda match: match[0] if match[0] in _KEPT_IN_BLOCKS else _spell(match), kept
    )


def conceal(text: str) -> str:
    """A text without URLs, tokens and keys."""
    return _TOKENS.sub(rf'\1"{PLACEHOLDER}"', hide(text))


def bare_url(text: object, *, with_path: bool = True) -> str:
    """The scheme, host and path of a URL, without its query, which can hold a signature."""
    if not isinstance(text, str):
        return ""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return ""
    path = parts.path if with_path else ""
    return line(f"{parts.scheme}://{host}{port}{path}") if host else ""


def store_url(text: str, *, is_redacted: bool) -> str:
    """What may be shown of a URL of the object store: its origin, and a path that is redacted."""
    bare = bare_url(text, with_path=is_redacted)
    return bare if is_redacted or not bare else f"{bare}/redacted"


def size_text(size: float) -> str:
    """``1.2 MB``, in decimal units."""
    for unit, one in _UNITS:
        if size >= one:
            amount = size / one
            return f"{amount:.0f} {unit}" if amount >= 100 else f"{amount:.3g} {unit}"
    return f"{size:.0f} B"


def time_text(seconds: float) -> str:
    """``1.24 s``, ``12.0 ms``, ``2 min 5 s``: three figures, or minutes and hours."""
    if seconds < 0:
        return f"-{time_text(-seconds)}"
    if seconds < 0.0999995:
        return f"{seconds * 1_000:.3g} ms" if seconds else "0 ms"
    if seconds < 0.9995:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60} min"
