"""Messages that go by way of the object store: who waits for a URL, and which PUTs run.

It knows one line and one count. It must not know the order in which messages go out, nor how a
request to the object store is made.
"""

from __future__ import annotations

from collections.abc import Callable

from ._constants import FailReason, Role, Stage
from ._errors import SendFailed, ServerError
from ._policy import upload_headers
from ._send import Send, UploadStep
from ._shared import Shared
from ._transfers import Transfer, Transfers
from ._transport import Transport
from ._urls import Grant, UrlPool


class Uploads:
    """The uploads of an outbox. ``drop`` takes a message that has failed out of its queue."""

    def __init__(
        self, shared: Shared, urls: UrlPool, transfers: Transfers, drop: Callable[[Send], None]
    ) -> None:
        self._shared = shared
        self._urls = urls
        self._transfers = transfers
        self._drop = drop
        self._waiting: list[Send] = []
        self._puts = 0

    @property
    def max_attempts(self) -> int:
        """How many upload URLs may die under one message."""
        return self._shared.config.upload_attempts

    @property
    def pending(self) -> int:
        """Messages that wait for a URL or are being put."""
        return len(self._waiting) + self._puts

    @property
    def wants_url(self) -> bool:
        """Whether any message waits for a URL."""
        return bool(self._waiting)

    def wait(self, send: Send) -> None:
        """This message needs a URL."""
        self._waiting.append(send)

    def wanted_urls(self, transport: Transport) -> int:
        """How many URLs are needed now, those to keep ahead included."""
        config = self._shared.config
        if config.offload == "never":
            return 0
        # A server's presigner is its embedder: there is no round trip to save.
        asks_ahead = transport.asks_ahead and self._shared.role is Role.CLIENT
        ahead = config.upload_urls_ahead if asks_ahead else 0
        # For the next PUTs too: their URLs come while these are on their way.
        return min(len(self._waiting), config.max_uploads) + ahead

    def start(self) -> None:
        """Start as many PUTs as there are URLs, messages and room for."""
        while self._waiting and self._puts < self._shared.config.max_uploads:
            grant = self._urls.take()
            if grant is None:
                return
            self._start(self._waiting.pop(0), grant)

    def _start(self, send: Send, grant: Grant) -> None:
        headers = upload_headers(grant.url, grant.headers)
        if not isinstance(headers, dict):
            self._drop(send)
            send.fail(FailReason.URL_REFUSED, str(headers), headers)
            return
        send.take(UploadStep.GRANTED)
        send.announce_url = grant.announce_url
        self._puts += 1
        send.reach(Stage.UPLOADING)
        self._transfers.start(Transfer(send, grant.url, grant.method, headers, body=send.body))

    def put_ended(self) -> None:
        """A PUT is over, whatever came of it."""
        self._puts -= 1

    def fail_first(self, error: SendFailed) -> bool:
        """A URL could not be had: the message that has waited longest fails. False: none waits."""
        if not self._waiting:
            return False
        send = self._waiting.pop(0)
        self._drop(send)
        send.fail(error.reason, error.detail, error.cause)
        return True

    def not_supported(self, transport: Transport | None, error: ServerError) -> bool:
        """The peer has no uploads: inline on this transport, if the configuration allows."""
        if transport is not None:
            transport.asks_ahead = False
            if self._shared.config.offload == "auto":
                transport.uploads_off = True
                return True
        return self.fail_first(SendFailed(FailReason.NOT_SUPPORTED, str(error), cause=error))

    def give_up(self, send: Send) -> None:
        """This message needs no URL any more, if it waits for one."""
        if send in self._waiting:
            self._waiting.remove(send)

    def clear(self) -> None:
        """The session is over."""
        self._waiting.clear()
        self._puts = 0
