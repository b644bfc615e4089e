"""The protocol as a server sees it, for peers on other WebSocket libraries.

It knows ``docs/protocol.md`` and nothing of our packages, so that a mistake of ours is not made
twice. It must not know a WebSocket: whoever has one passes in how to send, to ping and to close.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import urlsplit

LIMIT = 32_000

Json = dict[str, Any]


class Store:
    """An object store that takes and gives everything, on a thread of its own."""

    def __init__(self) -> None:
        objects: dict[str, bytes] = {}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                objects[urlsplit(self.path).path] = self.rfile.read(
                    int(self.headers["Content-Length"])
                )
                self._answer(200, b"")

            def do_GET(self) -> None:
                body = objects.get(urlsplit(self.path).path)
                self._answer(404 if body is None else 200, body or b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.objects = objects
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()


class Line(Protocol):
    """One connection of some WebSocket library. `send` takes the frames of one message."""

    path: str
    subprotocol: str | None

    def send(self, frames: list[str]) -> None: ...
    def ping(self, payload: bytes, ponged: Callable[[], None]) -> None: ...
    def close(self, code: int) -> None: ...
    def drop(self) -> None: ...


class Speaker:
    """The server's side of one connection."""

    def __init__(self, store: Store, line: Line) -> None:
        self._store = store
        self._line = line
        self._is_plain = line.path == "/websocket"

    def receive(self, text: str | bytes) -> None:
        kind, number, *rest = json.loads(text)
        if kind == 1:
            self._handle(rest[0])
        elif kind == 2 and self._is_plain:
            self._refuse(number, "not_supported", "This server takes every message inline.")
        elif kind == 2:
            url = f"{self._store.origin}/{uuid.uuid4()}?signature=none"
            self._send([3, number, url, "PUT", {}])
        elif kind == 4:
            body = self._store.objects.get(urlsplit(rest[0]).path)
            if body is None:
                self._refuse(number, "message_not_found", "There is no such message.")
            else:
                self._handle(json.loads(body))

    def _handle(self, message: Json) -> None:
        match message["type"]:
            case "login":
                info = {
                    "connectionId": message["connectionId"],
                    "sessionId": None,
                    "userId": None,
                }
                self._say({"type": "login_result", "success": True, "info": info})
            case "say_in_frames":
                text = json.dumps([1, -1, message], ensure_ascii=False)
                # A third of the bytes in characters: each frame stays under the size.
                size = message["size"] // 3
                self._line.send([text[at : at + size] for at in range(0, len(text), size)])
            case "say_subprotocol":
                self._say({"type": "subprotocol", "name": self._line.subprotocol})
            case "ping_me":
                pong: Json = {"type": "ponged", "text": message["text"]}
                self._line.ping(message["text"].encode(), lambda: self._say(pong))
            case "close":
                self._line.close(message["code"])
            case "drop":
                self._line.drop()
            case _:
                self._say(message)

    def _say(self, message: Json) -> None:
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        if self._is_plain or len(body) <= LIMIT:
            self._send([1, -1, message])
            return
        path = f"/{uuid.uuid4()}"
        self._store.objects[path] = body.encode()
        self._send([4, -1, self._store.origin + path, "GET", {}])

    def _refuse(self, number: int, code: str, text: str) -> None:
        self._send([5, number, {"success": False, "errorCode": code, "errorMessage": text}])

    def _send(self, event: list[Any]) -> None:
        self._line.send([json.dumps(event, ensure_ascii=False)])
