"""No secret comes out of a machine but where it is used: a property over every way in.

What is secret carries a mark: the WebSocket's URL and headers, tokens, presigned URLs with their
paths and headers, the bodies of messages. Any sequence of inputs, most of them faults, is fed to a
session of either role and to a client's `AuxWebSocket`; whatever comes out, written down in every
way in which it could be, holds no mark. What a server says in words of its own is shown without
the URLs and tokens that it quotes.
"""

from __future__ import annotations

import copy
import json
import logging
import traceback
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import events as ws

from auxws_proto import (
    Action,
    AnswerUploadRequest,
    AskForLogin,
    AuxError,
    AuxSession,
    AuxWebSocket,
    Config,
    ConnectionId,
    ConnectionToken,
    DeliverMessage,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    LoginUnavailable,
    OpenTransport,
    PutToUrl,
    Reconnect,
    ReportError,
    ReportGap,
    ReportSend,
    ReportState,
    Role,
    SendBytes,
    SendText,
    Stage,
    TransportFailure,
    UploadGranted,
    UploadRefused,
    encode,
)
from tests.proto.peer import CLOSE, PING, TEXT, Peer, frame

MARK = "HushSecret"
"""It has the form of an error code, too."""
TOKEN = f"vCT1.{MARK}.{MARK}"
URL = f"https://b.s3.amazonaws.com/{MARK}?X-Amz-SignedHeaders=host&X-Amz-Signature={MARK}"
WEBSOCKET_URL = f"wss://api.example/{MARK}?X-Amz-Signature={MARK}"
HEADERS = {"X-Api-Key": MARK, "Authorization": f"Bearer {MARK}"}
LARGE = {"type": "large", "pad": MARK * 5_000}
CONFIG = Config(
    reconnect=Reconnect(base=0.5, cap=0.5), upload_attempts=2, download_attempts=2,
    upload_urls_ahead=1, validate=True,
)  # fmt: skip

# URLs that the policy or the codec refuses, each for a reason of its own.
BAD_URLS = [
    f"http://b.s3.amazonaws.com/{MARK}",
    f"https://169.254.169.254/{MARK}",
    f"https://{MARK}.evil.example/",
    f"https://{MARK}@b.s3.amazonaws.com/",
    f"https://b.s3.amazonaws.com:{MARK}/",
    f"https://b.s3.amazonaws.com:81/{MARK}",
    f"https://b.s3.amazonaws.com/{MARK}#{MARK}",
    f"https://b.s3.amazonaws.com/{MARK} {MARK}",
    f"https://b.s3.amazonaws.com/{MARK}\r\nX: {MARK}",
    f"https://[{MARK}",
    f"https://127.0.0.1/{MARK}",
    f"ftp://{MARK}/",
    f"/{MARK}",
    f"https://b.s3.amazonaws.com/{MARK}" + "a" * 20_000,
]
BAD_HEADERS: list[Any] = [
    {"Host": MARK},
    {"Authorization": MARK},
    {f"{MARK}:": MARK},
    {"x": f"{MARK}\r\n{MARK}"},
    {"x": MARK * 9_000},
    {f"x-{i}": MARK for i in range(65)},
    {"x": [MARK]},
    [MARK],
    MARK,
]
URLS = st.sampled_from([URL, URL, URL, *BAD_URLS])
GRANT_HEADERS = st.sampled_from([{}, {"x-amz-meta-a": MARK}, *BAD_HEADERS])
METHODS = st.sampled_from(["PUT", "GET", "POST", f"PUT {URL}", 5])
QUOTES = st.sampled_from([
    URL, TOKEN, f'at "{URL}"', f"bad token {TOKEN}, sorry", f"Authorization: Bearer {MARK}",
    f"X-Amz-Signature={MARK}&x", json.dumps({"u": URL}).replace("/", "\\/"),
])  # fmt: skip
INFO = st.fixed_dictionaries(
    {"success": st.just(False), "errorCode": QUOTES | st.sampled_from(["not_supported", 5])},
    optional={"errorMessage": QUOTES, "url": st.just(URL), "connectionToken": st.just(TOKEN)},
)
MESSAGES = st.one_of(
    st.sampled_from([
        {"type": "small", "secret": MARK}, LARGE,
        {"type": "login_result", "success": True, "info": {"connectionKey": MARK}},
        {"type": "rate_limit_exceeded", "retryAfter": MARK},
        {"type": "rate_limit_exceeded", "retryAfter": 0.01, "url": URL},
    ]),
    INFO.map(lambda info: {"type": "login_result", **info}),
)  # fmt: skip
# What a caller may get wrong.
WRONG_MESSAGES: list[Any] = [
    URL, [URL], {"type": [URL]}, {"type": "x", "bad": {MARK}}, {"type": "x", "bad": float("nan")},
    {"type": "login", "connectionToken": [MARK]}, {"type": "login", "connectionId": {MARK: MARK}},
    {"type": "repo/watch_branch", "branch": {MARK: URL}}, {"type": URL}, {"type": TOKEN},
]  # fmt: skip
XML = (
    f"<Error><Code>%s</Code><Message>%s {URL}</Message><AWSAccessKeyId>{MARK}</AWSAccessKeyId>"
    f"<StringToSign>AWS4-HMAC-SHA256 {MARK}</StringToSign><CanonicalRequest>PUT /{MARK}"
    "</CanonicalRequest><Expires>2026-03-01T12:00:00Z</Expires>"
    "<ServerTime>2026-03-01T13:00:00Z</ServerTime></Error>"
)
BODIES = st.sampled_from([
    b"", MARK.encode(), json.dumps(URL).encode(), json.dumps(LARGE).encode(),
    *[(XML % (code, says)).encode() for code in (
        "AccessDenied", "SignatureDoesNotMatch", "SlowDown", "BadDigest", "ExpiredToken", MARK,
    ) for says in ("Request has expired", "")],
])  # fmt: skip
STATUSES = st.sampled_from([200, 307, 400, 403, 404, 500, 503])

