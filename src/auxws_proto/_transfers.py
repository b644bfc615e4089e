"""Requests to the object store: attempts, waits between them, time-outs, the one redirect.

It knows transfers. It must not know what is in a body, nor why it travels: its `Job` is told once
how it ended. Each attempt has an id of its own, so that a late outcome of an earlier one is
ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from ._actions import CancelTransfer, GetFromUrl, PutToUrl
from ._constants import FailReason
from ._errors import AuxError, UrlRefused
from ._events import HttpFailed, HttpFailure, HttpProgressed, HttpResponded
from ._object_store import Verdict, judge
from ._policy import Use, check_url, header_size
from ._secret import Secret
from ._shared import Shared

TIMER: Final = "transfer"
REST: Final = "transfer_rest"
_MAX_REST: Final = 20.0
_FINAL_KINDS: Final = {
    "too_large": FailReason.TOO_LARGE,
    "address": FailReason.URL_REFUSED,
}
"""The kinds of `HttpFailure` that no other attempt can help, whatever they say of themselves."""


class Job(Protocol):
    """Whoever wants a transfer."""

    def transfer_done(self, body: bytes | bytearray) -> None:
        """The store answered 2xx. A `bytearray` may be emptied."""

    def transfer_failed(
        self, reason: FailReason, detail: str, *, url_died: bool, cause: AuxError | None
    ) -> None:
        """The transfer is over; ``url_died`` says that a fresh URL would help."""

    def transfer_progressed(self, transfer_id: int, done: int, total: int | None) -> None:
        """Bytes went over the wire."""


class Transfer:
    """One body on its way, over all its attempts."""

    __slots__ = (
        "attempts", "body", "headers", "job", "max_bytes", "method", "redirected",
        "unanswered_since", "url",
    )  # fmt: skip

    def __init__(
        self, job: Job, url: Secret, method: str, headers: Mapping[str, str],
        *, body: bytes | None = None, max_bytes: int = 0,
    ) -> None:  # fmt: skip
        self.job = job
        self.url = url
        self.method = method
        self.headers = headers
        self.body = body
        self.max_bytes = max_bytes
        self.attempts = 0
        self.unanswered_since: float | None = None
        self.redirected = False

    @property
    def use(self) -> Use:
        return "download" if self.body is None else "upload"


class Transfers:
    """The transfers under way, by the id of their present attempt."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._running: dict[int, Transfer] = {}

    def start(self, transfer: Transfer) -> int:
        """Emit an attempt; returns its id."""
        shared = self._shared
        transfer_id = shared.next_transfer()
        transfer.attempts += 1
        self._running[transfer_id] = transfer
        shared.timers.set((TIMER, transfer_id), shared.now, shared.config.transfer_timeout)
        if transfer.body is None:
            shared.actions.append(
                GetFromUrl(
                    transfer_id=transfer_id,
                    method=transfer.method,
                    url=transfer.url,
                    headers=transfer.headers,
                    max_bytes=transfer.max_bytes,
                    max_error_bytes=shared.config.max_error_body,
                )
            )
        else:
            shared.actions.append(
                PutToUrl(
                    transfer_id=transfer_id,
                    method=transfer.method,
                    url=transfer.url,
                    headers=transfer.headers,
                    body=transfer.body,
                    max_error_bytes=shared.config.max_error_body,
                )
            )
        return transfer_id

    def cancel_all(self) -> list[Job]:
        """Give every transfer up; returns whom they were for."""
        jobs: list[Job] = []
        for transfer_id in list(self._running):
            transfer = self._end(transfer_id)
            if not self._shared.timers.is_set((REST, transfer_id)):
                self._shared.actions.append(CancelTransfer(transfer_id=transfer_id))
            self._shared.timers.clear((REST, transfer_id))
            jobs.append(transfer.job)
        return jobs

    def job(self, transfer_id: int) -> Job | None:
        """Whom a transfer under way is for."""
        transfer = self._running.get(transfer_id)
        return None if transfer is None else transfer.job

    def _end(self, transfer_id: int) -> Transfer:
        self._shared.timers.clear((TIMER, transfer_id))
        return self._running.pop(transfer_id)

    def _is_out(self, transfer_id: int) -> bool:
        return transfer_id in self._running and not self._shared.timers.is_set((REST, transfer_id))

    # Outcomes.

    def progressed(self, event: HttpProgressed) -> None:
        """Bytes went over the wire: the time-out starts again."""
        if self._is_out(event.transfer_id):
            timeout = self._shared.config.transfer_timeout
            self._shared.timers.set((TIMER, event.transfer_id), self._shared.now, timeout)
            transfer = self._running[event.transfer_id]
            transfer.unanswered_since = None
            transfer.job.transfer_progressed(event.transfer_id, event.done, event.total)

    def responded(self, event: HttpResponded) -> None:
        """The store answered."""
        if not self._is_out(event.transfer_id):
            return
        transfer = self._end(event.transfer_id)
        transfer.unanswered_since = None
        config = self._shared.config
        size, limit = header_size(event.headers), config.max_response_headers
        if size > limit:
            detail = f"the response's headers have {size:,} bytes; the limit is {limit:,}"
            transfer.job.transfer_failed(FailReason.TOO_LARGE, detail, url_died=False, cause=None)
            return
        judgement = judge(
            transfer.url, transfer.headers, event.status, event.headers, event.body,
            config.max_error_body,
        )  # fmt: skip
        match judgement.verdict:
            case Verdict.DONE:
                transfer.job.transfer_done(event.body)
            case Verdict.AGAIN:
                self._again(transfer, FailReason.HTTP_STATUS, judgement.detail, is_answered=True)
            case Verdict.REDIRECTED:
                self._redirected(transfer, judgement.location)
            case _:
                transfer.job.transfer_failed(
                    FailReason.HTTP_STATUS,
                    judgement.detail,
                    url_died=judgement.verdict is Verdict.URL_DIED,
                    cause=None,
                )

    def failed(self, event: HttpFailed) -> None:
        """There was no answer."""
        if not self._is_out(event.transfer_id):
            return
        transfer = self._end(event.transfer_id)
        error = event.error
        if not isinstance(error, HttpFailure):
            # An embedder's own words may quote the URL, so only their presence is reported.
            error = HttpFailure(kind="failed")
        detail = f"{error.kind}: {error.detail}" if error.detail else error.kind
        reason = _FINAL_KINDS.get(error.kind, FailReason.TRANSFER_FAILED)
        if error.transient and reason is FailReason.TRANSFER_FAILED:
            # "idle connections are closed … retry a dropped one at once" (§8)
            self._no_answer(transfer, self._shared.now)
            self._again(transfer, reason, detail, at_once=transfer.attempts == 1)
            return
        cause = None
        if reason is FailReason.TOO_LARGE:
            detail = f"the body is over the limit of {transfer.max_bytes:,} bytes"
        elif reason is FailReason.URL_REFUSED:
            cause = UrlRefused("address", error.detail)
        transfer.job.transfer_failed(reason, detail, url_died=False, cause=cause)

    def timed_out(self, transfer_id: int) -> None:
        """No progress for too long."""
        transfer = self._end(transfer_id)
        self._shared.actions.append(CancelTransfer(transfer_id=transfer_id))
        limit = self._shared.config.transfer_timeout
        self._no_answer(transfer, self._shared.now - limit)
        self._again(transfer, FailReason.TRANSFER_TIMEOUT, f"no progress for {limit:g} s")

    def _no_answer(self, transfer: Transfer, since: float) -> None:
        """Nobody answered; without a connection to the server it is no fault of the store's."""
        if not self._shared.is_online:
            transfer.unanswered_since = None
        elif transfer.unanswered_since is None:
            transfer.unanswered_since = since

    def _may_end(self, transfer: Transfer) -> bool:
        """Whether a transfer that nobody answers may be given up when it has had all its attempts.

        A link that is down can refuse them all within seconds. So they have `transfer_timeout`, and
        all the time that there is no connection to the server either.
        """
        since = transfer.unanswered_since
        timeout = self._shared.config.transfer_timeout
        return since is not None and self._shared.now - since >= timeout

    def wake(self) -> None:
        """A connection to the server opened: what rests need not wait any longer."""
        timers = self._shared.timers
        for transfer_id in list(self._running):
            if timers.is_set((REST, transfer_id)):
                timers.clear((REST, transfer_id))
                self.rested(transfer_id)

    def rested(self, transfer_id: int) -> None:
        """The wait before the next attempt is over."""
        self.start(self._running.pop(transfer_id))

    def _again(
        self, transfer: Transfer, reason: FailReason, detail: str,
        *, is_answered: bool = False, at_once: bool = False,
    ) -> None:  # fmt: skip
        config = self._shared.config
        attempts = (
            config.download_attempts if transfer.use == "download" else config.upload_attempts
        )
        # One attempt means one, whoever it is that does not answer.
        may_end = is_answered or attempts == 1 or self._may_end(transfer)
        if transfer.attempts >= attempts and may_end:
            text = f"{detail} (after {transfer.attempts} attempts)"
            transfer.job.transfer_failed(reason, text, url_died=False, cause=None)
        elif at_once:
            self.start(transfer)
        else:
            wait = self._shared.backoff(config.transfer_backoff, transfer.attempts - 1, _MAX_REST)
            resting = self._shared.next_transfer()
            self._running[resting] = transfer
            self._shared.timers.set((REST, resting), self._shared.now, wait)

    def _redirected(self, transfer: Transfer, location: str) -> None:
        """S3's 307 during a bucket's first day (§8): method and body kept, once."""
        policy = self._shared.config.url_policy
        refused = (
            UrlRefused("redirect", "a second redirect is not followed")
            if transfer.redirected
            else check_url(policy, location, transfer.method, self._shared.url, transfer.use)
        )
        if refused is not None:
            transfer.job.transfer_failed(
                FailReason.URL_REFUSED, str(refused), url_died=False, cause=refused
            )
            return
        transfer.redirected = True
        transfer.url = Secret(location)
        transfer.attempts -= 1
        self.start(transfer)
