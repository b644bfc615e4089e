"""100,000 clients behind one API Gateway: after an outage, and over two-hour lives.

    python -m docs.tools.fleet --write | --check

It simulates clients as events on a virtual clock: when each tries to connect, and whether the
gateway takes it (`RATE` new connections a second, 429 beyond; ``docs/protocol.md`` §5). The waits
are those of the core: `Shared.backoff` with the defaults of `Reconnect`, and the ages of planned
rotation are drawn as `Life` draws them. It must not know anything else of a client. Sums are made
for each second; the seed is fixed, so that the figures are always the same.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from auxws_proto import Config, Reconnect, Role
from auxws_proto._shared import Shared

from .drawing import Chart, Curve, Point, draw_chart, page

FOLDER: Final = Path(__file__).parent.parent / "explanation"
PAGE: Final = FOLDER / "scaling.md"

CLIENTS: Final = 100_000
RATE: Final = 500
"""New connections a second that an account may open at an API Gateway endpoint (§5)."""
BURST: Final = 500
"""How many may come at once: the bucket of AWS's token bucket. Its size is not documented."""
OUTAGE: Final = 60.0
"""Seconds in which no attempt succeeds, counted from the loss of all connections."""
ATTEMPT: Final = (0.1, 0.3)
"""Seconds that an attempt takes, refused or not: somewhere between these."""
STEP: Final = 0.01
"""Seconds: attempts within one step are as good as simultaneous."""
LIFE: Final = 7_200.0
"""Seconds after which API Gateway ends a connection (§5)."""
END: Final = 900.0
"""Seconds after which nobody looks any more."""

Delay = Callable[[int], float]
"""How long to wait before the next attempt, by the number of failures so far in a row."""


def full_jitter(seed: int) -> Delay:
    """As auxws does by default."""
    shared = Shared(Role.CLIENT, Config(random=random.Random(seed).random), None)
    policy = Reconnect()
    return lambda failures: shared.backoff(policy.base, failures, policy.cap)


def no_jitter() -> Delay:
    """The same times, each at its most: what the formula gives without its random part."""
    shared = Shared(Role.CLIENT, Config(random=lambda: 1.0), None)
    policy = Reconnect()
    return lambda failures: shared.backoff(policy.base, failures, policy.cap)


def constant(seconds: float) -> Delay:
    """As the reference client does (§6)."""
    return lambda failures: seconds


@dataclass(slots=True)
class Run:
    """What came of one way of waiting, by the second."""

    attempts: dict[int, int] = field(default_factory=dict[int, int])
    connected: dict[int, int] = field(default_factory=dict[int, int])
    refused: int = 0
    done_at: float | None = None

    def back(self, share: float) -> float | None:
        """When that share of the clients was connected again, in seconds from the loss."""
        total = 0
        for second in sorted(self.connected):
            total += self.connected[second]
            if total >= share * CLIENTS:
                return float(second + 1)
        return None

    @property
    def peak(self) -> int:
        """The most attempts in one second once the gateway is back."""
        return max((n for second, n in self.attempts.items() if second >= OUTAGE), default=0)

    def share(self) -> list[Point]:
        """Time and percentage of clients that are connected."""
        points, total = [(0.0, 0.0)], 0
        for second in range(int(END)):
            total += self.connected.get(second, 0)
            points.append((float(second + 1), 100.0 * total / CLIENTS))
        return points

    def load(self) -> list[Point]:
        """Time and attempts a second, over spans of five seconds."""
        return [
            (second + 2.5, sum(self.attempts.get(second + n, 0) for n in range(5)) / 5)
            for second in range(0, int(END), 5)
        ]


def outage(delay: Delay) -> Run:
    """All clients lose their connections at once, and come back.

    A client is no more here than its failures in a row, in the list of the step at which it tries
    next. The gateway is a token bucket, which is full when the outage ends.
    """
    run, draw = Run(), random.Random(7).random
    shortest, spread = ATTEMPT[0], ATTEMPT[1] - ATTEMPT[0]
    steps: list[list[int]] = [[] for _ in range(int(END / STEP))]
    tokens, left = float(BURST), CLIENTS

    def schedule(now: float, clients: list[int]) -> None:
        for failures in clients:
            step = int((now + delay(failures) + shortest + spread * draw()) / STEP)
            if step < len(steps):
                steps[step].append(failures)

    schedule(0.0, [0] * CLIENTS)
    for step, waiting in enumerate(steps):
        now = step * STEP
        second = int(now + 1e-9)
        is_open = now >= OUTAGE
        if waiting:
            run.attempts[second] = run.attempts.get(second, 0) + len(waiting)
        taken = min(len(waiting), int(tokens)) if is_open else 0
        if is_open:
            tokens = min(BURST, tokens - taken + RATE * STEP)
        if taken:
            run.connected[second] = run.connected.get(second, 0) + taken
            left -= taken
            if not left:
                run.done_at = now
                break
        run.refused += (len(waiting) - taken) * is_open
        schedule(now, [failures + 1 for failures in waiting[taken:]])
        waiting.clear()
    return run


