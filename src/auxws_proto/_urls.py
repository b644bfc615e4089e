"""A pool of upload URLs. They belong to no message: each names a fresh key (``docs/protocol.md``
§3).

It knows how many are asked for, which answers are late, and how old the ones at hand are. It must
not know messages: it is told how many are wanted, and hands them out. A client asks the wire; a
server asks its embedder; the difference is one line in `ask`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ._actions import AnswerUploadRequest
from ._constants import Role
from ._encoding import upload_request
from ._secret import Secret
from ._shared import Shared
from ._transport import Transport

TIMER: Final = "upload_url"
RENEWAL: Final = "upload_url_age"
_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True)
class Grant:
    """An upload URL with all that the PUT and its announcement need."""

    url: Secret
    method: str
    headers: dict[str, str] = field(repr=False)
    announce_url: Secret
    granted_at: float


class UrlPool:
    """The grants at hand and the requests under way."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._grants: list[Grant] = []
        self._asked: dict[int, int] = {}
        self._late: dict[int, None] = {}
        self._local_request = 0
        self.timeouts_in_a_row = 0

    # Asking.

    def wants(self, wanted: int, transport: Transport | None) -> bool:
        """Whether to ask for one more URL now, if `wanted` are needed in all."""
        if len(self._grants) + len(self._asked) >= wanted:
            return False
        if self._shared.role is Role.SERVER:
            return True
        if transport is None or transport.uploads_off:
            return False
        return transport.has_room(len(upload_request(self._shared.upcoming_number)))

    def ask(self, transport: Transport | None) -> None:
        """Ask for one URL: the peer, or as a server the embedder."""
        shared = self._shared
        if shared.role is Role.SERVER:
            self._asked[self.local_request()] = 0
            return
        assert transport is not None
        number = shared.next_number()
        self._asked[number] = transport.number
        transport.emit(upload_request(number))
        shared.timers.set((TIMER, number), shared.now, shared.config.upload_url_timeout, wire=True)

    def local_request(self) -> int:
        """Ask the embedder to presign an upload (server role); returns the request's id."""
        self._local_request += 1
        self._shared.actions.append(AnswerUploadRequest(request_id=self._local_request))
        return self._local_request

    # Answers.

    def knows(self, request_id: float) -> bool:
        """Whether this request was ours, answered in time or late."""
        return request_id in self._asked or request_id in self._late

    def granted(self, request_id: float, grant: Grant) -> None:
        """A URL came; late ones are as good as others."""
        self.refused(request_id)
        self.timeouts_in_a_row = 0
        self._grants.append(grant)
        self._set_renewal()

    def refused(self, request_id: float) -> bool:
        """A request ended without a URL. Returns whether it was still waited for."""
        number = int(request_id)
        self._late.pop(number, None)
        self._shared.timers.clear((TIMER, number))
        return self._asked.pop(number, None) is not None

    def timed_out(self, number: int) -> None:
        """No answer came; one that comes later will still be welcome."""
        self._asked.pop(number, None)
        self.timeouts_in_a_row += 1
        self._remember(number)

    def transport_lost(self, transport: int) -> None:
        """Whatever was asked on this transport will not be answered."""
        for number in [n for n, t in self._asked.items() if t == transport]:
            self.refused(number)

    def transport_replaced(self, transport: int) -> None:
        """What was asked on this transport is asked again elsewhere; its answers are late."""
        for number in [n for n, t in self._asked.items() if t == transport]:
            self.refused(number)
            self._remember(number)

    def _remember(self, number: int) -> None:
        self._late[number] = None
        while len(self._late) > _REMEMBERED:
            del self._late[next(iter(self._late))]

    # At hand.

    def take(self) -> Grant | None:
        """The oldest fresh URL, or None."""
        self.drop_stale()
        grant = self._grants.pop(0) if self._grants else None
        self._set_renewal()
        return grant

    def drop_stale(self) -> None:
        """Forget URLs that are about to expire."""
        # A millisecond early: a deadline that went through a subtraction may be a hair too soon.
        oldest = self._shared.now - self._shared.config.upload_url_lifetime + 0.001
        while self._grants and self._grants[0].granted_at <= oldest:
            self._grants.pop(0)
        self._set_renewal()

    def _set_renewal(self) -> None:
        timers, name = self._shared.timers, (RENEWAL, 0)
        if not self._grants:
            timers.clear(name)
            return
        due = self._grants[0].granted_at + self._shared.config.upload_url_lifetime
        timers.set(name, self._shared.now, max(0.0, due - self._shared.now))

    def clear(self) -> None:
        """Forget everything: the session is over."""
        for number in list(self._asked):
            self.refused(number)
        self._grants.clear()
        self._set_renewal()
