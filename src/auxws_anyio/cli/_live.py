"""The live view: queues, transfers with progress, rates, latency and state, while they change.

It knows snapshots and how they look. It must not know how a client works: it looks at `stats`,
`state` and what an observer saw.

Strategy: a snapshot is taken and drawn some times a second; drawing is a function of the snapshot
alone, so that a test draws to a recorded console.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import anyio

from auxws_proto import State, Stats, Tally

from .._client import AuxClient
from ._out import Out
from ._telling import state_style
from ._text import size, span
from ._traffic import RateMeter, Rates, Traffic, Transfer, total

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

FRAMES: Final = 8
"""Drawings a second."""

TELL_EVERY: Final = 1.0
"""Seconds between two events for a program."""

SPARKS: Final = "▁▂▃▄▅▆▇█"
SAMPLES: Final = 24
SHOWN_TRANSFERS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What there is to see at one time."""

    url: str
    state: State
    seconds: float
    """Since the view began."""
    stats: Stats
    rates: Rates = field(default_factory=Rates)
    transfers: Sequence[Transfer] = ()
    out_history: Sequence[float] = ()
    in_history: Sequence[float] = ()


class Camera:
    """Takes snapshots of one client after another."""

    def __init__(
        self, traffic: Traffic, url: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._traffic = traffic
        self._url = url
        self._clock = clock
        self._began = clock()
        self._meter = RateMeter(clock)
        self._history: deque[Rates] = deque(maxlen=SAMPLES)
        self._sampled = 0.0

    def take(self, client: AuxClient) -> Snapshot:
        """A snapshot of this client now."""
        now, stats = self._clock(), client.stats
        rates = self._meter.feed(stats)
        if not self._history or now - self._sampled >= 0.5:
            self._sampled = now
            self._history.append(rates)
        return Snapshot(
            url=self._url,
            state=client.state,
            seconds=now - self._began,
            stats=stats,
            rates=rates,
            transfers=self._traffic.transfers,
            out_history=[rates.bytes_out for rates in self._history],
            in_history=[rates.bytes_in for rates in self._history],
        )


class Live:
    """The view of one client for as long as it `run`s."""

    def __init__(self, client: AuxClient, traffic: Traffic, out: Out, url: str) -> None:
        self._client = client
        self._out = out
        self._camera = Camera(traffic, url)

    async def run(self) -> None:
        """Draw until cancelled; for a program, tell figures each second."""
        if self._out.as_json:
            while True:
                await anyio.sleep(TELL_EVERY)
                tell(self._out, self._camera.take(self._client))
        if not self._out.is_terminal:
            self._out.note("--live draws on a terminal only; --json has its figures as lines")
            return
        from rich.live import Live as RichLive

        with RichLive(
            console=self._out.console, auto_refresh=False, transient=True,
            redirect_stdout=False, redirect_stderr=sys.stderr.isatty(),
        ) as live:  # fmt: skip
            while True:
                live.update(draw(self._camera.take(self._client)), refresh=True)
                await anyio.sleep(1 / FRAMES)


def tell(out: Out, snapshot: Snapshot) -> None:
    """The figures as an event."""
    stats, rates = snapshot.stats, snapshot.rates
    out.emit(
        "stats", state=snapshot.state.value, latency_ms=_ms(stats.latency),
        outbox_messages=stats.outbox_messages, outbox_bytes=stats.outbox_bytes,
        pending_uploads=stats.pending_uploads, pending_downloads=stats.pending_downloads,
        waiting=stats.waiting.messages, errors=stats.errors, transports=stats.transports,
        sent=total(stats.sent).messages, received=total(stats.received).messages,
        messages_out=round(rates.messages_out, 1), bytes_out=round(rates.bytes_out, 1),
        messages_in=round(rates.messages_in, 1), bytes_in=round(rates.bytes_in, 1),
    )  # fmt: skip


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1_000, 3)


def draw(snapshot: Snapshot) -> RenderableType:
    """The view as something that rich prints."""
    from rich.console import Group
    from rich.panel import Panel

    from ._out import styled

    parts: list[RenderableType] = [_traffic(snapshot), _queues(snapshot)]
    shown = list(snapshot.transfers)[:SHOWN_TRANSFERS]
    if shown:
        parts.append(_transfers(shown))
    if len(snapshot.transfers) > SHOWN_TRANSFERS:
        more = len(snapshot.transfers) - SHOWN_TRANSFERS
        parts.append(styled((f"and {more:,} more transfers", "dim")))
    title = styled(
        (snapshot.url, "bold"), "  ", (snapshot.state.value, state_style(snapshot.state)),
        (f"  ping {span(snapshot.stats.latency)}  {_clock_time(snapshot.seconds)}", ""),
    )  # fmt: skip
    return Panel(Group(*parts), title=title, title_align="left", padding=(0, 1))


def _traffic(snapshot: Snapshot) -> Table:
    from rich.table import Table

    stats, rates = snapshot.stats, snapshot.rates
    table = Table.grid(padding=(0, 2))
    # Widths that figures seldom outgrow keep the view still.
    for width in (3, 9, 10):
        table.add_column(justify="right", no_wrap=True, min_width=width)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    rows = (
        ("out", rates.messages_out, rates.bytes_out, snapshot.out_history, stats.sent),
        ("in", rates.messages_in, rates.bytes_in, snapshot.in_history, stats.received),
    )
    for name, messages, count, history, tallies in rows:
        table.add_row(
            name, f"{messages:,.1f}/s", f"{size(count)}/s", _sparks(history), _by_path(tallies)
        )
    return table


def _queues(snapshot: Snapshot) -> Text:
    from ._out import styled

    stats = snapshot.stats
    figures = (
        ("outbox", stats.outbox_messages, f" ({size(stats.outbox_bytes)})"),
        ("uploads", stats.pending_uploads, ""),
        ("downloads", stats.pending_downloads, ""),
        ("waiting", stats.waiting.messages, f" ({size(stats.waiting.bytes)})"),
        ("errors", stats.errors, ""),
        ("connections", stats.transports, ""),
    )
    text = styled()
    for name, value, more in figures:
        style = "bold red" if name == "errors" and value else "bold" if value else "dim"
        text.append_text(styled((f"{name} ", "dim"), (f"{value:,}", style)))
        text.append_text(styled((f"{more if value else ''}   ", "dim")))
    return text


def _transfers(transfers: Sequence[Transfer]) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(min_width=20, max_width=40)
    table.add_column(no_wrap=True, justify="right")
    for transfer in transfers:
        name = "↑ upload" if transfer.is_upload else "↓ download"
        number = "" if transfer.send_id is None else f" {transfer.send_id}"
        bar = ProgressBar(
            total=transfer.total or 1, completed=transfer.done if transfer.total else 0, width=30
        )
        of = "?" if transfer.total is None else size(transfer.total)
        table.add_row(f"{name}{number}", bar, f"{size(transfer.done)} of {of}")
    return table


def _sparks(history: Sequence[float]) -> str:
    most = max(history, default=0.0)
    if most <= 0:
        return SPARKS[0] * len(history)
    return "".join(SPARKS[min(7, int(value / most * 7.99))] for value in history)


def _by_path(tallies: Mapping[str, Tally]) -> str:
    shown = (f"{path} {tally.messages:,}" for path, tally in tallies.items() if tally.messages)
    return " · ".join(shown) or "nothing yet"


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
