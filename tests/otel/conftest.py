"""An OpenTelemetry SDK that exports into memory, and what it has exported in short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from auxws_anyio.otel import OpenTelemetryObserver


class Telemetry:
    """The providers, and what came of them."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    def observer(self, **options: Any) -> OpenTelemetryObserver:
        return OpenTelemetryObserver(self.tracers, self.meters, **options)

    def close(self) -> None:
        self.tracers.shutdown()
        self.meters.shutdown()

    def spans(self, name: str = "") -> list[ReadableSpan]:
        """The spans that have ended, by their beginning."""
        spans = [span for span in self.exporter.get_finished_spans() if name in (span.name, "")]
        return sorted(spans, key=lambda span: (span.start_time, span.parent is not None))

    def tree(self) -> list[str]:
        """The names of the spans, children behind their parents."""
        spans = self.spans()
        children: dict[int, list[ReadableSpan]] = {}
        for span in spans:
            children.setdefault(span.parent.span_id if span.parent else 0, []).append(span)

        def lines(parent: int, depth: int) -> Iterator[str]:
            for span in children.get(parent, []):
                yield "  " * depth + span.name
                context = span.get_span_context()
                assert context is not None
                yield from lines(context.span_id, depth + 1)

        return list(lines(0, 0))

    def figures(self, name: str) -> dict[str, Any]:
        """The figures of an instrument by the values of their attributes, in alphabetical order."""
        data = self.reader.get_metrics_data()
        metrics = [
            metric
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]
        points: list[Any] = [point for metric in metrics for point in metric.data.data_points]
        return {
            " ".join(
                str(value)
                for key, value in sorted(point.attributes.items())
                if not key.startswith("messaging.")
            ): point.value if isinstance(point, NumberDataPoint) else point.count
            for point in points
        }


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = Telemetry()
    yield telemetry
    telemetry.close()
