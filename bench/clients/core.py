"""The core and wsproto in memory: ``python -m bench.clients.core``.

A job names a measurement of `MEASURES`, with ``size``, ``count``, and what `Config` is to say. What
is sent leaves in portions of 50, as drivers write; what is received comes in blocks of 64 KiB.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from .job import Job, Meter, work

if TYPE_CHECKING:
    from auxws_proto import Config
    from auxws_proto._websocket import WebSocket

_PORTION = 50
_BLOCK = 64 * 1024
_PING, _PONG = 0x89, 0x8A
_URL = "ws://127.0.0.1/"


def event(size: int) -> bytes:
    head, tail = b'[1,-1,{"type":"note","text":"', b'"}]'
    return head + b"x" * (size - len(head) - len(tail)) + tail


def blocks(size: int, count: int) -> list[bytes]:
    """The frames of a server's events, as a socket would give them."""
    from auxws_proto._frames import text_frame

    frame = text_frame(event(size), None)
    at_once = max(1, _BLOCK // len(frame))
    whole, rest = divmod(count, at_once)
    return [frame * at_once] * whole + ([frame * rest] if rest else [])


# wsproto alone, and with JSON.


def wsproto_send(job: Job, meter: Meter) -> None:
    from wsproto.connection import Connection, ConnectionType
    from wsproto.events import TextMessage

    connection = Connection(ConnectionType.CLIENT)
    if job.json == "none":
        text = event(job.size).decode()
        with meter:
            for _ in range(job.count):
                connection.send(TextMessage(data=text))
    else:
        encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
        message = job.message
        with meter:
            for number in range(job.count):
                connection.send(TextMessage(data=encode([1, number, message])))


def wsproto_receive(job: Job, meter: Meter) -> None:
    from wsproto.connection import Connection, ConnectionType

    connection = Connection(ConnectionType.CLIENT)
    read = (lambda text: text) if job.json == "none" else json.loads
    data = blocks(job.size, job.count)
    found = 0
    with meter:
        for block in data:
            connection.receive_data(block)
            parts: list[str] = []
            for received in connection.events():
                # A frame that is cut by the end of a block comes in parts.
                parts.append(received.data)  # type: ignore[attr-defined]
                if received.message_finished:  # type: ignore[attr-defined]
                    read("".join(parts) if len(parts) > 1 else parts[0])
                    parts.clear()
                    found += 1
    assert found == job.count


# Our layer of WebSocket.


def config(job: Job) -> Config:
    """The configuration, with what drivers add to it."""
    from auxws_proto import Config
    from auxws_proto._driver_config import driver_config

    given = Config(**{"ping_interval": None, **job.config})
    return driver_config(
        given, answers_logins=False, random=random.random, entropy=os.urandom, process=os.getpid
    )


def websocket(job: Job) -> WebSocket:
    """A client's `WebSocket`, open."""
    from auxws_proto import Role
    from auxws_proto._target import parse_target
    from auxws_proto._websocket import WebSocket

    given = config(job)
    client = WebSocket(
        Role.CLIENT, max_message=1 << 20, mask_keys=given.mask_keys, apply_mask=given.mask
    )
    server = WebSocket(Role.SERVER, max_message=1 << 20)
    server.expect(None)
    request = client.request(parse_target(_URL), None, ())
    for received in server.receive(request):
        data = getattr(received, "data", None)
        if data is not None:
            list(client.receive(data))
    assert client.is_open
    return client


def websocket_send(job: Job, meter: Meter) -> None:
    client, data = websocket(job), event(job.size)
    with meter:
        for _ in range(job.count):
            client.text(data, 32_000)


def websocket_receive(job: Job, meter: Meter) -> None:
    client, data = websocket(job), blocks(job.size, job.count)
    found = 0
    with meter:
        for block in data:
            for received in client.receive(block):
                # Pings and the like have no texts; here there are none.
                found += len(received.data)  # type: ignore[union-attr]
    assert found == job.count


# The core, with JSON.


class Core:
    """A client's `AuxWebSocket`, open, and just enough of a server: it answers pings."""

    def __init__(self, job: Job) -> None:
        from auxws_proto import AuxWebSocket, ByteRun, Config, Role, SendBytes

        self._run, self._single = ByteRun, SendBytes
        self.machine = AuxWebSocket(Role.CLIENT, config(job), url=_URL)
        server = AuxWebSocket(Role.SERVER, Config(reconnect=None, ping_interval=None))
        self.machine.connect(0)
        list(self.machine.actions())
        server.transport_opened(0)
        self.machine.transport_opened(0)
        for data in self._bytes():
            server.receive_bytes(data, 0)
        for action in server.actions():
            if isinstance(action, SendBytes):
                self.machine.receive_bytes(action.data, 0)
        self.write()

    def _bytes(self) -> list[bytes]:
        """What is to be written; the reports are passed by."""
        found: list[bytes] = []
        for item in self.machine.runs():
            if isinstance(item, self._run):
                found += item.data
            elif isinstance(item, self._single):
                found.append(item.data)
        return found

    def write(self) -> None:
        """Take what is to be written, until nothing is; answer its pings."""
        from auxws_proto._frames import mask

        while written := self._bytes():
            self.machine.data_sent(len(written), 0)
            for data in written:
                if data[0] == _PING:
                    payload = mask(data[6:], data[2:6])
                    self.machine.receive_bytes(bytes((_PONG, len(payload))) + payload, 0)


def core_send(job: Job, meter: Meter) -> None:
    core, message = Core(job), job.message
    machine = core.machine
    with meter:
        for number in range(1, job.count + 1):
            machine.send(message, 0)
            if number % _PORTION == 0:
                core.write()
        core.write()


def core_receive(job: Job, meter: Meter) -> None:
    from auxws_proto import DeliverMessage, DeliveryRun

    machine, data = Core(job).machine, blocks(job.size, job.count)
    found = 0
    with meter:
        for block in data:
            machine.receive_bytes(block, 0)
            taken = 0
            for item in machine.runs():
                if isinstance(item, DeliveryRun):
                    found += len(item.messages)
                    taken += sum(item.sizes)
                elif isinstance(item, DeliverMessage):
                    found += 1
                    taken += item.size
            machine.taken(taken, 0)
    assert found == job.count


MEASURES: dict[str, Callable[[Job, Meter], None]] = {
    "wsproto send": wsproto_send,
    "wsproto receive": wsproto_receive,
    "websocket send": websocket_send,
    "websocket receive": websocket_receive,
    "core send": core_send,
    "core receive": core_receive,
}


if __name__ == "__main__":
    work(lambda job, meter: MEASURES[job.mode](job, meter))
