"""What a store of the outbox keeps, and when: so that a killed process loses nothing.

It knows the three facts about a message that must outlive the process, and in which order they are
recorded. It must not know where: an `OutboxStore` does that, and a driver calls it. Rule for
drivers: feed every action to `Journal.watch` before it is carried out, and let no bytes go to the
wire, nor `send` return, before `Journal.take`'s changes up to then are recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ._actions import Action, ReportSend, SendBytes, SendText
from ._constants import FailReason, SendId
from ._encoded import Encoded
from ._errors import AuxError, LocalProtocolError


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message that a store has kept. Keys go up in the order of ``send()``.

    ``is_emitted`` says that its bytes may have reached the wire: nobody knows whether it arrived.
    """

    key: int
    message: Encoded
    is_emitted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAccepted:
    """A new message: keep it."""

    key: int
    message: Encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEmitted:
    """Its bytes are about to go to the wire. It may be said again of the same message."""

    key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDone:
    """It has come to its outcome: forget it."""

    key: int


OutboxChange: TypeAlias = MessageAccepted | MessageEmitted | MessageDone
"""What a store records: a message was accepted, emitted, or had its outcome."""


class OutboxStore(Protocol):
    """What ``outbox=`` takes. One client at a time uses it; calls come one after the other, but
    from any thread. Whatever a call raises ends the client with an `OutboxStoreFailed`: to go on
    without the store would be to lose messages, or to send them twice.
    """

    def load(self) -> Sequence[StoredMessage]:
        """What is kept, by ascending key. Called once, before anything else."""
        ...

    def record(self, changes: Sequence[OutboxChange]) -> None:
        """Make these changes, in their order, all of them or none. When it returns, they are
        there to stay: for how long (a process, a machine) is the store's promise to make."""
        ...

    def close(self) -> None:
        """The client has ended."""
        ...


def check_store(store: object) -> None:
    """Raise `LocalProtocolError` for what cannot be a store."""
    missing = [n for n in ("load", "record", "close") if not callable(getattr(store, n, None))]
    if store is not None and missing:
        raise LocalProtocolError(
            f"outbox= is a {type(store).__name__} without {', '.join(missing)}; it must be an "
            "OutboxStore, such as SqliteOutbox"
        )


class OutboxStoreFailed(AuxError):
    """The store of the outbox could not keep, or give, what it was asked to. It ends the client."""

    connection_usable = False


class Journal:
    """Turns what happens to the messages of one client into changes for its store."""

    def __init__(self) -> None:
        self._keys: dict[SendId, int] = {}
        self._emitted: set[int] = set()
        self._changes: list[OutboxChange] = []
        self._last_key = 0

    def restored(self, stored: Iterable[StoredMessage], send_ids: Iterable[SendId]) -> None:
        """The machine has taken these up again, under these names. Before its actions are drained.

        Keys go on behind the last of them.
        """
        for message, send_id in zip(stored, send_ids, strict=True):
            self._keys[send_id] = self._last_key = message.key
            if message.is_emitted:
                self._emitted.add(message.key)

    def accepted(self, send_id: SendId, message: Encoded) -> None:
        """The machine has accepted this one. Before its actions are drained.

        A login is not kept: it is for one connection, and holds a secret.
        """
        if message.type == "login":
            return
        self._last_key += 1
        self._keys[send_id] = self._last_key
        self._changes.append(MessageAccepted(key=self._last_key, message=message))

    def watch(self, action: Action) -> None:
        """The machine asks for this."""
        if isinstance(action, SendBytes | SendText):
            key = None if action.send_id is None else self._keys.get(action.send_id)
            if key is not None and key not in self._emitted:
                self._emitted.add(key)
                self._changes.append(MessageEmitted(key=key))
        elif isinstance(action, ReportSend) and action.final:
            key = self._keys.pop(action.send_id, None)
            # What ended only because the client did is for the next one to send.
            if key is not None and not _ended_with_client(action):
                self._changes.append(MessageDone(key=key))
                self._emitted.discard(key)

    @property
    def has_changes(self) -> bool:
        """Whether there is something to record."""
        return bool(self._changes)

    def take(self) -> list[OutboxChange]:
        """The changes since the last call, to be recorded as one; empty if there are none."""
        changes, self._changes = self._changes, []
        return changes


def _ended_with_client(report: ReportSend) -> bool:
    return report.error is not None and report.error.reason is FailReason.CLOSED
