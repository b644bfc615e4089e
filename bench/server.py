"""The server that every client of the benchmarks talks to: a source, a sink and an echo.

    python -m bench.server

It knows RFC 6455 as far as a benchmark needs it. It must not know who its client is. Prints its URL
as the first line, and ends with its standard input. The path says what a connection does:

* ``/source/SIZE/COUNT``: at the first text it sends COUNT events of SIZE bytes each;
* ``/sink/COUNT``: after COUNT texts it sends one event;
* ``/echo``: it sends every text back.

Strategy: it must cost so little that the client is what is measured. So nothing is parsed but the
headers of frames; a sink steps over the payloads, and a source has its frames ready. Pings are
answered, since our client proves arrival by them. An event is ``[1,-1,{…}]``, as CasualOS sends it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import resource
import socket
import sys

from auxws_proto._frames import mask, text_frame

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_BLOCK = 256 * 1024
_TEXT, _CLOSE, _PING = 1, 8, 9
DONE = text_frame(b'[1,-1,{"type":"done"}]', None)


def event(size: int) -> bytes:
    """An event of exactly ``size`` bytes, in ASCII."""
    head, tail = b'[1,-1,{"type":"note","text":"', b'"}]'
    return head + b"x" * (size - len(head) - len(tail)) + tail


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self) -> None:
        self._data = b""
        self._is_open = False
        self._skip = 0
        self._kind = ""
        self._wanted = 0
        self._seen = 0
        self._block = b""
        self._blocks = 0
        self._rest = b""
        self._may_write = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(high=4 * _BLOCK)

    def data_received(self, data: bytes) -> None:
        data = self._data + data if self._data else data
        self._data = b""
        if not self._is_open:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._data = data
                return
            self._open(data[:end])
            data = data[end + 4 :]
        self._frames(data)

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        self._pour()

    def _open(self, head: bytes) -> None:
        request, *lines = head.split(b"\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in lines)
        }
        _, self._kind, *numbers = request.split(b" ")[1].decode().split("/")
        if self._kind == "source":
            frame = text_frame(event(int(numbers[0])), None)
            count = int(numbers[1])
            at_once = min(count, max(1, _BLOCK // len(frame)))
            self._block, self._blocks = frame * at_once, count // at_once
            self._rest = frame * (count % at_once)
        elif self._kind == "sink":
            self._wanted = int(numbers[0])
        accept = base64.b64encode(
            hashlib.sha1(headers[b"sec-websocket-key"] + _MAGIC).digest()  # RFC 6455 §4.2.2
        )
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self._is_open = True

    def _frames(self, data: bytes) -> None:
        at, end = 0, len(data)
        if self._skip:
            at = min(self._skip, end)
            self._skip -= at
        while end - at >= 6:
            first, size = data[at], data[at + 1] & 0x7F
            head = 6
            if size == 126:
                head = 8
            elif size == 127:
                head = 14
            if end - at < head:
                break
            if head > 6:
                size = int.from_bytes(data[at + 2 : at + head - 4], "big")
            opcode, body = first & 0x0F, at + head
            if opcode == _TEXT and self._kind == "sink":
                self._seen += 1
                if self._seen == self._wanted:
                    self._transport.write(DONE)
                    self._seen = 0
                at = body + size
                if at > end:
                    self._skip = at - end
                    return
                continue
            if end - body < size:
                break
            payload = mask(data[body : body + size], data[body - 4 : body])
            at = body + size
            self._answer(opcode, payload)
        self._data = data[at:]

    def _answer(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            self._transport.write(bytes((0x8A, len(payload))) + payload)
        elif opcode == _CLOSE:
            self._transport.write(bytes((0x88, len(payload))) + payload)
            self._transport.close()
        elif opcode == _TEXT and self._kind == "echo":
            self._transport.write(text_frame(payload, None))
        elif opcode == _TEXT:
            self._pour()

    def _pour(self) -> None:
        while self._may_write and self._blocks:
            self._blocks -= 1
            self._transport.write(self._block)
        if not self._blocks and self._rest:
            rest, self._rest = self._rest, b""
            self._transport.write(rest)


async def serve() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=5_000)
    print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
