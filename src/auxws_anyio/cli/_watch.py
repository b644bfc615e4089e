"""Print messages as they come, those of some types or all.

It knows filters, counts and time. It must not know what is in a message.
"""

from __future__ import annotations

import argparse
from functools import partial

import anyio

from .._client import AuxClient
from ._exit import Exit, Failure
from ._options import add_connection, add_greeting, add_output, count, seconds
from ._out import Out
from ._session import Settings, settings_of
from ._telling import Troubles, tell_message
from ._text import WHOLE, as_json_line
from ._traffic import Traffic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to print, and until when."""
    add_connection(parser)
    parser.add_argument(
        "--type", metavar="TYPE", action="append", default=[],
        help="print messages of this type alone; again for more",
    )  # fmt: skip
    add_greeting(parser)
    parser.add_argument("--count", metavar="N", type=count, help="end after N messages")
    parser.add_argument(
        "--timeout", metavar="TIME", type=seconds,
        help="end after this long: with status 4 if --count was not reached",
    )  # fmt: skip
    parser.add_argument("--full", action="store_true", help="print messages whole")
    parser.add_argument(
        "--bare", action="store_true", help="print the messages alone, a JSON object a line"
    )
    parser.add_argument(
        "--live", action="store_true", help="draw queues, transfers, rates, latency and state"
    )
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Watch."""
    from ._run import run as run_async

    out = Out(as_json=options.json or options.bare)
    settings = settings_of(options, patient=True)
    return run_async(partial(_watch, settings, options, out), backend=options.backend)


async def _watch(settings: Settings, options: argparse.Namespace, out: Out) -> int:
    traffic = Traffic()
    watching = _Watching(options, out, traffic)
    async with settings.connected(observer=traffic.observe) as client:
        troubles = Troubles(client, Out(as_json=False, stderr=True) if options.bare else out)
        async with anyio.create_task_group() as group:
            group.start_soon(troubles.watch_states)
            group.start_soon(troubles.watch_errors)
            if options.live:
                from ._live import Live

                group.start_soon(Live(client, traffic, out, settings.shown).run)
            with anyio.move_on_after(options.timeout):
                await watching.run(client)
            group.cancel_scope.cancel()
    wanted: int | None = options.count
    if wanted is not None and watching.seen < wanted:
        came = f"{watching.seen:,} of {wanted:,} messages came"
        if options.timeout is None:
            raise Failure(f"{came} before the connection ended", exit=Exit.NOT_CONNECTED)
        text = f"{came} within {options.timeout:g} s"
        raise Failure(text, "give --timeout more", exit=Exit.TIMED_OUT)
    return Exit.FAILED if troubles.gaps else Exit.DONE


class _Watching:
    def __init__(self, options: argparse.Namespace, out: Out, traffic: Traffic) -> None:
        self._types = frozenset[str](options.type)
        self._count: int | None = options.count
        self._is_bare: bool = options.bare
        self._limit = WHOLE if options.full else None
        self._out = out
        self._traffic = traffic
        self.seen = 0

    async def run(self, client: AuxClient) -> None:
        # One subscription for all types, so that they keep their order.
        async for message in client:
            way = self._traffic.way_of(message)
            if self._types and message.get("type") not in self._types:
                continue
            if self._is_bare:
                self._out.raw(as_json_line(message))
            else:
                tell_message(self._out, message, *way, limit=self._limit)
            self.seen += 1
            if self.seen == self._count:
                return
