"""What an embedder has others do for its machine: credentials, upload URLs, the ends of requests.

It knows which event each comes to, how long that takes, and what goes wrong. It must not know
actions: an `Actor` says what is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .._credentials import ConnectionId
from .._events import (
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    LoginUnavailable,
    UploadGranted,
    UploadRefused,
)
from ._store import Answer

if TYPE_CHECKING:
    from ._actor import Actor


class Errands:
    """The errands of one actor."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._world = actor.world

    def _later(self, callback: Callable[[], None]) -> None:
        delay = self._world.seed.between(*self._world.faults.latency)
        self._world.clock.call_later(delay, callback)

    # Logins.

    def log_in(self, number: int) -> None:
        """Credentials are asked for, for this transport."""
        self._later(lambda: self._log_in(number))

    def _log_in(self, number: int) -> None:
        fault = self._world.next_fault(self._world.next_logins)
        if fault == "unavailable":
            self._actor.call("handle", LoginUnavailable(transport=number, error="none to be had"))
        elif fault != "silent":
            self._actor.call("login", ConnectionId(self._actor.name))

    # Upload URLs.

    def presign(self, request_id: int) -> None:
        """A client asks for an upload URL."""
        self._later(lambda: self._presign(request_id))

    def _presign(self, request_id: int) -> None:
        fault = self._world.next_fault(self._world.next_grants)
        if fault is None:
            self._grant(request_id)
        elif fault == "late":
            # After the client has given up waiting, as an integration's time-out shows.
            delay = 1.2 * self._actor.machine.config.upload_url_timeout
            self._world.clock.call_later(delay, lambda: self._grant(request_id))
        else:
            self._actor.call("handle", UploadRefused(request_id=request_id, error=fault))

    def _grant(self, request_id: int) -> None:
        put, get = self._world.store.presign()
        granted = UploadGranted(request_id=request_id, url=put, announce_url=get)
        self._actor.call("handle", granted)

    # Requests to the object store.

    def answered(self, transfer_id: int, answer: Answer | None) -> None:
        """A request is over; None: there never is an answer."""
        actor = self._actor
        if answer is None or transfer_id not in actor.transfers:
            return
        if self._world.faults.progress:
            actor.call("handle", HttpProgressed(transfer_id=transfer_id, done=1, total=None))
        actor.transfers.discard(transfer_id)
        if answer.failure is not None:
            event: HttpFailed | HttpResponded = HttpFailed(
                transfer_id=transfer_id, error=answer.failure
            )
        else:
            headers = [("Location", answer.location)] if answer.location else []
            event = HttpResponded(
                transfer_id=transfer_id, status=answer.status, headers=headers, body=answer.body
            )
        actor.call("handle", event)

    def cancel(self, transfer_id: int) -> None:
        """A request is given up."""
        self._actor.transfers.discard(transfer_id)
        error = HttpFailure(kind="cancelled", transient=False)
        failed = HttpFailed(transfer_id=transfer_id, error=error)
        self._later(lambda: self._actor.call("handle", failed))
