"""`_sql_outbox`: what is kept in a database is there again, whole and in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from auxws_proto import (
    Encoded,
    MessageAccepted,
    MessageDone,
    MessageEmitted,
    OutboxStoreFailed,
    StoredMessage,
)
from auxws_proto._sql_outbox import SqlConnection, SqlOutbox

MESSAGE = Encoded(type="n", body='{"type":"n","text":"é"}'.encode())


def opened(path: Path) -> SqlConnection:
    return sqlite3.connect(path, timeout=0, isolation_level=None)


class Files:
    """Stores on one file, closed in the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stores: list[SqlOutbox] = []

    def store(self) -> SqlOutbox:
        self.stores.append(SqlOutbox(lambda: opened(self.path), (sqlite3.Error,)))
        return self.stores[-1]

    def read(self) -> list[StoredMessage]:
        """What is in the file, once nobody has it open."""
        for store in self.stores:
            store.close()
        return self.store().load()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    files = Files(tmp_path / "outbox.db")
    yield files
    for store in files.stores:
        store.close()


def accepted(key: int) -> MessageAccepted:
    return MessageAccepted(key=key, message=MESSAGE)


def test_what_is_recorded_is_there_again(files: Files) -> None:
    store = files.store()
    assert store.load() == []

    store.record([accepted(1), accepted(2), accepted(3), MessageEmitted(key=1)])
    store.record([MessageDone(key=2), MessageEmitted(key=9), MessageDone(key=9)])

    assert files.read() == [
        StoredMessage(key=1, message=MESSAGE, is_emitted=True),
        StoredMessage(key=3, message=MESSAGE),
    ]


def test_it_is_recorded_whole_or_not_at_all(files: Files) -> None:
    store = files.store()
    store.load()
    store.record([accepted(1)])

    with pytest.raises(OutboxStoreFailed, match="cannot be written: UNIQUE"):
        store.record([accepted(2), accepted(1)])

    with pytest.raises(OutboxStoreFailed, match="call load first"):
        store.record([accepted(3)])
    assert files.read() == [StoredMessage(key=1, message=MESSAGE)]


def test_one_client_at_a_time(files: Files) -> None:
    store, other = files.store(), files.store()
    store.load()

    with pytest.raises(OutboxStoreFailed, match="in use by another client"):
        store.load()
    with pytest.raises(OutboxStoreFailed, match="cannot be opened: database is locked"):
        other.load()

    store.close()
    assert other.load() == []


def test_what_is_no_database_is_refused(files: Files) -> None:
    files.path.write_bytes(b"no database, but long enough to be taken for the head of one" * 20)

    with pytest.raises(OutboxStoreFailed, match="not a database"):
        files.store().load()


def test_a_path_that_cannot_be_opened_is_refused(files: Files) -> None:
    files.path.mkdir()

    with pytest.raises(OutboxStoreFailed, match="unable to open"):
        files.store().load()


def test_a_format_of_another_version_is_refused(files: Files) -> None:
    connection = opened(files.path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()

    with pytest.raises(OutboxStoreFailed, match="format 2; this version reads format 1"):
        files.store().load()
