"""The ``auxws`` command: its subcommands and their options.

It knows arguments and exit statuses: 0 done, 1 not done, 2 misused, 130 interrupted. It must not
know what a subcommand does; each lives in a module of its own, imported when it is called.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence

from auxws_proto import __version__

Command = Callable[[argparse.Namespace], int]

EXIT_INTERRUPTED = 130
"""As a shell reports a process that SIGINT ended."""


def _demo(options: argparse.Namespace) -> int:
    from ._demo import show_demo

    return show_demo(as_json=options.json, backend=options.backend)


def _parser() -> tuple[argparse.ArgumentParser, Mapping[str, Command]]:
    parser = argparse.ArgumentParser(
        prog="auxws", description="CasualOS inst connections over AWS API Gateway."
    )
    parser.add_argument("--version", action="version", version=f"auxws {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="two clients on a local gateway, with real sockets",
        description=(
            "Starts a local gateway and lets two clients work on one inst: small updates inline, "
            "100 KB by upload and in fragments, 5 MB by upload and download. Exits with 0 only if "
            "every byte arrived in order."
        ),
    )
    demo.add_argument("--json", action="store_true", help="print one JSON object instead")
    demo.add_argument("--backend", choices=("asyncio", "trio"), default="asyncio")
    return parser, {"demo": _demo}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser, commands = _parser()
    options = parser.parse_args(arguments)
    try:
        return commands[options.command](options)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
