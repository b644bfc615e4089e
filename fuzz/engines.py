"""Two ways to feed a target: coverage-guided by atheris, or hypothesis.

They know time and findings. They must not know what a target does.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from auxws_proto import Role
from auxws_proto.testing import strategies

from .seeds import seeds
from .targets import OF_BYTE_STREAMS, SEPARATOR, TARGETS

_NO_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of fuzzing one target."""

    target: str
    executions: int
    finding: bytes | None
    error: str
    coverage: int | None = None
    """Edges, where the engine counts them."""


def run_hypothesis(target: str, seconds: float, first_seed: int = 0) -> Outcome:
    """Feed a target with what hypothesis draws, and its seeds, changed a little."""
    function, end = TARGETS[target], time.monotonic() + seconds
    executions, last = 0, b""

    def execute(data: bytes) -> None:
        nonlocal executions, last
        executions, last = executions + 1, data
        function(data)

    try:
        for data in seeds(target):
            if executions and time.monotonic() >= end:
                break
            execute(data)
        number = first_seed
        while time.monotonic() < end:
            _batch(target, execute, number)
            number += 1
    except Exception as error:
        return Outcome(target, executions, last, f"{type(error).__name__}: {error}")
    return Outcome(target, executions, None, "")


def _batch(target: str, execute: Callable[[bytes], None], number: int) -> None:
    @seed(number)
    @settings(
        max_examples=50, deadline=None, database=None, suppress_health_check=_NO_CHECKS,
        phases=(Phase.generate, Phase.shrink),
    )  # fmt: skip
    @given(_inputs(target))
    def run(data: bytes) -> None:
        execute(data)

    run()


def _inputs(target: str) -> st.SearchStrategy[bytes]:
    known = st.sampled_from(seeds(target))
    changed = st.tuples(known, st.integers(0, 4_096), st.binary(max_size=8)).map(_spliced)
    streams = strategies.byte_streams(Role.CLIENT) | strategies.byte_streams(Role.SERVER)
    drawn: dict[str, st.SearchStrategy[bytes]] = {
        "texts": st.lists(strategies.hostile_texts(), max_size=4).map(SEPARATOR.join),
        **dict.fromkeys(OF_BYTE_STREAMS, streams),
    }
    return st.one_of(changed, drawn.get(target, st.binary(max_size=200)))


def _spliced(parts: tuple[bytes, int, bytes]) -> bytes:
    data, place, piece = parts
    at = place % (len(data) + 1)
    return data[:at] + piece + data[at + len(piece) // 2 :]


def run_atheris(target: str, seconds: float, grown: Path | None = None) -> Outcome:
    """Feed a target by coverage, in a process of its own.

    ``grown/TARGET`` keeps what reaches something new; the next run begins with it.
    """
    root = Path(__file__).parent.parent
    with TemporaryDirectory() as folder:
        kept = Path(folder, "grown") if grown is None else (grown / target).absolute()
        kept.mkdir(parents=True, exist_ok=True)
        paths = [str(root), str(root / "src"), *sys.path]
        done = subprocess.run(
            [sys.executable, "-m", "fuzz.guided", target, str(seconds), str(kept)], cwd=folder,
            capture_output=True, text=True, errors="replace", check=False,
            env={"PYTHONPATH": ":".join(path for path in paths if path)},
        )  # fmt: skip
        output = done.stdout + done.stderr
        crashes = sorted(Path(folder).glob("crash-*"))
        found = crashes[0].read_bytes() if crashes else None
    counts = re.findall(r"^stat::number_of_executed_units: (\d+)|^#(\d+)\t", output, re.MULTILINE)
    executions = max((int(final or so_far) for final, so_far in counts), default=0)
    coverage = max((int(edges) for edges in re.findall(r"cov: (\d+)", output)), default=None)
    if found is None and done.returncode == 0:
        return Outcome(target, executions, None, "", coverage)
    words = re.findall(r"^\w*(?:Error|Broken)\w*: .*", output, re.MULTILINE)
    error = words[-1] if words else output[-2_000:]
    return Outcome(target, executions, found or b"", error, coverage)


def minimize(target: str, data: bytes) -> bytes:
    """The shortest input that can be had by leaving parts out and still breaks the promise."""
    function = TARGETS[target]

    def breaks(candidate: bytes) -> bool:
        try:
            function(candidate)
        except Exception:
            return True
        return False

    size = max(1, len(data) // 2)
    while size:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + size :]
            if breaks(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data
