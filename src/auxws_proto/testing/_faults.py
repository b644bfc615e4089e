"""What can go wrong in a world: by name, and by chance.

It knows names, ranges and probabilities. It must not know when any of it happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .._events import TransportFailure

OPEN_FAULTS: Final[dict[str, TransportFailure | None]] = {
    "connect": TransportFailure(kind="connect"),
    "resolve": TransportFailure(kind="resolve"),
    "429": TransportFailure(kind="rejected", status=429, retry_after=2.0),
    "503": TransportFailure(kind="rejected", status=503),
    "silent": None,
}
"""What an attempt to connect can meet; ``silent`` is no answer at all."""

GRANT_FAULTS: Final = ("server_error", "not_supported", "late")
"""What a request for an upload URL can meet."""

LOGIN_FAULTS: Final = ("unavailable", "silent")
"""What a question for credentials can meet."""


@dataclass(kw_only=True)
class Faults:
    """The weather: ranges in seconds, probabilities from 0 to 1. By default nothing goes wrong.

    What goes wrong by chance comes on top of what is asked for by a `World`'s methods.
    """

    latency: tuple[float, float] = (0.01, 0.05)
    """How long anything is on its way."""
    write_delay: tuple[float, float] = (0.0, 0.0)
    """From a write to its ``data_sent``."""
    store_latency: tuple[float, float] = (0.02, 0.2)
    late_timers: tuple[float, float] = (0.0, 0.0)
    """How much too late a timer is noticed."""
    split: float = 0.0
    """A read takes only a part of the bytes that came (byte streams)."""
    join: float = 0.0
    """A read takes the next bytes that came as well (byte streams)."""
    cut: float = 0.0
    """A connection breaks at a write."""
    refuse: float = 0.0
    """An attempt to connect meets one of `OPEN_FAULTS`."""
    store: float = 0.0
    """A request to the object store meets one of `store_kinds`."""
    store_kinds: Sequence[str] = ("500", "503", "slow_down", "drop", "lost", "expired", "silent")
    grant: float = 0.0
    """A request for an upload URL meets ``server_error`` or comes too late."""
    progress: bool = False
    """Transfers report progress."""