def lives(jitter: float | None, hours: int = 8) -> list[Point]:
    """Connections opened each minute by a fleet that started at `RATE` clients a second.

    ``jitter`` is `Config.max_age_jitter`, with `Config.max_age` 7,000 s; None is without planned
    rotation: the gateway ends each connection at 7,200 s, and it is opened again after the wait.
    """
    rng = random.Random(11)
    wait = full_jitter(11)
    minutes: dict[int, int] = {}
    for client in range(CLIENTS):
        now = client / RATE
        while now < hours * 3_600:
            minutes[int(now // 60)] = minutes.get(int(now // 60), 0) + 1
            now += LIFE + wait(0) if jitter is None else 7_000.0 * (1 - jitter * rng.random())
    return [(minute / 60, minutes.get(minute, 0) / 60) for minute in range(hours * 60)]


WAYS: Final[tuple[tuple[str, str, Callable[[], Delay]], ...]] = (
    ("full jitter (auxws)", "#2f6db5", lambda: full_jitter(1)),
    ("the same, no jitter", "#d1531d", no_jitter),
    ("5 s each time (reference)", "#7d8590", lambda: constant(5.0)),
)
LIVES: Final[tuple[tuple[str, str, float | None], ...]] = (
    ("cut at 7,200 s", "#7d8590", None),
    ("max_age_jitter = 0.1", "#d1531d", 0.1),
    ("max_age_jitter = 0.5", "#2f6db5", 0.5),
)


def seconds(value: float | None) -> str:
    return "not within 900 s" if value is None else f"{value:,.0f} s"


def outage_table(runs: dict[str, Run]) -> str:
    lines = [
        "| | half are back after | all are back after | attempts refused | most in one second |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, run in runs.items():
        cells = seconds(run.back(0.5)), seconds(run.done_at), f"{run.refused:,}", f"{run.peak:,}"
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def lives_table(fleets: dict[str, list[Point]]) -> str:
    spans = ((1.5, 2.5), (3.5, 4.5), (5.5, 6.5))
    lines = [
        "| most new connections a second, near | 2 h | 4 h | 6 h |",
        "| --- | --- | --- | --- |",
    ]
    for name, points in fleets.items():
        peaks = [max(n for at, n in points if low <= at < high) for low, high in spans]
        lines.append(f"| {name} | {' | '.join(f'{peak:,.0f}' for peak in peaks)} |")
    return "\n".join(lines)


def outage_plot(runs: dict[str, Run]) -> str:
    colours = {name: colour for name, colour, _ in WAYS}
    charts = [
        Chart(
            title=f"{CLIENTS:,} clients after an outage of {OUTAGE:g} s", y_name="connected, in %",
            x_name="seconds since the connections were lost", right=900, x_step=100, top=100,
            y_step=20,
            curves=[Curve(name=n, colour=colours[n], points=r.share()) for n, r in runs.items()],
        ),
        Chart(
            title="Attempts a second (mean of 5 s)", y_name="500 a second are taken",
            x_name="seconds since the connections were lost", right=900, x_step=100, top=25_000,
            y_step=5_000,
            curves=[Curve(name=n, colour=colours[n], points=r.load()) for n, r in runs.items()],
        ),
    ]  # fmt: skip
    body = draw_chart(charts[0], 70, 60, 780, 240) + draw_chart(charts[1], 70, 420, 780, 240)
    return page(880, 720, body, "Clients coming back after an outage")


def lives_plot(fleets: dict[str, list[Point]]) -> str:
    colours = {name: colour for name, colour, _ in LIVES}
    chart = Chart(
        title=f"New connections of {CLIENTS:,} clients, all started within {CLIENTS // RATE} s",
        y_name="new connections a second (mean of a minute)", x_name="hours", right=8, x_step=1,
        top=500, y_step=100,
        curves=[Curve(name=n, colour=colours[n], points=p) for n, p in fleets.items()],
    )  # fmt: skip
    return page(880, 380, draw_chart(chart, 70, 60, 780, 260), "New connections over eight hours")


def documents() -> dict[Path, str]:
    """The files, and what they have to hold."""
    runs = {name: outage(make()) for name, _, make in WAYS}
    fleets = {name: lives(jitter) for name, _, jitter in LIVES}
    text = PAGE.read_text("utf-8")
    for name, rows in (("outage", outage_table(runs)), ("lives", lives_table(fleets))):
        before, end = f"<!-- table: {name} -->\n\n", "\n\n<!-- end of table -->"
        head, _, rest = text.partition(before)
        text = head + before + rows + end + rest.partition(end)[2]
    return {
        PAGE: text,
        FOLDER / "scaling-outage.svg": outage_plot(runs),
        FOLDER / "scaling-lives.svg": lives_plot(fleets),
    }


def main(arguments: list[str]) -> int:
    made = documents()
    if "--write" in arguments:
        for path, text in made.items():
            path.write_text(text, "utf-8")
        return 0
    wrong = [p for p, text in made.items() if not p.exists() or p.read_text("utf-8") != text]
    for path in wrong:
        sys.stdout.write(f"{path.name} is not current; run with --write\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
