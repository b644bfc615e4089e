"""Questions about uploads, in both directions, and the error events of a server.

It knows who asked whom for a URL (``docs/protocol.md`` §3). It must not know messages or queues:
URLs go to the pool, failures to the outbox, texts to the transport's own queue, which no upload
holds up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._actions import ReportError
from ._constants import FailReason, Role, Violation
from ._decoding import Malformed, UploadRequestEvent, UploadResponseEvent
from ._encoding import error_event, upload_response
from ._errors import AuxError, DownloadFailed, RemoteProtocolError, SendFailed, ServerError
from ._events import UploadGranted, UploadRefused
from ._outbox import Outbox
from ._policy import check_url, without_query
from ._secret import Secret
from ._shared import Shared
from ._transport import Transport
from ._urls import Grant, UrlPool

MAX_PEER_REQUESTS: Final = 1_000
"""Upload requests of one peer that may wait for the embedder."""

_ERROR_CODES: Final[Mapping[FailReason, str]] = {
    FailReason.HTTP_STATUS: "message_not_found",
    FailReason.BAD_CONTENT: "unacceptable_request",
    FailReason.TOO_LARGE: "unacceptable_request",
    FailReason.URL_REFUSED: "unacceptable_request",
}
"""How a server calls a download that failed (§3); anything else is a ``server_error``."""


class Answers:
    """Upload requests of ours and of the peer's."""

    def __init__(self, shared: Shared, urls: UrlPool, outbox: Outbox) -> None:
        self._shared = shared
        self._urls = urls
        self._outbox = outbox
        self._of_peer: dict[int, tuple[float, Transport]] = {}

    # A client's: the peer answers.

    def granted(self, event: UploadResponseEvent, transport: Transport) -> None:
        """``[3, id, url, method, headers]``."""
        shared = self._shared
        if not self._urls.knows(event.event_id):
            error = RemoteProtocolError(
                Violation.UNEXPECTED_ANSWER, "an upload URL that nobody asked for"
            )
            self._report(error, transport, event.event_id)
            return
        method = event.method.upper()
        policy = shared.config.url_policy
        refused = check_url(policy, event.url, method, shared.url, "upload")
        if refused is None:
            announce = Secret(without_query(event.url))
            grant = Grant(Secret(event.url), method, event.headers, announce, shared.now)
            self._urls.granted(event.event_id, grant)
            return
        self._urls.refused(event.event_id)
        failed = SendFailed(FailReason.URL_REFUSED, str(refused), cause=refused)
        if not self._outbox.uploads.fail_first(failed):
            transport.asks_ahead = False
            self._report(refused, transport, event.event_id)

    def refused(
        self, event_id: float, info: Mapping[str, Any], transport: Transport | None
    ) -> bool:
        """``[5, id, info]`` for a request of ours. False: it is somebody else's to report."""
        if not self._urls.knows(event_id):
            return False
        waited_for = self._urls.refused(event_id)
        error = ServerError(info, event_id)
        if error.code == "not_supported":
            return self._outbox.uploads.not_supported(transport, error)
        failed = SendFailed(FailReason.REFUSED_BY_SERVER, str(error), cause=error)
        if waited_for and self._outbox.uploads.fail_first(failed):
            return True
        if transport is not None:
            # Nobody needs this URL yet, and asking again at once would be asked for ever.
            transport.asks_ahead = False
        return False

    def timed_out(self, number: int) -> None:
        """No answer came: ask again, and at last fail."""
        self._urls.timed_out(number)
        asked, config = self._urls.timeouts_in_a_row, self._shared.config
        if asked >= config.upload_attempts:
            self._urls.timeouts_in_a_row = 0
            detail = f"no upload URL within {config.upload_url_timeout:g} s, asked {asked} times"
            self._outbox.uploads.fail_first(SendFailed(FailReason.ANSWER_TIMEOUT, detail))

    # A server's: the peer asks, the embedder answers.

    def asked(self, event: UploadRequestEvent, transport: Transport) -> None:
        """``[2, id]``."""
        living = {n: asked for n, asked in self._of_peer.items() if asked[1].is_alive}
        self._of_peer = living
        if len(living) >= MAX_PEER_REQUESTS:
            detail = f"{MAX_PEER_REQUESTS} upload requests are waiting already"
            transport.queue(error_event(event.event_id, error_info("server_error", detail)))
        else:
            self._of_peer[self._urls.local_request()] = (event.event_id, transport)

    def embedder_granted(self, event: UploadGranted) -> None:
        """The embedder presigned a URL."""
        asked = self._of_peer.pop(event.request_id, None)
        if asked is not None:
            event_id, transport = asked
            transport.queue(upload_response(event_id, event.url, event.method, event.headers))
        elif self._shared.role is Role.SERVER and self._urls.knows(event.request_id):
            announce = Secret(event.announce_url or without_query(event.url))
            url, headers = Secret(event.url), dict(event.headers)
            grant = Grant(url, event.method, headers, announce, self._shared.now)
            self._urls.granted(event.request_id, grant)

    def embedder_refused(self, event: UploadRefused) -> None:
        """The embedder has no URL."""
        info = event.error
        if not isinstance(info, Mapping):
            info = error_info(str(info), "no upload URL can be had")
        asked = self._of_peer.pop(event.request_id, None)
        if asked is not None:
            event_id, transport = asked
            transport.queue(error_event(event_id, info))
        elif self._shared.role is Role.SERVER:
            self.refused(event.request_id, info, None)

    # A server's error events.

    def malformed(self, event: Malformed, transport: Transport) -> None:
        """What was no event is answered, but for what the real server ignores (§7)."""
        if self._shared.role is Role.SERVER and not event.ignored:
            info = error_info("unacceptable_request", "The request was invalid.")
            info["issues"] = [{"code": event.error.violation.value, "message": event.error.detail}]
            # "Other bad events: [5, null, …]; a missing or bad message: [5, id, …]" (§7)
            is_message = event.error.violation is Violation.WRONG_MESSAGE
            transport.queue(error_event(event.event_id if is_message else None, info))

    def download_failed(self, transport: Transport, event_id: float, error: DownloadFailed) -> None:
        """A server could not have a download."""
        code = _ERROR_CODES.get(error.reason, "server_error")
        transport.queue(error_event(event_id, error_info(code, error.detail)))

    def _report(self, error: AuxError, transport: Transport, event_id: float) -> None:
        self._shared.actions.append(
            ReportError(error=error, event_id=event_id, transport=transport.number)
        )


def error_info(code: str, message: str) -> dict[str, Any]:
    """The ``info`` of an error event (§2)."""
    return {"success": False, "errorCode": code, "errorMessage": message}
