"""Run a local gateway, strict where AWS is strict, with limits and faults to order.

It knows the gateway's options and what to say while it runs. It must not know any protocol.
"""

from __future__ import annotations

import argparse
import ssl as tls
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio

from ._exit import Exit, Failure
from ._options import add_output, byte_size, seconds, whole
from ._out import Out
from ._session import read_text

if TYPE_CHECKING:
    from ..gateway import Faults, Gateway, GatewayLimits

LIMITS: Final[Mapping[str, tuple[Callable[[str], float], str]]] = {
    "max_frame_size": (byte_size, "the largest frame; AWS: 32 KiB"),
    "max_message_size": (byte_size, "the largest message over all its frames; AWS: 128 KiB"),
    "idle_timeout": (seconds, "close after this long without a message; AWS: 10m"),
    "max_duration": (seconds, "close a connection of this age; AWS: 2h"),
    "url_lifetime": (seconds, "of presigned URLs; CasualOS: 1h"),
    "max_object": (byte_size, "the largest object of the store"),
    "handshake_timeout": (seconds, "for a client's handshake"),
    "close_timeout": (seconds, "for a client's answer to a close frame"),
}
"""Options for fields of `GatewayLimits`."""

DELAYS: Final[Mapping[str, str]] = {
    "handshake_delay": "before each handshake is answered",
    "delay_to_server": "on the way from a client",
    "delay_to_client": "on the way to a client",
    "delay_upload_answer": "before an upload request is answered",
    "delay_store": "before each request to the store is answered",
}
"""Options for attributes of `Faults`."""


@dataclass(frozen=True)
class Order:
    """A fault that happens a number of times: a method of `Faults`, its arguments, their types."""

    method: str
    arguments: tuple[tuple[str, Callable[[str], object]], ...]
    about: str


_COUNT = ("count", whole)
_STATUS = ("status", whole)
_CODE = ("code", str)

ORDERS: Final[Mapping[str, Order]] = {
    "refuse-handshakes": Order("refuse_handshakes", (_COUNT, _STATUS), "answer with HTTP STATUS"),
    "drop-after-frames": Order(
        "drop_after_frames", (("frames", whole), ("connections", whole)),
        "cut connections after that many messages",
    ),
    "close-after-frames": Order(
        "close_after_frames", (("frames", whole), ("code", whole), ("connections", whole)),
        "close connections after that many messages",
    ),
    "refuse-uploads": Order("refuse_uploads", (_COUNT, ("error", str)), "answer with error ERROR"),
    "ignore-uploads": Order("ignore_uploads", (_COUNT,), "give no answer to upload requests"),
    "expire-upload-urls": Order("expire_upload_urls", (_COUNT,), "give URLs that have expired"),
    "fail-puts": Order("fail_puts", (_COUNT, _STATUS, _CODE), "the store refuses PUTs"),
    "fail-gets": Order("fail_gets", (_COUNT, _STATUS, _CODE), "the store refuses GETs"),
    "drop-puts": Order("drop_puts", (_COUNT,), "the store cuts the connection in a PUT"),
    "drop-gets": Order("drop_gets", (_COUNT,), "the store cuts the connection in a GET"),
}  # fmt: skip
"""What ``--fault`` takes."""

LOOK_EVERY = 0.2
"""Seconds between two looks at the gateway's counters."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The gateway's options."""
    parser.add_argument("--app", choices=("insts", "echo"), default="insts",
                        help="an inst server in memory, or one that sends all back")  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", help="an address of loopback")
    parser.add_argument("--port", type=whole, default=0, help="0 takes a free one")
    parser.add_argument("--store-port", type=whole, default=0, help="the object store's")
    parser.add_argument("--allow-non-loopback", action="store_true", help="allow any --host")
    parser.add_argument("--tls-cert", metavar="FILE", help="speak TLS with this chain in PEM")
    parser.add_argument("--tls-key", metavar="FILE", help="the key, if it is not in --tls-cert")
    parser.add_argument(
        "--key-file", metavar="FILE",
        help="check connection tokens against the connection keys in FILE, one a line",
    )  # fmt: skip
    limits = parser.add_argument_group("limits")
    for name, (kind, about) in LIMITS.items():
        limits.add_argument(_option(name), type=kind, help=about, metavar=_unit(kind))
    faults = parser.add_argument_group("faults")
    for name, about in DELAYS.items():
        faults.add_argument(_option(name), type=seconds, default=0.0, help=about, metavar="TIME")
    faults.add_argument("--no-pongs", action="store_true", help="leave pings without an answer")
    faults.add_argument("--silent", action="store_true", help="neither read nor write")
    faults.add_argument(
        "--upload-query", metavar="NAME=VALUE", action="append", default=[],
        help="one more parameter of upload URLs; again for more",
    )  # fmt: skip
    faults.add_argument(
        "--fault", metavar="NAME=ARGUMENTS", action="append", default=[], type=_order,
        help="a fault that happens so many times, see below; again for more",
    )  # fmt: skip
    add_output(parser)
    lines = "\n".join(f"  {_usage(name, order)}" for name, order in ORDERS.items())
    parser.epilog = f"what --fault takes:\n{lines}\n\n{parser.epilog}"


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _unit(kind: Callable[[str], float]) -> str:
    return "SIZE" if kind is byte_size else "TIME"


