"""Updates that the application adds: sent until the server says that it has them.

It knows batches and their acknowledgements. It must not know what is in an update, nor why a
connection ended.

Strategy: ``repo/updates_received`` with the id of a batch is the only proof (``docs/protocol.md``
§7). A batch is sent again when that does not come: after a reconnect, in the order of the batches,
else after 5 s, doubling to 40 s, counted from when the message had arrived, so that a large one
that is still being uploaded is not sent twice. The server may thus store an update twice, which
changes nothing in the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, cast

from ._actions import ReportSend
from ._constants import FailReason, Stage
from ._errors import AuxError, LocalProtocolError, OutboxFull, SendFailed
from ._inst_shapes import SettleUpdates, UpdatesRefused, UpdatesUnacknowledged
from ._inst_shared import InstShared

TIMER: Final = "updates"


class _Place(Enum):
    """Where a batch is."""

    QUEUED = auto()
    """With the session, which will tell what becomes of it."""
    ARRIVED = auto()
    """With the server, as far as anybody can know; its acknowledgement is awaited."""
    RESTING = auto()
    """Here: it could not be sent, and will be tried again."""


@dataclass(slots=True)
class _Batch:
    update_id: int
    updates: list[str]
    size: int
    ref: int = 0
    place: _Place = _Place.QUEUED
    delay: float = 0.0
    sends: int = 0
    repeats: int = 0


class Outgoing:
    """The batches of one branch that are not acknowledged."""

    def __init__(self, shared: InstShared, first_id: int) -> None:
        self._shared = shared
        self._batches: dict[int, _Batch] = {}
        self._by_ref: dict[int, _Batch] = {}
        self._size = 0
        self.next_id = first_id

    def __len__(self) -> int:
        return len(self._batches)

    def add(self, updates: list[str]) -> int:
        """Send these until they are acknowledged; returns the id of the batch.

        Raises `LocalProtocolError` for what is no update, and `OutboxFull`.
        """
        if not updates or not all(isinstance(text, str) for text in cast("list[object]", updates)):
            raise LocalProtocolError("updates must be base64 texts, at least one")
        size = sum(map(len, updates))
        config = self._shared.config
        if len(self._batches) >= config.max_unacknowledged:
            raise OutboxFull(
                f"{len(self._batches):,} batches of updates wait for their acknowledgement, the "
                "limit"
            )
        if self._batches and self._size + size > config.max_unacknowledged_size:
            raise OutboxFull(
                f"{self._size:,} characters of updates wait for their acknowledgement, and these "
                f"have {size:,}; the limit is {config.max_unacknowledged_size:,}"
            )
        batch = _Batch(self.next_id, updates, size, delay=config.repeat_after)
        self.next_id += 1
        self._batches[batch.update_id] = batch
        self._size += size
        self._send(batch)
        return batch.update_id

    def received(self, message: Mapping[str, Any]) -> bool:
        """``repo/updates_received``. False: it is about no batch that is waiting."""
        update_id = message.get("updateId")
        batch = self._batches.get(update_id) if type(update_id) is int else None
        if batch is None:
            return False
        code = message.get("errorCode")
        error = None
        if code is not None:
            error = UpdatesRefused(
                str(code),
                _number(message.get("maxBranchSizeInBytes")),
                _number(message.get("neededBranchSizeInBytes")),
            )
        self._settle(batch, error)
        return True

    def opened(self) -> None:
        """A new connection is open: what was not acknowledged on the old one never will be."""
        for batch in list(self._batches.values()):
            if batch.place is _Place.ARRIVED:
                batch.delay = self._shared.config.repeat_after
                self._send(batch)

    def lost(self) -> None:
        """There is no connection: nothing can be acknowledged."""
        for batch in self._batches.values():
            if batch.place is _Place.ARRIVED:
                self._shared.timers.clear((TIMER, batch.update_id))

    def closed(self) -> None:
        """The session is over."""
        for batch in list(self._batches.values()):
            detail = "the session ended before the updates were acknowledged"
            self._settle(batch, SendFailed(FailReason.CLOSED, detail, stage=Stage.UNKNOWN))

    def timed_out(self, update_id: int) -> None:
        """A batch was not acknowledged in time, or has rested."""
        batch = self._batches[update_id]
        if batch.repeats >= self._shared.config.repeats:
            self._settle(batch, UpdatesUnacknowledged(batch.sends))
            return
        batch.repeats += 1
        batch.delay = min(2 * batch.delay, self._shared.config.repeat_at_most)
        self._send(batch)

    # What the session says about a message: see `Author`.

    def send_reported(self, ref: int, report: ReportSend) -> None:
        batch = self._by_ref.get(ref)
        if report.final:
            self._by_ref.pop(ref, None)
        if batch is None or batch.ref != ref:
            return
        error = report.error
        if error is None:
            if (report.stage is Stage.SENT or report.final) and batch.place is _Place.QUEUED:
                batch.place = _Place.ARRIVED
                if self._shared.is_open:
                    self._wait(batch)
        elif error.reason is FailReason.TRANSPORT_LOST:
            # Sent again by `opened`, in order; the time-out is for a session that changes its
            # connection without having been without one.
            batch.place = _Place.ARRIVED
            self._wait(batch)
        elif error.retryable:
            self._rest(batch)
        else:
            self._settle(batch, error)

    def send_refused(self, ref: int, error: AuxError) -> None:
        batch = self._by_ref.pop(ref, None)
        if batch is not None and batch.ref == ref:
            if error.retryable:
                self._rest(batch)
            else:
                self._settle(batch, error)

    def _send(self, batch: _Batch) -> None:
        self._shared.timers.clear((TIMER, batch.update_id))
        batch.place = _Place.QUEUED
        batch.sends += 1
        message = {"updates": batch.updates, "updateId": batch.update_id}
        batch.ref = self._shared.send("repo/add_updates", message, self)
        self._by_ref[batch.ref] = batch

    def _wait(self, batch: _Batch) -> None:
        name = (TIMER, batch.update_id)
        self._shared.timers.set(name, self._shared.now, batch.delay)

    def _rest(self, batch: _Batch) -> None:
        batch.place = _Place.RESTING
        self._wait(batch)

    def _settle(self, batch: _Batch, error: AuxError | None) -> None:
        del self._batches[batch.update_id]
        self._by_ref.pop(batch.ref, None)
        self._size -= batch.size
        self._shared.timers.clear((TIMER, batch.update_id))
        self._shared.actions.append(SettleUpdates(update_id=batch.update_id, error=error))


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None
