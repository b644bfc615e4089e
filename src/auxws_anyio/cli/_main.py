"""The command itself: which commands there are, and how each of them ends.

It knows names, one line about each, and what becomes of errors. It must not know what a command
does: its module, imported when it is called, has ``add_arguments(parser)`` and ``run(options)``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Protocol, cast

from auxws_proto import AuxError, __version__

from ._exit import Exit, Failure, table
from ._out import harmless_streams, missing
from ._text import as_json_line, escape

__all__ = ["main"]

COMMANDS: Final[Mapping[str, str]] = {
    "demo": "two clients on a local gateway, with real sockets",
    "serve": "run a local gateway, with limits and faults to order",
    "connect": "talk to an endpoint: type messages, see what comes",
    "send": "send a file's message, or JSON Lines, and wait for the outcomes",
    "watch": "print messages as they come",
    "doctor": "check each step from the name to an upload, and say what to do",
    "bench": "put load on an endpoint, and measure",
    "trace": "look at a recorded trace: summary, page, picture, HAR",
    "replay": "play a trace through the core again, and find where it differs",
}


class Command(Protocol):
    """What the module of a command has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, options: argparse.Namespace) -> int: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status, one of those in ``docs/cli.md``.

    Raises SystemExit for wrong options and for ``--help``, as argparse does, and nothing else but
    what a defect raises.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    name = next((word for word in arguments if not word.startswith("-")), "")
    as_json = "--json" in arguments
    with harmless_streams():
        try:
            command = _load(name) if name in COMMANDS else None
            options = _parser(name, command).parse_args(arguments)
            assert command is not None
            status = command.run(options)
            sys.stdout.flush()
            return status
        except KeyboardInterrupt:
            return Exit.INTERRUPTED
        except BrokenPipeError:
            _be_quiet()
            return Exit.BROKEN_PIPE
        except SystemExit:
            # What --help prints is written when the interpreter ends.
            try:
                sys.stdout.flush()
            except BrokenPipeError:
                _be_quiet()
            raise
        except (Failure, AuxError, OSError) as error:
            from ._explain import explain

            failure = explain(error)
        except ModuleNotFoundError as error:
            failure = missing(error.name or "a package")
            if failure.exit is not Exit.MISSING or (error.name or "").startswith("auxws"):
                raise
        return _tell(failure, as_json=as_json)


def _load(name: str) -> Command:
    return cast("Command", importlib.import_module(f"._{name}", __package__))


def _parser(name: str, command: Command | None) -> argparse.ArgumentParser:
    """The parser, with the arguments of the one command that is called."""
    statuses = f"exit status:\n{table()}"
    parser = argparse.ArgumentParser(
        prog="auxws",
        description="CasualOS inst connections over AWS API Gateway: see them, drive them, test.",
        epilog=statuses,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # What is written in scripts must not change its meaning when an option is added.
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"auxws {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for each, about in COMMANDS.items():
        subparser = commands.add_parser(
            each,
            help=about,
            description=(command.__doc__ or "").split("\n", 1)[0] if each == name else about,
            epilog=statuses,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if each == name and command is not None:
            command.add_arguments(subparser)
    return parser


def _tell(failure: Failure, *, as_json: bool) -> int:
    """One line on standard error, and an event for a program."""
    text = failure.text + (f"; {failure.advice}" if failure.advice else "")
    try:
        if as_json:
            told = {
                "event": "failed",
                "error": failure.text,
                "advice": failure.advice,
                "exit": int(failure.exit),
            }
            print(as_json_line(told), flush=True)
        print(f"auxws: {escape(text)}", file=sys.stderr, flush=True)
    except BrokenPipeError:
        _be_quiet()
    return failure.exit


def _be_quiet() -> None:
    """Nobody reads: let the interpreter's own flush at its end go nowhere."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
