"""Checks the links of a built site: inside of it all of them, outside of it their form.

    python -m docs.tools.links FOLDER

It needs no network. A page of ours must not load anything from elsewhere: scripts, styles, fonts
and pictures have to be in the folder; only links that a reader follows may lead out.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

LOADED: Final = {"script": "src", "img": "src", "link": "href", "source": "src", "iframe": "src"}
FETCHED: Final = frozenset({"stylesheet", "icon", "preload", "shortcut", "font", "manifest"})
"""Kinds of ``<link>`` that a browser fetches by itself."""
IN_CSS: Final = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)")


class Page(HTMLParser):
    """What a page links to, loads, and can be linked at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag in LOADED and LOADED[tag] in values:
            is_fetched = tag != "link" or FETCHED & set(values.get("rel", "").split())
            (self.loads if is_fetched else self.links).append(values[LOADED[tag]])


@cache
def read(path: Path) -> Page:
    return Page(path.read_text("utf-8"))


def wrong(path: Path, link: str) -> str | None:
    """What is wrong with a link of a page, or None."""
    parts = urlsplit(link)
    if parts.scheme in ("mailto", "data"):
        return None
    if parts.scheme or parts.netloc:
        good = parts.scheme in ("http", "https") and "." in (parts.hostname or "")
        return None if good else "is no URL that a reader could follow"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return "leads to no file"
    if parts.fragment and target.suffix == ".html":
        anchors = read(target).anchors
        return None if unquote(parts.fragment) in anchors else "leads to no place in the page"
    return None


def problems(folder: Path) -> Iterator[str]:
    """Everything that is wrong in a site, one line each."""
    for path in sorted(folder.rglob("*.html")):
        page, name = read(path), path.relative_to(folder)
        for link in page.loads:
            if urlsplit(link).netloc:
                yield f"{name}: loads {link} from elsewhere"
        for link in dict.fromkeys([*page.links, *page.loads]):
            if problem := wrong(path, link):
                yield f"{name}: {link} {problem}"
    for path in sorted(folder.rglob("*.css")):
        for match in IN_CSS.finditer(path.read_text("utf-8")):
            yield f"{path.relative_to(folder)}: loads {match[1]} from elsewhere"


def main(arguments: list[str]) -> int:
    found = list(problems(Path(arguments[0]).resolve()))
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
