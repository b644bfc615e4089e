"""``python -m auxws_proto.testing replay FILE``: plays a recorded run again.

It knows a file and a terminal, alone in the core. It must not know what a trace says.
"""

from __future__ import annotations

import sys

from ._replay import TraceError, read, replay

_USAGE = "usage: python -m auxws_proto.testing replay FILE   (- for standard input)"


def main(arguments: list[str]) -> int:
    """Play a run. 0: it went as recorded; 1: it did not; 2: it is no trace."""
    match arguments:
        case ["replay", "-"]:
            text = sys.stdin.read()
        case ["replay", path]:
            try:
                with open(path, encoding="utf-8") as file:  # noqa: PTH123 - the core has no pathlib
                    text = file.read()
            except (OSError, UnicodeDecodeError) as error:
                print(f"{path} cannot be read: {error}", file=sys.stderr)
                return 2
        case _:
            print(_USAGE, file=sys.stderr)
            return 2
    try:
        played = replay(read(text))
    except TraceError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{played.lines} lines played")
    if played.different:
        print(f"different: {played.different}")
    print(f"failure: {played.failure or 'none'}")
    if played.failure != played.recorded:
        print(f"recorded: {played.recorded or 'none'}")
    return 0 if played.is_same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
