"""Spans and metrics of simulated clients, to the millisecond of the virtual clock."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from auxws_anyio.otel import OpenTelemetryObserver
from auxws_proto import (
    AuxSession,
    Config,
    ExtraMissing,
    InternalError,
    Role,
    SendId,
    Stage,
    State,
)
from auxws_proto._dialogue_websocket import DialogueWebSocket
from auxws_proto.observe import (
    Fault,
    MessageMissed,
    MessageReceived,
    MessageSent,
    SendEnded,
    TransferFinished,
    TransferStarted,
    observe,
)
from auxws_proto.testing import Actor, Faults, World
from tests.otel.conftest import Telemetry

LARGE = {"type": "large", "pad": "x" * 50_000}
SIZE = 50_025
STEADY = Faults(latency=(0.1, 0.1), store_latency=(0.2, 0.2))
URL = "wss://abc123.execute-api.us-east-1.amazonaws.com/Prod"


def answer(actor: Actor, message: Mapping[str, Any]) -> None:
    """A server that sends large messages back."""
    if message["type"] == "large":
        actor.send(message)


def world_of(telemetry: Telemetry, config: Config | None = None, **options: Any) -> World:
    """A world whose client is observed, on a clock that begins with 1970."""
    observer = telemetry.observer(clock=lambda: round(world.clock.now * 1e9), **options)

    def make(given: Config) -> AuxSession:
        settings = dataclasses.replace(config or given, random=given.random)
        return observe(AuxSession(Role.CLIENT, settings, URL), observer, client="one")

    world: World = World(1, client=make, application=answer, faults=STEADY)
    world.client.call("connect")
    world.run(1.0)
    return world


def seconds(span: Any) -> tuple[float, float]:
    """When a span began and ended, on the virtual clock."""
    return round(span.start_time / 1e9, 6), round(span.end_time / 1e9, 6)


def test_a_large_message_is_a_span_with_its_legs(telemetry: Telemetry) -> None:
    world = world_of(telemetry)

    world.client.send(LARGE)
    world.rest()

    assert telemetry.tree() == [
        "send auxws", "  auxws upload_url", "  PUT", "  auxws announce", "receive auxws", "  GET",
    ]  # fmt: skip
    sent, url, put, announce, received, get = telemetry.spans()
    # The server presigns in 0.1 s, too.
    assert seconds(sent) == (1.0, 1.7)
    assert seconds(url) == (1.0, 1.3)
    assert seconds(put) == (1.3, 1.5)
    assert seconds(announce) == (1.5, 1.7)
    assert seconds(received) == seconds(get)
    assert (sent.kind, received.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert {span.kind for span in (url, put, announce, get)} == {SpanKind.CLIENT}
    assert dict(sent.attributes or {}) == {
        "messaging.system": "auxws",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.message.body.size": SIZE,
        "auxws.client": "one",
        "auxws.send_id": 1,
        "auxws.message.type": "large",
        "auxws.path": "upload",
        "auxws.outcome": "CONFIRMED",
    }
    assert dict(put.attributes or {}) == {
        "http.request.method": "PUT",
        "http.request.body.size": SIZE,
        "http.response.status_code": 200,
    }
    assert dict(received.attributes or {}) == {
        "messaging.system": "auxws",
        "messaging.operation.name": "receive",
        "messaging.operation.type": "receive",
        "messaging.message.body.size": SIZE,
        "auxws.client": "one",
        "auxws.message.type": "large",
        "auxws.path": "download",
    }
    assert {span.status.status_code for span in telemetry.spans()} == {StatusCode.UNSET}


def test_each_attempt_is_a_leg(telemetry: Telemetry) -> None:
    world = world_of(telemetry)
    world.store.next_faults += ["500", None, "500"]

    world.client.send(LARGE)
    world.rest()

    assert [dict(span.attributes or {}).get("http.response.status_code")
            for span in telemetry.spans("PUT")] == [500, 200]  # fmt: skip
    failed, again = telemetry.spans("PUT")
    assert (failed.status.status_code, (failed.attributes or {})["error.type"]) == (
        StatusCode.ERROR, "500",
    )  # fmt: skip
    assert (again.attributes or {})["http.request.resend_count"] == 1
    assert len(telemetry.spans("send auxws")) == 1
    assert len(telemetry.spans("receive auxws")) == 1


def test_a_message_that_fails(telemetry: Telemetry) -> None:
    world = world_of(telemetry)
    world.next_grants += ["server_error"]

    world.client.send(LARGE)
    world.rest()

    (span,) = telemetry.spans()
    assert span.name == "send auxws"
    assert (span.status.status_code, span.status.description) == (
        StatusCode.ERROR, "refused_by_server: server_error: no upload URL can be had",
    )  # fmt: skip
    assert (span.attributes or {})["error.type"] == "refused_by_server"
    assert telemetry.figures("messaging.client.operation.duration") == {
        "FAILED none refused_by_server": 1
    }


def test_a_message_that_cannot_be_had(telemetry: Telemetry) -> None:
    world = world_of(telemetry)
    world.store.next_faults += [None, None, None, "forbidden"]

    world.client.send(LARGE)
    world.rest()

    (received,) = telemetry.spans("receive auxws")
    (get,) = telemetry.spans("GET")
    assert received.status.status_code is StatusCode.ERROR
    assert (received.attributes or {})["error.type"] == "http_status"
    assert get.status.status_code is StatusCode.ERROR
    assert telemetry.figures("auxws.errors") == {"DownloadFailed": 1}


def test_a_message_that_goes_twice_has_two_legs(telemetry: Telemetry) -> None:
    world = world_of(telemetry, Config(resend_unknown=True))

    world.client.send(LARGE)
    world.run(0.55)
    world.cut()
    world.rest()

    first, second = telemetry.spans("auxws announce")
    (sent,) = telemetry.spans("send auxws")
    assert (first.attributes or {})["error.type"] == "transport_lost"
    assert (second.attributes or {})["auxws.transport"] == 2
    assert (sent.status.status_code, len(telemetry.spans("PUT"))) == (StatusCode.UNSET, 1)


def test_small_messages_have_no_span(telemetry: Telemetry) -> None:
    world = world_of(telemetry)

    world.client.send({"type": "small"})
    world.rest()

    assert telemetry.spans() == []


def test_large_is_what_is_large_for_the_observer(telemetry: Telemetry) -> None:
    world = world_of(telemetry, large=10)

    world.client.send({"type": "small"})
    world.rest()

    assert telemetry.tree() == ["send auxws", "  auxws transmit"]


def test_whatever_is_uploaded_has_a_span(telemetry: Telemetry) -> None:
    world = world_of(telemetry, Config(inline_limit=1_000))

    world.client.send({"type": "small", "pad": "x" * 2_000})
    world.rest()

    assert telemetry.tree() == ["send auxws", "  auxws upload_url", "  PUT", "  auxws announce"]
    assert seconds(telemetry.spans()[0]) == (1.0, 1.7)


def test_a_url_that_was_at_hand_is_no_leg(telemetry: Telemetry) -> None:
    world = world_of(telemetry, Config(upload_urls_ahead=1))

    world.client.send(LARGE)
    world.run(5.0)

    assert telemetry.tree()[:3] == ["send auxws", "  PUT", "  auxws announce"]


def test_the_span_of_whoever_sends_is_the_parent(telemetry: Telemetry) -> None:
    world = world_of(telemetry)
    tracer = trace.get_tracer("test", tracer_provider=telemetry.tracers)

    with tracer.start_as_current_span("the application's"):
        world.client.send(LARGE)
        world.rest()

    (sent,) = telemetry.spans("send auxws")
    (received,) = telemetry.spans("receive auxws")
    (outer,) = telemetry.spans("the application's")
    assert sent.parent == outer.get_span_context()
    assert received.parent is None


def test_the_figures(telemetry: Telemetry) -> None:
    world = world_of(telemetry)

    world.client.send({"type": "small"})
    world.client.send(LARGE)
    assert telemetry.figures("auxws.outbox.messages") == {"": 2}
    assert telemetry.figures("auxws.outbox.size") == {"": SIZE + 16}
    assert telemetry.figures("auxws.transfers.pending") == {"upload": 1, "download": 0}
    world.rest()
    world.cut()
    world.run(100.0)
    world.inject(b'[1,0,{"type":"rate_limit_exceeded","retryAfter":1,"totalHits":9}]')
    world.inject(b'[5,-1,{"errorCode":"x"}]')
    world.run(10.0)

    assert telemetry.figures("messaging.client.sent.messages") == {"inline": 1, "upload": 1}
    consumed = telemetry.figures("messaging.client.consumed.messages")
    assert consumed == {"inline": 1, "download": 1}
    moved = telemetry.figures("auxws.message.io")
    assert moved["inline transmit"] == 16
    assert moved["upload transmit"] == moved["download receive"] == SIZE
    assert telemetry.figures("auxws.outbox.messages") == {"": 0}
    assert telemetry.figures("auxws.inbox.size") == {"": 0}
    assert telemetry.figures("auxws.reconnects") == {"": 1}
    assert telemetry.figures("auxws.connections") == {"": 1}
    assert telemetry.figures("auxws.errors") == {"RateLimited": 1, "ServerError": 1}
    assert telemetry.figures("auxws.transfer.duration") == {"upload 200": 1, "download 200": 1}
    assert telemetry.figures("auxws.ping.duration")[""] >= 1
    assert telemetry.figures("messaging.client.operation.duration") == {
        "CONFIRMED inline": 1, "CONFIRMED upload": 1,
    }  # fmt: skip


def test_a_closed_client_leaves_nothing_behind(telemetry: Telemetry) -> None:
    world = world_of(telemetry)

    world.client.send(LARGE)
    world.run(0.35)
    world.client.call("close")
    world.run(10.0)

    assert telemetry.figures("auxws.outbox.messages") == {"": 0}
    assert telemetry.figures("auxws.connections") == {"": 0}
    (put,) = telemetry.spans("PUT")
    assert (put.attributes or {})["error.type"] == "cancelled"
    (sent,) = telemetry.spans("send auxws")
    assert (sent.attributes or {})["auxws.outcome"] == "FAILED"


def test_a_client_that_has_failed_leaves_no_span_open(telemetry: Telemetry) -> None:
    observer = telemetry.observer()
    machine = observe(DialogueWebSocket(url=URL), observer, client="one")
    machine.send(LARGE, 1.0)
    list(machine.actions())

    machine.finish_dialogues(InternalError(KeyError()))

    (span,) = telemetry.spans()
    assert (span.attributes or {})["error.type"] == "InternalError"
    assert machine.state is State.IDLE


def test_one_observer_serves_many_clients(telemetry: Telemetry) -> None:
    observer = telemetry.observer()
    machines = [
        observe(AuxSession(Role.CLIENT, url=URL), observer, client=name) for name in ("a", "b")
    ]

    for machine in machines:
        machine.send(LARGE, 1.0)
        list(machine.actions())
    assert telemetry.figures("auxws.outbox.messages") == {"": 2}
    for machine in machines:
        machine.close(2.0)
        list(machine.actions())

    assert telemetry.figures("auxws.outbox.messages") == {"": 0}
    assert [(span.attributes or {})["auxws.client"] for span in telemetry.spans()] == ["a", "b"]


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(ExtraMissing, match=r"opentelemetry-api is not installed.*auxws\[otel\]"):
        OpenTelemetryObserver()


def test_events_without_a_beginning_do_no_harm(telemetry: Telemetry) -> None:
    """As of a message of the session's own, or of an observer that came late."""
    observer = telemetry.observer(clock=lambda: 10)
    common: dict[str, Any] = {"at": 1.0, "client": "one"}
    message: dict[str, Any] = {"type": "n", "size": 1, **common}
    fault = Fault(kind="AuxError", text="x")
    one = SendId(1)

    for event in (
        TransferStarted(transfer=1, direction="upload", attempt=1, **common),
        TransferStarted(transfer=2, direction="upload", attempt=1, send_id=one, **common),
        TransferFinished(transfer=1, direction="upload", attempt=1, elapsed=1.0, **common),
        TransferFinished(transfer=9, direction="upload", attempt=1, elapsed=1.0, **common),
        MessageSent(send_id=one, path="inline", transport=1, waited=1.0, **message),
        SendEnded(send_id=one, stage=Stage.SENT, elapsed=1.0, **message),
        MessageReceived(path="download", transport=1, download=9, **message),
        MessageMissed(fault=fault, transport=1, download=9, **common),
    ):
        observer(event)

    assert telemetry.tree() == ["PUT"]
