"""The fuzz targets hold for every seed, and for a short run; what breaks them is found."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import cast

import pytest

from auxws_proto._frames import Mask, text_frames
from fuzz import engines
from fuzz.__main__ import main
from fuzz.engines import minimize, run_hypothesis
from fuzz.seeds import CORPUS, seeds
from fuzz.targets import TARGETS, Broken


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_break_nothing(target: str) -> None:
    found = seeds(target)

    for data in found:
        TARGETS[target](data)
    assert found


def test_frames_in_a_row_that_say_something_else_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def always_the_first(texts: list[bytes], keys: bytes | None, apply_mask: Mask) -> list[bytes]:
        return text_frames([texts[0]] * len(texts), keys, apply_mask)

    monkeypatch.setattr("auxws_proto._websocket.text_frames", always_the_first)

    with pytest.raises(Broken, match="sends"):
        TARGETS["short_path"](b"one\0two")


def test_committed_seeds_belong_to_targets() -> None:
    folders = (
        {path.name for path in CORPUS.iterdir() if path.is_dir()} if CORPUS.is_dir() else set()
    )

    assert folders <= TARGETS.keys()


def test_short_run_finds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    status = main(["--seconds", "3", "--engine", "hypothesis"])

    printed = capsys.readouterr().out
    assert status == 0
    assert all(f"{target}: " in printed for target in TARGETS)
    assert " s of processor time" in printed
    assert list(tmp_path.iterdir()) == []


def breaks_at_a_question_mark(data: bytes) -> None:
    if b"?" in data:
        raise Broken("a question mark")


@pytest.fixture
def broken_target(monkeypatch: pytest.MonkeyPatch) -> str:
    targets = cast("dict[str, object]", TARGETS)
    monkeypatch.setitem(targets, "texts", breaks_at_a_question_mark)
    return "texts"


def test_finding_is_kept_and_made_smaller(
    broken_target: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    status = main(["--seconds", "5", "--engine", "hypothesis", "--target", broken_target])

    kept = tmp_path / "fuzz-findings" / broken_target
    assert status == 1
    assert "FOUND Broken: a question mark" in capsys.readouterr().out
    assert b"?" in kept.read_bytes()
    assert main(["--target", broken_target, "--minimize", str(kept)]) == 0
    assert kept.with_suffix(".min").read_bytes() == b"?"
    with pytest.raises(Broken):
        main(["--target", broken_target, "--run", str(kept)])


def test_input_runs_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"[2,1]")

    assert main(["--target", "texts", "--run", str(path)]) == 0
    assert "no promise is broken" in capsys.readouterr().out


def test_one_input_needs_one_target(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--run", "x"])
    assert "need one --target" in capsys.readouterr().err


def test_minimize_keeps_what_breaks(broken_target: str) -> None:
    assert minimize(broken_target, b"abc?def?") == b"?"


LIBFUZZER = """
#12	NEW    cov: 340 ft: 900
#98	DONE   cov: 466 ft: 1000
stat::number_of_executed_units: 98
"""


@pytest.mark.parametrize(
    ("crash", "words", "finding", "error"),
    [
        (None, "", None, ""),
        (b"oops", "Broken: a promise\n", b"oops", "Broken: a promise"),
    ],
)
def test_what_the_guided_engine_says(
    crash: bytes | None,
    words: str,
    finding: bytes | None,
    error: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], *, cwd: str, **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        if crash is not None:
            (Path(cwd) / "crash-1").write_bytes(crash)
        return subprocess.CompletedProcess(command, int(crash is not None), LIBFUZZER, words)

    monkeypatch.setattr(subprocess, "run", run)

    outcome = engines.run_atheris("texts", 5.0, tmp_path / "grown")

    assert outcome == engines.Outcome("texts", 98, finding, error, 466)
    assert commands[0][1:] == ["-m", "fuzz.guided", "texts", "5.0", str(tmp_path / "grown/texts")]
    assert (tmp_path / "grown" / "texts").is_dir()


def test_hypothesis_stops_in_time() -> None:
    outcome = run_hypothesis("handshakes", 0.2)

    assert outcome.finding is None
    assert outcome.executions > 0
