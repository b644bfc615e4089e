"""Replays recorded sessions against our machines, by what the recordings' README says.

It knows the format of a recording and the documented differences between the reference and us. It
must not know any file by its name: other recordings may be dropped into the folder.

    python -m tests.transcripts.replay [FILE …]

prints what was compared, and which documented differences show, file by file.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import wsproto
import wsproto.events as ws

from auxws_proto import (
    MAX_MESSAGE_SIZE,
    Action,
    AnswerUploadRequest,
    AuxSession,
    AuxWebSocket,
    CloseTransport,
    Config,
    DeliverMessage,
    GetFromUrl,
    HttpResponded,
    OpenTransport,
    PutToUrl,
    Reconnect,
    ReportError,
    ReportGap,
    ReportSend,
    Role,
    SendBytes,
    SendText,
    Stage,
    TransportFailure,
    UploadGranted,
)

FOLDER = Path(__file__).parent
URL = "ws://127.0.0.1:8001/Prod"

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

HTTP_LIBRARY = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "connection", "content-length", "host",
        "sec-fetch-mode", "user-agent",
    }
)  # fmt: skip
"""Headers that belong to whoever makes a request, not to the protocol."""

_FAR = 100_000.0


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


class Endpoint(Protocol):
    """One of our clients in the place of a recorded one."""

    machine: AuxSession | AuxWebSocket
    side: Side
    transfers: dict[str, int]
    transport: int | None

    def opened(self, now: float) -> None: ...
    def rejected(self, status: int, now: float) -> None: ...
    def frame(self, text: str, fin: bool, now: float) -> None: ...
    def close_frame(self, code: int | None, reason: str, now: float) -> None: ...
    def end(self, now: float) -> None: ...
    def drain(self, now: float) -> None: ...


class _Base:
    def __init__(self, machine: AuxSession | AuxWebSocket) -> None:
        self.machine = machine
        self.side = Side()
        self.transfers: dict[str, int] = {}
        self.transport: int | None = None
        self.failed: list[ReportSend] = []

    def _take(self, action: Action) -> None:
        side = self.side
        match action:
            case OpenTransport(transport=number):
                self.transport = number
            case PutToUrl():
                headers = {name.lower(): value for name, value in action.headers.items()}
                url = action.url.reveal()
                self.transfers[url] = action.transfer_id
                side.requests.append(Request(action.method, url, action.body.decode(), headers))
            case GetFromUrl():
                headers = {name.lower(): value for name, value in action.headers.items()}
                url = action.url.reveal()
                self.transfers[url] = action.transfer_id
                side.requests.append(Request(action.method, url, "", headers))
            case DeliverMessage():
                side.messages.append(action.message)
            case ReportError() | ReportGap():
                side.errors.append(action)
            case ReportSend(stage=Stage.FAILED | Stage.UNKNOWN):
                side.errors.append(action)
            case _:
                pass


class OverSession(_Base):
    """A client that is an `AuxSession`: whole text messages."""

    def __init__(self, config: Config) -> None:
        self.session = AuxSession(Role.CLIENT, config, URL)
        super().__init__(self.session)
        self._parts: list[str] = []
        self._ending: tuple[int, str] = (1006, "")

    def opened(self, now: float) -> None:
        self.session.transport_opened(now, transport=self.transport)
        self.drain(now)

    def rejected(self, status: int, now: float) -> None:
        failure = TransportFailure(kind="rejected", status=status)
        self.session.transport_failed(failure, now, transport=self.transport)
        self.drain(now)

    def frame(self, text: str, fin: bool, now: float) -> None:
        self._parts.append(text)
        if fin:
            self.session.receive_text("".join(self._parts), now, transport=self.transport)
            self._parts.clear()
            self.drain(now)

    def close_frame(self, code: int | None, reason: str, now: float) -> None:
        self._ending = (1005 if code is None else code, reason)

    def end(self, now: float) -> None:
        code, reason = self._ending
        self.session.receive_eof(now, code=code, reason=reason, transport=self.transport)
        self.drain(now)

    def drain(self, now: float) -> None:
        for action in self.session.actions():
            match action:
                case SendText(transport=number):
                    self.side.texts.append(action.text)
                    self.session.data_sent(1, now, transport=number)
                case CloseTransport():
                    self.side.closes += 1
                case _:
                    self._take(action)


class OverWebSocket(_Base):
    """A client that is an `AuxWebSocket`: bytes, with a wsproto server at the other end."""

    def __init__(self, config: Config) -> None:
        self.websocket = AuxWebSocket(Role.CLIENT, config, URL)
        super().__init__(self.websocket)
        self._server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._answer: Callable[[], ws.Event] = ws.AcceptConnection
        self._parts: list[str] = []

    def opened(self, now: float) -> None:
        self._server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._answer = ws.AcceptConnection
        self.websocket.transport_opened(now, transport=self.transport)
        self.drain(now)

    def rejected(self, status: int, now: float) -> None:
        self._server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._answer = lambda: ws.RejectConnection(status_code=status)
        self.websocket.transport_opened(now, transport=self.transport)
        self.drain(now)

    def frame(self, text: str, fin: bool, now: float) -> None:
        self._send(ws.TextMessage(data=text, message_finished=fin), now)

    def close_frame(self, code: int | None, reason: str, now: float) -> None:
        self._send(ws.CloseConnection(code=1005 if code is None else code, reason=reason), now)

    def _send(self, event: ws.Event, now: float) -> None:
        self._receive(self._server.send(event), now)

    def _receive(self, data: bytes, now: float) -> None:
        # In two portions, so that no frame comes whole.
        for part in (data[:3], data[3:]):
            self.websocket.receive_bytes(part, now, transport=self.transport)
        self.drain(now)

    def end(self, now: float) -> None:
        self.websocket.receive_eof(now, transport=self.transport)
        self.drain(now)

    def drain(self, now: float) -> None:
        for action in self.websocket.actions():
            match action:
                case SendBytes(transport=number):
                    self.websocket.data_sent(1, now, transport=number)
                    if action.data:
                        self._server.receive_data(action.data)
                case CloseTransport():
                    pass
                case _:
                    self._take(action)
        for event in self._server.events():
            match event:
                case ws.Request():
                    self._send(self._answer(), now)
                case ws.TextMessage():
                    self._parts.append(event.data)
                    if event.message_finished:
                        self.side.texts.append("".join(self._parts))
                        self._parts.clear()
                case ws.CloseConnection():
                    self.side.closes += 1
                case _:
                    pass


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


# A recording of a bare socket shows the server.


@dataclass
class ServerOutcome:
    """What the server of a recording and ours said, for each text that came in."""

    exchanges: list[tuple[str, list[str], list[str]]]
    """What came, what was recorded as the answer, and ours."""
    differences: set[str]


def replay_server(events: list[dict[str, Any]]) -> ServerOutcome:
    """Feed what came to a server of ours: upload answers and error events are the machine's."""
    exchanges: list[tuple[str, list[str], list[str]]] = []
    differences: set[str] = set()
    answers = list(client_texts(events, "s2c"))
    questions = list(client_texts(events, "c2s"))
    machines: dict[int, AuxSession] = {}
    for place, (index, conn, text) in enumerate(questions):
        following = [i for i, c, _ in questions[place + 1 :] if c == conn]
        until = following[0] if following else len(events)
        wanted = [t for i, c, t in answers if c == conn and index < i < until and _is_machines(t)]
        now = events[index]["t"]
        if conn not in machines:
            machines[conn] = AuxSession(Role.SERVER, Config(confirm=False, ping_interval=None))
            machines[conn].transport_opened(now)
        machine = machines[conn]
        machine.receive_text(text, now)
        got: list[str] = []
        _drain_server(machine, wanted, got, differences, now)
        exchanges.append((text, wanted, got))
    return ServerOutcome(exchanges, differences)


