"""What `AuxClient.send` returns: how far one message has come.

It knows stages and their order. It must not know why a message goes from one to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import anyio

from auxws_proto import AuxError, Progress, ReportProgress, SendId, Stage

from ._bell import Bell

_RANK: Final[Mapping[Stage, int]] = {
    stage: rank
    for rank, stage in enumerate(
        (Stage.QUEUED, Stage.UPLOADING, Stage.UPLOADED, Stage.SENT, Stage.CONFIRMED)
    )
}


_NOTHING_YET: Final = Progress()


class Entry:
    """What is known of one accepted message. The `Desk` writes it; a `Receipt` shows it."""

    __slots__ = ("_changed", "error", "is_final", "progress", "send_id", "stage")

    def __init__(self, send_id: SendId) -> None:
        self.send_id: SendId = send_id
        self.stage: Stage = Stage.QUEUED
        self.error: AuxError | None = None
        self.progress: Progress = _NOTHING_YET
        self.is_final: bool = False
        self._changed: Bell | None = None
        """Most are never waited for."""

    def advance(self, stage: Stage, error: AuxError | None, *, is_final: bool) -> None:
        """It came to a stage."""
        self.stage, self.is_final = stage, is_final
        if is_final:
            self.error = error
        if self._changed is not None:
            self._changed.ring()

    def progressed(self, report: ReportProgress) -> None:
        """Its upload came further."""
        self.progress = Progress(done=report.done, total=report.total)

    async def wait(self) -> None:
        """Wait until it comes further."""
        if self._changed is None:
            self._changed = Bell()
        await self._changed.wait()

    def has_reached(self, stage: Stage) -> bool:
        """Whether it has come to ``stage``, or to its end."""
        return self.is_final or _RANK.get(self.stage, 0) >= _RANK.get(stage, len(_RANK))


class Receipt:
    """The fate of one accepted message. It goes on whether anybody looks or not."""

    __slots__ = ("__weakref__", "_entry")

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def __repr__(self) -> str:
        return f"<Receipt {self.send_id}: {self.stage.value}{', final' if self.is_final else ''}>"

    @property
    def send_id(self) -> SendId:
        """Names the message in the machine's actions."""
        return self._entry.send_id

    @property
    def stage(self) -> Stage:
        """How far it is. A reconnect may put it back to an earlier stage."""
        return self._entry.stage

    @property
    def error(self) -> AuxError | None:
        """Why it ended as ``FAILED`` or ``UNKNOWN``: a `SendFailed`."""
        return self._entry.error

    @property
    def progress(self) -> Progress:
        """How much of its upload is done, in bytes."""
        return self._entry.progress

    @property
    def is_final(self) -> bool:
        """Whether its stage is its outcome."""
        return self._entry.is_final

    async def wait(self, stage: Stage = Stage.SENT, timeout: float | None = None) -> Stage:
        """Wait until the message has come to ``stage``, or to its outcome; return where it is.

        An outcome short of ``stage`` that is no failure (``SENT``, where no proof of arrival can be
        had) is returned too. Raises `SendFailed` for ``FAILED`` and ``UNKNOWN``, and `TimeoutError`
        after ``timeout`` seconds; the message goes on then, and waiting again is fine.
        """
        entry = self._entry
        with anyio.move_on_after(timeout):
            while not entry.has_reached(stage):
                await entry.wait()
        if entry.error is not None:
            # It is raised for everybody who waits; each gets a traceback of its own.
            raise entry.error.with_traceback(None)
        if not entry.has_reached(stage):
            raise TimeoutError(f"the message is {entry.stage.value} after {timeout:g} s")
        return entry.stage
