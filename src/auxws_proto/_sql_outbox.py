"""An `OutboxStore` in SQL, on a database connection that somebody else opens.

It knows one table and SQLite's statements. It must not open anything: a driver hands in how, with
``sqlite3`` of the standard library, so that this module does no I/O of its own and no driver has a
copy of it.

Strategy: one row a message, one transaction a call. The database is locked for as long as it is
open: two clients on one file would send everything twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias, assert_never

from ._encoded import Encoded
from ._journal import (
    MessageAccepted,
    MessageDone,
    MessageEmitted,
    OutboxChange,
    OutboxStoreFailed,
    StoredMessage,
)

Durability: TypeAlias = Literal["process", "machine"]

_SYNCHRONOUS: Final[Mapping[Durability, str]] = {
    # In the write-ahead log NORMAL hands each transaction to the system and FULL waits for the
    # disk: 0.02 and 0.3 ms for a small message on a virtual disk, 50 to 100 ms for 5 MB with both.
    "process": "NORMAL",
    "machine": "FULL",
}
_FORMAT: Final = 1
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS auxws_outbox (
    key INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    body BLOB NOT NULL,
    is_emitted INTEGER NOT NULL DEFAULT 0
)
"""


class SqlConnection(Protocol):
    """What is used of `sqlite3.Connection`; it must be in autocommit mode, for any thread."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Iterable[Any]: ...
    def close(self) -> None: ...


class SqlOutbox:
    """See `OutboxStore`. ``connect`` opens a connection, ``errors`` is what it may raise."""

    def __init__(
        self,
        connect: Callable[[], SqlConnection],
        errors: tuple[type[Exception], ...],
        durability: Durability = "process",
    ) -> None:
        self._synchronous = _SYNCHRONOUS[durability]
        self._connect = connect
        self._errors = errors
        self._connection: SqlConnection | None = None

    def load(self) -> list[StoredMessage]:
        """Open and lock the database; what is kept in it, by ascending key.

        Raises `OutboxStoreFailed` for what is no database of ours, or in use.
        """
        if self._connection is not None:
            raise OutboxStoreFailed("this outbox store is in use by another client")
        try:
            self._connection = connection = self._connect()
            self._prepare(connection)
            rows = connection.execute(
                "SELECT key, type, body, is_emitted FROM auxws_outbox ORDER BY key"
            )
            return [
                StoredMessage(
                    key=key, message=Encoded(type=kind, body=body), is_emitted=bool(is_emitted)
                )
                for key, kind, body, is_emitted in rows
            ]
        except self._errors as error:
            self.close()
            raise OutboxStoreFailed(f"the outbox store cannot be opened: {error}") from error
        except OutboxStoreFailed:
            self.close()
            raise

    def record(self, changes: Sequence[OutboxChange]) -> None:
        """Make these changes, all or none. Raises `OutboxStoreFailed`: a full disk, for example."""
        connection = self._connection
        if connection is None:
            raise OutboxStoreFailed("this outbox store is not open: call load first")
        try:
            connection.execute("BEGIN")
            for change in changes:
                _make(connection, change)
            connection.execute("COMMIT")
        except self._errors as error:
            # What was begun is undone by closing, and the client ends anyway.
            self.close()
            raise OutboxStoreFailed(f"the outbox store cannot be written: {error}") from error

    def close(self) -> None:
        """Let go of the database; `load` opens it again. Twice is once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _prepare(self, connection: SqlConnection) -> None:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        # A write takes the lock, and keeps it.
        connection.execute("BEGIN IMMEDIATE")
        ((found,),) = connection.execute("PRAGMA user_version")
        if found not in (0, _FORMAT):
            raise OutboxStoreFailed(
                f"the outbox store has format {found}; this version reads format {_FORMAT}"
            )
        connection.execute(_TABLE)
        connection.execute(f"PRAGMA user_version = {_FORMAT}")
        connection.execute("COMMIT")


def _make(connection: SqlConnection, change: OutboxChange) -> None:
    match change:
        case MessageAccepted(key=key, message=message):
            connection.execute(
                "INSERT INTO auxws_outbox (key, type, body) VALUES (?, ?, ?)",
                (key, message.type, message.body),
            )
        case MessageEmitted(key=key):
            connection.execute("UPDATE auxws_outbox SET is_emitted = 1 WHERE key = ?", (key,))
        case MessageDone(key=key):
            connection.execute("DELETE FROM auxws_outbox WHERE key = ?", (key,))
        case _:
            assert_never(change)