def _is_machines(text: str) -> bool:
    """Whether this answer is the protocol's own business, and not the application's."""
    value = parse(text)
    return isinstance(value, list) and bool(value) and value[0] in (3, 5)


def _drain_server(
    machine: AuxSession, wanted: list[str], got: list[str], differences: set[str], now: float
) -> None:
    for action in machine.actions():
        match action:
            case SendText():
                got.append(action.text)
                machine.data_sent(1, now)
            case AnswerUploadRequest(request_id=request_id):
                for text in wanted:
                    match parse(text):
                        case [3, _, str(url), str(method), dict(headers)]:
                            granted = UploadGranted(
                                request_id=request_id, url=url, method=method, headers=headers
                            )
                            machine.handle(granted, now)
                        case _:
                            pass
            case DeliverMessage():
                # The application's judgement, from the recording.
                for text in wanted:
                    match parse(text):
                        case [5, event_id, dict(info)]:
                            differences.add("application")
                            machine.send_error(info, now, event_id=event_id)
                        case _:
                            pass
            case _:
                pass


def compare_server(outcome: ServerOutcome) -> list[str]:
    """What is not the same beyond the documented differences."""
    problems = []
    for text, wanted, got in outcome.exchanges:
        if got == wanted:
            continue
        shapes = [_shape(answer) for answer in wanted], [_shape(answer) for answer in got]
        if shapes[0] == shapes[1]:
            outcome.differences.add("wording")
        else:
            problems.append(f"{text[:80]!r}: answered {shapes[1]}, recorded {shapes[0]}")
    return problems


def _shape(text: str) -> Any:
    match parse(text):
        case [5, event_id, dict(info)]:
            return 5, event_id, info.get("errorCode"), isinstance(info.get("issues"), list)
        case value:
            return value


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
