"""The live view, drawn to a recorded console, and what it is drawn from."""

from __future__ import annotations

import io
from typing import Literal

import pytest
from rich.console import Console

from auxws_anyio.cli import _live, _terminal, _traffic
from auxws_anyio.cli._out import Out
from auxws_proto import Config, SendId, Stage, State, Stats, Tally
from auxws_proto.observe import (
    MessageReceived,
    ObserverEvent,
    PingAnswered,
    SendEnded,
    TransferFinished,
    TransferProgressed,
    TransferStarted,
)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def drawn(snapshot: _live.Snapshot, width: int = 90) -> str:
    console = Console(file=io.StringIO(), width=width, record=True)
    console.print(_live.draw(snapshot))
    return console.export_text()


STATS = Stats(
    pending_uploads=1, pending_downloads=2, outbox_messages=3, outbox_bytes=5_000_000,
    sent={"inline": Tally(messages=12, bytes=3_000), "upload": Tally(messages=1, bytes=9_000)},
    received={}, waiting=Tally(messages=4, bytes=1_000), errors=1, transports=2, latency=0.0123,
)  # fmt: skip


def test_everything_is_in_sight() -> None:
    view = drawn(
        _live.Snapshot(
            url="wss://h.example/prod",
            state=State.OPEN,
            seconds=3_675.5,
            stats=STATS,
            rates=_traffic.Rates(messages_out=12.34, bytes_out=3_456, messages_in=0, bytes_in=0),
            transfers=[
                _traffic.Transfer(True, done=2_000_000, total=5_000_000, send_id=7),
                _traffic.Transfer(False, done=1_000),
            ],
            out_history=[1, 2, 4, 8],
            in_history=[0, 0],
        )
    )

    lines = [line.strip("│ ").rstrip() for line in view.splitlines()]
    assert lines[0].startswith("╭─ wss://h.example/prod  OPEN  ping 12 ms  1:01:15 ──")
    assert " ".join(lines[1].split()) == "out 12.3/s 3.5 kB/s ▁▂▄█ inline 12 · upload 1"
    assert " ".join(lines[2].split()) == "in 0.0/s 0 B/s ▁▁ nothing yet"
    assert lines[3] == (
        "outbox 3 (5.0 MB)   uploads 1   downloads 2   waiting 4 (1.0 kB)   errors 1"
    )
    assert lines[4] == "connections 2"
    assert lines[5].startswith("↑ upload 7  ━━━━━━━━━━━━")
    assert lines[5].endswith("2.0 MB of 5.0 MB")
    assert lines[6].startswith("↓ download")
    assert lines[6].endswith("1.0 kB of ?")


def test_many_transfers_are_counted() -> None:
    transfers = [_traffic.Transfer(True, total=1)] * (_live.SHOWN_TRANSFERS + 3)

    view = drawn(
        _live.Snapshot(
            url="", state=State.WAITING, seconds=0, stats=Stats(), transfers=transfers
        )
    )  # fmt: skip

    assert view.count("↑ upload") == _live.SHOWN_TRANSFERS
    assert "and 3 more transfers" in view


@pytest.mark.parametrize("width", [20, 40, 200])
def test_it_fits_any_width(width: int) -> None:
    snapshot = _live.Snapshot(
        url="wss://h.example/" + "x" * 300, state=State.OPEN, seconds=0, stats=STATS,
        transfers=[_traffic.Transfer(True, done=1, total=2)],
    )  # fmt: skip

    view = drawn(snapshot, width)

    assert {len(line) for line in view.splitlines()} == {width}


def test_markup_in_a_url_means_nothing() -> None:
    view = drawn(
        _live.Snapshot(url="ws://[bold]x\x1b", state=State.OPEN, seconds=0, stats=Stats())
    )  # fmt: skip

    assert "ws://[bold]x\\u001b" in view


def test_figures_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    _live.tell(
        Out(as_json=True), _live.Snapshot(url="", state=State.OPEN, seconds=1, stats=STATS)
    )  # fmt: skip

    line = capsys.readouterr().out
    assert '"state":"OPEN","latency_ms":12.3,"outbox_messages":3,"outbox_bytes":5000000' in line
    assert '"sent":13,"received":0' in line


