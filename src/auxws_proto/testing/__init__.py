"""Tools for tests: a whole world on a virtual clock, with every promise judged while it runs.

`World` lets machines meet over a network and an object store that fail in every way, on a
`VirtualClock`, by one seed. Hypothesis strategies are in ``auxws_proto.testing.strategies``; all
but those need nothing but the standard library (and wsproto, for worlds of bytes).
"""

from __future__ import annotations

from ._actor import Actor, Application
from ._clock import Alarm, VirtualClock
from ._faults import GRANT_FAULTS, LOGIN_FAULTS, OPEN_FAULTS, Faults
from ._frames import text_frame
from ._judge import InvariantBroken, Judge
from ._keeper import CRASHES, MemoryOutbox
from ._operations import OPERATIONS, Operation, numbered, perform
from ._replay import Factory, Replayed, TraceError, read, replay
from ._seed import Seed
from ._store import STORE_FAULTS, Answer, ObjectStore
from ._world import WATCH, World

__all__ = [
    "CRASHES",
    "GRANT_FAULTS",
    "LOGIN_FAULTS",
    "OPEN_FAULTS",
    "OPERATIONS",
    "STORE_FAULTS",
    "WATCH",
    "Actor",
    "Alarm",
    "Answer",
    "Application",
    "Factory",
    "Faults",
    "InvariantBroken",
    "Judge",
    "MemoryOutbox",
    "ObjectStore",
    "Operation",
    "Replayed",
    "Seed",
    "TraceError",
    "VirtualClock",
    "World",
    "numbered",
    "perform",
    "read",
    "replay",
    "text_frame",
]
