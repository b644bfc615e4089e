"""Put load on an endpoint with many clients, and tell rates, latencies and failures.

It knows options and how the figures look. It must not know how load is made: `_load` does.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from functools import partial
from time import monotonic

import anyio

from ._exit import Exit, Failure
from ._load import Load, Plan
from ._options import add_connection, add_output, byte_size, count, seconds
from ._out import Out
from ._session import Settings, settings_of
from ._text import size, span

TELL_EVERY = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much load."""
    add_connection(parser)
    parser.add_argument("--clients", metavar="N", type=count, default=10)
    parser.add_argument("--duration", metavar="TIME", type=seconds, default=5.0,
                        help="from the last connection on")  # fmt: skip
    parser.add_argument("--messages", metavar="N", type=count,
                        help="of each client, instead of --duration")  # fmt: skip
    parser.add_argument("--size", metavar="SIZE", type=byte_size, default=200,
                        help="of a message; over 32000 it goes by upload")  # fmt: skip
    parser.add_argument("--window", metavar="N", type=count, default=1,
                        help="messages of a client under way at a time")  # fmt: skip
    parser.add_argument("--rate", metavar="N", type=float,
                        help="messages a second of each client; else no limit")  # fmt: skip
    parser.add_argument("--wait", choices=("reply", "confirmed"), default="reply",
                        help="what ends a message: the server's answer, or a pong")  # fmt: skip
    parser.add_argument("--connect-at-once", metavar="N", type=count, default=50,
                        help="clients that connect at the same time")  # fmt: skip
    parser.add_argument("--timeout", metavar="TIME", type=seconds, default=10.0,
                        help="for one message")  # fmt: skip
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Measure."""
    from ._run import run as run_async

    if options.rate is not None and options.rate <= 0:
        raise Failure("--rate must be over 0", exit=Exit.USAGE)
    if options.trace is not None and options.clients > 1:
        raise Failure("--trace is for one client; add --clients 1", exit=Exit.USAGE)
    out = Out(as_json=options.json)
    # The server's answer proves more than a pong, which would be load of its own.
    settings = settings_of(options).changed(confirm=options.wait == "confirmed")
    plan = Plan(
        clients=options.clients,
        duration=None if options.messages else options.duration,
        messages=options.messages,
        size=options.size,
        window=options.window,
        rate=options.rate,
        waits_for_reply=options.wait == "reply",
        connect_at_once=options.connect_at_once,
        timeout=options.timeout,
    )
    return run_async(partial(_bench, settings, plan, out), backend=options.backend)


async def _bench(settings: Settings, plan: Plan, out: Out) -> int:
    load = Load(settings, plan)
    out.emit("", f"{plan.clients:,} clients on {settings.shown}, messages of {size(plan.size)}")
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_tell_on_the_way, load, out)
            await load.run()
            group.cancel_scope.cancel()
    finally:
        _tell_result(load, out)
    if not load.connects.times:
        raise load.first_failure or Failure("nothing connected", exit=Exit.NOT_CONNECTED)
    return Exit.FAILED if load.failures else Exit.DONE


async def _tell_on_the_way(load: Load, out: Out) -> None:
    before, then = 0, monotonic()
    while True:
        await anyio.sleep(TELL_EVERY)
        now = monotonic()
        done = len(load.messages.times)
        rate = (done - before) / (now - then)
        before, then = done, now
        out.emit(
            "progress",
            (f"{load.connected:,} connected, {done:,} messages, {rate:,.0f} a second", "dim"),
            connected=load.connected, messages=done, rate=round(rate, 1),
        )  # fmt: skip


def _tell_result(load: Load, out: Out) -> None:
    connects, messages = load.connects.summary(), load.messages.summary()
    out.emit("result", connects=asdict(connects), messages=asdict(messages),
             bytes_per_second=round(messages.per_second * load.plan.size, 1),
             failures=dict(load.failures), lost_connections=load.lost)  # fmt: skip
    if out.as_json:
        return
    head = f"{'':<10}{'count':>9}{'per second':>12}" + "".join(
        f"{name:>10}" for name in ("p50", "p90", "p99", "max")
    )
    out.line((head, "dim"))
    for name, summary in (("connects", connects), ("messages", messages)):
        times = (summary.p50_ms, summary.p90_ms, summary.p99_ms, summary.max_ms)
        out.line(
            (f"{name:<10}", "bold"), f"{summary.count:>9,}{summary.per_second:>12,.1f}",
            *(f"{span(None if ms is None else ms / 1_000):>10}" for ms in times),
        )  # fmt: skip
    through = size(messages.per_second * load.plan.size)
    failed = sum(load.failures.values())
    out.line(f"{through} a second; {load.lost:,} connections lost; ",
             (f"{failed:,} failures", "bold red" if failed else "bold green"))  # fmt: skip
    for text, times_seen in load.failures.most_common():
        out.line((f"  {times_seen:,} x ", "red"), text)
