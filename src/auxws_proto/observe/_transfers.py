"""Which message a request to the object store is for, and its how-manieth attempt it is.

It knows bodies, URLs and the order in which downloads begin and messages are delivered, which is
the same. It must not know who wants to hear of it: it gives out events.

Strategy: actions do not say whom a transfer is for, so uploads are found by their body, which is
one object in all attempts, and downloads by what their URL points at.
"""

from __future__ import annotations

from collections import deque

from .._actions import GetFromUrl, PutToUrl
from .._constants import FailReason, SendId
from .._errors import AuxError, DownloadFailed
from .._events import HttpFailed, HttpFailure, HttpProgressed, HttpResponded
from ._events import Direction, TransferFinished, TransferProgressed, TransferStarted
from ._fault import short


class Work:
    """A body on its way, over all its attempts."""

    __slots__ = (
        "attempts", "body", "direction", "download", "failure", "is_done", "send_id", "size",
        "started_at", "status", "transfer", "url",
    )  # fmt: skip

    def __init__(self, direction: Direction, *, body: bytes | None = None) -> None:
        self.direction: Direction = direction
        self.body = body
        self.size = None if body is None else len(body)
        self.send_id: SendId | None = None
        self.download: int | None = None
        self.url = ""
        self.attempts = 0
        self.transfer: int | None = None
        """The attempt that is under way."""
        self.started_at = 0.0
        self.status: int | None = None
        self.failure: str | None = None
        self.is_done = False

    @property
    def is_idle(self) -> bool:
        """Whether the next attempt may begin."""
        return self.transfer is None and not self.is_done


class Grants:
    """The upload URLs that came and were not used, as moments: each is used in its turn."""

    def __init__(self, lifetime: float) -> None:
        self._lifetime = lifetime
        self._moments: deque[tuple[float, float]] = deque()

    def came(self, asked_at: float, now: float) -> None:
        """A URL came."""
        self._moments.append((asked_at, now))

    def take(self, now: float) -> tuple[float | None, float | None]:
        """When the URL that is used now was asked for, and when it came."""
        # As the pool of URLs does, which forgets what is about to expire.
        while self._moments and self._moments[0][1] <= now - self._lifetime + 0.001:
            self._moments.popleft()
        return self._moments.popleft() if self._moments else (None, None)


class TransferBook:
    """The transfers of one session. ``client`` names it in events."""

    def __init__(self, client: str, grants: Grants) -> None:
        self._client = client
        self._grants = grants
        self._running: dict[int, Work] = {}
        self._uploads: dict[int, list[Work]] = {}
        """By the identity of the body, which the work itself keeps alive."""
        self._downloads: deque[Work] = deque()
        """In the order in which their messages will be delivered."""

    # What may need a transfer.

    def queued(self, send_id: SendId, body: bytes) -> Work:
        """A message that may be uploaded."""
        work = Work("upload", body=body)
        work.send_id = send_id
        self._uploads.setdefault(id(body), []).append(work)
        return work

    def forget(self, work: Work) -> None:
        """The message has come to its outcome."""
        works = self._uploads[id(work.body)]
        works.remove(work)
        if not works:
            del self._uploads[id(work.body)]

    # What the session asks for.

    def started(self, action: PutToUrl | GetFromUrl, now: float) -> TransferStarted:
        """An attempt begins."""
        url = action.url.reveal()
        if isinstance(action, PutToUrl):
            work = next((w for w in self._uploads.get(id(action.body), ()) if w.is_idle), None)
            if work is None:
                # A message of the session's own.
                work = Work("upload", body=action.body)
            # A redirect leads elsewhere with the same grant.
            is_fresh = work.url != url and work.status != 307
            asked_at, answered_at = self._grants.take(now) if is_fresh else (None, None)
        else:
            work = next((w for w in self._downloads if w.is_idle and _is_same(w, url)), None)
            if work is None:
                work = Work("download")
                work.download = action.transfer_id
                self._downloads.append(work)
            asked_at = answered_at = None
        work.url = url
        work.attempts += 1
        work.transfer = action.transfer_id
        work.started_at = now
        work.status = work.failure = None
        self._running[action.transfer_id] = work
        return TransferStarted(
            at=now,
            client=self._client,
            transfer=action.transfer_id,
            direction=work.direction,
            attempt=work.attempts,
            send_id=work.send_id,
            download=work.download,
            size=work.size,
            url_asked_at=asked_at,
            url_answered_at=answered_at,
        )

    def cancelled(self, transfer: int, why: str, now: float) -> TransferFinished | None:
        """An attempt is given up; what comes of it later is not told."""
        work = self._running.get(transfer)
        return None if work is None else self._finish(work, now, failure=why)

    # What comes of it.

    def progressed(self, event: HttpProgressed, now: float) -> TransferProgressed | None:
        """Bytes went over the wire."""
        work = self._running.get(event.transfer_id)
        if work is None:
            return None
        return TransferProgressed(
            at=now,
            client=self._client,
            transfer=event.transfer_id,
            direction=work.direction,
            done=event.done,
            total=event.total,
            send_id=work.send_id,
            download=work.download,
        )

    def ended(
        self, event: HttpResponded | HttpFailed, size: int, now: float
    ) -> TransferFinished | None:
        """There is an answer with a body of ``size`` bytes, or there will be none."""
        work = self._running.get(event.transfer_id)
        if work is None:
            return None
        if isinstance(event, HttpFailed):
            # An embedder's own words may quote the URL.
            kind = event.error.kind if isinstance(event.error, HttpFailure) else "failed"
            return self._finish(work, now, failure=short(kind))
        succeeded = 200 <= event.status < 300
        came = size if work.direction == "download" and succeeded else None
        work.is_done = succeeded
        return self._finish(work, now, status=event.status, size=came)

    def _finish(
        self,
        work: Work,
        now: float,
        *,
        status: int | None = None,
        failure: str | None = None,
        size: int | None = None,
    ) -> TransferFinished:
        assert work.transfer is not None
        transfer, work.transfer = work.transfer, None
        del self._running[transfer]
        work.status, work.failure = status, failure
        return TransferFinished(
            at=now,
            client=self._client,
            transfer=transfer,
            direction=work.direction,
            attempt=work.attempts,
            elapsed=now - work.started_at,
            send_id=work.send_id,
            download=work.download,
            status=status,
            failure=failure,
            size=work.size if work.direction == "upload" else size,
        )

    # Whose turn it is.

    def delivered(self) -> int | None:
        """A downloaded message is delivered: the number of its transfers."""
        return self._downloads.popleft().download if self._downloads else None

    def missed(self, error: AuxError) -> int | None:
        """A message could not be had: the number of its transfers, if there were any."""
        head = self._downloads[0] if self._downloads else None
        if head is None or head.transfer is not None or not _is_of(error, head):
            return None
        return self.delivered()


def _is_same(work: Work, url: str) -> bool:
    """Whether this URL, or the one that a redirect has led to, is that of a work."""
    return _target(work.url) == _target(url) or work.status == 307


def _target(url: str) -> str:
    """What a URL points at: a redirect leads to the same at another host."""
    return url.partition("://")[2].partition("/")[2]


def _is_of(error: AuxError, work: Work) -> bool:
    """Whether a gap is what came of a work, and not of a URL that was refused at once."""
    refused = isinstance(error, DownloadFailed) and error.reason is FailReason.URL_REFUSED
    return not refused or work.status == 307 or work.failure == "address"
