"""What a planted fault is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: in ``module``, ``replace`` stands where ``search`` should."""

    name: str
    module: str
    search: str
    replace: str
