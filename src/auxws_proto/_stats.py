"""A snapshot of a session's queues.

It knows figures. It must not know how they come about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ._reports import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStats:
    """Counts, sizes in bytes, and seconds."""

    outbox_messages: int
    outbox_bytes: int
    pending_uploads: int
    pending_downloads: int
    held_bytes: int
    untaken_bytes: int
    latency: float | None
    sent: Mapping[str, Tally]
    """By path: ``inline``, ``fragments``, ``upload``."""
    received: Mapping[str, Tally]
    """By path: ``inline``, ``download``."""
