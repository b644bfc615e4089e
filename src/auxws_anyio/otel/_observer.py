"""`OpenTelemetryObserver`: what an observer is told, given to spans and to metrics.

It knows that opentelemetry-api may be missing. It must not know what is made of an event. It has a
clock, since OpenTelemetry wants moments of the calendar, and events have those of a monotonic one.
"""

from __future__ import annotations

from collections.abc import Callable
from time import time_ns
from typing import TYPE_CHECKING

from auxws_proto import MAX_MESSAGE_SIZE, ExtraMissing, __version__
from auxws_proto.observe import ObserverEvent

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

_SCOPE = "auxws"


class OpenTelemetryObserver:
    """An observer for ``observer=``, for any number of clients of this process.

    One span for each message over ``large`` bytes, or that goes or comes by the object store, with
    its legs as children; counters of messages and bytes by path and direction, queue depths,
    reconnects, latency (``docs/observability.md`` has the names). Without providers the global ones
    are used; ``clock`` gives nanoseconds since 1970.

    Raises `ExtraMissing` (an `ImportError`) where opentelemetry-api is not installed.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        large: int = MAX_MESSAGE_SIZE,
        clock: Callable[[], int] = time_ns,
    ) -> None:
        try:
            from opentelemetry import metrics, trace
        except ImportError:
            raise ExtraMissing("opentelemetry-api", "otel") from None
        from ._metrics import Metrics
        from ._spans import Spans

        tracer = trace.get_tracer(_SCOPE, __version__, tracer_provider)
        meter = metrics.get_meter(_SCOPE, __version__, meter_provider)
        self._spans = Spans(tracer, clock, large)
        self._metrics = Metrics(meter)

    def __call__(self, event: ObserverEvent) -> None:
        """Take one event."""
        self._spans.take(event)
        self._metrics.take(event)
