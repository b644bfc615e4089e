"""Replays recorded sessions against our machines, by what the recordings' README says.

It knows the format of a recording and the documented differences between the reference and us. It
must not know any file by its name: other recordings may be dropped into the folder.

    python -m tests.transcripts.replay [FILE …]

prints what was compared, and which documented differences show, file by file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from auxws_proto import MAX_MESSAGE_SIZE, AuxSession, Config, HttpResponded, Reconnect

from .endpoints import Endpoint, OverSession
from .recording import (
    FOLDER,
    Request,
    Side,
    body_text,
    client_texts,
    has_application,
    load,
    overtakes,
    owners,
    parse,
    recorded_sides,
    url_of,
)
from .server import compare_server, replay_server

DIFFERENCES = {
    "bytes": "The reference measures in UTF-16 units and sends an inline frame that the gateway "
    "refuses (§3); we count UTF-8 bytes and upload. The sessions part ways there.",
    "order": "A later message overtakes an upload in the reference; replayed with "
    "ordering='relaxed', since our default keeps the order of send().",
    "upload order": "The reference handles one event at a time, so a PUT waits for the one before "
    "it (§4); ours run at the same time. Requests compare as a set, events in their order.",
    "late handling": "The reference takes up a finished PUT when its own loop comes to it; the "
    "answer is fed to us at that moment, for the sake of the same numbers.",
    "close code": "The reference closes without a code (1005 for its peer); we close with 1000.",
    "rate limit": "After rate_limit_exceeded our sends wait for retryAfter; the reference's "
    "application goes on at once. Frames compare in their order, not in time.",
    "headers": "Headers of the reference's HTTP library (Accept, User-Agent, …) are the driver's "
    "business; compared is what protocol.md §3 and §8 demand.",
    "deaf": "After one frame that it does not like the reference delivers nothing any more (§4); "
    "we report it and go on, so that we deliver more than was recorded.",
    "retry": "The reference logs a failed transfer and the message is gone (§4); we try again "
    "where that can help. The sessions part ways there.",
    "not supported": "The reference loses a message whose upload is refused; with "
    "offload='auto' it goes inline. The sessions part ways there.",
    "wording": "A server's error texts and issues are of its own wording; compared are type, id "
    "and errorCode.",
    "application": "Whether a message's fields are right is for the server's application to "
    "judge: the machine delivers it, and the replay answers in the application's place.",
}
"""Where the reference and we are not the same, each with its reason (``docs/protocol.md``)."""

_FAR = 100_000.0


@dataclass
class Outcome:
    """Both sides of a replayed recording, client by client, and the differences that show."""

    recorded: dict[str, Side]
    ours: dict[str, Side]
    parted: dict[str, int]
    """How many texts compare, where the sessions of a client part ways."""
    deaf_after: dict[str, int]
    """How many deliveries were recorded, where the reference went deaf."""
    differences: set[str]


class ClientReplay:
    """One run of a recording against our clients."""

    def __init__(
        self, events: list[dict[str, Any]], make: Callable[[Config], Endpoint],
        ordering: str | None = None,
    ) -> None:  # fmt: skip
        self.events = events
        self.owner = owners(events)
        self.differences: set[str] = set()
        relaxed = overtakes(events)
        if relaxed:
            self.differences.add("order")
        wanted = {e["who"]: 0 for e in events if e["ev"] == "app_connect"}
        for event in events:
            if event["ev"] == "app_connect":
                wanted[event["who"]] += 1
        reconnects = sum(wanted.values()) < len(self.owner) or self._is_dropped()
        self.config = Config(
            confirm=False,
            ping_interval=None,
            reconnect=Reconnect(base=0.001, cap=0.001) if reconnects else None,
            ordering=("relaxed" if relaxed else "strict") if ordering is None else ordering,  # type: ignore[arg-type]
        )
        self.clients = {who: make(self.config) for who in wanted}
        self.parted: dict[str, int] = {}
        self.deaf_after: dict[str, int] = {}
        self.recorded = recorded_sides(events)
        self._offset = 0.0
        self._open: set[int] = set()
        self._held: dict[str, dict[str, Any]] = {}
        self._client_urls: dict[int, tuple[str, str]] = {}
        self._bad: dict[str, int] = {}

    def _is_dropped(self) -> bool:
        """Whether a connection ended that its client had not asked to end."""
        asked: set[str] = set()
        for event in self.events:
            match event:
                case {"ev": "app_connect", "who": who}:
                    asked.discard(who)
                case {"ev": "app_disconnect", "who": who}:
                    asked.add(who)
                case {"ev": "tcp_closed", "conn": conn} if self.owner.get(conn) not in asked:
                    return True
                case _:
                    pass
        return False

    def run(self) -> Outcome:
        last = {index: text for index, _, text in client_texts(self.events, "c2s")}
        for index, event in enumerate(self.events):
            now = event["t"] + self._offset
            for client in self.clients.values():
                client.machine.handle_timeout(now)
                client.drain(now)
            self._feed(event, now, last.get(index))
        end = self.events[-1]["t"] + self._offset
        for conn in sorted(self._open):
            self._ended(conn, end)
        if "rate limit" in self.differences:
            self._settle()
        ours = {who: client.side for who, client in self.clients.items()}
        return Outcome(self.recorded, ours, self.parted, self.deaf_after, self.differences)

    def _feed(self, event: dict[str, Any], now: float, text: str | None) -> None:
        match event:
            case {"ev": "app_connect", "who": who}:
                self.clients[who].machine.connect(now)
                self.clients[who].drain(now)
            case {"ev": "app_send", "who": who, "message": message}:
                self._send(who, message, now)
            case {"ev": "app_disconnect", "who": who}:
                self._disconnect(who, now)
            case {"ev": "handshake_response", "conn": conn, "line": line}:
                status = int(line.split()[1])
                client = self.clients[self.owner[conn]]
                if status == 101:
                    self._open.add(conn)
                    client.opened(now)
                else:
                    client.rejected(status, now)
            case {"ev": "frame", "dir": "s2c", "opcode": 0 | 1, "conn": conn}:
                self._received(conn, event, now)
            case {"ev": "frame", "dir": "s2c", "opcode": 8, "conn": conn}:
                client = self.clients[self.owner[conn]]
                client.close_frame(event["code"], event["reason"], now)
            case {"ev": "frame", "dir": "c2s", "opcode": 8, "code": None}:
                self.differences.add("close code")
            case {"ev": "frame", "dir": "c2s"} if text is not None:
                match parse(text):
                    case [4, _, str(url), *_] if url in self._held:
                        self._answer(self._held.pop(url), now)
                    case _:
                        pass
            case {"ev": "tcp_closed", "conn": conn}:
                self._ended(conn, now)
            case {"ev": "http_request", "api": "s3", "by": "client", "id": number}:
                self._client_urls[number] = (event["method"], url_of(event))
            case {"ev": "http_response", "api": "s3", "by": "client"}:
                self._responded(event, now)
            case _:
                pass

    def _send(self, who: str, message: dict[str, Any], now: float) -> None:
        client = self.clients[who]
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        units = len(body.encode("utf-16-le", "surrogatepass")) // 2
        size = len(body.encode("utf-8", "surrogatepass"))
        envelope = len("[1,1,]")
        if units + envelope <= MAX_MESSAGE_SIZE < size + envelope:
            self._part(who, "bytes")
        client.machine.send(message, now)
        client.drain(now)

    def _part(self, who: str, why: str) -> None:
        self.differences.add(why)
        self.parted.setdefault(who, len(self.clients[who].side.texts))

    def _received(self, conn: int, event: dict[str, Any], now: float) -> None:
        who = self.owner[conn]
        client = self.clients[who]
        if event["fin"] and event["opcode"] == 1:
            self._note(who, parse(event["text"]))
        client.frame(event["text"], event["fin"], now)

    def _note(self, who: str, value: Any) -> None:
        """Which documented difference this frame brings on."""
        match value:
            case [1, _, {"type": "rate_limit_exceeded"}]:
                self.differences.add("rate limit")
            case [1, _, {"type": str()}] | [3, _, str(), str(), dict()]:
                pass
            case [4, _, str(), str(), dict()]:
                pass
            case _:
                self.deaf_after.setdefault(who, -1)
                self.differences.add("deaf")
                match value:
                    case [5, int(), {"errorCode": "not_supported"}]:
                        self._part(who, "not supported")
                    case _:
                        pass

    def _responded(self, event: dict[str, Any], now: float) -> None:
        method, url = self._client_urls[event["id"]]
        announced = url.partition("?")[0]
        if method == "PUT" and self._is_taken_up_late(event, announced):
            self._held[announced] = event
            self.differences.add("late handling")
        else:
            self._answer(event, now)

    def _is_taken_up_late(self, response: dict[str, Any], announced: str) -> bool:
        """Whether the application sends something between the answer and its announcement."""
        start = self.events.index(response)
        sent_between = False
        for index, conn, text in client_texts(self.events, "c2s"):
            match parse(text):
                case [4, _, str(url), *_] if url == announced and index > start:
                    who = self.owner[conn]
                    between = self.events[start:index]
                    sent_between = any(
                        event["ev"] == "app_send" and event["who"] == who for event in between
                    )
                case _:
                    pass
        return sent_between

    def _answer(self, event: dict[str, Any], now: float) -> None:
        _, url = self._client_urls[event["id"]]
        for who, client in self.clients.items():
            if url in client.transfers:
                if event["status"] >= 300:
                    self._part(who, "retry")
                client.machine.handle(
                    HttpResponded(
                        transfer_id=client.transfers[url],
                        status=event["status"],
                        headers=[(name, value) for name, value in event["headers"]],
                        body=body_text(event).encode("utf-8", "surrogatepass"),
                    ),
                    now,
                )
                client.drain(now)

    def _disconnect(self, who: str, now: float) -> None:
        if "rate limit" in self.differences:
            self._settle()
            now += self._offset
        client = self.clients[who]
        client.machine.disconnect(now)
        client.drain(now)

    def _settle(self) -> None:
        """Let pauses pass: time goes on, and nothing else happens."""
        start = self.events[-1]["t"] + self._offset
        for client in self.clients.values():
            while (due := client.machine.next_timeout()) is not None and due < start + _FAR:
                if not self._session(client).stats().outbox_messages:
                    break
                self._offset = max(self._offset, due - self.events[0]["t"])
                client.machine.handle_timeout(due)
                client.drain(due)

    def _session(self, client: Endpoint) -> AuxSession:
        machine = client.machine
        return machine if isinstance(machine, AuxSession) else machine.session

    def _ended(self, conn: int, now: float) -> None:
        if conn in self._open:
            self._open.discard(conn)
            self.clients[self.owner[conn]].end(now)


def compare(outcome: Outcome) -> list[str]:
    """What is not the same beyond the documented differences; empty if all is well."""
    problems: list[str] = []
    for who, recorded in outcome.recorded.items():
        ours = outcome.ours[who]
        count = outcome.parted.get(who)
        problems += _compare_texts(who, recorded.texts[:count], ours.texts[:count])
        if count is None and len(ours.texts) != len(recorded.texts):
            problems.append(f"{who}: {len(ours.texts)} texts, recorded {len(recorded.texts)}")
        problems += _compare_requests(who, recorded, ours, partly=count is not None)
        outcome.differences |= _request_differences(recorded, ours)
        messages = ours.messages
        if who in outcome.deaf_after or count is not None:
            messages = messages[: len(recorded.messages)]
        if messages != recorded.messages:
            problems.append(
                f"{who}: delivered {messages!r:.300}, recorded {recorded.messages!r:.300}"
            )
        if len(ours.errors) < len(recorded.errors):
            problems.append(f"{who}: {len(ours.errors)} errors, recorded {len(recorded.errors)}")
        if count is None and ours.closes != recorded.closes:
            problems.append(f"{who}: {ours.closes} closes, recorded {recorded.closes}")
    unknown = outcome.differences - DIFFERENCES.keys()
    return problems + [f"undocumented difference: {name}" for name in sorted(unknown)]


def _compare_texts(who: str, recorded: list[str], ours: list[str]) -> Iterator[str]:
    for index, (theirs, mine) in enumerate(zip(recorded, ours, strict=False)):
        if theirs != mine and parse(theirs) != parse(mine):
            yield f"{who}: text {index} is {mine[:120]!r}, recorded {theirs[:120]!r}"


def _compare_requests(who: str, recorded: Side, ours: Side, *, partly: bool) -> Iterator[str]:
    wanted = sorted(recorded.requests, key=lambda request: (request.url, request.method))
    got = sorted(ours.requests, key=lambda request: (request.url, request.method))
    if partly:
        urls = {request.url for request in wanted}
        mine = {request.url: request for request in reversed(got)}
        got = [mine[url] for url in sorted(urls & mine.keys())]
        wanted = [request for request in wanted if request.url in mine]
    if len(wanted) != len(got):
        yield f"{who}: {len(got)} HTTP requests, recorded {len(wanted)}"
    for theirs, mine_ in zip(wanted, got, strict=False):
        if (theirs.method, theirs.url) != (mine_.method, mine_.url):
            yield f"{who}: {mine_.method} {mine_.url}, recorded {theirs.method} {theirs.url}"
        elif theirs.body != mine_.body and parse(theirs.body) != parse(mine_.body):
            yield f"{who}: body {mine_.body[:100]!r}, recorded {theirs.body[:100]!r}"
        elif mine_.headers != demanded_headers(mine_):
            yield f"{who}: headers {mine_.headers}, demanded {demanded_headers(mine_)}"
        elif not mine_.headers.items() <= theirs.headers.items():
            yield f"{who}: headers {mine_.headers}, recorded {theirs.headers}"


def _request_differences(recorded: Side, ours: Side) -> set[str]:
    found = set()
    if recorded.requests:
        found.add("headers")
    if [r.url for r in recorded.requests] != [r.url for r in ours.requests]:
        found.add("upload order")
    return found


def demanded_headers(request: Request) -> dict[str, str]:
    """What ``docs/protocol.md`` §3 and §8 demand of a request."""
    if request.method != "PUT":
        return {}
    headers = {"content-type": "application/json"}
    signed = parse_qs(urlsplit(request.url).query).get("X-Amz-SignedHeaders")
    if signed is None or "x-amz-acl" in signed[0].split(";"):
        headers["x-amz-acl"] = "bucket-owner-full-control"
    return headers


def main(arguments: list[str]) -> int:
    """Print what was compared, and what is different."""
    failed = 0
    for path in [Path(name) for name in arguments] or sorted(FOLDER.glob("*.jsonl")):
        events = load(path)
        if has_application(events):
            outcome = ClientReplay(events, OverSession).run()
            problems, differences = compare(outcome), outcome.differences
        else:
            server = replay_server(events)
            problems, differences = compare_server(server), server.differences
        print(f"{path.name}: {'; '.join(problems) or 'the same'}")
        for name in sorted(differences):
            print(f"    {name}: {DIFFERENCES.get(name, '?')}")
        failed += bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
