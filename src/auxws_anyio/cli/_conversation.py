"""What a line that is typed means, and what is remembered of a conversation.

It knows commands, messages and their numbers. It must not know where lines come from, nor when a
client begins and ends: a command that needs another client says so in `wish`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from auxws_proto import (
    AuxError,
    ConnectionId,
    Credentials,
    SendFailed,
    Stage,
    encode,
)

from .._client import AuxClient
from .._receipt import Receipt
from ._exit import Exit, Failure
from ._explain import explain
from ._out import Out, Part
from ._session import as_message, read_text, token_from_file
from ._telling import fields_of, tell_message, tell_outcome
from ._text import as_pretty, escape, size, span, type_of
from ._traffic import Traffic, total

KEPT: Final = 1_000
"""Messages that `/show` finds again."""

WAIT: Final = 10.0
"""Seconds that `/wait` waits unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A message of the conversation."""

    number: int
    arrow: str
    message: Mapping[str, Any]
    size: int
    path: str


class Conversation:
    """One person's, or program's, talk with an endpoint, over any number of clients."""

    def __init__(self, out: Out, traffic: Traffic) -> None:
        self.out = out
        self.traffic = traffic
        self.remembered: deque[Remembered] = deque(maxlen=KEPT)
        self.status: int = Exit.DONE
        """The exit status so far: what failed is not forgotten."""
        self.is_over: bool = False
        self.wish: Credentials | None = None
        """Credentials that another client is to log in with."""
        self.on_message: Callable[[Mapping[str, Any]], None] = lambda message: None
        self._client: AuxClient | None = None
        self._group: TaskGroup | None = None
        self._pending = 0
        self._settled = anyio.Event()
        self._waits: dict[str, list[anyio.Event]] = {}
        self._commands: Mapping[str, tuple[str, str, Callable[[str], Awaitable[None]]]] = {
            "help": ("", "these lines", self._help),
            "send": ("FILE", "send the JSON message in a file", self._send_file),
            "history": ("[N]", "the last messages, both ways", self._history),
            "show": ("NUMBER", "one of them, whole", self._show),
            "wait": ("TYPE [SECONDS]", "wait for a message of this type", self._wait),
            "state": ("", "state, latency, queues and counts", self._state),
            "login": ("ID", "log in anew, as a guest", self._login),
            "token": ("FILE", "log in anew, with the connection token in FILE", self._token),
            "reconnect": ("", "close, and open again", self._reconnect),
            "quit": ("", "leave; so does the end of the input", self._quit),
        }

    def join(self, client: AuxClient, group: TaskGroup) -> None:
        """From now on lines go to this client."""
        self._client, self._group = client, group
        self.wish = None

    @property
    def client(self) -> AuxClient:
        """The client that lines go to."""
        assert self._client is not None
        return self._client

    async def take(self, line: str) -> None:
        """Do what a line says. What is wrong with it is told, and raises nothing."""
        line = line.strip()
        if not line:
            return
        try:
            if line.startswith("/"):
                await self._command(line[1:])
            else:
                await self._send(as_message(line, "the line"))
        except Failure as failure:
            self._tell(failure)
        except (AuxError, TimeoutError) as error:
            self._tell(explain(error))

    def _tell(self, failure: Failure) -> None:
        self.status = self.status or failure.exit
        text = failure.text + (f"; {failure.advice}" if failure.advice else "")
        self.out.emit("refused", ("! ", "bold red"), (text, "red"), error=failure.text,
                      advice=failure.advice)  # fmt: skip

    async def _command(self, text: str) -> None:
        name, _, rest = text.partition(" ")
        command = self._commands.get(name)
        if command is None:
            raise Failure(f"there is no /{name}", "see /help", exit=Exit.USAGE)
        arguments, _, call = command
        if arguments and not arguments.startswith("[") and not rest.strip():
            raise Failure(f"write /{name} {arguments}", exit=Exit.USAGE)
        await call(rest.strip())

    # Messages.

    async def listen(self) -> None:
        """Tell what comes, until the client ends."""
        async for message in self.client:
            count, path = self.traffic.way_of(message)
            number = self._remember("←", message, count, path)
            tell_message(self.out, message, count, path, number=number)
            self.on_message(message)
            for wait in self._waits.pop(str(message.get("type")), ()):
                wait.set()

    async def settle(self, seconds: float | None = None) -> None:
        """Wait for the outcomes of all that was sent."""
        with anyio.move_on_after(seconds):
            while self._pending:
                self._settled = anyio.Event()
                await self._settled.wait()

    async def _send(self, message: dict[str, Any]) -> None:
        encoded = encode(message, self.client.config)
        began = monotonic()
        receipt = await self.client.send(encoded)
        shown = message
        if message["type"] == "login":
            shown = {name: "<secret>" if name == "connectionToken" else value
                     for name, value in message.items()}  # fmt: skip
        number = self._remember("→", shown, encoded.size, "")
        head: list[Part] = [
            ("→ ", "bold magenta"), f"{number:,} ", (type_of(message), "bold"),
            (f"  {size(encoded.size)}  ", "dim"),
        ]  # fmt: skip
        self.out.emit(
            "sent", *head, fields_of(self.out, shown, head),
            number=number, type=message["type"], bytes=encoded.size,
        )  # fmt: skip
        assert self._group is not None
        self._pending += 1
        self._group.start_soon(
            self._await_outcome, number, type_of(message), encoded.size, receipt, began
        )

    async def _await_outcome(
        self, number: int, kind: str, count: int, receipt: Receipt, began: float
    ) -> None:
        error = None
        try:
            stage = await receipt.wait(Stage.CONFIRMED)
        except SendFailed as failed:
            stage, error = failed.stage, failed
            self.status = explain(failed).exit
        except AuxError:
            return  # The end of the client, which is told elsewhere.
        finally:
            self._pending -= 1
            self._settled.set()
        path = self.traffic.path_of(receipt.send_id, count, self.client.config)
        tell_outcome(self.out, number, kind, count, path, stage, monotonic() - began, error)

    def _remember(self, arrow: str, message: Mapping[str, Any], count: int, path: str) -> int:
        number = self.remembered[-1].number + 1 if self.remembered else 1
        self.remembered.append(Remembered(number, arrow, message, count, path))
        return number

    # Commands.

    async def _help(self, _: str) -> None:
        self.out.emit("help", commands={name: row[1] for name, row in self._commands.items()})
        if not self.out.as_json:
            for name, (arguments, about, _call) in self._commands.items():
                self.out.line((f"  {f'/{name} {arguments}':<24}", "bold"), about)
            self.out.line("  ", ('{"type": …}', "bold"), "             send this message")

    async def _send_file(self, name: str) -> None:
        await self._send(as_message(read_text(name), name))

    async def _history(self, text: str) -> None:
        wanted = _number(text) if text else 20
        for kept in list(self.remembered)[-wanted:]:
            head: list[Part] = [
                (f"{kept.arrow} ", "dim"), f"{kept.number:,} ", (type_of(kept.message), "bold"),
                (f"  {size(kept.size)} {kept.path}".rstrip() + "  ", "dim"),
            ]  # fmt: skip
            self.out.emit(
                "history", *head, fields_of(self.out, kept.message, head),
                number=kept.number, direction="in" if kept.arrow == "←" else "out",
                message=kept.message,
            )  # fmt: skip

    async def _show(self, text: str) -> None:
        wanted = _number(text)
        kept = next((kept for kept in self.remembered if kept.number == wanted), None)
        if kept is None:
            raise Failure(f"message {wanted} is not among the last {KEPT:,}", exit=Exit.USAGE)
        self.out.emit("show", number=kept.number, message=kept.message)
        if not self.out.as_json:
            for line in as_pretty(kept.message):
                # Indentation is ours, and all else is escaped.
                self.out.line(line)

    async def _wait(self, text: str) -> None:
        kind, _, seconds = text.partition(" ")
        limit = WAIT
        if seconds:
            try:
                limit = float(seconds)
            except ValueError:
                raise Failure("write /wait TYPE SECONDS", exit=Exit.USAGE) from None
        came = anyio.Event()
        self._waits.setdefault(kind, []).append(came)
        with anyio.move_on_after(limit):
            await came.wait()
            return
        raise Failure(f"no {kind} within {limit:g} s", exit=Exit.TIMED_OUT)

    async def _state(self, _: str) -> None:
        client, stats = self.client, self.client.stats
        who = (client.info or {}).get("connectionId")
        sent, received = total(stats.sent), total(stats.received)
        self.out.emit(
            "stats", (client.state.value, "bold"), f", ping {span(stats.latency)}",
            "" if who is None else f", as {who}",
            f"; outbox {stats.outbox_messages:,}, uploads {stats.pending_uploads:,}, "
            f"downloads {stats.pending_downloads:,}; sent {sent.messages:,} ({size(sent.bytes)}), "
            f"received {received.messages:,} ({size(received.bytes)}); errors {stats.errors:,}",
            state=client.state.value, connection_id=who,
            latency_ms=None if stats.latency is None else round(stats.latency * 1_000, 3),
            outbox_messages=stats.outbox_messages, outbox_bytes=stats.outbox_bytes,
            pending_uploads=stats.pending_uploads, pending_downloads=stats.pending_downloads,
            sent=sent.messages, received=received.messages, errors=stats.errors,
        )  # fmt: skip

    async def _login(self, name: str) -> None:
        self.wish = ConnectionId(name)

    async def _token(self, name: str) -> None:
        self.wish = token_from_file(name)

    async def _reconnect(self, _: str) -> None:
        await self.client.disconnect()
        await self.client.connect()

    async def _quit(self, _: str) -> None:
        self.is_over = True


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Failure(f"{escape(text)!r} is no number", exit=Exit.USAGE)
    return int(text)
