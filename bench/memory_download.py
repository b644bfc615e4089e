"""What a large download costs in memory, for each driver: peak over what the client had before.

    python -m bench.memory_download [--size 200] [driver …]

A gateway and a store run in a process of their own, the client in a fresh one for each row, so
that its peak (``VmHWM``) is its own. The bound is twice the cap and 16 MB, whether the body is
refused or delivered. A body is one message with one long string, in ASCII: a text of Python's with
characters beyond Latin-1 takes two or four bytes for each of its characters.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.abc

MIB = 1024 * 1024
DRIVERS = ("anyio", "sync")
CAPS = (64, 256)
HEAD, TAIL = b'{"type":"n","x":"', b'"}'


def peak() -> int:
    """The largest resident size of this process so far, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this measures by /proc/self/status, which only Linux has")


# The other side, in a process of its own.


async def body(size: int) -> AsyncIterator[bytes]:
    part = b"x" * MIB
    left = size - len(HEAD) - len(TAIL)
    yield HEAD
    while left:
        yield part[:left]
        left -= min(left, MIB)
    yield TAIL


async def serve(size: int, says_length: bool) -> None:
    """A store whose one object is `size` bytes, and a gateway that announces it to who says so."""
    from auxws_anyio.gateway import Gateway, GatewayConnection

    async def respond(stream: anyio.abc.ByteStream) -> None:
        async with stream:
            head = b""
            while b"\r\n\r\n" not in head:
                head += await stream.receive()
            length = f"Content-Length: {size}\r\n" if says_length else ""
            await stream.send(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
            try:
                async for part in body(size):
                    await stream.send(part)
            except anyio.BrokenResourceError:
                # The client has had enough, which is what is measured.
                return

    async def announce(connection: GatewayConnection) -> None:
        async for _ in connection:
            gateway.faults.send_junk(json.dumps([4, 0, f"http://127.0.0.1:{port}/k", "GET", {}]))

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with Gateway(announce) as gateway, listener:
        print(gateway.url, flush=True)
        await listener.serve(respond)


# The client.


async def fetch(url: str, cap: int) -> tuple[str, int]:
    import auxws_anyio
    from auxws_proto import Config

    config = Config(max_download_size=cap)
    async with auxws_anyio.connect(url, config=config) as client:
        await client.wait_connected()
        errors = client.errors()
        outcome: list[str] = []
        with client.event("n") as stream, errors:
            before = peak()
            await client.send({"type": "go"})
            async with anyio.create_task_group() as group:

                async def delivered() -> None:
                    async for message in stream:
                        outcome.append(f"delivered, {len(message['x']):,} characters")
                        group.cancel_scope.cancel()

                async def refused() -> None:
                    async for report in errors:
                        outcome.append(f"refused: {report.error}")
                        group.cancel_scope.cancel()

                group.start_soon(delivered)
                group.start_soon(refused)
        return outcome[0], peak() - before


def fetch_sync(url: str, cap: int) -> tuple[str, int]:
    import threading

    import auxws_sync
    from auxws_proto import Config

    with auxws_sync.connect(url, config=Config(max_download_size=cap)) as client:
        client.wait_connected(20)
        with client.event("n") as stream, client.errors() as errors:
            before = peak()
            outcome: list[str] = []
            done = threading.Event()

            def delivered() -> None:
                for message in stream:
                    outcome.append(f"delivered, {len(message['x']):,} characters")
                    done.set()

            def refused() -> None:
                for report in errors:
                    outcome.append(f"refused: {report.error}")
                    done.set()

            for target in (delivered, refused):
                threading.Thread(target=target, daemon=True).start()
            client.send({"type": "go"})
            done.wait()
            return outcome[0], peak() - before


def measure(driver: str, size: int, cap: int, says_length: bool) -> None:
    this = [sys.executable, "-m", "bench.memory_download"]
    serving = [*this, "--serve", str(size), *(["--length"] if says_length else [])]
    with subprocess.Popen(serving, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        client = [*this, "--fetch", url, "--cap", str(cap), driver]
        said = subprocess.run(client, capture_output=True, text=True, check=True).stdout
        server.terminate()
    outcome, used = json.loads(said)
    bound = 2 * cap + 16_000_000
    length = "known" if says_length else "not told"
    print(
        f"{driver:6} cap {cap / 1e6:6.1f} MB  length {length:8}  peak {used / 1e6:6.1f} MB  "
        f"bound {bound / 1e6:6.1f} MB  {'under' if used < bound else 'OVER'}  {outcome}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("drivers", nargs="*", default=list(DRIVERS))
    parser.add_argument("--size", type=int, default=200, help="of the body, in MB")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--length", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--fetch", help=argparse.SUPPRESS)
    parser.add_argument("--cap", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.serve, given.length))
    elif given.fetch and given.drivers == ["anyio"]:
        print(json.dumps(asyncio.run(fetch(given.fetch, given.cap))))
    elif given.fetch:
        print(json.dumps(fetch_sync(given.fetch, given.cap)))
    else:
        for driver in given.drivers:
            for cap in CAPS:
                for says_length in (True, False):
                    measure(driver, given.size * 1_000_000, cap * MIB, says_length)


if __name__ == "__main__":
    main()
