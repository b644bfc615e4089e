"""Every cap of `Config`: what just fits passes, one more does not.

A row is a scene with the cap set, played twice: at the limit, and one over. It tells whether
something was held back, refused or reported.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from wsproto import events as ws

from auxws_proto import (
    AuxWebSocket,
    Config,
    DownloadFailed,
    FailReason,
    GetFromUrl,
    HttpResponded,
    LocalProtocolError,
    OutboxFull,
    PutToUrl,
    ReportError,
    Role,
    SendBytes,
)
from tests.proto.helpers import BUCKET, SMALL, Bench, large, message_of
from tests.proto.peer import CONTINUATION, TEXT, Peer, frame

URL = "wss://abc.execute-api.eu-west-1.amazonaws.com/prod"


def event_of(size: int) -> str:
    """A message event of exactly this many bytes."""
    bare = len(json.dumps([1, 0, {"type": "m", "x": ""}]))
    return json.dumps([1, 0, {"type": "m", "x": "x" * (size - bare)}])


def nested(depth: int) -> dict[str, Any]:
    """A message of this depth, its own object included."""
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return {"type": "m", "x": value}


def first(actions: list[Any]) -> str:
    """What the first of these actions is."""
    return str(actions[0][0])


def fetched(bench: Bench, **answer: Any) -> list[Any]:
    """What comes of a download that is answered so."""
    bench.receive(4, 5, f"{BUCKET}/k", "GET", {})
    return bench.handle(HttpResponded(transfer_id=1, status=200, **answer))


def errors_of(config: Config, *frames: bytes) -> bool:
    """Whether an `AuxWebSocket` reports an error when these frames come."""
    machine = AuxWebSocket(Role.CLIENT, config, URL)
    machine.connect(0.0)
    machine.transport_opened(0.0)
    (request,) = [action.data for action in machine.actions() if isinstance(action, SendBytes)]
    peer = Peer(Role.CLIENT)
    peer.receive(request)
    machine.receive_bytes(peer.send(ws.AcceptConnection()), 0.0)
    for data in frames:
        machine.receive_bytes(data, 0.0)
    return any(isinstance(action, ReportError) for action in machine.actions())


def max_message_size(over: int) -> bool:
    return first(Bench(max_message_size=100).open().text(event_of(100 + over))) == "error"


def max_message_size_joined(over: int) -> bool:
    text = event_of(100 + over).encode()
    first, last = frame(TEXT, text[:60], fin=False), frame(CONTINUATION, text[60:])
    return errors_of(Config(max_message_size=100), first, last)


def max_frame_size(over: int) -> bool:
    text = event_of(60 + over).encode()
    return errors_of(Config(max_frame_size=60), frame(TEXT, text))


def max_json_depth(over: int) -> bool:
    return first(Bench(max_json_depth=5).open().deliver(nested(5 + over))) == "error"


def max_json_depth_of_a_body(over: int) -> bool:
    body = json.dumps(nested(5 + over)).encode()
    return first(fetched(Bench(max_json_depth=5).open(), body=body)) == "gap"


def max_json_depth_outgoing(over: int) -> bool:
    bench = Bench(max_json_depth=5).open()
    try:
        bench.send(nested(5 + over))
    except LocalProtocolError as error:
        return "5 levels" in str(error)
    return False


def max_download_size(over: int) -> bool:
    bench = Bench(max_download_size=100).open()
    came = fetched(bench, body=json.dumps(message_of(100 + over), separators=(",", ":")).encode())
    (get,) = (action for action in bench.log if isinstance(action, GetFromUrl))
    assert get.max_bytes == 100
    return came == [("gap", 5)] and _is_too_large(bench)


def max_response_headers(over: int) -> bool:
    bench = Bench(max_response_headers=100).open()
    headers = [("a", "x" * 49), ("a", "x" * (49 + over))]
    came = fetched(bench, body=b'{"type":"m"}', headers=headers)
    return came == [("gap", 5)] and _is_too_large(bench)


def _is_too_large(bench: Bench) -> bool:
    (error,) = bench.errors()
    return isinstance(error, DownloadFailed) and error.reason is FailReason.TOO_LARGE


def max_error_body(over: int) -> bool:
    """What is over the cap is not looked at, so a transient error is not known for one."""
    body = b"x" * over + b"<Code>SlowDown</Code>"
    bench = Bench(max_error_body=21).open()
    bench.send(large())
    bench.grant(1, "k")
    (put,) = (action for action in bench.log if isinstance(action, PutToUrl))
    assert put.max_error_bytes == 21
    return bench.responded(1, 400, body) != []


def max_uploads(over: int) -> bool:
    bench = Bench(max_uploads=2, ordering="relaxed").open()
    for _ in range(2 + over):
        bench.send(large())
    for number in range(1, 3 + over):
        bench.grant(number, number)
    return len(bench.all("put")) < 2 + over


def max_downloads(over: int) -> bool:
    bench = Bench(max_downloads=2).open()
    for number in range(2 + over):
        bench.receive(4, number, f"{BUCKET}/{number}", "GET", {})
    return len(bench.all("get")) < 2 + over


def max_held(over: int) -> bool:
    """What the two events themselves hold, and two bodies of the largest size."""
    event = len(json.dumps([4, 0, f"{BUCKET}/0", "GET", {}]))
    bench = Bench(max_held=2 * event + 2 * 900 - over, max_download_size=900).open()
    for number in range(2):
        bench.receive(4, number, f"{BUCKET}/{number}", "GET", {})
    return len(bench.all("get")) < 2


def read_ahead(over: int) -> bool:
    bench = Bench(read_ahead=200).open()
    bench.text(event_of(100))
    bench.text(event_of(99 + over))
    return not bench.session.wants_data


def write_ahead(over: int) -> bool:
    bench = Bench(write_ahead=200, confirm=False).open()
    for size in (100, 100 + over):
        bench.send(message_of(size - len("[1,1,]")))
    return len(bench.all("text")) < 2


def inline_limit(over: int) -> bool:
    bench = Bench(inline_limit=300).open()
    bench.send(message_of(300 + over - len("[1,1,]")))
    return bench.all("text")[0][1:3] == (1, 2)


def max_outbox_messages(over: int) -> bool:
    return _is_full(Bench(max_outbox_messages=2), [SMALL] * (2 + over))


def max_outbox_bytes(over: int) -> bool:
    return _is_full(Bench(max_outbox_bytes=200), [message_of(100), message_of(100 + over)])


def _is_full(bench: Bench, messages: list[Any]) -> bool:
    *most, last = messages
    for message in most:
        bench.send(message)
    try:
        bench.send(last)
    except OutboxFull:
        return True
    return False


CAPS: list[Callable[[int], bool]] = [
    max_message_size, max_message_size_joined, max_frame_size, max_json_depth,
    max_json_depth_of_a_body, max_json_depth_outgoing, max_download_size, max_response_headers,
    max_error_body, max_uploads, max_downloads, max_held, read_ahead, write_ahead, inline_limit,
    max_outbox_messages, max_outbox_bytes,
]  # fmt: skip


@pytest.mark.parametrize("cap", CAPS)
def test_what_just_fits_passes_and_one_more_does_not(cap: Callable[[int], bool]) -> None:
    assert [cap(0), cap(1)] == [False, True]


def test_every_cap_is_in_the_table() -> None:
    names = {field.name for field in dataclasses.fields(Config)}
    caps = {name for name in names if name.startswith("max_") or name.endswith("_ahead")}
    caps -= {"max_age", "max_age_jitter"} | {"upload_urls_ahead"}

    in_table = {name for name in names for row in CAPS if row.__name__.startswith(name)}

    assert in_table == caps | {"inline_limit"}
