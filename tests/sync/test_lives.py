"""What is left of a client when it is over, however that came: nothing."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from auxws_anyio.gateway import Gateway
from auxws_proto import AuxError, Config, LocalProtocolError, Stage, State
from auxws_sync import AuxClient, connect
from tests.sync.programs import end_of, line_of, program

WAIT = 20.0
OPEN_FILES = Path("/dev/fd")


def descriptors() -> int:
    """How many file descriptors this process has open."""
    return len(list(OPEN_FILES.iterdir()))


@pytest.mark.slow
def test_200_rounds_leave_no_thread_and_no_descriptor(gateway: Gateway) -> None:
    with connect(gateway.url) as client:
        client.send({"type": "x"}).wait(Stage.CONFIRMED, WAIT)
        client.send({"type": "x", "text": "x" * 40_000}).wait(Stage.CONFIRMED, WAIT)
    threads = set(threading.enumerate())
    before = descriptors() - len(gateway.connections)

    for number in range(200):
        with connect(gateway.url) as client:
            client.send({"type": "x", "number": number}).wait(timeout=WAIT)
            if number % 10 == 0:
                client.send({"type": "x", "text": "x" * 40_000}).wait(timeout=WAIT)

    assert {thread for thread in threading.enumerate() if "auxws" in thread.name} == set()
    assert len(set(threading.enumerate()) - threads) <= 1
    # The gateway may not have noticed the last of them yet: a socket on either side of it.
    assert descriptors() - len(gateway.connections) <= before + 1


def test_close_is_over_in_time_when_the_peer_is_silent() -> None:
    before = descriptors()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        started = time.monotonic()
        with AuxClient(f"ws://127.0.0.1:{port}/") as client:
            client.connect()
            receipt = client.send({"type": "x"})

            client.close(timeout=0.1)

        took = time.monotonic() - started
        assert [t.name for t in threading.enumerate() if "auxws" in t.name] == []

    assert receipt.stage is Stage.FAILED
    assert descriptors() == before
    # Far below the default of 10 s, however slow the machine is.
    assert took < client.config.close_timeout / 2


def test_a_thread_that_has_the_number_of_one_that_ended_may_call(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(gateway.url) as client:
        client.wait_connected(WAIT)
        number = client._engine.pump.ident
    monkeypatch.setattr("auxws_sync._engine.get_ident", lambda: number)

    client.close()

    assert client.state is State.CLOSED


def test_a_client_that_was_never_entered_holds_nothing() -> None:
    client = AuxClient("ws://127.0.0.1:9/")

    with pytest.raises(LocalProtocolError, match="enter the client first"):
        client.send({"type": "x"})
    client.close()

    assert client.state is State.CLOSED
    with pytest.raises(LocalProtocolError, match="make a new one"):
        client.__enter__()


def test_a_client_is_entered_once() -> None:
    with AuxClient("ws://127.0.0.1:9/") as client:
        with pytest.raises(LocalProtocolError, match="entered once"):
            client.__enter__()
        client.close()
        with pytest.raises(LocalProtocolError, match="closed"):
            client.connect()


def test_a_forgotten_client_ends_its_thread() -> None:
    client = AuxClient("ws://127.0.0.1:9/", config=Config(reconnect=None))
    client.__enter__()
    gone = weakref.ref(client)
    (thread,) = (t for t in threading.enumerate() if "auxws" in t.name)

    del client
    gc.collect()
    thread.join(WAIT)

    assert gone() is None
    assert not thread.is_alive()


FORGOTTEN = """
    import sys
    from auxws_sync import AuxClient

    client = AuxClient(sys.argv[1])
    client.__enter__()
    client.connect()
    client.send({"type": "x", "text": "x" * 40_000})
    client.wait_connected()
    print("left")
"""


@pytest.mark.parametrize("reachable", [True, False])
def test_a_forgotten_client_does_not_keep_the_interpreter(
    gateway: Gateway, reachable: bool
) -> None:
    text = FORGOTTEN if reachable else FORGOTTEN.replace("client.wait_connected()", "")
    url = gateway.url if reachable else "ws://127.0.0.1:9/"

    with program(text, url) as process:
        end = end_of(process)

    assert end == (0, "left", "")


LEAVES = """
    import sys, time
    from auxws_sync import connect

    with connect(sys.argv[1]) as client:
        client.wait_connected()
        for number in range(50):
            client.send({"type": "x", "number": number})
        client.send({"type": "x", "number": 50, "text": "x" * 200_000})
        print("sent", flush=True)
        sys.stdin.read()
