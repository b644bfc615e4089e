"""The placeholders of one trace: which stands for which secret, and which secrets are looked for.

It knows sizes and equality. It must not know what a secret looks like, nor where one stands.

Strategy: what it remembers is bounded, and the oldest is forgotten first. A placeholder stands for
itself, so that what is redacted twice is what it was after the first time.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

_REMEMBERED: Final = 4_096
"""Secrets whose numbers are kept: some hundred bytes each."""
_PARTS: Final = 256
"""Parts of secrets that are looked for in the words of others."""
_CREDENTIALS: Final = 16
SHORTEST_PART: Final = 6
"""Characters: what is shorter stands in many a text that has no secret."""

_BLANKS: Final = "-\u00a4\u20ac\U00010000"
"""What stands for a character of one, two, three or four bytes."""


class Placeholders:
    """The secrets that a trace has met."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[str, int] = OrderedDict()
        self._last = 0
        self._issued: OrderedDict[str, None] = OrderedDict()
        self._credentials: OrderedDict[str, str] = OrderedDict()
        self._parts: OrderedDict[str, str] = OrderedDict()

    def of(self, secret: str) -> str:
        """What stands for this secret: as many characters and bytes, the same for the same."""
        if not secret or secret in self._issued:
            return secret
        number = self._numbers.get(secret)
        if number is None:
            self._last = number = self._last + 1
            self._numbers[secret] = number
            _forget(self._numbers, _REMEMBERED)
        else:
            self._numbers.move_to_end(secret)
        text = blank(secret)
        for name in (f"redacted-{number}", f"r{number}"):
            if len(name) <= len(secret) and secret[: len(name)].isascii():
                text = name + text[len(name) :]
                break
        if len(text) >= SHORTEST_PART:
            self._issued[text] = None
            _forget(self._issued, 2 * _REMEMBERED)
            self.keep_part(secret, text)
        return text

    # Secrets that are found by being themselves.

    def keep_part(self, secret: str, text: str) -> None:
        """The words of others may quote this, for which ``text`` stands then."""
        if len(secret) >= SHORTEST_PART:
            self._parts[secret] = text
            _forget(self._parts, _PARTS)

    def without_parts(self, text: str) -> str:
        """The words of others without what is kept."""
        for secret, placeholder in self._parts.items():
            if secret in text and secret not in self._issued:
                text = text.replace(secret, placeholder)
        return text

    def keep_credential(self, secret: str, text: str) -> None:
        """The client logs in with this, for which ``text`` stands wherever it is found."""
        if len(secret) >= SHORTEST_PART and text != secret:
            self._credentials[secret] = text
            _forget(self._credentials, _CREDENTIALS)

    def without_credentials(self, text: str) -> str:
        """Any text without what the client logs in with."""
        for secret, placeholder in self._credentials.items():
            if secret in text:
                text = text.replace(secret, placeholder)
        return text

    def has_credential(self, text: str) -> bool:
        """Whether there is any of them in a text."""
        return any(secret in text for secret in self._credentials)


def blank(text: str) -> str:
    """A text of as many characters and bytes that says nothing."""
    if text.isascii():
        return "-" * len(text)
    return "".join(_BLANKS[len(char.encode("utf-8", "surrogatepass")) - 1] for char in text)


def _forget(table: OrderedDict[str, Any], limit: int) -> None:
    while len(table) > limit:
        table.popitem(last=False)
