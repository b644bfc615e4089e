"""What the README says in figures and in pictures is what was measured and recorded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auxws_anyio.viewer import render_svg
from auxws_proto import read_trace

ROOT = Path(__file__).parent.parent.parent
README = " ".join((ROOT / "README.md").read_text("utf-8").split())
MEASURED = (ROOT / "docs" / "performance.md").read_text("utf-8")
TOLERANCE = 0.2
"""Runs differ; a figure that is further off has to be written anew."""
ROWS = 40
"""``auxws trace tests/traces/sample.auxtrace.jsonl --rows 40 --svg docs/_static/session.svg``"""


@pytest.mark.parametrize(
    ("said", "row"),
    [
        (r"100 KB take ([\d.]+),", "One message of 100 KB: time of auxws asyncio / "),
        (r"at hand ([\d.]+),", "One message of 100 KB: time of auxws asyncio, URLs ahead / "),
        (r"in fragments ([\d.]+);", "One message of 100 KB: time of auxws asyncio, fragments / "),
        (
            r"1 MB at once take ([\d.]+)\.",
            "20 messages of 1 MB to a store that takes 100 ms: time of auxws asyncio / ",
        ),
        (
            r"it receives ([\d.]+) and sends",
            "receive 100 B: auxws asyncio, speed / websockets asyncio, orjson",
        ),
        (
            r"and sends ([\d.]+) times what `websockets`",
            "send 100 B: auxws asyncio, speed / websockets asyncio, orjson",
        ),
        (
            r"on asyncio, ([\d.]+) and",
            "receive 100 B: auxws trio, speed / websockets trio, orjson",
        ),
        (r"and ([\d.]+) times on trio", "send 100 B: auxws trio, speed / websockets trio, orjson"),
        (r"receiving is ([\d.]+) times", "receive 100 B: auxws asyncio, speed / reference client"),
        (r"and sending ([\d.]+) times", "send 100 B: auxws asyncio, speed / reference client"),
    ],
)
def test_a_figure_is_the_measured_one(said: str, row: str) -> None:
    [figure] = re.findall(said, README)
    [measured] = re.findall(rf"^\| {re.escape(row)}[^|]*\|[^|]*\| ([\d.]+) ", MEASURED, re.M)

    assert float(figure) == pytest.approx(float(measured), rel=TOLERANCE)


def test_losses_are_those_that_were_counted() -> None:
    text = (ROOT / "docs" / "delivery.md").read_text("utf-8")

    assert "224 losses, on asyncio, uvloop, trio, threads: **0 messages lost**" in text
    assert "in 224 ways, on asyncio, uvloop, trio and threads: 0 messages lost" in README


def test_transfers_take_no_longer_than_with_httpx() -> None:
    found = re.findall(r"^\| (?:put|get) .*: time of [^|]*\|[^|]*\| ([\d.]+) ", MEASURED, re.M)

    assert found
    assert max(map(float, found)) < 1.1


def test_the_picture_is_that_of_the_trace() -> None:
    trace = read_trace(ROOT / "tests" / "traces" / "sample.auxtrace.jsonl")
    picture = (ROOT / "docs" / "_static" / "session.svg").read_text("utf-8")

    assert picture == render_svg(trace, title="sample.auxtrace.jsonl", rows=ROWS)
