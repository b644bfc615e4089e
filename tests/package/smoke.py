"""Uses the installed package: ``python smoke.py core|sync|anyio|all``, away from the repository.

It must import nothing of the repository, and uses assertions: it is no test of pytest's.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import files, version
from pathlib import Path
from typing import Any

CORE = ("auxws_proto", "auxws_proto.messages", "auxws_proto.observe")
SYNC = ("auxws_sync",)
ANYIO = ("auxws_anyio", "auxws_anyio.gateway", "auxws_anyio.viewer")
ALL = (
    *CORE, *SYNC, *ANYIO, "auxws_proto.testing", "auxws_proto.testing.strategies",
    "auxws_anyio.otel", "auxws_anyio.pytest_plugin", "auxws_anyio.yjs", "auxws_sync.yjs",
)  # fmt: skip

TEST = """\
from auxws_proto import ConnectionId
from auxws_sync import connect


def test_a_large_update_arrives_although_the_store_is_busy(aux_gateway):
    aux_gateway.faults.fail_puts(1, 503, "SlowDown")
    with connect(aux_gateway.url, login=ConnectionId("bot")) as client:
        client.inst(None, "news", "shared").add_updates(["x" * 100_000])
    assert aux_gateway.receive("repo/add_updates")["updates"] == ["x" * 100_000]
"""


def import_all(names: tuple[str, ...]) -> None:
    """Every public name of these is there."""
    for name in names:
        module = import_module(name)
        assert Path(str(module.__file__)).is_relative_to(sys.prefix), module.__file__
        for public in module.__all__:
            getattr(module, public)


def run(*command: str, status: int = 0) -> str:
    """What a command prints; it must end with ``status``."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def core() -> None:
    """Two machines talk; drivers and the command say in one line what they lack."""
    import_all(CORE)
    proto: Any = import_module("auxws_proto")
    client, server = proto.AuxSession(proto.Role.CLIENT), proto.AuxSession(proto.Role.SERVER)
    for machine in (client, server):
        machine.connect(0.0)
        machine.transport_opened(0.0)
    client.send({"type": "hello"}, 0.0)
    for action in client.actions():
        if isinstance(action, proto.SendText):
            server.receive_text(action.data, 0.0)
    delivered = [a.message for a in server.actions() if isinstance(a, proto.DeliverMessage)]
    assert delivered == [{"type": "hello"}], delivered
    proto.AuxWebSocket(proto.Role.CLIENT, url="wss://example.com/prod")
    driver = import_module("auxws_anyio")
    problem = ""
    try:
        driver.__getattr__("connect")
    except proto.ExtraMissing as error:
        problem = str(error)
    assert "auxws[anyio]" in problem, problem
    lines = run("auxws", "demo", status=6).strip().splitlines()
    assert len(lines) == 1, lines


def sync() -> None:
    """The blocking driver has what it needs: it fails for want of a server alone."""
    import_all((*CORE, *SYNC))
    proto, driver = import_module("auxws_proto"), import_module("auxws_sync")
    config = proto.Config(reconnect=None)
    with driver.connect("ws://127.0.0.1:9/nobody", config=config) as client:
        try:
            client.wait_connected(10)
        except proto.ConnectionFailed:
            return
    raise AssertionError("somebody listens on the port of discard")


def anyio() -> None:
    """The asynchronous driver meets the local gateway."""
    import_all((*CORE, *ANYIO))
    backend: Any = import_module("anyio")
    driver, gateways = import_module("auxws_anyio"), import_module("auxws_anyio.gateway")

    async def main() -> None:
        async with (
            gateways.Gateway(gateways.echo) as gateway,
            driver.connect(gateway.url) as client,
        ):
            text = "x" * 100_000
            answer = await client.request({"type": "say", "text": text}, reply="say", timeout=20)
            assert answer["text"] == text

    backend.run(main)


def everything() -> None:
    """All names, the demo, the command, and the fixtures of pytest."""
    import_all(ALL)
    assert "every byte arrived in order" in run("auxws", "demo")
    assert run("auxws", "--version").strip() == f"auxws {version('auxws')}"
    Path("test_smoke.py").write_text(TEST, "utf-8")
    options = ("-q", "-W", "error", "-p", "no:cacheprovider")
    assert "1 passed" in run(sys.executable, "-m", "pytest", *options, "test_smoke.py")
    installed = {str(path) for path in files("auxws") or ()}
    assert {f"{package}/py.typed" for package in ("auxws_anyio", "auxws_proto", "auxws_sync")} <= (
        installed
    )


if __name__ == "__main__":
    {"core": core, "sync": sync, "anyio": anyio, "all": everything}[sys.argv[1]]()
