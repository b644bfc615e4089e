"""``auxws trace`` and ``auxws replay``: what was recorded, shown, written and played again."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from auxws_anyio.cli import _out, _trace

from .helpers import Served, Shell, write_lines


@pytest.fixture
def trace(shell: Shell, inst_server: Served, tmp_path: Path) -> Path:
    """A session with a small and a large message."""
    message = {"type": "sync/time", "id": 1, "clientRequestTime": 1}
    lines = write_lines(
        tmp_path / "lines", {**message, "padding": "[bold]" * 10_000}, {**message, "id": 2}
    )  # fmt: skip
    file = tmp_path / "session.auxtrace.jsonl"
    ran = shell.run("send", inst_server.url, lines, "--lines", "--reply", "sync/time/response",
                    "--trace", file)  # fmt: skip
    assert ran.status == 0
    return file


def test_a_summary_for_people(shell: Shell, trace: Path) -> None:
    ran = shell.run("trace", trace)

    assert ran.status == 0
    assert ran.out[0].startswith("session.auxtrace.jsonl  client  ws://127.0.0.1:")
    assert any(line.split()[:5] == ["sync/time", "out", "upload", "1", "60.1"] for line in ran.out)


def test_a_summary_for_programs(shell: Shell, trace: Path) -> None:
    summary = shell.run("trace", trace, "--json").event("summary")

    assert summary["bytes_out"] > 60_000
    assert [leg["name"] for leg in summary["legs"]] == ["URL request", "PUT", "announced"]


def test_a_summary_on_a_terminal(
    shell: Shell, trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def console(*, stderr: bool = False) -> Console:
        return Console(force_terminal=True, width=100, markup=False, emoji=False)

    monkeypatch.setattr(_out, "make_console", console)

    ran = shell.run("trace", trace)

    text = "\n".join(ran.out)
    assert ran.status == 0
    assert "\x1b[1msession.auxtrace.jsonl" in text
    assert "URL request" in text


def test_a_page_a_picture_and_an_archive(shell: Shell, trace: Path, tmp_path: Path) -> None:
    targets = {kind: tmp_path / f"out.{kind}" for kind in ("html", "svg", "har")}
    options = [part for kind, target in targets.items() for part in (f"--{kind}", target)]

    ran = shell.run("trace", trace, *options, "--json")

    assert ran.status == 0
    assert {event["kind"]: event["bytes"] for event in ran.all("written")} == {
        kind: target.stat().st_size for kind, target in targets.items()
    }
    assert targets["html"].read_text("utf-8").lower().startswith("<!doctype html>")
    assert "<svg" in targets["svg"].read_text("utf-8")
    assert json.loads(targets["har"].read_text("utf-8"))["log"]["version"] == "1.2"


def test_standard_input_and_output(shell: Shell, trace: Path) -> None:
    ran = shell.run("trace", "-", "--har", "-", stdin=trace)

    assert json.loads("\n".join(ran.out))["log"]["version"] == "1.2"


@pytest.mark.parametrize("command", ["trace", "replay"])
@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "No such file or directory"), ('{"a": 1}\n', "the first line is not"),
     (b"\xff\xfe", "a trace is ")],
    ids=["missing", "no trace", "binary"],
)  # fmt: skip
def test_what_is_no_trace(
    shell: Shell, tmp_path: Path, command: str, text: str | bytes | None, says: str
) -> None:
    file = tmp_path / "file"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())

    ran = shell.run(command, file)

    assert (ran.status, ran.out) == (2, [])
    assert ran.err[0].startswith(f"auxws: {file}: {says}")


def test_the_trace_itself_is_not_written_over(shell: Shell, trace: Path) -> None:
    before = trace.read_bytes()

    ran = shell.run("trace", trace, "--html", trace)

    assert (ran.status, ran.err) == (2, [f"auxws: --html: {trace} is the trace itself"])
    assert trace.read_bytes() == before


def test_a_place_that_cannot_be_written(shell: Shell, trace: Path) -> None:
    ran = shell.run("trace", trace, "--svg", "/nowhere/out.svg")

    assert (ran.status, ran.err) == (1, ["auxws: /nowhere/out.svg: No such file or directory"])


def test_a_machine_that_is_not_there(shell: Shell, trace: Path) -> None:
    ran = shell.run("trace", trace, "--machine", "nobody")

    assert ran.status == 2
    assert len(ran.err) == 1


def test_a_replay_that_is_the_same(shell: Shell, trace: Path) -> None:
    people, programs = shell.run("replay", trace), shell.run("replay", trace, "--json")

    assert people.status == 0
    assert people.out[0].startswith("SAME: ")
    assert programs.event("replayed")["same"] is True


def test_a_replay_that_differs_says_where(shell: Shell, trace: Path, tmp_path: Path) -> None:
    lines = trace.read_text("utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if '"stage": "CONFIRMED"' in line
                  or '"stage":"CONFIRMED"' in line)  # fmt: skip
    lines[number - 1] = lines[number - 1].replace("CONFIRMED", "SENT")
    changed = write_lines(tmp_path / "changed", *lines)

    people, programs = (
        shell.run("replay", changed),
        shell.run("replay", "-", "--json", stdin=changed),
    )

    assert people.status == 1
    assert people.out[0].startswith(f"DIFFERENT at line {number}: ")
    assert people.out[1].startswith("  recorded {")
    assert '"stage":"CONFIRMED"' in people.out[2]
    replayed = programs.event("replayed")
    assert (programs.status, replayed["same"], replayed["line"]) == (1, False, number)


def test_a_trace_that_is_cut_off_is_told(shell: Shell, trace: Path, tmp_path: Path) -> None:
    cut = write_lines(tmp_path / "cut", *trace.read_text("utf-8").splitlines()[:-1])

    ran = shell.run("replay", cut)

    assert ran.out[0].endswith("; the trace is cut off, so its last actions are not known")


def test_the_trace_holds_no_secret_of_the_session(trace: Path) -> None:
    assert "X-Amz-Signature=redacted" in trace.read_text("utf-8")


def test_each_login_has_a_trace_of_its_own(
    shell: Shell, inst_server: Served, tmp_path: Path
) -> None:
    lines = write_lines(tmp_path / "lines", "/login bob", "/login eve")

    ran = shell.run("connect", inst_server.url, "--linger", "0s", "--trace", tmp_path / "t",
                    stdin=lines)  # fmt: skip

    assert ran.status == 0
    assert sorted(path.name for path in tmp_path.glob("t*")) == ["t", "t.2", "t.3"]


def test_a_load_has_no_trace(shell: Shell) -> None:
    ran = shell.run("bench", "ws://127.0.0.1:1/", "--trace", "x")

    assert ran.err == ["auxws: --trace is for one client; add --clients 1"]


def test_cells_are_escaped() -> None:
    table = _trace.make_table(("type", "failed"), [("[b]\x1b", "1")], 1)
    console = Console(file=io.StringIO(), record=True, width=60)

    console.print(table)

    assert "[b]\\u001b" in console.export_text()
