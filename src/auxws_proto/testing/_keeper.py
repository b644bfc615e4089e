"""An outbox that outlives its process: a store in memory, and the embedder's part in keeping it.

It knows when the journal's changes are to be recorded, and at which of these moments a process can
die. It must not know machines, nor what follows a death.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from .._actions import Action, ReportSend, SendBytes, SendText
from .._constants import SendId
from .._encoded import Encoded
from .._journal import (
    Journal,
    MessageAccepted,
    MessageDone,
    MessageEmitted,
    OutboxChange,
    OutboxStore,
    StoredMessage,
)

Death: TypeAlias = Literal["before_record", "after_record"]
CRASHES: Final[tuple[Death, ...]] = ("before_record", "after_record")
"""When a process can die over its outbox store: what was to be recorded is not, or it is, and what
was to follow does not."""


class MemoryOutbox:
    """An `OutboxStore` that outlives the machines of a `World`, and nothing else."""

    def __init__(self) -> None:
        self.kept: dict[int, StoredMessage] = {}

    def load(self) -> Sequence[StoredMessage]:
        """What is kept, by ascending key."""
        return [self.kept[key] for key in sorted(self.kept)]

    def record(self, changes: Sequence[OutboxChange]) -> None:
        """Make these changes."""
        for change in changes:
            match change:
                case MessageAccepted(key=key, message=message):
                    self.kept[key] = StoredMessage(key=key, message=message)
                case MessageEmitted(key=key):
                    self.kept[key] = replace(self.kept[key], is_emitted=True)
                case MessageDone(key=key):
                    del self.kept[key]

    def close(self) -> None:
        """Nothing is to be let go."""


class Keeper:
    """What an embedder does for its outbox store, and what of it a death left undone."""

    def __init__(self, store: OutboxStore, next_crashes: deque[Death | None]) -> None:
        self.store = store
        self.next_crashes = next_crashes
        self.unaccepted: list[SendId] = []
        self.unsent: list[SendId] = []
        self.untold: list[SendId] = []
        self._journal = Journal()

    def restored(self, stored: Iterable[StoredMessage], send_ids: Iterable[SendId]) -> None:
        """The machine has taken these up."""
        self._journal.restored(stored, send_ids)

    def accepted(self, send_id: SendId, message: Encoded) -> bool:
        """The machine has accepted a message. False: the process died over it."""
        self._journal.accepted(send_id, message)
        death = self._record()
        if death == "before_record":
            self.unaccepted.append(send_id)
        return death is None

    def watch(self, action: Action) -> bool:
        """The machine asks for this. False: the process died over it, and it is not done."""
        self._journal.watch(action)
        death = self._record()
        if death is not None:
            self.undone(action, was_recorded=death == "after_record")
        return death is None

    def undone(self, action: Action, *, was_recorded: bool = False) -> None:
        """The process is dead: an action that is not carried out."""
        match action:
            case SendText(send_id=int(send_id)) | SendBytes(send_id=int(send_id)):
                self.unsent.append(send_id)
            case ReportSend(send_id=send_id, final=True) if not was_recorded:
                self.untold.append(send_id)
            case _:
                pass

    def _record(self) -> Death | None:
        if not self._journal.has_changes:
            return None
        death = self.next_crashes.popleft() if self.next_crashes else None
        changes = self._journal.take()
        if death != "before_record":
            self.store.record(changes)
        return death
