"""Figures, their spread, and what they are held against.

It knows numbers. It must not know what was measured, nor how.

Strategy: contestants take turns (A B C A B C …), so that a machine that gets slower meanwhile is
slower for all of them; a ratio is formed within a round, and its median over the rounds is shown,
with the smallest and the largest.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Sample = Mapping[str, float]
"""What one measurement gives, by quantity."""

Contestant = Callable[[], Sample]


class Unavailable(Exception):
    """A contestant cannot take part; the text says why, and goes into the table."""


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, with the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])

    def __str__(self) -> str:
        return f"{number(self.median)} ({number(self.low)} to {number(self.high)})"


def number(value: float) -> str:
    """Three digits that count, thousands separated."""
    if abs(value) >= 100:
        digits = max(0, len(f"{abs(value):.0f}") - 3)
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


@dataclass
class Results:
    """The samples of all contestants, in the order of the rounds."""

    samples: dict[str, list[Sample]] = field(default_factory=dict[str, list[Sample]])
    missing: dict[str, str] = field(default_factory=dict[str, str])
    """Who did not take part, and why."""

    def values(self, name: str, quantity: str) -> list[float]:
        return [sample[quantity] for sample in self.samples.get(name, ())]

    def ratios(self, ours: str, theirs: str, quantity: str) -> list[float]:
        """Ours over theirs, round by round; empty if one of them is missing."""
        pairs = zip(self.values(ours, quantity), self.values(theirs, quantity), strict=False)
        return [one / other for one, other in pairs if other]


def alternate(
    contestants: Mapping[str, Contestant], rounds: int, title: str, *, warm_up: bool = True
) -> Results:
    """Measure everybody in turn, once to warm up and then ``rounds`` times."""
    results = Results()
    for turn in range(0 if warm_up else 1, rounds + 1):
        for name, measure in contestants.items():
            if name in results.missing:
                continue
            try:
                sample = measure()
            except Unavailable as why:
                results.missing[name] = str(why)
                results.samples.pop(name, None)
                continue
            if turn:
                results.samples.setdefault(name, []).append(sample)
        print(f"  {title}: round {turn} of {rounds}", file=sys.stderr, flush=True)
    return results


@dataclass(frozen=True)
class Table:
    """Rows of text under a title."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    @classmethod
    def of(cls, title: str, results: Results, quantities: Mapping[str, str]) -> Table:
        """One row for each contestant; ``quantities`` are the columns' titles by quantity."""
        rows: list[list[str]] = []
        for name, samples in results.samples.items():
            row = [name]
            for quantity in quantities:
                values = [sample[quantity] for sample in samples if quantity in sample]
                row.append(str(Spread.of(values)) if values else "-")
            rows.append(row)
        for name, why in results.missing.items():
            rows.append([name, f"not measured: {why}", *[""] * (len(quantities) - 1)])
        return cls(title, ["", *quantities.values()], rows)


@dataclass(frozen=True)
class Target:
    """A ratio that was set as a goal."""

    what: str
    wanted: float
    ratios: Sequence[float]
    at_most: bool = False

    @property
    def is_reached(self) -> bool | None:
        """None: it could not be measured. The median counts."""
        if not self.ratios:
            return None
        median = statistics.median(self.ratios)
        return median <= self.wanted if self.at_most else median >= self.wanted

    def row(self) -> list[str]:
        sign = "≤" if self.at_most else "≥"
        found = str(Spread.of(self.ratios)) if self.ratios else "-"
        verdict = {True: "reached", False: "**not reached**", None: "not measured"}
        return [self.what, f"{sign} {self.wanted:g}", found, verdict[self.is_reached]]


@dataclass(frozen=True)
class Section:
    """What one group has found out."""

    group: str
    title: str
    method: str
    targets: Sequence[Target]
    tables: Sequence[Table]
