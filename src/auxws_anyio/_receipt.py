"""What `AuxClient.send` returns: how far one message has come.

It knows stages and their order. It must not know why a message goes from one to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import anyio

from auxws_proto import AuxError, Progress, ReportProgress, ReportSend, SendId, Stage

from ._bell import Bell

_RANK: Final[Mapping[Stage, int]] = {
    stage: rank
    for rank, stage in enumerate(
        (Stage.QUEUED, Stage.UPLOADING, Stage.UPLOADED, Stage.SENT, Stage.CONFIRMED)
    )
}


class Receipt:
    """The fate of one accepted message. It goes on whether anybody looks or not."""

    def __init__(self, send_id: SendId) -> None:
        self.send_id = send_id
        self.stage = Stage.QUEUED
        """How far it is. A reconnect may put it back to an earlier stage."""
        self.error: AuxError | None = None
        """Why it ended as ``FAILED`` or ``UNKNOWN``: a `SendFailed`."""
        self.progress = Progress()
        """How much of an upload is done, in bytes."""
        self.is_final = False
        """Whether this is the outcome."""
        self._bell = Bell()
        self._on_failed: Callable[[AuxError], None] | None = None

    def __repr__(self) -> str:
        return f"<Receipt {self.send_id}: {self.stage.value}{', final' if self.is_final else ''}>"

    async def wait(self, stage: Stage = Stage.SENT, timeout: float | None = None) -> Stage:
        """Wait until the message has come to ``stage``, or to its outcome; return where it is.

        An outcome short of ``stage`` that is no failure (``SENT``, where no proof of arrival can be
        had) is returned too. Raises `SendFailed` for ``FAILED`` and ``UNKNOWN``, and `TimeoutError`
        after ``timeout`` seconds; the message goes on then, and waiting again is fine.
        """
        with anyio.move_on_after(timeout):
            while not self._has_reached(stage):
                await self._bell.wait()
        if self.error is not None:
            raise self.error
        if not self._has_reached(stage):
            raise TimeoutError(f"the message is {self.stage.value} after {timeout:g} s")
        return self.stage

    def _has_reached(self, stage: Stage) -> bool:
        return self.is_final or _RANK.get(self.stage, 0) >= _RANK.get(stage, len(_RANK))

    def _advance(self, report: ReportSend) -> None:
        self.stage = report.stage
        self.is_final = report.final
        if report.final and report.error is not None:
            self._fail(report.error)
        else:
            self._bell.ring()

    def _fail(self, error: AuxError) -> None:
        self.error = error
        self.is_final = True
        if self._on_failed is not None:
            self._on_failed(error)
        self._bell.ring()

    def _progressed(self, report: ReportProgress) -> None:
        self.progress = Progress(done=report.done, total=report.total)
        self._bell.ring()
