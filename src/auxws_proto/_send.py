"""One outgoing message, from ``send()`` to its outcome.

It knows its bytes, its stage and its upload. It must not know its neighbours: whose turn it is, is
the outbox's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from ._actions import ReportProgress
from ._constants import FailReason, SendId, Stage
from ._errors import AuxError, SendFailed
from ._quick import report_send
from ._secret import Secret

if TYPE_CHECKING:
    from ._outbox import Outbox


class Upload(Enum):
    """The states of a message's upload."""

    NONE = auto()
    """It goes inline."""
    WANTS_URL = auto()
    PUTTING = auto()
    STORED = auto()


class UploadStep(Enum):
    """What moves an upload on."""

    OUTGREW = auto()
    """Its number came to be a digit longer, and it no longer goes inline."""
    GRANTED = auto()
    PUT_DONE = auto()
    URL_DIED = auto()
    NOT_SUPPORTED = auto()
    """The peer has no uploads: inline after all, on this transport."""


UPLOAD_STEPS: Final[Mapping[Upload, Mapping[UploadStep, Upload]]] = {
    Upload.NONE: {UploadStep.OUTGREW: Upload.WANTS_URL},
    Upload.WANTS_URL: {
        UploadStep.GRANTED: Upload.PUTTING,
        UploadStep.NOT_SUPPORTED: Upload.NONE,
    },
    Upload.PUTTING: {UploadStep.PUT_DONE: Upload.STORED, UploadStep.URL_DIED: Upload.WANTS_URL},
    Upload.STORED: {},
}
"""The upload machine, for either role; the docs draw it. A stored message survives a reconnect."""


class Send:
    """A message in the outbox, or on a transport and not proven.

    ``courtesy`` marks what the session sends on its own account (after a login, to keep alive): it
    is neither counted nor reported, and is not sent again.
    """

    # What few messages come to have is set on those alone.
    courtesy = False
    upload = Upload.NONE
    announce_url: Secret | None = None
    maybe_arrived = False
    url_deaths = 0

    def __init__(
        self, outbox: Outbox, body: bytes, send_id: SendId, watched: bool, courtesy: bool = False
    ) -> None:
        self.outbox = outbox
        self.body = body
        self.send_id = send_id
        self.watched = watched
        if courtesy:
            self.courtesy = True

    def take(self, step: UploadStep) -> None:
        """Go where the table says."""
        self.upload = UPLOAD_STEPS[self.upload][step]

    def reach(self, stage: Stage) -> None:
        """Come to a stage on the way."""
        if self.watched and not self.courtesy:
            self.outbox.actions.append(report_send(self.send_id, stage))

    def end(self, stage: Stage, error: SendFailed) -> None:
        """Come to a final outcome that is no good one."""
        outbox = self.outbox
        if self.courtesy:
            outbox.courtesy_failed(error)
            return
        outbox.messages -= 1
        outbox.bytes -= len(self.body)
        outbox.actions.append(report_send(self.send_id, stage, True, error))

    def fail(self, reason: FailReason, detail: str = "", cause: AuxError | None = None) -> None:
        """End without having been sent; or unknown, if an earlier attempt may have arrived."""
        stage = Stage.UNKNOWN if self.maybe_arrived else Stage.FAILED
        self.end(stage, SendFailed(reason, detail, stage=stage, cause=cause))

    # What the transfer tells its job.

    def transfer_done(self, body: bytes | bytearray) -> None:
        self.take(UploadStep.PUT_DONE)
        self.outbox.uploads.put_ended()
        self.reach(Stage.UPLOADED)

    def transfer_failed(
        self, reason: FailReason, detail: str, *, url_died: bool, cause: AuxError | None
    ) -> None:
        self.outbox.uploads.put_ended()
        self.url_deaths += url_died
        if url_died and not self.courtesy and self.url_deaths < self.outbox.uploads.max_attempts:
            self.take(UploadStep.URL_DIED)
            self.outbox.uploads.wait(self)
        else:
            self.outbox.drop(self)
            self.fail(reason, detail, cause)

    def transfer_progressed(self, transfer_id: int, done: int, total: int | None) -> None:
        if self.watched and not self.courtesy:
            self.outbox.actions.append(
                ReportProgress(
                    transfer_id=transfer_id, send_id=self.send_id, done=done, total=total
                )
            )