def observed(traffic: _traffic.Traffic, *events: ObserverEvent) -> None:
    for event in events:
        traffic.observe(event)


def started(transfer: int, upload: bool) -> TransferStarted:
    return TransferStarted(
        at=0, client="c", transfer=transfer, direction="upload" if upload else "download",
        attempt=1, size=100 if upload else None,
    )  # fmt: skip


def test_transfers_stay_in_sight_for_a_moment() -> None:
    clock = Clock()
    traffic = _traffic.Traffic(clock)
    observed(
        traffic, started(1, True), started(2, False),
        TransferProgressed(at=0, client="c", transfer=1, direction="upload", done=50),
        TransferProgressed(at=0, client="c", transfer=2, direction="download", done=9, total=10),
        TransferProgressed(at=0, client="c", transfer=9, direction="download", done=9),
        TransferFinished(
            at=0, client="c", transfer=1, direction="upload", attempt=1, elapsed=1, status=200
        ),
        TransferFinished(at=0, client="c", transfer=9, direction="upload", attempt=1, elapsed=1),
        PingAnswered(at=0, client="c", transport=1, latency=1),
    )  # fmt: skip

    at_once = [(t.is_upload, t.done, t.total) for t in traffic.transfers]
    clock.now += _traffic.LINGER
    later = [(t.is_upload, t.done, t.total) for t in traffic.transfers]

    assert at_once == [(True, 50, 100), (False, 9, 10)]
    assert later == [(False, 9, 10)]


def received(kind: str, size: int) -> MessageReceived:
    return MessageReceived(at=0, client="c", type=kind, size=size, path="download", transport=1)


def test_the_way_of_a_message_is_found_again() -> None:
    traffic = _traffic.Traffic()
    observed(traffic, received("a", 1), received("b", 2), received("c", 3), received("b", 4))

    ways = [traffic.way_of({"type": kind}) for kind in ("a", "c", "b", "b")]

    assert ways == [(1, "download"), (3, "download"), (4, "download"), (0, "inline")]


def ended(send_id: int, path: Literal["inline", "fragments", "upload"] | None) -> SendEnded:
    return SendEnded(
        at=0, client="c", send_id=SendId(send_id), type="t", size=1, stage=Stage.FAILED,
        elapsed=0, path=path,
    )  # fmt: skip


def test_the_path_of_a_message_is_found_again_or_guessed() -> None:
    traffic = _traffic.Traffic()
    observed(traffic, ended(1, "fragments"), ended(2, None))
    config = Config(fragment_limit=100_000)

    paths = [
        traffic.path_of(SendId(send_id), size, config)
        for send_id, size in ((1, 1), (2, 1), (3, 50_000), (4, 500_000))
    ]

    assert paths == ["fragments", "inline", "fragments", "upload"]


def test_rates_are_over_the_last_seconds() -> None:
    clock = Clock()
    meter = _traffic.RateMeter(clock)
    rates: list[_traffic.Rates] = []
    for second in range(10):
        clock.now = 100.0 + second
        sent = {"inline": Tally(messages=second * 10, bytes=second * 1_000)}
        rates.append(meter.feed(Stats(sent=sent if second < 6 else {"inline": Tally(messages=50)})))

    assert rates[0] == _traffic.Rates()
    assert (rates[4].messages_out, rates[4].bytes_out) == (10.0, 1_000.0)
    assert rates[9].messages_out == 0.0


@pytest.mark.parametrize(
    ("text", "cursor", "shown"),
    [
        ("abc", 3, "> abc "),
        ("abc", 0, "> abc"),
        ("0123456789abcdefghij", 20, "> cdefghij "),
        ("0123456789abcdefghij", 0, "> 012345678"),
        ("中中中中中中中中", 8, "> 中中中中 "),
        ("a\x1bb", 3, "> a\\u001bb "),
        ("x" * 2_000_000, 2_000_000, "> xxxxxxxx "),
    ],
)
def test_the_typed_line_is_a_window_around_the_cursor(text: str, cursor: int, shown: str) -> None:
    assert _terminal.draw_line(text, cursor, 12).plain == shown
