"""What blocks is done elsewhere, may fail or never return, and holds nothing else up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from auxws_anyio.gateway import Gateway, insts
from auxws_proto import (
    Config,
    ConnectionId,
    FailReason,
    GetFromUrl,
    HttpFailed,
    HttpResponded,
    PutToUrl,
    Reconnect,
    SendFailed,
    Stage,
    UrlPolicy,
)
from auxws_sync import AuxClient, Cancellation, HttpClient, connect

WAIT = 20.0
BIG = {"type": "x", "text": "x" * 50_000}

Transfer = Callable[..., HttpResponded | HttpFailed]


class Http:
    """A user's own `HttpTransport`."""

    def __init__(self, transfer: Transfer) -> None:
        self._transfer = transfer
        self.closed = 0

    def transfer(
        self,
        request: PutToUrl | GetFromUrl,
        *,
        policy: UrlPolicy,
        websocket_url: str | None,
        timeout: float,
        progress: Callable[[int, int | None], None],
        cancellation: Cancellation,
    ) -> HttpResponded | HttpFailed:
        return self._transfer(request, websocket_url, timeout, progress, cancellation)

    def close(self) -> None:
        self.closed += 1


def test_a_users_own_transport_makes_the_transfers_and_is_not_closed(gateway: Gateway) -> None:
    seen: list[tuple[str | None, float]] = []

    def transfer(
        request: PutToUrl | GetFromUrl, url: str | None, timeout: float, progress: Any, _: Any
    ) -> HttpResponded:
        seen.append((url, timeout))
        progress(7, 9)
        return HttpResponded(transfer_id=request.transfer_id, status=200)

    http = Http(transfer)
    with connect(gateway.url, http=http, config=Config(transfer_timeout=12)) as client:
        receipt = client.send(BIG)
        receipt.wait(Stage.CONFIRMED, WAIT)

    assert seen == [(gateway.url, 12)]
    assert (receipt.progress.done, receipt.progress.total) == (7, 9)
    assert http.closed == 0


def test_what_a_users_own_transport_raises_fails_the_send_without_its_words(
    gateway: Gateway,
) -> None:
    def transfer(*_: object) -> HttpResponded:
        raise KeyError("hidden")

    config = Config(upload_attempts=1)
    with connect(gateway.url, http=Http(transfer), config=config) as client:
        with pytest.raises(SendFailed, match="KeyError") as caught:
            client.send(BIG).wait(timeout=WAIT)

        # The connection goes on.
        assert client.send({"type": "x"}).wait(Stage.CONFIRMED, WAIT)

    assert caught.value.reason is FailReason.TRANSFER_FAILED
    assert "hidden" not in str(caught.value)


def test_a_transfer_that_nobody_waits_for_is_told(gateway: Gateway) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    def transfer(
        request: PutToUrl | GetFromUrl, _url: object, _timeout: object, _p: object, c: Cancellation
    ) -> HttpFailed:
        c.guard(cancelled.set)
        begun.set()
        cancelled.wait(WAIT)
        return HttpFailed(transfer_id=request.transfer_id, error="cancelled")

    with connect(gateway.url, http=Http(transfer)) as client:
        receipt = client.send(BIG)
        assert begun.wait(WAIT)

        client.close(timeout=0)

    assert cancelled.is_set()
    assert receipt.stage is Stage.FAILED


def test_clients_share_an_http_client_that_outlives_them(gateway: Gateway) -> None:
    http = HttpClient()
    for _ in range(2):
        with connect(gateway.url, http=http) as client:
            assert client.send(BIG).wait(Stage.CONFIRMED, WAIT)
            assert next(iter(client)) == BIG
    http.close()


def test_a_login_callable_is_asked_for_each_connection(make_gateway: Any) -> None:
    gateway: Gateway = make_gateway(insts())
    asked: list[ConnectionId] = []

    def login() -> ConnectionId:
        asked.append(ConnectionId(f"guest-{len(asked)}"))
        return asked[-1]

    with connect(gateway.url, login=login) as client:
        client.wait_connected(WAIT)
        first = client.info
        client.disconnect()
        client.connect()
        client.wait_connected(WAIT)

        assert first is not None
        assert client.info is not None
        assert (first["connectionId"], client.info["connectionId"]) == ("guest-0", "guest-1")
        assert client.indicator == asked[1]


@pytest.mark.parametrize("answer", [None, "vCT1.hidden"])
def test_a_login_callable_that_gives_no_credentials_is_told(
    gateway: Gateway, answer: object
) -> None:
    config = Config(reconnect=Reconnect(first_attempts=1))
    with connect(gateway.url, login=lambda: answer, config=config) as client:  # type: ignore[arg-type]
        change = next(change for change in client.states() if change.cause is not None)

    assert f"login= returned {type(answer).__name__}" in str(change.cause)
    assert "hidden" not in str(change.cause)


def test_a_login_callable_that_never_returns_does_not_hold_up_close(gateway: Gateway) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def login() -> ConnectionId:
        asked.set()
        go_on.wait(WAIT)
        return ConnectionId("late")

    with connect(gateway.url, login=login) as client:
        receipt = client.send({"type": "x"})
        assert asked.wait(WAIT)

        client.close(timeout=0.1)

        assert not go_on.is_set()
        go_on.set()

    assert receipt.stage is Stage.FAILED


def test_a_callable_may_close_the_client(gateway: Gateway) -> None:
    def login() -> ConnectionId:
        client.close(timeout=0.1)
        return ConnectionId("late")

    client = AuxClient(gateway.url, login=login)
    with client:
        client.connect()
        states = [change.current.value for change in client.states()]

    assert states[-1] == "CLOSED"


def test_a_socket_that_comes_too_late_is_closed(gateway: Gateway) -> None:
    go_on = threading.Event()
    urls: list[str] = []

    def url() -> str:
        urls.append(gateway.url)
        if len(urls) == 1:
            go_on.wait(WAIT)
        return gateway.url

    config = Config(connect_timeout=0.05, reconnect=Reconnect(base=0.001, cap=0.001))
    with connect(url, config=config) as client:
        client.wait_connected(WAIT)
        go_on.set()
        assert client.send({"type": "x"}).wait(Stage.CONFIRMED, WAIT)

        assert gateway.connections_accepted == 1


def test_a_silent_server_is_given_up_and_tried_again(make_gateway: Any) -> None:
    config = Config(connect_timeout=0.05, reconnect=Reconnect(base=0.001, cap=0.001))
    gateway: Gateway = make_gateway()
    gateway.faults.silent = True
    with connect(gateway.url, config=config) as client:
        states = client.states()
        changes = [states.receive(WAIT) for _ in range(4)]
        gateway.faults.silent = False
        client.wait_connected(WAIT)

    causes = {str(change.cause) for change in changes if change is not None}
    assert any("time" in cause for cause in causes)
