"""`SqliteOutbox`: what ``outbox=`` takes, in a file of SQLite's.

It knows how such a file is opened. What is in it is `auxws_proto._sql_outbox`'s business.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from auxws_proto._sql_outbox import Durability, SqlConnection, SqlOutbox


class SqliteOutbox(SqlOutbox):
    """Keeps accepted messages without an outcome in the file ``path``, for one client at a time.

    ``durability`` is what they outlive: the end of the ``"process"``, however it ends, or with
    ``"machine"`` also a power failure, at the cost of a wait for the disk with each message. The
    file is made if it is missing, readable for its owner alone: it holds messages as they are.
    """

    def __init__(self, path: str | os.PathLike[str], *, durability: Durability = "process") -> None:
        super().__init__(lambda: _connect(Path(path)), (sqlite3.Error, OSError), durability)


def _connect(path: Path) -> SqlConnection:
    path.touch(mode=0o600)
    # A process that is just being killed gets a moment to let go of its lock.
    return sqlite3.connect(path, timeout=0.25, isolation_level=None, check_same_thread=False)
