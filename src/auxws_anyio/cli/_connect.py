"""Talk to an endpoint: type JSON messages or /commands, see what comes and what goes.

It knows clients one after the other, and who sits at the other end: a person or a pipe. It must not
know what a line means (`_conversation`) or how a terminal is drawn (`_terminal`).
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup

from auxws_proto import AuxError, State

from .._client import AuxClient
from ._conversation import Conversation
from ._explain import explain
from ._live import Camera, Live, draw
from ._options import add_connection, add_greeting, add_output, seconds
from ._out import Out, styled
from ._session import Settings, settings_of
from ._telling import Troubles, state_style
from ._terminal import Screen, is_interactive, plain_lines
from ._text import span
from ._traffic import Traffic, total

if TYPE_CHECKING:
    from rich.console import RenderableType


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, and what to draw."""
    add_connection(parser)
    add_greeting(parser)
    parser.add_argument(
        "--live", action="store_true", help="draw queues, transfers, rates, latency and state"
    )
    parser.add_argument(
        "--linger", metavar="TIME", type=seconds, default=1.0,
        help="from a pipe: stay this long after its end and the outcomes, for what comes yet",
    )  # fmt: skip
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Talk."""
    from ._run import run as run_async

    out = Out(as_json=options.json)
    settings = settings_of(options, patient=True)
    return run_async(_Talk(settings, options, out).run, backend=options.backend)


class _Talk:
    def __init__(self, settings: Settings, options: argparse.Namespace, out: Out) -> None:
        self._settings: Settings = settings
        self._out = out
        self._is_live: bool = options.live
        self._linger: float = options.linger
        self._is_interactive = is_interactive(out)
        self._traffic = Traffic()
        self._conversation = Conversation(out, self._traffic)
        self._camera = Camera(self._traffic, settings.shown)
        self._client: AuxClient | None = None
        self._lost: AuxError | None = None
        self._trace = settings.trace
        self._clients_so_far = 1

    async def run(self) -> int:
        if not self._is_interactive:
            async with aclosing(plain_lines()) as source:
                await self._clients(source)
        else:
            screen = Screen(self._out, self._below)
            async with aclosing(screen.typed()) as source, anyio.create_task_group() as group:
                group.start_soon(screen.keep_drawing)
                self._out.line(("/help lists commands, Ctrl-D leaves", "dim"))
                await self._clients(source)
                group.cancel_scope.cancel()
        if self._lost is not None:
            raise explain(self._lost)
        return self._conversation.status

    async def _clients(self, source: AsyncGenerator[str]) -> None:
        """One client, and another for each new login, until the lines end."""
        while True:
            async with self._settings.open(observer=self._traffic.observe) as client:
                self._client = client
                await self._one_client(client, source)
            wish = self._conversation.wish
            if wish is None or self._lost is not None:
                return
            self._settings = replace(self._settings, login=wish, trace=self._next_trace())

    def _next_trace(self) -> str | None:
        """A file of its own for each client: ``FILE``, ``FILE.2``, …"""
        self._clients_so_far += 1
        first = self._trace
        return None if first is None else f"{first}.{self._clients_so_far}"

    async def _one_client(self, client: AuxClient, source: AsyncGenerator[str]) -> None:
        conversation = self._conversation
        troubles = Troubles(client, self._out, all_states=True)
        async with anyio.create_task_group() as group:
            conversation.join(client, group)
            group.start_soon(self._watch_end, client, group)
            group.start_soon(self._listen)
            group.start_soon(troubles.watch_states)
            group.start_soon(troubles.watch_errors)
            if self._is_live and not self._is_interactive:
                group.start_soon(Live(client, self._traffic, self._out, self._settings.shown).run)
            if not self._is_interactive:
                # Lines of a script are about a connection; if it ends, the group does.
                with suppress(AuxError):
                    await client.wait_connected()
            await self._lines(source)
            group.cancel_scope.cancel()

    async def _lines(self, source: AsyncGenerator[str]) -> None:
        conversation = self._conversation
        async for line in source:
            await conversation.take(line)
            if conversation.is_over or conversation.wish is not None:
                await conversation.settle(self._settings.config.close_timeout)
                return
        conversation.is_over = True
        await conversation.settle(None if not self._is_interactive else self._linger)
        if not self._is_interactive:
            await anyio.sleep(self._linger)

    async def _listen(self) -> None:
        # What ended the client is told by its state.
        with suppress(AuxError):
            await self._conversation.listen()

    async def _watch_end(self, client: AuxClient, group: TaskGroup) -> None:
        """A client that ends by itself ends the conversation."""
        async for change in client.states():
            if change.current is State.CLOSED:
                break
        if client.state is State.CLOSED:
            try:
                await client.wait_connected()
            except AuxError as error:
                self._lost = error
            group.cancel_scope.cancel()

    def _below(self) -> list[RenderableType]:
        """What stands under the typed line."""
        client = self._client
        if client is None:
            return []
        stats, state = client.stats, client.state
        who = (client.info or {}).get("connectionId")
        status = styled(
            (state.value, state_style(state)),
            (f"  ping {span(stats.latency)}" + ("" if who is None else f"  as {who}"), "dim"),
            (f"  out {total(stats.sent).messages:,}  in {total(stats.received).messages:,}", "dim"),
            (f"  outbox {stats.outbox_messages:,}  {self._settings.shown}", "dim"),
        )
        status.no_wrap, status.overflow = True, "ellipsis"
        return [status, draw(self._camera.take(client))] if self._is_live else [status]