"""


def test_sigterm_sends_what_is_accepted_and_closes(make_gateway: object) -> None:
    got: list[int] = []
    ends: list[str] = []

    async def app(connection: object) -> None:
        async for received in connection:  # type: ignore[attr-defined]
            got.append(received.message["number"])
        ends.append("closed")

    gateway = make_gateway(app)  # type: ignore[operator]
    with program(LEAVES, gateway.url) as process:
        assert line_of(process) == "sent"
        process.send_signal(signal.SIGTERM)
        end = end_of(process)

    assert end == (128 + signal.SIGTERM, "", "")
    assert got == list(range(51))


HANDLES = """
    import signal, sys
    from auxws_sync import connect

    signal.signal(signal.SIGTERM, lambda *_: print("mine", flush=True) or sys.exit(7))
    with connect(sys.argv[1]) as client:
        client.wait_connected()
        print("ready", flush=True)
        sys.stdin.read()
"""


def test_a_handler_of_the_programs_own_is_kept(gateway: Gateway) -> None:
    with program(HANDLES, gateway.url) as process:
        assert line_of(process) == "ready"
        process.send_signal(signal.SIGTERM)
        end = end_of(process)

    assert end == (7, "mine", "")


def test_the_signals_default_is_back_after_the_block(gateway: Gateway) -> None:
    inside = []
    with connect(gateway.url), connect(gateway.url):
        inside.append(signal.getsignal(signal.SIGTERM))

    assert inside[0] is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


INTERRUPTED = """
    import sys
    from auxws_proto import Config, Stage
    from auxws_sync import connect

    waits = {
        "receipt": lambda: client.send({"type": "x"}).wait(),
        "iteration": lambda: next(iter(client)),
        "event": lambda: next(client.event("never")),
        "states": lambda: [None for _ in client.states()],
        "connected": lambda: client.wait_connected(),
        "flush": lambda: (client.send({"type": "x"}), client.flush()),
        "request": lambda: client.request({"type": "x"}, reply="never"),
        "send": lambda: [client.send({"type": "x"}) for _ in range(3)],
        "close": lambda: (client.send({"type": "x"}), client.close(timeout=60)),
    }
    config = Config(max_outbox_messages=2, close_timeout=0)
    try:
        with connect(sys.argv[1], config=config) as client:
            print("waits", flush=True)
            waits[sys.argv[2]]()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize(
    "wait",
    ["receipt", "iteration", "event", "states", "connected", "flush", "request", "send", "close"],
)
def test_control_c_ends_every_wait(wait: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        program(INTERRUPTED, f"ws://127.0.0.1:{silent.getsockname()[1]}/", wait) as process,
    ):
        assert line_of(process) == "waits"
        out = ""
        while not out and process.poll() is None:
            # It may not be in the wait yet: a second one finds it there.
            process.send_signal(signal.SIGINT)
            out = line_of(process)
        end = end_of(process)

    assert out == "interrupted"
    assert end == (0, "", "")


def test_a_forked_child_gets_a_clear_error_and_the_parent_goes_on(gateway: Gateway) -> None:
    with connect(gateway.url) as client:
        stream = iter(client)
        receipt = client.send({"type": "x", "number": 1})
        receipt.wait(Stage.CONFIRMED, WAIT)
        calls: dict[str, Callable[[], object]] = {
            "send": lambda: client.send({"type": "x"}),
            "close": client.close,
            "connect": client.connect,
            "disconnect": client.disconnect,
            "wait_connected": client.wait_connected,
            "flush": client.flush,
            "states": client.states,
            "errors": client.errors,
            "event": lambda: client.event("x"),
            "iteration": lambda: next(stream),
            "request": lambda: client.request({"type": "x"}, reply="x"),
            "receipt": receipt.wait,
            "stats": lambda: client.stats,
        }
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            refused = []
            for name, call in calls.items():
                try:
                    call()
                except AuxError as error:
                    refused.append(name if "os.fork()" in str(error) else repr(error))
            client.__exit__(None, None, None)
            os.write(writer, " ".join(refused).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            refused = pipe.read().split()
        os.waitpid(pid, 0)

        assert refused == list(calls)
        assert client.send({"type": "x", "number": 2}).wait(Stage.CONFIRMED, WAIT)
        assert [m["number"] for m in (stream.receive(WAIT), stream.receive(WAIT)) if m] == [1, 2]


def test_importing_it_brings_no_event_loop() -> None:
    names = "{'asyncio', 'anyio', 'trio', 'httpcore', 'python_socks'}"
    text = f"import sys, auxws_sync; print({names} & set(sys.modules))"

    out = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "set()"
