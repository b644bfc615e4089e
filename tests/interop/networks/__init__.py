"""A client, a gateway and a store on hosts of their own, which are network namespaces.

Every connection goes through a relay on a fourth host, which plays the network: this kernel has no
netem. It needs root and iproute2. It must not know what is said on the wire.

The hosts and their addresses (RFC 2544's benchmarking range, which nobody else uses)::

    client 198.18.1.1 ── 198.18.1.2 ┐
    gateway 198.18.2.1 ── 198.18.2.2 ├ relay
    store 198.18.3.1 ── 198.18.3.2 ┘
"""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tests.interop.programs import program

HOSTS: Final = {"client": 1, "gateway": 2, "store": 3}
GATEWAY_PORT: Final = 8001
STORE_PORT: Final = 8002


def own_address(host: str) -> str:
    """The address of a host."""
    return f"198.18.{HOSTS[host]}.1"


def relay_address(host: str) -> str:
    """The relay's address on the link to a host."""
    return f"198.18.{HOSTS[host]}.2"


@dataclass(frozen=True)
class Network:
    """The hosts. Names are unique, so that two runs on one machine are not in each other's way."""

    mark: str

    def name(self, host: str) -> str:
        """The namespace of a host."""
        return f"auxws-{self.mark}-{host}"

    def on(self, host: str, command: Sequence[str]) -> list[str]:
        """A command, to be run on a host."""
        return [program("ip"), "netns", "exec", self.name(host), *command]

    def cut(self, host: str) -> None:
        """Take the link to a host down: packets of both directions are lost."""
        self._link(host, "down")

    def mend(self, host: str) -> None:
        """Take the link to a host up again."""
        self._link(host, "up")

    def limit(self, host: str, rate: str) -> None:
        """Limit the rate of both directions of a host's link, by the kernel's token bucket."""
        shape = ["root", "tbf", "rate", rate, "burst", "64kb", "latency", "200ms"]
        for where, device in (("relay", f"to-{host}"), (host, "eth0")):
            _run(self.on(where, [program("tc"), "qdisc", "replace", "dev", device, *shape]))

    def _link(self, host: str, state: str) -> None:
        _run(self.on("relay", [program("ip"), "link", "set", f"to-{host}", state]))


@contextmanager
def network() -> Iterator[Network]:
    """Four namespaces and three links, until the block is left."""
    made = Network(uuid.uuid4().hex[:6])
    ip = program("ip")
    try:
        for host in ("relay", *HOSTS):
            _run([ip, "netns", "add", made.name(host)])
            _run(made.on(host, [ip, "link", "set", "lo", "up"]))
        for host in HOSTS:
            _run(
                made.on(
                    "relay",
                    [ip, "link", "add", f"to-{host}", "type", "veth", "peer", "name", "eth0",
                     "netns", made.name(host)],
                )
            )  # fmt: skip
            for where, device, address in (
                ("relay", f"to-{host}", relay_address(host)),
                (host, "eth0", own_address(host)),
            ):
                _run(made.on(where, [ip, "addr", "add", f"{address}/24", "dev", device]))
                _run(made.on(where, [ip, "link", "set", device, "up"]))
        yield made
    finally:
        for host in ("relay", *HOSTS):
            # What was never made cannot be removed.
            subprocess.run([ip, "netns", "del", made.name(host)], check=False, capture_output=True)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}; network tests need root")
