"""Counters, depths and durations.

It knows instruments; their names are the semantic conventions' where those have one. It must not
know spans. No attribute has more than a few values: types of messages and codes of servers, which
a peer chooses, are none.
"""

from __future__ import annotations

from typing import Final

from opentelemetry.metrics import Meter

from auxws_proto import State
from auxws_proto.observe import (
    ConnectionEnded,
    ConnectionOpened,
    ErrorReported,
    MessageMissed,
    MessageReceived,
    MessageSent,
    ObserverEvent,
    PingAnswered,
    QueuesChanged,
    ReconnectScheduled,
    SendEnded,
    SendingPaused,
    StateChanged,
    TransferFinished,
)

SYSTEM: Final = "auxws"

_SECONDS: Final = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
"""The boundaries that the semantic conventions advise for durations."""


class Metrics:
    """The instruments of one observer."""

    def __init__(self, meter: Meter) -> None:
        count, depth = meter.create_counter, meter.create_up_down_counter
        self._sent = count(
            "messaging.client.sent.messages", "{message}", "Messages given to a transport"
        )
        self._consumed = count(
            "messaging.client.consumed.messages", "{message}", "Messages delivered"
        )
        self._bytes = count("auxws.message.io", "By", "Bytes of messages, by path and direction")
        self._reconnects = count("auxws.reconnects", "{reconnect}", "Attempts after a loss")
        self._errors = count("auxws.errors", "{error}", "Errors, by kind")
        self._connections = depth("auxws.connections", "{connection}", "Open connections")
        self._outbox = depth("auxws.outbox.messages", "{message}", "Messages without an outcome")
        self._outbox_bytes = depth("auxws.outbox.size", "By", "Bytes without an outcome")
        self._pending = depth("auxws.transfers.pending", "{transfer}", "Uploads and downloads")
        self._untaken = depth("auxws.inbox.size", "By", "Bytes held or not taken")
        self._durations, self._transfers, self._pings = (
            meter.create_histogram(
                name, "s", description, explicit_bucket_boundaries_advisory=_SECONDS
            )
            for name, description in (
                ("messaging.client.operation.duration", "From send() to the outcome"),
                ("auxws.transfer.duration", "Requests to the object store"),
                ("auxws.ping.duration", "From a ping to its answer"),
            )
        )
        self._queues: dict[str, tuple[int, int, int, int, int]] = {}

    def take(self, event: ObserverEvent) -> None:
        """Count what is to be counted."""
        match event:
            case MessageSent():
                self._sent.add(1, self._messaging("send", event.path))
                self._bytes.add(event.size, _io("transmit", event.path))
            case MessageReceived():
                self._consumed.add(1, self._messaging("receive", event.path))
                self._bytes.add(event.size, _io("receive", event.path))
            case SendEnded():
                attributes = self._messaging("send", event.path or "none")
                attributes["auxws.outcome"] = event.stage.value
                if event.fault is not None:
                    attributes["error.type"] = event.fault.code or event.fault.kind
                self._durations.record(event.elapsed, attributes)
            case TransferFinished():
                self._transfers.record(
                    event.elapsed,
                    {
                        "auxws.direction": event.direction,
                        "auxws.outcome": str(event.status or event.failure),
                    },
                )
            case PingAnswered():
                self._pings.record(event.latency)
            case QueuesChanged():
                self._set_queues(event)
            case ConnectionOpened():
                self._connections.add(1)
            case ConnectionEnded(lasted=float()):
                self._connections.add(-1)
            case ReconnectScheduled():
                self._reconnects.add(1)
            case ErrorReported(fault=fault) | MessageMissed(fault=fault):
                self._errors.add(1, {"error.type": fault.kind})
            case SendingPaused():
                self._errors.add(1, {"error.type": "RateLimited"})
            case StateChanged(current=State.CLOSED):
                self._change(event.client, (0, 0, 0, 0, 0))
                del self._queues[event.client]
            case _:
                pass

    @staticmethod
    def _messaging(operation: str, path: str) -> dict[str, str]:
        return {
            "messaging.system": SYSTEM,
            "messaging.operation.name": operation,
            "auxws.path": path,
        }

    def _set_queues(self, event: QueuesChanged) -> None:
        figures = (
            event.outbox_messages,
            event.outbox_bytes,
            event.pending_uploads,
            event.pending_downloads,
            event.held_bytes + event.untaken_bytes,
        )
        self._change(event.client, figures)

    def _change(self, client: str, figures: tuple[int, int, int, int, int]) -> None:
        """Add what has changed: several clients have one sum."""
        before = self._queues.get(client, (0, 0, 0, 0, 0))
        self._queues[client] = figures
        messages, size, uploads, downloads, untaken = (
            now - then for now, then in zip(figures, before, strict=True)
        )
        self._outbox.add(messages)
        self._outbox_bytes.add(size)
        self._pending.add(uploads, {"auxws.direction": "upload"})
        self._pending.add(downloads, {"auxws.direction": "download"})
        self._untaken.add(untaken)


def _io(direction: str, path: str) -> dict[str, str]:
    return {"network.io.direction": direction, "auxws.path": path}
