"""A line editor as a machine: bytes of a terminal in, whole lines out.

It knows keys, a cursor and a history. It must not know the terminal: nothing is read or drawn here.

Keys are those of readline's Emacs mode, as far as a line of JSON needs them. What is pasted is
inserted as it is, with a space for each end of a line, which JSON does not mind.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from typing import Final

PASTE_ON: Final = "\x1b[?2004h"
PASTE_OFF: Final = "\x1b[?2004l"
"""What a terminal is told to mark pasted text."""

_PASTE_BEGINS: Final = "\x1b[200~"
_PASTE_ENDS: Final = "\x1b[201~"

_SEQUENCE: Final = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z~]|O[A-Z]|[^\[O])")
_PREFIX: Final = re.compile(r"\x1b(?:\[[0-9;?]*|O)?\Z")
"""The beginning of a sequence whose rest has not come."""


class LineEditor:
    """Feed it what a terminal sends; it has `text` and `cursor` to be drawn."""

    def __init__(self, history_size: int = 1_000) -> None:
        self.text: str = ""
        self.cursor: int = 0
        """An index into `text`, at most its length."""
        self.has_ended: bool = False
        """Whether Ctrl-D was typed on an empty line."""
        self.history: list[str] = []
        self._history_size = history_size
        self._at: int | None = None
        self._draft = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._pasting = False
        self._keys: Mapping[str, Callable[[], None]] = {
            "\x01": self._home, "\x1b[H": self._home, "\x1b[1~": self._home, "\x1bOH": self._home,
            "\x05": self._end, "\x1b[F": self._end, "\x1b[4~": self._end, "\x1bOF": self._end,
            "\x02": self._left, "\x1b[D": self._left, "\x1bOD": self._left,
            "\x06": self._right, "\x1b[C": self._right, "\x1bOC": self._right,
            "\x10": self._older, "\x1b[A": self._older, "\x1bOA": self._older,
            "\x0e": self._newer, "\x1b[B": self._newer, "\x1bOB": self._newer,
            "\x7f": self._backspace, "\x08": self._backspace,
            "\x04": self._delete_or_end, "\x1b[3~": self._delete,
            "\x0b": self._kill_right, "\x15": self._kill_left, "\x17": self._kill_word,
        }  # fmt: skip

    def feed(self, data: bytes) -> list[str]:
        """Take what the terminal has sent; return the lines that were entered."""
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        lines: list[str] = []
        at = 0
        while at < len(text) and not self.has_ended:
            if self._pasting:
                at = self._paste(text, at)
                continue
            if text[at] == "\x1b":
                match = _SEQUENCE.match(text, at)
                if match is None:
                    if _PREFIX.match(text, at):
                        self._rest = text[at:]
                        break
                    at += 1
                    continue
                at = match.end()
                self._press(match[0])
                continue
            if text[at] in "\r\n":
                lines.append(self._enter())
            else:
                self._press(text[at])
            at += 1
        return lines

    def _press(self, key: str) -> None:
        if key == _PASTE_BEGINS:
            self._pasting = True
        elif key in self._keys:
            self._keys[key]()
        elif key.isprintable():
            self._insert(key)

    def _paste(self, text: str, at: int) -> int:
        end = text.find(_PASTE_ENDS, at)
        if end >= 0:
            self._pasting = False
            self._insert(_flat(text[at:end]))
            return end + len(_PASTE_ENDS)
        # The end may have come in part.
        cut = text.rfind("\x1b", max(at, len(text) - len(_PASTE_ENDS)))
        cut = len(text) if cut < 0 else cut
        self._insert(_flat(text[at:cut]))
        self._rest = text[cut:]
        return len(text)

    def _insert(self, text: str) -> None:
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)

    def _enter(self) -> str:
        line = self.text
        if line.strip() and (not self.history or self.history[-1] != line):
            self.history.append(line)
            del self.history[: -self._history_size]
        self._at = None
        self._show("")
        return line

    def _show(self, text: str) -> None:
        self.text = text
        self.cursor = len(text)

    # Moving.

    def _home(self) -> None:
        self.cursor = 0

    def _end(self) -> None:
        self.cursor = len(self.text)

    def _left(self) -> None:
        self.cursor = max(0, self.cursor - 1)

    def _right(self) -> None:
        self.cursor = min(len(self.text), self.cursor + 1)

    # The history.

    def _older(self) -> None:
        if self._at is None:
            self._draft, self._at = self.text, len(self.history)
        if self._at > 0:
            self._at -= 1
            self._show(self.history[self._at])

    def _newer(self) -> None:
        if self._at is None:
            return
        self._at += 1
        if self._at >= len(self.history):
            self._at = None
            self._show(self._draft)
        else:
            self._show(self.history[self._at])

    # Deleting.

    def _cut(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start

    def _backspace(self) -> None:
        self._cut(max(0, self.cursor - 1), self.cursor)

    def _delete(self) -> None:
        self._cut(self.cursor, self.cursor + 1)

    def _delete_or_end(self) -> None:
        if self.text:
            self._delete()
        else:
            self.has_ended = True

    def _kill_right(self) -> None:
        self._cut(self.cursor, len(self.text))

    def _kill_left(self) -> None:
        self._cut(0, self.cursor)

    def _kill_word(self) -> None:
        before = self.text[: self.cursor].rstrip()
        self._cut(before.rfind(" ") + 1, self.cursor)


def _flat(text: str) -> str:
    """Pasted text on one line, without what is not printable."""
    text = re.sub(r"[\r\n\t]", " ", text)
    return "".join(character for character in text if character.isprintable())
