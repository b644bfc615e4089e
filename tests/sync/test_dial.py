"""Opening sockets: names, several addresses, a user's own transport, proxies."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from auxws_anyio.gateway import Faults, Gateway
from auxws_proto import (
    AuxError,
    Config,
    ConnectionFailed,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpResponded,
    LocalProtocolError,
    Reconnect,
    Secret,
    Stage,
    State,
    UrlPolicy,
)
from auxws_sync import AuxClient, Cancellation, HttpClient, connect
from auxws_sync._dial import Dial, DialFailed
from tests.sync.peers import Answering, Proxy, answer, serving

WAIT = 20.0
ONCE = Config(reconnect=None)
INSECURE = Config(url_policy=UrlPolicy(allow_insecure=True))


def silent_port(stack: ExitStack) -> int:
    """A port of this machine that does not answer: a listener with a full queue."""
    full = stack.enter_context(socket.socket())
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    port: int = full.getsockname()[1]
    for _ in range(3):
        filler = stack.enter_context(socket.socket())
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
    return port


def resolving(*addresses: tuple[str, int]) -> Callable[..., Any]:
    """A resolver that finds these for every name."""
    return lambda *_args, **_options: [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses
    ]


def test_the_next_address_is_tried_while_the_first_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            resolving(("127.0.0.1", silent_port(stack)), server.getsockname()),
        )

        sock = stack.enter_context(Dial("a.example", 1, WAIT).run())

        assert sock.getpeername() == server.getsockname()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.gettimeout() is None


def test_every_address_that_refused_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()
    monkeypatch.setattr(socket, "getaddrinfo", resolving(closed, closed))

    with pytest.raises(DialFailed) as caught:
        Dial("a.example", 1, WAIT).run()

    place = f"127.0.0.1 port {closed[1]}: Connection refused"
    assert caught.value.failure.kind == "connect"
    assert caught.value.failure.detail == f"{place}; {place}"


def test_a_name_that_does_not_exist_is_a_failure() -> None:
    with pytest.raises(DialFailed) as caught:
        Dial("no-such-name.invalid", 1, WAIT).run()

    assert caught.value.failure.kind == "resolve"


def test_time_is_up_when_nobody_answers() -> None:
    with ExitStack() as stack, pytest.raises(DialFailed) as caught:
        Dial("127.0.0.1", silent_port(stack), 0.05).run()

    assert caught.value.failure.kind == "timeout"


def test_only_admitted_addresses_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        first, second = (server.getsockname() for server in servers)
        monkeypatch.setattr(socket, "getaddrinfo", resolving(("127.0.0.2", first[1]), second))

        sock = Dial("a.example", 1, WAIT, check=lambda address: address == "127.0.0.1").run()
        with sock, pytest.raises(DialFailed) as caught:
            Dial("a.example", 1, WAIT, check=lambda _address: False).run()

        assert sock.fileno() == -1
    assert caught.value.failure.kind == "address"


@pytest.mark.parametrize("through_proxy", [False, True])
def test_cancelling_ends_it_from_another_thread(through_proxy: bool) -> None:
    failures: list[str] = []
    reached = threading.Event()

    def handle(connection: socket.socket) -> None:
        connection.recv(65_536)
        reached.set()
        connection.recv(65_536)

    with ExitStack() as stack:
        if through_proxy:
            port = stack.enter_context(serving(handle))
            dial = Dial("a.example", 1, WAIT, proxy=Secret(f"http://127.0.0.1:{port}"))
        else:
            dial = Dial("127.0.0.1", silent_port(stack), WAIT)
            reached.set()

        def run() -> None:
            try:
                dial.run()
            except DialFailed as error:
                failures.append(error.failure.kind)

        thread = threading.Thread(target=run)
        thread.start()
        assert reached.wait(WAIT)

        dial.cancel()

        thread.join(WAIT)
    assert failures == ["proxy" if through_proxy else "connect"]


def test_a_dial_that_was_cancelled_before_opens_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        dial = Dial("127.0.0.1", server.getsockname()[1], WAIT)
        dial.cancel()

        with pytest.raises(DialFailed, match="cancelled"):
            dial.run()


def test_a_transport_of_the_users_own_opens_the_socket(gateway: Gateway) -> None:
    asked: list[tuple[str, int]] = []
    real_port = int(gateway.url.split(":")[2].split("/")[0])

    def transport(host: str, port: int, timeout: float) -> socket.socket:
        asked.append((host, port))
        return socket.create_connection(("127.0.0.1", real_port), timeout)

    with connect("ws://api.example/", transport=transport, config=INSECURE) as client:
        client.send({"type": "x"}).wait(Stage.CONFIRMED, WAIT)

    assert asked == [("api.example", 80)]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (OSError(111, "token"), "Connection refused"),
        (KeyError("token"), "KeyError"),
        ("token", "returned str"),
    ],
)
def test_a_transport_that_fails_is_told_without_its_words(result: object, words: str) -> None:
    def transport(host: str, port: int, timeout: float) -> socket.socket:
        if isinstance(result, Exception):
            raise result
        return result  # type: ignore[return-value]

    with (
        connect("wss://api.example/", transport=transport, config=ONCE) as client,
        pytest.raises(ConnectionFailed, match=words) as caught,
    ):
        client.wait_connected(WAIT)

    assert "token" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("password", [None, "hidden"])
@pytest.mark.parametrize("is_secure", [False, True])
def test_a_proxy_carries_both_legs(
    make_gateway: Any,
    server_tls: Any,
    client_tls: Any,
    scheme: str,
    password: str | None,
    is_secure: bool,
) -> None:
    gateway = make_gateway(ssl=server_tls if is_secure else None)
    proxy = Proxy(password=password)
    login = "" if password is None else f"user:{password}@"

    with (
        serving(proxy) as port,
        connect(
            gateway.url,
            proxy=f"{scheme}://{login}127.0.0.1:{port}",
            ssl=client_tls if is_secure else None,
        ) as client,
    ):
        client.send({"type": "x", "text": "x" * 50_000}).wait(Stage.CONFIRMED, WAIT)
        message = next(iter(client))

    assert len(message["text"]) == 50_000
    # The socket, the upload and the download; an idle connection is used again.
    assert {target[0] for target in proxy.tunnels} == {"127.0.0.1"}
    assert len({target[1] for target in proxy.tunnels}) == 2


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_refuses_is_told_without_its_url(gateway: Gateway, scheme: str) -> None:
    with (
        serving(Proxy(password="right")) as port,
        connect(
            gateway.url, proxy=f"{scheme}://user:hidden@127.0.0.1:{port}", config=ONCE
        ) as client,
        pytest.raises(ConnectionFailed) as caught,
    ):
        client.wait_connected(WAIT)

    assert caught.value.kind == "proxy"
    assert "hidden" not in str(caught.value)


def test_a_proxy_that_is_not_there_is_told(gateway: Gateway) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    with (
        connect(gateway.url, proxy=f"http://127.0.0.1:{port}", config=ONCE) as client,
        pytest.raises(ConnectionFailed, match=r"the proxy: .*refused"),
    ):
        client.wait_connected(WAIT)


@pytest.mark.parametrize("proxy", ["ftp://hidden@x:1", "http://hidden@", "hidden"])
def test_a_bad_proxy_url_is_the_callers_mistake(proxy: str) -> None:
    for make in (lambda: AuxClient("wss://x/", proxy=proxy), lambda: HttpClient(proxy=proxy)):
        with pytest.raises(LocalProtocolError, match="proxy") as caught:
            make()

        assert "hidden@" not in str(caught.value)


def test_url_and_headers_are_asked_for_each_attempt(make_gateway: Any) -> None:
    faults = Faults()
    faults.refuse_handshakes(1, status=503)
    gateway: Gateway = make_gateway(faults=faults)
    urls = iter(["ws://127.0.0.1:9/", gateway.url, gateway.url])
    seen: list[str] = []

    def url() -> str:
        seen.append(threading.current_thread().name)
        return next(urls)

    config = Config(reconnect=Reconnect(base=0.001, cap=0.001))
    with AuxClient(url, headers=lambda: [("X-Attempt", str(len(seen)))], config=config) as client:
        assert client.origin is None
        client.connect()
        client.wait_connected(WAIT)
        (connection,) = gateway.connections

        assert dict(connection.headers).get("x-attempt") == "3"
        assert client.origin == gateway.url.replace("ws:", "http:").removesuffix("/Prod")
        assert client.send({"type": "x", "text": "x" * 50_000}).wait(Stage.CONFIRMED, WAIT)
    assert all("errand" in name for name in seen)


@pytest.mark.parametrize("bad", ["url", "headers", "scheme"])
def test_a_callable_that_fails_is_told_without_its_words(bad: str) -> None:
    def fail() -> Any:
        raise ValueError("hidden")

    url: Any = {"url": fail, "headers": lambda: "ws://x/", "scheme": lambda: "ftp://hidden/"}[bad]
    with (
        connect(url, headers=fail if bad == "headers" else (), config=ONCE) as client,
        pytest.raises(AuxError) as caught,
    ):
        client.wait_connected(WAIT)

    assert isinstance(caught.value, ConnectionFailed)
    assert caught.value.kind == "url"
    assert "hidden" not in str(caught.value)
    assert client.state is State.CLOSED


def test_a_proxy_may_have_a_private_address_and_names_are_its_own_to_resolve() -> None:
    server = Answering([answer("200 OK", b"{}")])
    request = GetFromUrl(
        transfer_id=1, method="GET", url=Secret("http://0.0.0.0/"), headers={}, max_bytes=9
    )
    proxy = Proxy()
    with serving(server) as port, serving(proxy) as proxy_port:
        http = HttpClient(proxy=f"http://127.0.0.1:{proxy_port}")
        outcomes = [
            http.transfer(
                replace(request, url=Secret(f"http://{host}:{port}/")),
                policy=UrlPolicy(),
                websocket_url="wss://api.example.com/",
                timeout=WAIT,
                progress=lambda done, total: None,
                cancellation=Cancellation(),
            )
            for host in ("localhost", "127.0.0.1")
        ]
        http.close()

    assert isinstance(outcomes[0], HttpResponded)
    assert isinstance(outcomes[1], HttpFailed)
    assert isinstance(outcomes[1].error, HttpFailure)
    assert outcomes[1].error.kind == "address"
    assert proxy.tunnels == [("localhost", port)]
