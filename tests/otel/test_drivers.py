"""Spans and metrics of clients with real sockets."""

from __future__ import annotations

import json
import logging

import pytest
from opentelemetry import trace

from auxws_anyio.gateway import GatewayConnection, echo
from auxws_proto import ConnectionToken
from tests.drivers.adapter import ASYNC_CASES, CASES, Case
from tests.drivers.serving import serving
from tests.otel.conftest import Telemetry

pytestmark = pytest.mark.anyio

LARGE = {"type": "n", "pad": "x" * 50_000}
THREAD_CASES = [case for case in CASES if case not in ASYNC_CASES]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def anyio_backend(case: Case) -> object:
    return case.backend


async def test_a_round_trip(case: Case, telemetry: Telemetry) -> None:
    observer = telemetry.observer()

    async with (
        serving(echo) as gateway,
        case.make().connect(gateway.url, observer=observer) as client,
    ):
        assert await client.request(LARGE, reply="n", timeout=10) == LARGE
        await client.flush(10)

    assert telemetry.tree() == [
        "send auxws", "  auxws upload_url", "  PUT", "  auxws announce", "receive auxws", "  GET",
    ]  # fmt: skip
    assert telemetry.figures("messaging.client.sent.messages") == {"upload": 1}
    assert telemetry.figures("messaging.client.consumed.messages") == {"download": 1}
    assert telemetry.figures("auxws.outbox.messages") == {"": 0}
    assert telemetry.figures("auxws.connections") == {"": 0}


async def test_whoever_sends_is_the_parent_where_the_driver_can_know(
    case: Case, telemetry: Telemetry
) -> None:
    tracer = trace.get_tracer("test", tracer_provider=telemetry.tracers)

    async with (
        serving(echo) as gateway,
        case.make().connect(gateway.url, observer=telemetry.observer()) as client,
    ):
        await client.wait_connected(10)
        with tracer.start_as_current_span("the application's"):
            for _ in range(3):
                await client.send(LARGE)
        await client.flush(10)

    (outer,) = telemetry.spans("the application's")
    inside = [span.parent == outer.get_span_context() for span in telemetry.spans("send auxws")]
    # The blocking driver's machine is on a thread of its own.
    assert inside == [case not in THREAD_CASES] * 3


async def let_in(connection: GatewayConnection) -> None:
    """Lets everybody in, and sends everything else back."""
    async for received in connection:
        if received.message["type"] == "login":
            await connection.send({"type": "login_result", "success": True, "info": {}})
        else:
            await connection.send(received.message)


async def test_nothing_that_is_exported_quotes_a_secret(
    case: Case, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither URLs that the gateway gave out, nor tokens, with errors on every leg."""
    caplog.set_level(logging.DEBUG)
    given: list[str] = []

    async with serving(let_in) as gateway:
        async with case.make().connect(
            gateway.url,
            login=ConnectionToken("vCT1.marked-token"),
            headers={"x-api-key": "marked-header"},
            observer=telemetry.observer(),
        ) as client:
            await client.wait_connected(10)
            gateway.faults.fail_puts(1, 403, "AccessDenied")
            await client.send(LARGE)
            await client.flush(10)
            assert await client.request(LARGE, reply="n", timeout=10) == LARGE
        given += gateway.store

    said = "\n".join(
        [span.to_json() for span in telemetry.spans()]
        + [str(telemetry.reader.get_metrics_data())]
        + [record.getMessage() for record in caplog.records]
    )
    assert "send auxws" in [json.loads(span.to_json())["name"] for span in telemetry.spans()]
    assert len(given) == 2
    assert [secret for secret in (*given, "marked-token", "marked-header") if secret in said] == []
    assert [word for word in ("X-Amz-", "Signature=", "?") if word in said] == []
