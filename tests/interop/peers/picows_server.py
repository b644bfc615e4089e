"""A server on ``picows`` that sends every message back. Prints its URL; ends with its stdin."""

# The interop session alone installs the peers.
# mypy: disable-error-code="import-not-found, misc"
# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from tests.interop.peers.speaker import Speaker, Store


class PicowsLine(WSListener):
    """picows gives frames: joining and closing are its user's."""

    def __init__(self, store: Store, path: str) -> None:
        super().__init__()
        self.path = path
        self.subprotocol: str | None = None
        self.parts: list[bytes] = []
        self.pongs: dict[bytes, Callable[[], None]] = {}
        self.speaker = Speaker(store, self)
        self.transport: WSTransport

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        match frame.msg_type:
            case WSMsgType.TEXT | WSMsgType.CONTINUATION:
                self.parts.append(frame.get_payload_as_bytes())
                if frame.fin:
                    text, self.parts = b"".join(self.parts), []
                    self.speaker.receive(text)
            case WSMsgType.PING:
                pass  # picows has answered it.
            case WSMsgType.PONG:
                self.pongs.pop(frame.get_payload_as_bytes(), lambda: None)()
            case WSMsgType.CLOSE:
                transport.send_close(frame.get_close_code(), frame.get_close_message())
                transport.disconnect()
            case _:
                self.close(WSCloseCode.UNSUPPORTED_DATA)

    def send(self, frames: list[str]) -> None:
        *first, last = [frame.encode() for frame in frames]
        kind = WSMsgType.TEXT
        for part in first:
            self.transport.send(kind, part, False)
            kind = WSMsgType.CONTINUATION
        self.transport.send(kind, last)

    def ping(self, payload: bytes, ponged: Callable[[], None]) -> None:
        self.pongs[payload] = ponged
        self.transport.send_ping(payload)

    def close(self, code: int) -> None:
        self.transport.send_close(code)

    def drop(self) -> None:
        self.transport.disconnect(graceful=False)


async def main() -> None:
    store = Store()

    def accept(request: WSUpgradeRequest) -> WSUpgradeResponseWithListener | WSListener:
        line = PicowsLine(store, request.path.decode())
        offered = request.headers.get("Sec-WebSocket-Protocol")
        if offered is None:
            return line
        line.subprotocol = offered
        response = WSUpgradeResponse.create_101_response({"Sec-WebSocket-Protocol": offered})
        return WSUpgradeResponseWithListener(response, line)

    server = await ws_create_server(accept, "127.0.0.1", 0, max_frame_size=131_072)
    print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
