"""OpenTelemetry: a ready observer that makes spans and metrics of a client's events.

Needs the extra ``otel``, which is opentelemetry-api alone; the application chooses an SDK::

    async with connect(url, observer=OpenTelemetryObserver()) as client: ...
"""

from __future__ import annotations

from ._observer import OpenTelemetryObserver

__all__ = ["OpenTelemetryObserver"]
