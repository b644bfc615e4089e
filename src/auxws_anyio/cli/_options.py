"""Options that several commands share, and how their texts become values.

It knows option names and units. It must not read files or the environment: `_session` does.
"""

from __future__ import annotations

import argparse
import re
from typing import Final

_UNITS: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0}
_SIZES: Final = {"": 1, "b": 1, "k": 1_000, "kb": 1_000, "kib": 1_024, "m": 1_000_000,
                 "mb": 1_000_000, "mib": 1_048_576}  # fmt: skip
_FIGURE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\Z")


def seconds(text: str) -> float:
    """``30``, ``500ms``, ``2m``: seconds."""
    match = _FIGURE.match(text.strip())
    if match is None or match[2] not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 30, 500ms, 2m or 1h")
    return float(match[1]) * _UNITS[match[2]]


def byte_size(text: str) -> int:
    """``32000``, ``100kB``, ``5MB``, ``64KiB``: bytes."""
    match = _FIGURE.match(text.strip())
    if match is None or match[2].lower() not in _SIZES:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write 32000, 100kB, 5MB or 64KiB")
    return int(float(match[1]) * _SIZES[match[2].lower()])


def count(text: str) -> int:
    """A whole number over 0."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number over 0")
    return int(text)


def whole(text: str) -> int:
    """A whole number, 0 too."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def header(text: str) -> tuple[str, str]:
    """``Name: value``."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError("a header is written 'Name: value'")
    return name.strip(), value.strip()


def add_json(parser: argparse.ArgumentParser, json_help: str = "") -> None:
    """``--json``."""
    parser.add_argument(
        "--json", action="store_true", help=json_help or "print JSON Lines, for programs"
    )


def add_output(parser: argparse.ArgumentParser, json_help: str = "") -> None:
    """How it looks, and on which event loop it runs."""
    add_json(parser, json_help)
    parser.add_argument(
        "--backend", choices=("asyncio", "trio"), default="asyncio", help="the event loop"
    )


def add_connection(parser: argparse.ArgumentParser) -> None:
    """The URL, and everything about how to connect to it."""
    parser.add_argument(
        "url", metavar="URL", help="the endpoint, ws: or wss:; or @FILE, which holds the URL"
    )
    login = parser.add_argument_group("login")
    login.add_argument("--login", metavar="ID", help="log in as a guest with this connection id")
    login.add_argument(
        "--token-file",
        metavar="FILE",
        help="log in with the connection token in FILE, or in AUXWS_TOKEN without the option",
    )
    login.add_argument("--ask-token", action="store_true", help="ask for the token, unseen")
    login.add_argument(
        "--key-file",
        metavar="FILE",
        help="make the token from the connection key in FILE, for --login ID, --inst and --record",
    )
    login.add_argument("--inst", metavar="NAME", help="the inst that this is about")
    login.add_argument("--record", metavar="NAME", help="the record of a private inst")
    group = parser.add_argument_group("connection")
    group.add_argument("--subprotocol", metavar="NAME", help="such as casualos.records")
    group.add_argument(
        "--header", metavar="'NAME: VALUE'", action="append", type=header, default=[],
        help="a header of the handshake; again for more",
    )  # fmt: skip
    group.add_argument("--header-file", metavar="FILE", help="headers that are secret, one a line")
    group.add_argument(
        "--proxy", metavar="URL", help="an http:// or socks5:// proxy; or set AUXWS_PROXY"
    )
    group.add_argument("--ca", metavar="FILE", help="certificates in PEM to trust, and no others")
    group.add_argument(
        "--connect-timeout", metavar="TIME", type=seconds, default=20.0, help="for the handshake"
    )
    group.add_argument(
        "--retries", metavar="N", type=whole, default=0, help="tries more of the first connection"
    )
    group.add_argument(
        "--allow-insecure", action="store_true", help="allow ws: and http: to other machines"
    )
    group.add_argument(
        "--allow-host", metavar="HOST", action="append", default=[],
        help="allow an object store there; .HOST allows its subdomains too",
    )  # fmt: skip
    group.add_argument(
        "--allow-private", action="store_true", help="allow object stores at private addresses"
    )
    group.add_argument(
        "--fragment-limit", metavar="SIZE", type=byte_size, default=0,
        help="send up to this size in fragments instead of uploading; at most 131072",
    )  # fmt: skip
    group.add_argument(
        "--resend-unknown", action="store_true",
        help="send again what may or may not have arrived when the connection broke",
    )  # fmt: skip
    group.add_argument("--trace", metavar="FILE", help="record the session in FILE")
    group.add_argument(
        "--verbose", action="store_true", help="say all that happens, on standard error"
    )


def add_greeting(parser: argparse.ArgumentParser) -> None:
    """What to send after each login."""
    parser.add_argument(
        "--on-connect", metavar="JSON", action="append", default=[],
        help="a message to send after each login, or @FILE; again for more",
    )  # fmt: skip
    parser.add_argument(
        "--branch", metavar="NAME", help="watch this branch of --inst, such as shared"
    )
