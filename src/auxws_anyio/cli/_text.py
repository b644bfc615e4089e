"""Other people's words, made harmless, and figures, made readable.

It knows which characters a terminal obeys, and what of a message or URL may be shown. It must not
know where it is shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

WHOLE: Final = 1_000_000_000
"""Characters of a message that is shown whole."""

SHOWN: Final = 100
"""Characters of a message that a line shows unless told otherwise."""

_SECRETS: Final = re.compile(
    r"vC[KT]1\.[^\s\"'<>\\]+|vSK1\.[^\s\"'<>\\]+|X-Amz-(?:Signature|Credential|Security-Token)=[^\s\"'<>&\\]*",
    re.IGNORECASE,
)
"""Tokens and keys (``docs/protocol.md`` §9), and what makes a presigned URL one (§8)."""


def escape(text: str) -> str:
    """``text`` on one line, with every character that is not printable as a JSON escape.

    Control characters, escape sequences, line ends, bidirectional overrides, zero-width characters
    and lone surrogates are all not printable (`str.isprintable`), so a terminal obeys none.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    # As JSON has it, so that what is copied from the screen is JSON still.
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def hide_tokens(text: str) -> str:
    """``text`` without the tokens, keys and signatures in it. Ordinary URLs stay."""
    return _SECRETS.sub("<secret>", text)


def as_json_line(value: object) -> str:
    """One line of plain ASCII that no terminal obeys."""
    # json escapes everything beyond ASCII and below the space, but leaves DEL.
    return json.dumps(value, separators=(",", ":")).replace("\x7f", "\\u007f")


def as_compact(message: object) -> str:
    """A message as compact JSON for people: its own alphabet, and nothing that a terminal obeys."""
    return hide_tokens(escape(json.dumps(message, ensure_ascii=False, separators=(",", ":"))))


def as_pretty(message: object) -> list[str]:
    """A message as indented JSON, a line each."""
    text = json.dumps(message, ensure_ascii=False, indent=2)
    return [hide_tokens(escape(line)) for line in text.split("\n")]


def elide(text: str, limit: int = SHOWN) -> str:
    """At most ``limit`` characters; what is missing is counted."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… {len(text) - limit:,} more"


def without_type(message: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that stand beside a message's type, which a line shows by itself."""
    return {name: value for name, value in message.items() if name != "type"}


def type_of(message: Mapping[str, Any]) -> str:
    """A message's type, made harmless and short."""
    return elide(escape(str(message.get("type"))), 60)


def size(count: float) -> str:
    """Bytes for people: ``812 B``, ``100.0 kB``, ``5.0 MB``."""
    if count < 1_000:
        return f"{count:,.0f} B"
    for unit in ("kB", "MB"):
        count /= 1_000
        if count < 1_000:
            return f"{count:.1f} {unit}"
    return f"{count / 1_000:.1f} GB"


def span(seconds: float | None) -> str:
    """Time for people: ``0.4 ms``, ``83 ms``, ``2.1 s``."""
    if seconds is None:
        return "-"
    ms = seconds * 1_000
    if ms < 10:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 1_000 else f"{seconds:.1f} s"


def shown_url(url: str) -> str:
    """A URL without its query, which may be signed or hold a key."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        return "<a URL that cannot be taken apart>"
    netloc = f"[{host}]" if ":" in host else host
    if port is not None:
        netloc += f":{port}"
    return escape(f"{parts.scheme}://{netloc}{parts.path}" + ("?…" if parts.query else ""))
