"""The table of what was shown: peer by peer, row by row, in ``docs/interop.md``.

Tests put their findings into a `Table`; it knows nothing of them. The text holds no times and no
paths, so that two runs that find the same write the same.

``python -m tests.interop.table check NEW`` fails if NEW differs from the page; ``write`` takes NEW
over.
"""

from __future__ import annotations

import difflib
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "interop.md"

HEAD = """\
# Interop

What auxws was run against that we did not write, and what came of it. `nox -s interop` installs
these peers, runs the tests in `tests/interop/`, and fails if this page is not what it found; it is
written by `nox -s interop -- write`, never by hand.
"""


@dataclass
class Section:
    """One table. ``columns`` and ``rows`` are in the order in which they were first named."""

    title: str
    text: str
    columns: dict[str, None] = field(default_factory=dict[str, None])
    rows: dict[tuple[str, str], dict[str, str]] = field(
        default_factory=dict[tuple[str, str], dict[str, str]]
    )
    notes: dict[str, None] = field(default_factory=dict[str, None])


class Table:
    """All sections."""

    def __init__(self) -> None:
        self._sections: dict[str, Section] = {}

    def section(self, title: str, text: str) -> Section:
        """The section of this title, made if it is new; ``text`` introduces it."""
        return self._sections.setdefault(title, Section(title, text))

    def put(self, section: Section, peer: str, row: str, column: str, value: str) -> None:
        """One finding."""
        section.columns[column] = None
        section.rows.setdefault((peer, row), {})[column] = value

    def render(self) -> str:
        """The page."""
        parts = [HEAD]
        for title in sorted(self._sections):
            section = self._sections[title]
            columns = list(section.columns)
            lines = [f"## {title}", "", section.text, ""]
            lines.append(_line(["peer", "row", *columns]))
            lines.append(_line(["---"] * (2 + len(columns))))
            peers = list(dict.fromkeys(peer for peer, _ in section.rows))
            rows = sorted(section.rows.items(), key=lambda item: peers.index(item[0][0]))
            for (peer, row), values in rows:
                lines.append(_line([peer, row, *(values.get(name, "") for name in columns)]))
            if section.notes:
                lines += ["", *(f"* {note}" for note in section.notes)]
            parts.append("\n".join(lines) + "\n")
        return "\n".join(parts)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> None:
    """Compare a new page with the one in ``docs``, or take it over."""
    verb, new = sys.argv[1], Path(sys.argv[2])
    if verb == "write":
        shutil.copy(new, PAGE)
        return
    old_lines = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    new_lines = new.read_text(encoding="utf-8").splitlines()
    differences = list(
        difflib.unified_diff(old_lines, new_lines, "docs/interop.md", "found", lineterm="", n=1)
    )
    if differences:
        print("\n".join(differences))
        raise SystemExit("docs/interop.md is not what was found; see nox -s interop -- write")


if __name__ == "__main__":
    main()
