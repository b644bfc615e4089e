"""``auxws send``: one message or many, their outcomes, and the exit status."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import TaskID

from auxws_anyio import Receipt
from auxws_anyio._receipt import Entry
from auxws_anyio.cli import _send
from auxws_anyio.gateway import Faults, StoreFault
from auxws_proto import Progress, SendId

from .helpers import Served, Shell, serving, write_lines


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_one_message(shell: Shell, echoing: Served, tmp_path: Path, backend: str) -> None:
    file = write_lines(tmp_path / "message.json", {"type": "hi", "a": 1})

    ran = shell.run("send", echoing.url, file, "--json", "--backend", backend)

    outcome = ran.event("outcome")
    assert ran.status == 0
    del outcome["t"], outcome["ms"]
    assert outcome == {
        "event": "outcome", "number": 1, "type": "hi", "bytes": 19, "path": "inline",
        "stage": "CONFIRMED", "error": None,
    }  # fmt: skip


def test_a_large_one_for_people(shell: Shell, echoing: Served, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "message.json", {"type": "hi", "a": "x" * 100_000})

    ran = shell.run("send", echoing.url, "-", stdin=file)

    assert ran.status == 0
    assert ran.out[0].startswith("→ 1 hi  100.0 kB upload  CONFIRMED ")


def test_fragments_where_they_are_allowed(shell: Shell, echoing: Served, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "message.json", {"type": "hi", "a": "x" * 100_000})

    ran = shell.run("send", echoing.url, file, "--json", "--fragment-limit", "131072")

    assert ran.event("outcome")["path"] == "fragments"
    assert len(list(echoing.gateway.store)) == 1  # The echo alone.


def test_lines_from_standard_input(shell: Shell, echoing: Served, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "lines", *({"type": "hi", "n": n} for n in range(5)), "")

    ran = shell.run("send", echoing.url, "-", "--lines", "--json", stdin=file)

    assert ran.status == 0
    assert [event["number"] for event in ran.all("outcome")] == [1, 2, 3, 4, 5]


def test_a_reply_is_printed(shell: Shell, inst_server: Served, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "m", {"type": "sync/time", "id": 7, "clientRequestTime": 1})

    ran = shell.run("send", inst_server.url, file, "--json", "--reply", "sync/time/response")

    assert ran.status == 0
    assert ran.event("message")["message"]["id"] == 7


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "this is no JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[1]", "a message is a JSON object"),
        ('{"a": 1}', 'a message has a "type", which is a string'),
        ("[" * 100_000, "this JSON is nested too deep"),
    ],
    ids=["no JSON", "a list", "no type", "deep"],
)
def test_a_file_that_is_no_message(shell: Shell, tmp_path: Path, text: str, says: str) -> None:
    file = write_lines(tmp_path / "m", text)

    ran = shell.run("send", "ws://127.0.0.1:1/", file)

    assert (ran.status, ran.out) == (2, [])
    assert ran.err == [f"auxws: {file}: {says}"]


def test_a_line_that_is_no_message_ends_it_after_those_before(
    shell: Shell, echoing: Served, tmp_path: Path
) -> None:
    file = write_lines(tmp_path / "lines", {"type": "hi"}, "oops", {"type": "late"})

    ran = shell.run("send", echoing.url, file, "--lines", "--json")

    assert ran.status == 2
    assert [event["stage"] for event in ran.all("outcome")] == ["CONFIRMED"]
    assert ran.err[0].startswith(f"auxws: {file}, line 2: this is no JSON")
    assert ran.event("failed")["exit"] == 2


def test_a_line_that_is_no_text(shell: Shell, echoing: Served, tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b'{"type": "\xff"}')

    ran = shell.run("send", echoing.url, tmp_path / "lines", "--lines")

    assert ran.status == 2
    assert ran.err[0].endswith("line 1: this is no UTF-8")


@pytest.mark.parametrize("lines", [[], ["--lines"]])
def test_a_file_that_is_not_there(
    shell: Shell, echoing: Served, tmp_path: Path, lines: list[str]
) -> None:
    ran = shell.run("send", echoing.url, tmp_path / "none", *lines)

    assert ran.status == 2
    assert ran.err == [f"auxws: {tmp_path / 'none'}: No such file or directory"]


def test_what_the_library_refuses_is_a_mistake(
    shell: Shell, echoing: Served, tmp_path: Path
) -> None:
    file = write_lines(tmp_path / "m", '{"type": "hi", "a": NaN}')

    ran = shell.run("send", echoing.url, file)

    assert ran.status == 2
    assert len(ran.err) == 1


def test_a_store_that_refuses_fails_the_message(shell: Shell, tmp_path: Path) -> None:
    faults = Faults()
    faults.add_store_fault(StoreFault(method="PUT", status=403, code="AccessDenied"))
    file = write_lines(
        tmp_path / "lines", {"type": "big", "a": "x" * 40_000}, {"type": "small"}
    )  # fmt: skip
    with serving(faults=faults) as served:
        ran = shell.run("send", served.url, file, "--lines")

    assert ran.status == 1
    assert ran.out[0].startswith("→ 1 big  40.0 kB upload  FAILED ")
    assert "http_status: HTTP 403 AccessDenied" in ran.out[0]
    assert ran.out[1].startswith("→ 2 small  16 B inline  CONFIRMED ")


def test_a_connection_that_breaks_leaves_it_unknown(shell: Shell, tmp_path: Path) -> None:
    faults = Faults()
    faults.drop_after_frames(1)
    faults.answer_pings = False
    file = write_lines(tmp_path / "m", {"type": "hi"})
    with serving(faults=faults) as served:
        ran = shell.run("send", served.url, file, "--json")

    assert ran.status == 5
    assert ran.event("outcome")["stage"] == "UNKNOWN"


def test_a_time_that_is_over(shell: Shell, tmp_path: Path) -> None:
    faults = Faults()
    faults.silent = True
    file = write_lines(tmp_path / "m", {"type": "hi"})
    with serving(faults=faults) as served:
        ran = shell.run("send", served.url, file, "--timeout", "200ms")

    assert ran.status == 4
    assert ran.err == [
        "auxws: not done within 0.2 s: 0 messages without an outcome; give --timeout more"
    ]


def test_errors_of_the_server_are_told(shell: Shell, inst_server: Served, tmp_path: Path) -> None:
    file = write_lines(
        tmp_path / "lines", {"type": "\x1b[31mevil"},
        {"type": "sync/time", "id": 1, "clientRequestTime": 1},
    )  # fmt: skip

    ran = shell.run("send", inst_server.url, file, "--lines", "--reply", "sync/time/response")

    assert ran.status == 0
    (error,) = (line for line in ran.out if line.startswith("! "))
    assert "ServerError: unacceptable_request" in error
    assert all(line.isprintable() for line in ran.out)


def test_bars_show_what_uploads_and_nothing_else() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    bars = _send.make_bars(console)
    assert bars is not None
    entries = [Entry(SendId(1)), Entry(SendId(2))]
    entries[0].progress = Progress(done=50, total=100)
    pending = {
        number: _send.Sent(number, "[big]", 100, Receipt(entry), 0.0)
        for number, entry in enumerate(entries, 1)
    }
    tasks: dict[int, TaskID] = {}

    _send.show_uploads(bars, tasks, pending)

    assert [(task.description, task.completed, task.total) for task in bars.tasks] == [
        ("1 [big]", 50, 100)
    ]
    _send.show_uploads(bars, tasks, {})
    assert bars.tasks == []


def test_without_a_terminal_there_are_no_bars() -> None:
    assert _send.make_bars(Console(file=io.StringIO())) is None