def _usage(name: str, order: Order) -> str:
    arguments = ",".join(argument.upper() for argument, _ in order.arguments)
    return f"{name}={arguments}: {order.about}"


def _order(text: str) -> tuple[str, dict[str, Any]]:
    name, _, given = text.partition("=")
    order = ORDERS.get(name)
    if order is None:
        raise argparse.ArgumentTypeError(f"there is no {name!r}; one of: {', '.join(ORDERS)}")
    values = given.split(",") if given else []
    if not 1 <= len(values) <= len(order.arguments):
        raise argparse.ArgumentTypeError(f"write {_usage(name, order)}")
    pairs = zip(order.arguments, values, strict=False)
    return order.method, {argument: kind(value) for (argument, kind), value in pairs}


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from ._run import run as run_async

    out = Out(as_json=options.json)
    gateway = make_gateway(options)
    return run_async(partial(_serve, gateway, out, options.app), backend=options.backend)


def make_gateway(options: argparse.Namespace) -> Gateway:
    """The gateway that these options describe. Raises `Failure` for files that are no use."""
    from ..gateway import Faults, Gateway, GatewayLimits, echo, insts

    faults = Faults()
    for name in DELAYS:
        setattr(faults, name, getattr(options, name))
    faults.answer_pings = not options.no_pongs
    faults.silent = options.silent
    faults.upload_query = tuple(_pair(text) for text in options.upload_query)
    for method, arguments in options.fault:
        _play(faults, method, arguments)
    keys = None if options.key_file is None else read_text(options.key_file).split()
    return Gateway(
        insts(connection_keys=keys) if options.app == "insts" else echo,
        host=options.host,
        port=options.port,
        store_port=options.store_port,
        limits=_limits(GatewayLimits, options),
        faults=faults,
        ssl=_server_tls(options.tls_cert, options.tls_key),
        allow_non_loopback=options.allow_non_loopback,
    )


def _play(faults: Faults, method: str, arguments: dict[str, Any]) -> None:
    getattr(faults, method)(**arguments)


def _limits(kind: type[GatewayLimits], options: argparse.Namespace) -> GatewayLimits:
    whole_numbers = {field.name for field in fields(kind) if field.type == "int"}
    given = {name: getattr(options, name) for name in LIMITS if getattr(options, name) is not None}
    return kind(**{
        name: int(value) if name in whole_numbers else value for name, value in given.items()
    })  # fmt: skip


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Failure("--upload-query is written NAME=VALUE", exit=Exit.USAGE)
    return name, value


def _server_tls(certificate: str | None, key: str | None) -> tls.SSLContext | None:
    if certificate is None:
        return None
    context = tls.create_default_context(tls.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        # What OpenSSL says of a file's contents helps nobody.
        bad = isinstance(error, tls.SSLError)
        text = f"{certificate}: {'no chain and key in PEM' if bad else error.strerror}"
        raise Failure(text, exit=Exit.USAGE) from None
    return context


async def _serve(gateway: Gateway, out: Out, app: str) -> int:
    async with gateway:
        out.emit(
            "listening", "serving ", (app, "bold"), " at ", (gateway.url, "bold cyan"),
            url=gateway.url, store=gateway.store_url, app=app,
        )  # fmt: skip
        if not out.as_json:
            out.line((f"object store at {gateway.store_url}; Ctrl-C ends", "dim"))
        try:
            await _report(gateway, out)
        finally:
            _sum_up(gateway, out)
    return Exit.DONE


async def _report(gateway: Gateway, out: Out) -> None:
    """Tell of what comes and goes, until cancelled."""
    known = {"connected": 0, "refused": 0}
    open_now = 0
    last_violation: object = None
    while True:
        await anyio.sleep(LOOK_EVERY)
        counts = {"connected": gateway.connections_accepted, "refused": gateway.handshakes_refused}
        for name, value in counts.items():
            if value > known[name]:
                what = "connected" if name == "connected" else "a handshake was refused"
                out.emit(name, f"{what} ({value:,} so far)", total=value)
        known = counts
        now_open = len(gateway.connections)
        if now_open < open_now:
            out.emit("gone", f"gone; {now_open:,} open", open=now_open)
        open_now = now_open
        newest = gateway.violations[-1] if gateway.violations else None
        if newest is not None and newest is not last_violation:
            last_violation = newest
            text = str(newest)
            out.emit("violation", ("a client did wrong: ", "yellow"), text, error=text)


def _sum_up(gateway: Gateway, out: Out) -> None:
    received, sent = gateway.received, gateway.sent
    out.emit(
        "served",
        f"{gateway.connections_accepted:,} connections, {received.frames:,} frames in, "
        f"{sent.frames:,} out, largest {gateway.largest_frame:,} bytes, "
        f"{gateway.frames_over_limit:,} over the limit; {gateway.store_requests:,} store requests",
        connections=gateway.connections_accepted, refused=gateway.handshakes_refused,
        frames_in=received.frames, frames_out=sent.frames,
        largest_frame=gateway.largest_frame, frames_over_limit=gateway.frames_over_limit,
        store_requests=gateway.store_requests, violations=len(gateway.violations),
    )  # fmt: skip