Machine: TypeAlias = AuxSession | AuxWebSocket


def leaks(texts: list[str]) -> list[str]:
    """Those that show a mark, in whatever case."""
    return [text for text in texts if MARK.lower() in text.lower()]


def written(thing: object) -> list[str]:
    """Every way in which this could be written down."""
    texts = [repr(thing), str(thing), f"{thing}", "%s %r" % (thing, thing), repr([thing])]  # noqa: UP031
    if isinstance(thing, BaseException):
        texts += traceback.format_exception(thing)
        texts += [repr({k: v for k, v in vars(thing).items() if k != "info"}), repr(thing.args)]
    for name in ("error", "cause"):
        inner = getattr(thing, name, None)
        if isinstance(inner, BaseException):
            texts += written(inner)
    return texts


class Scene:
    """A machine, whoever answers it, and all that came out."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.now = 0.0
        self.log: list[Action] = []
        self.said: list[str] = []
        self._peer = Peer(Role.CLIENT)
        self._is_shaken = False

    def turn(self, door: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        """One input; what it raises is shown, too."""
        try:
            result = door(*arguments, self.now, **named)
        except AuxError as error:
            self.said += written(error)
        else:
            self.said += written(result)
        for action in self.machine.actions():
            self.log.append(action)
            self.said += written(action) + written(copy.deepcopy(action))
        session = self.machine if isinstance(self.machine, AuxSession) else self.machine.session
        self.said += written(session.stats()) + written(self.machine)

    def newest(self, *kinds: type) -> Any:
        """The newest action of these kinds."""
        return next((a for a in reversed(self.log) if isinstance(a, kinds)), None)

    def wire(self, data: str | bytes) -> None:
        """A text message comes."""
        raw = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
        if isinstance(self.machine, AuxSession):
            self.turn(self.machine.receive_text, raw)
        else:
            self.turn(self.machine.receive_bytes, frame(TEXT, raw))

    def event(self, *event: Any) -> None:
        self.wire(json.dumps(list(event)))

    def open(self) -> None:
        """Let a transport open, with the handshake where there is one."""
        self.turn(self.machine.connect)
        if isinstance(self.machine, AuxSession):
            self.turn(self.machine.transport_opened, url=WEBSOCKET_URL)
            return
        self.turn(self.machine.transport_opened, url=WEBSOCKET_URL, headers=HEADERS)
        request = self.newest(SendBytes)
        if request is not None and request.data.startswith(b"GET"):
            peer = Peer(Role.CLIENT)
            peer.receive(request.data)
            self.turn(self.machine.receive_bytes, peer.send(ws.AcceptConnection()))

    def asked(self) -> list[Any]:
        """The events that the machine has sent, if it is a session."""
        return [json.loads(a.data) for a in self.log if isinstance(a, SendText)]

    def number(self) -> int:
        """The number of the newest question for an upload URL, as far as it can be known."""
        numbers = [event[1] for event in self.asked() if event[0] == 2]
        return numbers[-1] if numbers else 1


Step: TypeAlias = tuple[Callable[..., None], tuple[Any, ...]]


def send(scene: Scene, message: Any) -> None:
    scene.turn(scene.machine.send, message)


def send_encoded(scene: Scene) -> None:
    encoded = encode(LARGE, Config())
    scene.said += written(encoded)
    scene.turn(scene.machine.send, encoded)


def log_in(scene: Scene, credentials: Any) -> None:
    scene.said += written(credentials)
    scene.turn(scene.machine.login, credentials)


def no_login(scene: Scene, words: str) -> None:
    number = getattr(scene.newest(AskForLogin), "transport", 1)
    scene.turn(scene.machine.handle, LoginUnavailable(transport=number, error=words))


def grant(scene: Scene, url: str, method: Any, headers: Any) -> None:
    scene.event(3, scene.number(), url, method, headers)


def announce(scene: Scene, url: str, method: Any, headers: Any) -> None:
    scene.event(4, 7, url, method, headers)


def ask(scene: Scene) -> None:
    scene.event(2, 9)


def presign(scene: Scene, url: str, headers: Any) -> None:
    number = getattr(scene.newest(AnswerUploadRequest), "request_id", 1)
    granted = UploadGranted(request_id=number, url=url, headers=headers, announce_url=url)
    scene.said += written(granted)
    scene.turn(scene.machine.handle, granted)


def refuse_to_presign(scene: Scene, words: Any) -> None:
    number = getattr(scene.newest(AnswerUploadRequest), "request_id", 1)
    scene.turn(scene.machine.handle, UploadRefused(request_id=number, error=words))


def deliver(scene: Scene, message: Any) -> None:
    scene.event(1, 0, message)


def error_event(scene: Scene, info: Any, of_upload: bool) -> None:
    scene.event(5, scene.number() if of_upload else None, info)


def notice(scene: Scene, words: str) -> None:
    scene.wire(json.dumps({"message": words, "url": URL}))


def junk(scene: Scene, data: Any) -> None:
    scene.wire(data)


def respond(scene: Scene, status: int, location: str, body: bytes) -> None:
    number = getattr(scene.newest(PutToUrl, GetFromUrl), "transfer_id", 1)
    headers = {"Location": location, "x-amz-request-id": MARK, "Set-Cookie": MARK}
    answer = HttpResponded(transfer_id=number, status=status, headers=headers, body=body)
    scene.said += written(answer)
    scene.turn(scene.machine.handle, answer)


def fail_transfer(scene: Scene, words: str, kind: str) -> None:
    number = getattr(scene.newest(PutToUrl, GetFromUrl), "transfer_id", 1)
    failure = HttpFailure(kind=kind, detail=words, transient=kind == "read")
    scene.turn(scene.machine.handle, HttpFailed(transfer_id=number, error=failure))


def fail_transfer_in_words(scene: Scene) -> None:
    number = getattr(scene.newest(PutToUrl, GetFromUrl), "transfer_id", 1)
    scene.turn(scene.machine.handle, HttpFailed(transfer_id=number, error=f"{MARK} {URL}"))


def progress(scene: Scene) -> None:
    number = getattr(scene.newest(PutToUrl, GetFromUrl), "transfer_id", 1)
    scene.turn(scene.machine.handle, HttpProgressed(transfer_id=number, done=1))


def fail_transport(scene: Scene, words: str) -> None:
    failure = TransportFailure(kind="connect", detail=words)
    scene.turn(scene.machine.transport_failed, failure)


def lose(scene: Scene, words: str) -> None:
    scene.turn(scene.machine.receive_eof, code=1008, reason=words)


def close_frame(scene: Scene, words: str) -> None:
    if isinstance(scene.machine, AuxWebSocket):
        payload = (1008).to_bytes(2, "big") + words.encode()[:123]
        scene.turn(scene.machine.receive_bytes, frame(CLOSE, payload))


def raw(scene: Scene, data: bytes) -> None:
    if isinstance(scene.machine, AuxWebSocket):
        scene.turn(scene.machine.receive_bytes, data)


def written_out(scene: Scene) -> None:
    scene.turn(scene.machine.data_sent, 9)


def wait(scene: Scene, seconds: float) -> None:
    scene.now += seconds
    scene.turn(scene.machine.handle_timeout)


def reopen(scene: Scene) -> None:
    scene.open()


def end(scene: Scene, verb: str) -> None:
    scene.turn(getattr(scene.machine, verb))


BROKEN_TEXTS: list[Any] = [
    URL, f'[1,0,"{URL}"]', f'["{URL}"]', f'[3,1,"{URL}"]', f'[4,"{URL}","{URL}","GET",{{}}]',
    f'[9,1,"{URL}"]', f'[5,1,"{URL}"]', f'"{URL}"', f'[1,0,{{"type":"x","u":"{URL}"',
    "[" * 500 + f'"{URL}"', f'[1,0,{{"type":{{"{MARK}":"{URL}"}}}}]', f'[1,0,{{"{MARK}":1}}]',
    MARK.encode() + b"\xff", f'[1,0,{{"type":"x","n":1e999,"u":"{URL}"}}]',
    "x" * 1_100_000 + MARK,
]  # fmt: skip
BROKEN_BYTES = [
    frame(TEXT, MARK.encode() + b"\xff"), frame(0x3, MARK.encode()), frame(PING, MARK.encode()),
    frame(TEXT, MARK.encode(), rsv=4), frame(0x2, URL.encode()), frame(CLOSE, b"\x03"),
    f"HTTP/1.1 403 {MARK}\r\nLocation: {URL}\r\nContent-Length: 5\r\n\r\n{MARK}".encode(),
    f"{MARK}\r\n\r\n".encode(),
]  # fmt: skip

EVERY_STEP: list[tuple[Callable[..., None], tuple[st.SearchStrategy[Any], ...]]] = [
    (send, (st.sampled_from([{"type": "small", "secret": MARK}, LARGE, *WRONG_MESSAGES]),)),
    (send_encoded, ()),
    (log_in, (st.sampled_from([ConnectionToken(TOKEN), ConnectionId("guest")]),)),
    (no_login, (QUOTES,)),
    (grant, (URLS, METHODS, GRANT_HEADERS)),
    (announce, (URLS, METHODS, GRANT_HEADERS)),
    (ask, ()),
    (presign, (URLS, st.sampled_from([{}, {"x-amz-meta-a": MARK}]))),
    (refuse_to_presign, (QUOTES | INFO,)),
    (deliver, (MESSAGES,)),
    (error_event, (INFO, st.booleans())),
    (notice, (QUOTES,)),
    (junk, (st.sampled_from(BROKEN_TEXTS),)),
    (respond, (STATUSES, URLS, BODIES)),
    (fail_transfer, (QUOTES, st.sampled_from(["read", "address", "too_large", "tls"]))),
    (fail_transfer_in_words, ()),
    (progress, ()),
    (fail_transport, (QUOTES,)),
    (lose, (QUOTES,)),
    (close_frame, (st.sampled_from([URL[:120], TOKEN]),)),
    (raw, (st.sampled_from(BROKEN_BYTES),)),
    (written_out, ()),
    (wait, (st.sampled_from([0.1, 1.0, 40.0]),)),
    (reopen, ()),
    (end, (st.sampled_from(["disconnect", "close"]),)),
]
STEPS: st.SearchStrategy[Step] = st.sampled_from(EVERY_STEP).flatmap(
    lambda step: st.tuples(st.just(step[0]), st.tuples(*step[1]))
)

MACHINES: dict[str, Callable[[], Machine]] = {
    "session": lambda: AuxSession(Role.CLIENT, CONFIG, WEBSOCKET_URL, on_connect=[LARGE]),
    "session that asks": lambda: AuxSession(
        Role.CLIENT, Config(ask_for_login=True, upload_attempts=2), WEBSOCKET_URL
    ),
    "server": lambda: AuxSession(Role.SERVER, CONFIG, WEBSOCKET_URL),
    "WebSocket": lambda: AuxWebSocket(
        Role.CLIENT, CONFIG, WEBSOCKET_URL, headers=HEADERS, on_connect=[LARGE]
    ),
}


def play(name: str, steps: list[Step]) -> Scene:
    scene = Scene(MACHINES[name]())
    scene.open()
    for step, arguments in steps:
        step(scene, *arguments)
    return scene


ALL_AT_ONCE: dict[str, list[Step]] = {
    "session": [
        (send, (LARGE,)), (grant, (URL, "PUT", {"x-amz-meta-a": MARK})), (respond, (200, "", b"")),
        (send, (LARGE,)), (grant, (BAD_URLS[1], "PUT", {})),
        (send, (LARGE,)), (grant, (URL, "PUT", {"Host": MARK})),
        (announce, (URL, "GET", {})), (respond, (403, "", (XML % ("AccessDenied", "")).encode())),
        (announce, (BAD_URLS[0], "GET", {})),
        (deliver, ({"type": "small", "secret": MARK},)),
        (error_event, ({"errorCode": URL, "errorMessage": TOKEN}, False)),
        (send, (WRONG_MESSAGES[0],)),
        (lose, (URL,)),
    ],
    "session that asks": [
        (log_in, (ConnectionToken(TOKEN),)),
        (deliver, ({"type": "login_result", "success": False, "errorCode": TOKEN},)),
        (no_login, (TOKEN,)),
    ],
    "server": [
        (ask, ()), (presign, (URL, {"x": MARK})),
        (deliver, ({"type": "login", "connectionToken": TOKEN},)),
        (send, (LARGE,)), (presign, (URL, {})), (respond, (200, "", b"")),
        (announce, (URL, "GET", {})), (fail_transfer, (URL, "tls")),
    ],
    "WebSocket": [
        (raw, (frame(0x2, URL.encode()),)), (deliver, ({"type": "small", "secret": MARK},)),
        (close_frame, (URL[:120],)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", MACHINES)
@given(prefix=st.integers(0, 14), steps=st.lists(STEPS, max_size=12))
def test_nothing_that_comes_out_shows_a_secret(name: str, prefix: int, steps: list[Step]) -> None:
    scene = play(name, ALL_AT_ONCE[name][:prefix] + steps)

    assert leaks(scene.said) == []


@pytest.mark.parametrize("name", MACHINES)
def test_the_ways_in_are_ways_to_secrets(name: str) -> None:
    """The property is not empty: every kind of outcome is reached, and the secrets are there."""
    scene = play(name, ALL_AT_ONCE[name])

    kinds = {type(action) for action in scene.log}
    failed = {a.stage for a in scene.log if isinstance(a, ReportSend)}
    expected: dict[str, set[type]] = {
        "session": {PutToUrl, GetFromUrl, ReportGap, ReportError, DeliverMessage, ReportState},
        "session that asks": {AskForLogin, SendText, ReportError, ReportState},
        "server": {AnswerUploadRequest, PutToUrl, GetFromUrl, ReportGap, DeliverMessage},
        "WebSocket": {OpenTransport, SendBytes, ReportError, DeliverMessage, ReportState},
    }
    held = [
        a for a in scene.log
        if (isinstance(a, PutToUrl | GetFromUrl) and MARK in a.url.reveal())
        or (isinstance(a, SendText | SendBytes) and MARK.encode() in a.data)
        or (isinstance(a, OpenTransport) and a.url is not None and MARK in a.url)
    ]  # fmt: skip
    assert kinds >= expected[name]
    assert len(held) >= 2
    assert name != "session" or Stage.FAILED in failed
    assert leaks(scene.said) == []


@pytest.mark.parametrize(
    "leak",
    [AuxError(MARK), ValueError(MARK), ReportError(error=AuxError("x", {"a": MARK})), [MARK]],
)
def test_a_leak_would_be_seen(leak: object) -> None:
    assert leaks(written(leak))


def test_a_chained_exception_is_looked_through() -> None:
    error = AuxError("x")
    error.__context__ = ValueError(MARK)

    assert leaks(written(error))


def test_the_core_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    for name, steps in ALL_AT_ONCE.items():
        play(name, steps)

    assert caplog.records == []
