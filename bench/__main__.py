"""The benchmarks: ``python -m bench [GROUP …] [--quick] [--rounds N] [--write PAGE]``.

Each group measures us and the peers in one run, prints its tables and how we stand against the
goals. ``nox -s bench`` runs this with the peers installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from . import idle, large, legs, memory, messages, page
from .figures import Section

GROUPS: dict[str, Callable[[int, bool], Section]] = {
    "memory": memory.run,
    "messages": messages.run,
    "large": large.run,
    "legs": legs.run,
    "idle": idle.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=", ".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="little work; figures mean nothing")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace the groups' sections")
    given = parser.parse_args()
    for name in given.groups:
        if name not in GROUPS:
            parser.error(f"there is no group {name!r}; there are {', '.join(GROUPS)}")
    rounds = 1 if given.quick else given.rounds
    for name in given.groups or GROUPS:
        found = GROUPS[name](rounds, given.quick)
        print(page.show(found), end="\n\n\n", flush=True)
        if given.write is not None:
            # Group by group, so that a run that is cut short has not been in vain.
            page.write(given.write, [found], rounds)


if __name__ == "__main__":
    main()
