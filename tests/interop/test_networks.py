"""Client, gateway and store on three hosts, with a network between them that is not a good one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.drivers.adapter import Case
from tests.interop.cases import CASES
from tests.interop.conftest import Recorder
from tests.interop.networks import STORE_PORT, Network, network, own_address
from tests.interop.programs import Program, program, running
from tests.interop.stores import ACCESS_KEY, BUCKET, SECRET_KEY

pytestmark = pytest.mark.interop

TITLE = "6. Networks"
TEXT = """\
A client, our gateway and `rclone serve s3` in network namespaces of their own, joined by a relay
that delays, limits, stalls and resets, and by links that the kernel limits (tbf) or takes down.
Times of the clients are a tenth of the defaults. A column is a driver."""

PEER = "three hosts"
DARK = 30.0
LARGE = [10, 50_000, 1_000_000, 10, 300_000]


class Remote:
    """One of our programs on a host, which answers each line of JSON with one."""

    def __init__(self, running_program: Program) -> None:
        self._program = running_program

    def __call__(self, **order: Any) -> Any:
        return json.loads(self._program.ask(json.dumps(order)))


class Relay:
    """The relay's commands."""

    def __init__(self, running_program: Program) -> None:
        self._program = running_program

    def __call__(self, leg: str, **order: float | bool) -> None:
        assert self._program.ask(json.dumps({"leg": leg, **order})) == "done"


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"tests.interop.networks.{module}", *arguments]


@pytest.fixture(scope="module")
def hosts(logs: Path) -> Iterator[Network]:
    folder = logs / "objects"
    (folder / BUCKET).mkdir(parents=True)
    store = [
        program("rclone"),
        "serve",
        "s3",
        f"--addr={own_address('store')}:{STORE_PORT}",
        f"--auth-key={ACCESS_KEY},{SECRET_KEY}",
        f"--config={logs / 'rclone.conf'}",
        str(folder),
    ]
    with ExitStack() as stack:
        hosts = stack.enter_context(network())
        stack.enter_context(running(hosts.on("store", store), logs / "store.log"))
        gateway = hosts.on("gateway", python("gateway"))
        server = stack.enter_context(running(gateway, logs / "gateway.log", pipes=True))
        assert server.first_line() == "ready"
        yield hosts


@pytest.fixture
def relay(hosts: Network, logs: Path) -> Iterator[Relay]:
    command = hosts.on("relay", python("relay"))
    with running(command, logs / "relay.log", pipes=True) as process:
        assert process.first_line() == "ready"
        yield Relay(process)


@contextmanager
def client_on(hosts: Network, case: Case, logs: Path) -> Iterator[Remote]:
    command = hosts.on("client", python("client", case.name))
    with running(command, logs / f"client-{case.name}.log", pipes=True) as process:
        yield Remote(process)


@pytest.fixture
def client(hosts: Network, relay: Relay, case: Case, logs: Path) -> Iterator[Remote]:
    with client_on(hosts, case, logs) as remote:
        yield remote


def test_delay(client: Remote, relay: Relay, case: Case, record: Recorder) -> None:
    for leg in ("gateway", "store"):
        relay(leg, delay=0.08)

    assert client(do="echo", sizes=LARGE * 3) == {"same": True}
    record.put(PEER, "80 ms each way: 15 messages up to 1 MB both ways, in order", case.name)


def test_rate(client: Remote, relay: Relay, hosts: Network, case: Case, record: Recorder) -> None:
    hosts.limit("client", "16mbit")
    try:
        for leg in ("gateway", "store"):
            relay(leg, delay=0.02)

        assert client(do="echo", sizes=LARGE * 2) == {"same": True}
    finally:
        hosts.limit("client", "10gbit")
    record.put(PEER, "2 MB/s by tbf, 20 ms: 10 messages up to 1 MB both ways", case.name)


def test_stall_of_the_store(client: Remote, relay: Relay, case: Case, record: Recorder) -> None:
    client(do="echo", sizes=[10])
    relay("store", stall=True)
    client(do="send", sizes=[100_000, 10])
    # Longer than the time a transfer may make no progress in.
    time.sleep(4)
    relay("store", stall=False)

    assert client(do="settle") == {"stages": {"CONFIRMED": 2}}
    assert client(do="ledger") == {"arrived": 3}
    record.put(PEER, "the store stalls for 4 s: uploads are tried again and arrive", case.name)


def test_resets_of_the_store(client: Remote, relay: Relay, case: Case, record: Recorder) -> None:
    relay("store", delay=0.02, rate=2_000_000)
    client(do="echo", sizes=[10])
    client(do="send", sizes=[1_000_000] * 3)
    for _ in range(5):
        relay("store", reset=True)
        time.sleep(0.2)

    assert client(do="settle") == {"stages": {"CONFIRMED": 3}}
    assert client(do="ledger") == {"arrived": 4}
    record.put(PEER, "the store resets five times within uploads: they arrive", case.name)


def test_resets_of_the_gateway(client: Remote, relay: Relay, case: Case, record: Recorder) -> None:
    relay("gateway", delay=0.02)
    client(do="echo", sizes=[10])
    for _ in range(5):
        client(do="send", sizes=[10, 100_000, 10])
        relay("gateway", reset=True)
        client(do="wait", state="OPEN")

    assert client(do="settle") == {"stages": {"CONFIRMED": 15}}
    assert client(do="ledger") == {"arrived": 16}
    record.put(PEER, "the gateway resets five times: it is connected again, all arrive", case.name)


def test_a_silent_gateway(client: Remote, relay: Relay, case: Case, record: Recorder) -> None:
    client(do="echo", sizes=[10])
    relay("gateway", stall=True)
    client(do="send", sizes=[10, 100_000])
    # By the ping that has no answer: nothing else tells.
    client(do="leave", state="OPEN")
    relay("gateway", stall=False)
    client(do="wait", state="OPEN")

    assert client(do="settle") == {"stages": {"CONFIRMED": 2}}
    assert client(do="ledger") == {"arrived": 3}
    record.put(PEER, "a silent gateway is given up by its pong, and all arrives", case.name)


def test_a_dark_link(hosts: Network, relay: Relay, logs: Path, record: Recorder) -> None:
    # All drivers at once, for this takes its time: packets are lost for 30 s, and nobody is told.
    with ExitStack() as stack:
        clients = {case.name: stack.enter_context(client_on(hosts, case, logs)) for case in CASES}
        for client in clients.values():
            client(do="echo", sizes=[10, 50_000])
        relay("store", rate=1_000_000)
        for client in clients.values():
            client(do="send", sizes=[2_000_000])
        hosts.cut("client")
        dark_until = time.monotonic() + DARK
        for client in clients.values():
            client(do="leave", state="OPEN")
            client(do="send", sizes=[10, 50_000])
        time.sleep(dark_until - time.monotonic())
        hosts.mend("client")
        relay("store", rate=100_000_000)

        for name, client in clients.items():
            client(do="wait", state="OPEN")
            assert client(do="settle") == {"stages": {"CONFIRMED": 3}}
            assert client(do="ledger") == {"arrived": 5}
            assert client(do="echo", sizes=LARGE) == {"same": True}
            record.put(PEER, "a link dark for 30 s within an upload: heals, all arrives", name)
