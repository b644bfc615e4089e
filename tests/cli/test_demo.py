"""The demo, over real sockets, and what it shows."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from auxws_anyio import _demo, _screen
from auxws_anyio.cli import main
from auxws_proto import __version__


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


def test_json_is_one_object(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["demo", "--json", "--backend", backend])

    printed = json.loads(capsys.readouterr().out)
    messages: list[dict[str, Any]] = printed["messages"]
    assert status == 0
    assert (printed["ok"], printed["error"], printed["frames_over_limit"]) == (True, None, 0)
    assert 0 < printed["largest_frame"] <= 32_768
    assert Counter((m["direction"], m["path"]) for m in messages) == {
        ("sent", "inline"): 16,
        ("sent", "upload"): 2,
        ("sent", "fragments"): 1,
        ("received", "inline"): 16,
        ("received", "download"): 3,
    }
    assert max(message["bytes"] for message in messages) > 5_000_000
    assert all(message["ms"] > 0 for message in messages)


def test_lines_end_with_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["demo"])

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert lines[0].startswith("local gateway at ws://127.0.0.1:")
    assert "ann is logged in" in lines
    assert any("bob <- download" in line for line in lines)
    assert lines[-1].startswith("OK: 19 updates, ")
    assert "every byte arrived in order" in lines[-1]


def test_another_way_than_meant_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = _demo.Step(title="small", sender="ann", size=10, path="upload")
    monkeypatch.setattr(_demo, "STEPS", (step,))

    status = main(["demo"])

    assert status == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "FAILED: an update of 10 bytes went inline, not upload"
    )


def test_other_bytes_than_sent_are_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = _demo.Step(title="small", sender="ann", size=1, path="inline")
    monkeypatch.setattr(_demo, "STEPS", (step,))
    monkeypatch.setattr(_demo, "anext", _altered, raising=False)

    status = main(["demo", "--json"])

    printed = json.loads(capsys.readouterr().out)
    assert status == 1
    assert printed["ok"] is False
    assert "something else than ann had sent" in printed["error"]


async def _altered(stream: Any) -> Any:
    message = await stream.__anext__()
    return {**message, "updates": ["other"]}


def test_a_demo_that_hangs_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_demo, "TIME_LIMIT", 0)

    status = main(["demo"])

    assert status == 1
    assert capsys.readouterr().out == "FAILED: not done within 0 s\n"


def test_bars_show_transfers() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with Progress(console=console) as progress:
        bars = _screen.Bars(progress)
        bars.say("[5 MB]")
        bars.progress("ann", True, 1, 2)
        bars.progress("ann", True, 2, 2)
        bars.progress("bob", False, 1, None)

        assert [(task.description, task.completed) for task in progress.tasks] == [
            ("ann uploads", 2),
            ("bob downloads", 1),
        ]
    file = console.file
    assert isinstance(file, io.StringIO)
    assert "[5 MB]" in file.getvalue()


def test_a_terminal_without_rich_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "rich.progress", None)

    with _screen.screen_for_people() as screen:
        assert type(screen) is _screen.Lines


def test_a_terminal_with_rich_gets_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    with _screen.screen_for_people() as screen:
        assert isinstance(screen, _screen.Bars)


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "auxws_anyio", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == f"auxws {__version__}\n"


def test_an_interrupt_has_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(**_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(_demo, "show_demo", interrupt)

    assert main(["demo"]) == 130


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["demo", "--backend", "curio"]])
def test_misuse_has_its_status(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert "usage: auxws" in capsys.readouterr().err
