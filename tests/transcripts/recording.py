"""The recordings' format, and what a recording expects of each client.

It knows the README's fields. It must not know any file by its name, nor a machine.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

HTTP_LIBRARY = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "connection", "content-length", "host",
        "sec-fetch-mode", "user-agent",
    }
)  # fmt: skip
"""Headers that belong to whoever makes a request, not to the protocol."""


@dataclass
class Request:
    """A request to the object store, as asked for or as recorded."""

    method: str
    url: str
    body: str
    headers: dict[str, str]


@dataclass
class Side:
    """What one client of a recording did, or one of ours in its place."""

    texts: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    closes: int = 0


def load(path: Path) -> list[dict[str, Any]]:
    """The events of a recording."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def has_application(events: list[dict[str, Any]]) -> bool:
    """Whether the recording shows a client; the others were driven by a bare socket."""
    return any(event["ev"] == "app_send" for event in events)


def owners(events: list[dict[str, Any]]) -> dict[int, str]:
    """Which client each connection belongs to."""
    waiting: deque[str] = deque()
    dropped: deque[str] = deque()
    found: dict[int, str] = {}
    for event in events:
        match event:
            case {"ev": "app_connect", "who": who}:
                waiting.append(who)
            case {"ev": "handshake_request", "conn": conn}:
                # Without a verb of the application it is the client that lost its connection.
                queue = waiting or dropped
                found[conn] = queue.popleft() if queue else found.get(conn - 1, "a")
            case {"ev": "tcp_closed", "conn": conn} if conn in found:
                dropped.append(found[conn])
            case {"ev": "app_disconnect", "who": who} if who in dropped:
                dropped.remove(who)
            case _:
                pass
    return found


def client_texts(events: list[dict[str, Any]], direction: str) -> Iterator[tuple[int, int, str]]:
    """Whole text messages of one direction, with the index of their last frame."""
    parts: dict[int, list[str]] = {}
    for index, event in enumerate(events):
        if (
            event["ev"] == "frame"
            and event["dir"] == direction
            and (event["opcode"] in (0, 1) and "text" in event)
        ):
            conn = event["conn"]
            parts.setdefault(conn, []).append(event["text"])
            if event["fin"]:
                yield index, conn, "".join(parts.pop(conn))


def url_of(request: dict[str, Any]) -> str:
    """The URL of a recorded request."""
    host = next(value for name, value in request["headers"] if name.lower() == "host")
    return f"http://{host}{request['target']}"


def parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def body_text(event: dict[str, Any]) -> str:
    body = event.get("body", "")
    return body if isinstance(body, str) else json.dumps(body)


def overtakes(events: list[dict[str, Any]]) -> bool:
    """Whether a client's later message overtakes an upload of its own."""
    owner = owners(events)
    sent: dict[str, list[str]] = {}
    put = {
        url_of(event).partition("?")[0]: body_text(event)
        for event in events
        if event["ev"] == "http_request" and event.get("by") == "client"
        and event["api"] == "s3" and event["method"] == "PUT"
    }  # fmt: skip
    for _, conn, text in client_texts(events, "c2s"):
        match parse(text):
            case [1, _, dict(message)]:
                sent.setdefault(owner[conn], []).append(canonical(message))
            case [4, _, str(url), *_]:
                message = parse(put.get(url, "null"))
                sent.setdefault(owner[conn], []).append(canonical(message))
            case _:
                pass
    for who, bodies in sent.items():
        wanted = [
            canonical(event["message"])
            for event in events
            if event["ev"] == "app_send" and event["who"] == who
        ]
        places = []
        for body in bodies:
            if body in wanted:
                places.append(wanted.index(body))
                wanted[places[-1]] = ""
        if places != sorted(places):
            return True
    return False


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def recorded_sides(events: list[dict[str, Any]]) -> dict[str, Side]:
    """What the recording expects, client by client; a URL tells whose HTTP request it is."""
    owner = owners(events)
    sides = {who: Side() for who in owner.values()}
    urls: dict[str, str] = {}
    for _, conn, text in client_texts(events, "c2s"):
        sides[owner[conn]].texts.append(text)
    for _, conn, text in client_texts(events, "s2c"):
        match parse(text):
            case [3 | 4, _, str(url), *_]:
                urls[url] = owner[conn]
            case _:
                pass
    for event in events:
        match event:
            case {"ev": "http_request", "api": "s3", "by": "client"}:
                headers = {name.lower(): value for name, value in event["headers"]}
                headers = {n: v for n, v in headers.items() if n not in HTTP_LIBRARY}
                url = url_of(event)
                request = Request(event["method"], url, body_text(event), headers)
                sides[urls[url]].requests.append(request)
            case {"ev": "client_message", "who": who}:
                sides[who].messages.append(event["message"])
            case {"ev": "client_error", "who": who}:
                sides[who].errors.append(event)
            case {"ev": "frame", "opcode": 8, "dir": "c2s", "conn": conn}:
                sides[owner[conn]].closes += 1
            case _:
                pass
    return sides
