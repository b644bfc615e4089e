"""What came in, in the order of arrival: one slot each, filled at once or by a download.

It knows slots, and how many bytes are held or delivered and not taken. It must not know transports,
nor what a message means: whoever needs to act on one early has done so before it comes here.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from ._actions import ReportGap, ReportProgress
from ._constants import FailReason, Role
from ._decoding import DownloadRequestEvent, decode_message
from ._errors import AuxError, DownloadFailed, RemoteProtocolError, UrlRefused
from ._policy import check_url, download_headers
from ._quick import deliver_message
from ._reports import Tally
from ._runs import DeliveryRun
from ._secret import Secret
from ._shared import Counts, Shared
from ._transfers import Transfer, Transfers


class _Slot:
    """A place in the order. It waits for its turn to download, runs, or holds its outcome."""

    __slots__ = (
        "event_id", "gap", "inbox", "message", "overlap", "request", "size", "transport",
    )  # fmt: skip

    def __init__(
        self, inbox: Inbox, event_id: float, size: int, transport: int, overlap: bool
    ) -> None:
        self.inbox = inbox
        self.event_id = event_id
        self.size = size
        self.transport = transport
        self.overlap = overlap
        self.message: dict[str, Any] | None = None
        self.gap: AuxError | None = None
        self.request: Transfer | None = None

    def is_filled(self) -> bool:
        return self.message is not None or self.gap is not None

    # What the transfer tells its job.

    def transfer_done(self, body: bytes | bytearray) -> None:
        # Decoding may empty it.
        size, limit = len(body), self.inbox.max_download_size
        if size > limit:
            detail = f"the body has {size:,} bytes; the limit is {limit:,}"
            self._fail(DownloadFailed(FailReason.TOO_LARGE, detail))
            return
        message = self.inbox.decode(body)
        if isinstance(message, RemoteProtocolError):
            self._fail(DownloadFailed(FailReason.BAD_CONTENT, message.detail, cause=message))
        else:
            self.inbox.downloaded(self, message, size)

    def transfer_failed(
        self, reason: FailReason, detail: str, *, url_died: bool, cause: AuxError | None
    ) -> None:
        self._fail(DownloadFailed(reason, detail, cause=cause))

    def transfer_progressed(self, transfer_id: int, done: int, total: int | None) -> None:
        self.inbox.report_progress(transfer_id, done, total)

    def _fail(self, error: DownloadFailed) -> None:
        self.inbox.failed(self, error)


class Inbox:
    """The slots, and the budget of bytes."""

    def __init__(self, shared: Shared, transfers: Transfers) -> None:
        self._shared = shared
        self._transfers = transfers
        self._slots: list[_Slot] = []
        self._unstarted: list[_Slot] = []
        self._running = 0
        self._actions = shared.actions
        self._received = Counts()
        self._inline = self._received.of("inline")
        self._downloaded = self._received.of("download")
        self.held = 0
        self.untaken = 0
        self.max_download_size = shared.config.max_download_size
        self.failures: list[tuple[float, int, DownloadFailed]] = []

    @property
    def has_room(self) -> bool:
        """Whether more may be read."""
        return self.room > 0

    @property
    def room(self) -> int:
        """How many more bytes may be held or delivered before the reading stops."""
        return self._shared.config.read_ahead - self.held - self.untaken

    @property
    def has_slots(self) -> bool:
        """Whether anything waits for its turn to be delivered."""
        return bool(self._slots)

    @property
    def received(self) -> dict[str, Tally]:
        """What was delivered, by path."""
        return self._received.tallies()

    @property
    def downloads_pending(self) -> int:
        """Downloads that run or wait for their turn."""
        return len(self._unstarted) + self._running

    def message(
        self, message: dict[str, Any], size: int, event_id: float, transport: int, overlap: bool
    ) -> None:
        """A message came inline."""
        if not self._slots:
            self.deliver(transport, overlap, [message], [size], [event_id])
            return
        slot = _Slot(self, event_id, size, transport, overlap)
        slot.message = message
        self._slots.append(slot)
        self.held += size

    def deliver(
        self, transport: int, overlap: bool, messages: list[dict[str, Any]], sizes: list[int],
        event_ids: list[float],
    ) -> None:  # fmt: skip
        """Messages came inline, one at least, and nothing is ahead of them: they need no slots."""
        count, size = len(messages), sum(sizes)
        self.untaken += size
        self._inline[0] += count
        self._inline[1] += size
        self._actions.append(
            deliver_message(messages[0], size, event_ids[0], transport, False, overlap)
            if count == 1
            else DeliveryRun(transport, overlap, messages, sizes, event_ids)
        )

    def download(
        self, event: DownloadRequestEvent, size: int, transport: int, *, overlap: bool
    ) -> None:
        """A message is to be downloaded."""
        slot = _Slot(self, event.event_id, size, transport, overlap)
        self._slots.append(slot)
        self.held += size
        shared = self._shared
        method = event.method.upper()
        headers = download_headers(event.headers)
        policy = shared.config.url_policy
        refused = check_url(policy, event.url, method, shared.url, "download")
        if refused is None and isinstance(headers, UrlRefused):
            refused = headers
        if refused is not None:
            self._fill(slot, DownloadFailed(FailReason.URL_REFUSED, str(refused), cause=refused))
        else:
            assert isinstance(headers, dict)
            slot.request = Transfer(
                slot, Secret(event.url), method, headers, max_bytes=self.max_download_size
            )
            self._unstarted.append(slot)

    def start_downloads(self) -> None:
        """Start what the budget allows; the head of the line may always start."""
        config = self._shared.config
        while self._unstarted and self._running < config.max_downloads:
            slot = self._unstarted[0]
            budget = self.held + (self._running + 1) * self.max_download_size
            if budget > config.max_held and slot is not self._slots[0]:
                return
            self._unstarted.pop(0)
            self._running += 1
            assert slot.request is not None
            self._transfers.start(slot.request)

    def decode(self, body: bytes | bytearray) -> dict[str, Any] | RemoteProtocolError:
        """The message in a downloaded body."""
        config = self._shared.config
        return decode_message(body, config.max_json_depth, config.json)

    def downloaded(self, slot: _Slot, message: dict[str, Any], size: int) -> None:
        """A slot's message is here."""
        self.held += size - slot.size
        slot.size = size
        slot.message = message
        self._running -= 1

    def failed(self, slot: _Slot, error: DownloadFailed) -> None:
        """A slot's message cannot be had."""
        self._running -= 1
        self._fill(slot, error)

    def _fill(self, slot: _Slot, error: DownloadFailed) -> None:
        slot.gap = error
        if self._shared.role is Role.SERVER:
            # A server tells its client at once: an error does not wait in line.
            self.failures.append((slot.event_id, slot.transport, error))

    def deliver_ready(self) -> None:
        """Deliver from the head as far as the slots are filled."""
        ready = [*takewhile(_Slot.is_filled, self._slots)]
        del self._slots[: len(ready)]
        for slot in ready:
            self.held -= slot.size
            if slot.message is not None:
                is_download = slot.request is not None
                count = self._downloaded if is_download else self._inline
                count[0] += 1
                count[1] += slot.size
                self.untaken += slot.size
                self._actions.append(
                    deliver_message(
                        slot.message, slot.size, slot.event_id, slot.transport, is_download,
                        slot.overlap,
                    )
                )  # fmt: skip
            else:
                assert slot.gap is not None
                self._actions.append(
                    ReportGap(error=slot.gap, event_id=slot.event_id, transport=slot.transport)
                )

    def taken(self, size: int) -> None:
        """The application has taken delivered messages of `size` bytes in all."""
        self.untaken = max(0, self.untaken - size)

    def report_progress(self, transfer_id: int, done: int, total: int | None) -> None:
        """A download goes on."""
        self._shared.actions.append(
            ReportProgress(transfer_id=transfer_id, send_id=None, done=done, total=total)
        )

    def close(self) -> None:
        """The session is over: what has not come is a gap."""
        self._unstarted.clear()
        self._running = 0
        for slot in self._slots:
            if not slot.is_filled():
                slot.gap = DownloadFailed(FailReason.CLOSED, "the session was closed")
        self.deliver_ready()
