"""One span for each large message, with its legs as children.

It knows which events begin and end which span. It must not know metrics. A message's span is a
child of whatever was current where ``send()`` was called, if the observer is called there (in the
asynchronous driver it is); a download's has no parent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from opentelemetry.context import Context, get_current
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from auxws_proto import State
from auxws_proto.observe import (
    Fault,
    MessageMissed,
    MessageQueued,
    MessageReceived,
    MessageSent,
    Observed,
    ObserverEvent,
    SendEnded,
    StateChanged,
    TransferFinished,
    TransferStarted,
)

_METHODS: Final = {"upload": "PUT", "download": "GET"}

Key: TypeAlias = tuple[str, int]
"""A client, and its number of a send, a download or a transfer."""


@dataclass(slots=True)
class _Message:
    """A message on its way; without a span while nobody knows that it is a large one."""

    type: str
    size: int
    queued_at: float
    context: Context
    span: Span | None = None
    leg: Span | None = None
    """Its way over the transport, while that is not proven."""


class Spans:
    """The spans that are open."""

    def __init__(self, tracer: Tracer, clock: Callable[[], int], large: int) -> None:
        self._tracer = tracer
        self._clock = clock
        self._large = large
        self._sends: dict[Key, _Message] = {}
        self._fetches: dict[Key, Span] = {}
        self._transfers: dict[Key, Span] = {}

    def take(self, event: ObserverEvent) -> None:
        """Begin or end what is to be begun or ended."""
        match event:
            case MessageQueued():
                self._queued(event)
            case TransferStarted():
                self._started(event)
            case TransferFinished():
                self._finished(event)
            case MessageSent():
                self._sent(event)
            case SendEnded():
                self._ended(event)
            case MessageReceived(download=int() as download):
                self._received(event, download)
            case MessageMissed(download=int() as download):
                self._missed(event, download)
            case StateChanged(current=State.CLOSED):
                self._closed(event)
            case _:
                pass

    # Moments.

    def _ns(self, event: Observed, at: float | None = None) -> int:
        """A moment of the client's clock, since 1970: by default now, which is when it was told.

        Both clocks are compared each time: over days they drift apart.
        """
        ago = 0.0 if at is None else event.at - at
        return self._clock() - round(ago * 1e9)

    # Sending.

    def _queued(self, event: MessageQueued) -> None:
        message = _Message(event.type, event.size, event.at, get_current())
        self._sends[event.client, event.send_id] = message
        if event.size > self._large:
            self._begin(message, event, event.send_id)

    def _begin(self, message: _Message, event: Observed, send_id: int) -> Span:
        message.span = self._tracer.start_span(
            "send auxws",
            message.context,
            SpanKind.PRODUCER,
            {
                **_messaging("send", event.client),
                "auxws.send_id": send_id,
                "auxws.message.type": message.type,
                "messaging.message.body.size": message.size,
            },
            start_time=self._ns(event, message.queued_at),
        )
        return message.span

    def _sent(self, event: MessageSent) -> None:
        message = self._sends.get((event.client, event.send_id))
        if message is None or message.span is None:
            return
        now = self._ns(event)
        if message.leg is not None:
            # A reconnect: it goes once more.
            _fail(message.leg, "transport_lost")
            message.leg.end(now)
        name = "announce" if event.path == "upload" else "transmit"
        message.leg = self._child(
            message.span, f"auxws {name}", now, {"auxws.transport": event.transport}
        )
        message.span.set_attribute("auxws.path", event.path)

    def _ended(self, event: SendEnded) -> None:
        message = self._sends.pop((event.client, event.send_id), None)
        if message is None or message.span is None:
            return
        now = self._ns(event)
        message.span.set_attribute("auxws.outcome", event.stage.value)
        for span in (message.leg, message.span):
            if span is not None:
                _fail_with(span, event.fault)
                span.end(now)

    # The object store.

    def _started(self, event: TransferStarted) -> None:
        parent = self._parent(event)
        method = _METHODS[event.direction]
        attributes: dict[str, AttributeValue] = {"http.request.method": method}
        if event.attempt > 1:
            attributes["http.request.resend_count"] = event.attempt - 1
        if event.size is not None:
            attributes["http.request.body.size"] = event.size
        self._transfers[event.client, event.transfer] = self._child(
            parent, method, self._ns(event), attributes
        )

    def _parent(self, event: TransferStarted) -> Span | None:
        if event.direction == "download":
            return self._fetch(event)
        message = None
        if event.send_id is not None:
            message = self._sends.get((event.client, event.send_id))
        if message is None or event.send_id is None:
            # A message of the session's own.
            return None
        span = message.span or self._begin(message, event, event.send_id)
        asked_at, answered_at = event.url_asked_at, event.url_answered_at
        if asked_at is not None and answered_at is not None and answered_at > message.queued_at:
            # One that was kept ahead may have been asked for before there was a message.
            start = self._ns(event, max(asked_at, message.queued_at))
            self._child(span, "auxws upload_url", start, {}).end(self._ns(event, answered_at))
        return span

    def _fetch(self, event: TransferStarted) -> Span:
        key = (event.client, event.download or event.transfer)
        span = self._fetches.get(key)
        if span is None:
            span = self._fetches[key] = self._tracer.start_span(
                "receive auxws",
                # Not of whatever the reader happens to run in.
                Context(),
                SpanKind.CONSUMER,
                _messaging("receive", event.client),
                start_time=self._ns(event),
            )
        return span

    def _finished(self, event: TransferFinished) -> None:
        span = self._transfers.pop((event.client, event.transfer), None)
        if span is None:
            return
        if event.status is not None:
            span.set_attribute("http.response.status_code", event.status)
        if event.direction == "download" and event.size is not None:
            span.set_attribute("http.response.body.size", event.size)
        if not event.succeeded:
            _fail(span, str(event.status or event.failure))
        span.end(self._ns(event))

    # Receiving.

    def _received(self, event: MessageReceived, download: int) -> None:
        span = self._fetches.pop((event.client, download), None)
        if span is not None:
            span.set_attribute("auxws.message.type", event.type)
            span.set_attribute("messaging.message.body.size", event.size)
            span.set_attribute("auxws.path", event.path)
            span.end(self._ns(event))

    def _missed(self, event: MessageMissed, download: int) -> None:
        span = self._fetches.pop((event.client, download), None)
        if span is not None:
            _fail_with(span, event.fault)
            span.end(self._ns(event))

    # The end.

    def _closed(self, event: StateChanged) -> None:
        """A client that has failed tells no outcomes: nothing of it stays open."""
        now, client = self._ns(event), event.client
        open_spans: list[Span | None] = []
        for spans in (self._transfers, self._fetches):
            open_spans += [spans.pop(key) for key in list(spans) if key[0] == client]
        for key in [key for key in self._sends if key[0] == client]:
            message = self._sends.pop(key)
            open_spans += [message.leg, message.span]
        for span in open_spans:
            if span is not None:
                _fail_with(span, event.cause)
                span.end(now)

    def _child(
        self, parent: Span | None, name: str, start: int, attributes: Mapping[str, AttributeValue]
    ) -> Span:
        context = Context() if parent is None else set_span_in_context(parent, Context())
        return self._tracer.start_span(name, context, SpanKind.CLIENT, attributes, start_time=start)


def _messaging(operation: str, client: str) -> dict[str, AttributeValue]:
    return {
        "messaging.system": "auxws",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "auxws.client": client,
    }


def _fail_with(span: Span, fault: Fault | None) -> None:
    if fault is not None:
        _fail(span, fault.code or fault.kind, fault.text)


def _fail(span: Span, kind: str, text: str | None = None) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, text))
