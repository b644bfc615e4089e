"""Send a file's message, or one for each line of it, and wait for what becomes of them.

It knows files, receipts and progress bars. It must not know how a message travels.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from auxws_proto import Config, SendFailed, Stage, encode

from .._client import AuxClient
from .._receipt import Receipt
from .._subscription import Subscription
from ._exit import Exit, Failure
from ._options import add_connection, add_output, seconds
from ._out import Out, make_console
from ._session import Settings, as_message, read_text, settings_of
from ._stdin import lines, open_input
from ._telling import Troubles, tell_message, tell_outcome
from ._text import WHOLE, elide, escape
from ._traffic import Traffic

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

AHEAD = 1_000
"""Messages that are sent before the first has an outcome."""

LOOK_EVERY = 0.1
"""Seconds between two looks at how far uploads are."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to send."""
    add_connection(parser)
    parser.add_argument("file", metavar="FILE", help="a JSON message; - is standard input")
    parser.add_argument(
        "--lines", action="store_true", help="JSON Lines: each line is a message of its own"
    )
    parser.add_argument(
        "--reply", metavar="TYPE", help="wait for a message of this type, and print it"
    )
    parser.add_argument("--timeout", metavar="TIME", type=seconds, help="for all of it")
    add_output(parser)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that is on its way."""

    number: int
    kind: str
    size: int
    receipt: Receipt
    began: float


def run(options: argparse.Namespace) -> int:
    """Send, wait, report."""
    from ._run import run as run_async

    out = Out(as_json=options.json)
    settings = settings_of(options)
    # Read before anything is opened: a file that is no message needs no connection.
    text = None if options.lines else read_text(options.file)
    messages = None if text is None else [as_message(text, options.file)]
    work = partial(_send, settings, options, out, messages)
    return run_async(work, backend=options.backend)


async def _send(
    settings: Settings, options: argparse.Namespace, out: Out, messages: list[dict[str, Any]] | None
) -> int:
    traffic = Traffic()
    sending = _Sending(out, traffic, settings.config, None if out.as_json else make_bars())
    try:
        with anyio.fail_after(options.timeout):
            async with settings.connected(observer=traffic.observe) as client:
                source = _given(messages) if messages is not None else _read_lines(options.file)
                kind: str | None = options.reply
                replies = None if kind is None else client.event(kind)
                troubles = Troubles(client, out)
                async with anyio.create_task_group() as group:
                    group.start_soon(troubles.watch_states)
                    group.start_soon(troubles.watch_errors)
                    if replies is None:
                        await sending.run(client, source)
                    else:
                        with replies:
                            await sending.run(client, source)
                            await _tell_reply(replies, traffic, out)
                    group.cancel_scope.cancel()
    except TimeoutError:
        left = sending.accepted - sending.settled
        text = f"not done within {options.timeout:g} s: {left:,} messages without an outcome"
        raise Failure(text, "give --timeout more", exit=Exit.TIMED_OUT) from None
    return sending.status


async def _tell_reply(replies: Subscription[Any], traffic: Traffic, out: Out) -> None:
    async for reply in replies:
        tell_message(out, reply, *traffic.way_of(reply), limit=WHOLE)
        return
    raise Failure("the connection ended before the reply", exit=Exit.NOT_CONNECTED)


class _Sending:
    """Sends messages and waits for their outcomes, both at the same time."""

    def __init__(self, out: Out, traffic: Traffic, config: Config, bars: Progress | None) -> None:
        self._out = out
        self._traffic = traffic
        self._config = config
        self._bars = bars
        self._failure: Failure | None = None
        self._pending: dict[int, Sent] = {}
        self.accepted = 0
        self.settled = 0
        self.status: int = Exit.DONE
        self._is_done = False

    async def run(self, client: AuxClient, source: AsyncGenerator[dict[str, Any]]) -> None:
        into, out_of = anyio.create_memory_object_stream[Sent](AHEAD)
        async with anyio.create_task_group() as group:
            group.start_soon(self._settle, out_of)
            if self._bars is not None:
                group.start_soon(self._draw, self._bars)
            await self._accept(client, source, into)
        if self._failure is not None:
            raise self._failure

    async def _accept(
        self,
        client: AuxClient,
        source: AsyncGenerator[dict[str, Any]],
        into: MemoryObjectSendStream[Sent],
    ) -> None:
        async with into, aclosing(source):
            try:
                async for message in source:
                    encoded = encode(message, self._config)
                    began = monotonic()
                    receipt = await client.send(encoded)
                    self.accepted += 1
                    sent = Sent(self.accepted, _kind(message), encoded.size, receipt, began)
                    self._pending[sent.number] = sent
                    await into.send(sent)
            except Failure as failure:
                # What was sent before gets its outcome first.
                self._failure = failure

    async def _settle(self, out_of: MemoryObjectReceiveStream[Sent]) -> None:
        async with out_of:
            async for sent in out_of:
                error = None
                try:
                    stage = await sent.receipt.wait(Stage.CONFIRMED)
                except SendFailed as failed:
                    stage, error = failed.stage, failed
                    worst = Exit.UNKNOWN if stage is Stage.UNKNOWN else Exit.FAILED
                    if self.status != Exit.FAILED:
                        self.status = worst
                self.settled += 1
                del self._pending[sent.number]
                path = self._traffic.path_of(sent.receipt.send_id, sent.size, self._config)
                tell_outcome(
                    self._out, sent.number, sent.kind, sent.size, path, stage,
                    monotonic() - sent.began, error,
                )  # fmt: skip
        self._is_done = True

    async def _draw(self, bars: Progress) -> None:
        """Bars for what uploads, until cancelled or done."""
        tasks: dict[int, TaskID] = {}
        with bars:
            while not self._is_done:
                show_uploads(bars, tasks, self._pending)
                await anyio.sleep(LOOK_EVERY)


def show_uploads(bars: Progress, tasks: dict[int, TaskID], pending: Mapping[int, Sent]) -> None:
    """A bar for each pending message that uploads, and none for others."""
    for number, sent in pending.items():
        progress = sent.receipt.progress
        if progress.total is None:
            continue
        if number not in tasks:
            tasks[number] = bars.add_task(f"{number:,} {sent.kind}", total=progress.total)
        bars.update(tasks[number], completed=progress.done)
    for number in [number for number in tasks if number not in pending]:
        bars.remove_task(tasks.pop(number))


def _kind(message: dict[str, Any]) -> str:
    return elide(escape(message["type"]), 60)


async def _given(messages: list[dict[str, Any]]) -> AsyncGenerator[dict[str, Any]]:
    for message in messages:
        yield message


async def _read_lines(name: str) -> AsyncGenerator[dict[str, Any]]:
    shown = "standard input" if name == "-" else name
    with open_input(name) as file:
        number = 0
        async with aclosing(lines(file.fileno())) as source:
            async for line in source:
                number += 1
                if line.strip():
                    yield _of_line(line, f"{shown}, line {number:,}")


def _of_line(line: bytes, where: str) -> dict[str, Any]:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise Failure(f"{where}: this is no UTF-8", exit=Exit.USAGE) from None
    return as_message(text, where)


def make_bars(console: Console | None = None) -> Progress | None:
    """Bars on standard error, if that is a terminal and rich is there."""
    console = console or make_console(stderr=True)
    if console is None or not console.is_terminal:
        return None
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(),
        TransferSpeedColumn(), console=console, transient=True,
    )  # fmt: skip
