"""What is known of each message that is sent, and of each upload URL that is asked for.

It knows the first bytes of an event array (``docs/protocol.md`` §2), which say by which path a
message goes and what a text is about. It must not know who wants to hear of it: it gives out
events. Nor does it know transports or transfers beyond their numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .._actions import ReportSend, SendText
from .._constants import SendId
from ._events import (
    MessageQueued,
    MessageSent,
    SendEnded,
    SentPath,
    UploadUrlAnswered,
    UploadUrlAsked,
)
from ._fault import maybe_fault, short
from ._transfers import Grants, TransferBook, Work

_ANSWER: Final = re.compile(rb"\s*\[\s*([35])\s*,\s*(\d{1,15})\s*,")
"""An upload response, or an error, with the number of the request."""

_REMEMBERED: Final = 256
"""Requests without an answer, which may come late."""


@dataclass(slots=True)
class _Send:
    type: str
    size: int
    queued_at: float
    work: Work
    path: SentPath | None = None


class SendBook:
    """The sends of one session. ``client`` names it in events."""

    def __init__(self, client: str, transfers: TransferBook, grants: Grants) -> None:
        self._client = client
        self._transfers = transfers
        self._grants = grants
        self._sends: dict[SendId, _Send] = {}
        self._asked: dict[int, tuple[float, int]] = {}
        """When each open request for an upload URL went out, and on which transport."""

    # Messages.

    def queued(self, send_id: SendId, kind: str, body: bytes, now: float) -> MessageQueued:
        """A message was accepted."""
        kind = short(kind)
        work = self._transfers.queued(send_id, body)
        self._sends[send_id] = _Send(kind, len(body), now, work)
        return MessageQueued(
            at=now, client=self._client, send_id=send_id, type=kind, size=len(body)
        )

    def wrote(self, action: SendText, now: float) -> MessageSent | UploadUrlAsked | None:
        """A text goes out: a message, a request for an upload URL, or the session's own."""
        data = action.data
        if action.send_id is None:
            if data.startswith(b"[2,"):
                return self._ask(int(data[3:-1]), action.transport, now)
            return None
        send = self._sends.get(action.send_id)
        if send is None:
            return None
        if data.startswith(b"[4,"):
            send.path = "upload"
        else:
            send.path = "inline" if len(data) <= action.max_frame else "fragments"
        return MessageSent(
            at=now,
            client=self._client,
            send_id=action.send_id,
            type=send.type,
            size=send.size,
            path=send.path,
            transport=action.transport,
            waited=now - send.queued_at,
        )

    def ended(self, action: ReportSend, now: float) -> SendEnded | None:
        """A message has come to its outcome."""
        send = self._sends.pop(action.send_id, None)
        if send is None:
            return None
        self._transfers.forget(send.work)
        return SendEnded(
            at=now,
            client=self._client,
            send_id=action.send_id,
            type=send.type,
            size=send.size,
            stage=action.stage,
            elapsed=now - send.queued_at,
            path=send.path,
            fault=maybe_fault(action.error),
        )

    # Requests for upload URLs.

    def _ask(self, request: int, transport: int, now: float) -> UploadUrlAsked:
        self._asked[request] = (now, transport)
        if len(self._asked) > _REMEMBERED:
            del self._asked[next(iter(self._asked))]
        return UploadUrlAsked(at=now, client=self._client, request=request, transport=transport)

    def came(self, data: str | bytes, now: float) -> UploadUrlAnswered | None:
        """A text came: it may answer a request."""
        if not self._asked:
            return None
        head = data[:64].encode("ascii", "replace") if isinstance(data, str) else data[:64]
        answer = _ANSWER.match(head)
        asked = None if answer is None else self._asked.pop(int(answer[2]), None)
        if answer is None or asked is None:
            return None
        asked_at, _ = asked
        granted = answer[1] == b"3"
        if granted:
            self._grants.came(asked_at, now)
        return UploadUrlAnswered(
            at=now,
            client=self._client,
            request=int(answer[2]),
            granted=granted,
            elapsed=now - asked_at,
        )

    def lost(self, transport: int) -> None:
        """A transport is over: what was asked for on it has no answer."""
        self._asked = {n: asked for n, asked in self._asked.items() if asked[1] != transport}
