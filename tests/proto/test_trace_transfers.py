"""Large messages as wholes, from the lines that speak of them."""

from __future__ import annotations

import json
from typing import Any

from auxws_proto import Trace, TraceLeg, read_trace

HEADER = {"auxws_trace": 1}
MACHINE = {"machine": "m", "class": "AuxSession", "role": "client", "config": {}}


def trace(*rows: dict[str, Any]) -> Trace:
    return read_trace(json.dumps(row) for row in (HEADER, MACHINE, *rows))


def call(time: float, door: str, *args: Any, **more: Any) -> dict[str, Any]:
    return {"t": time, "to": "m", "call": door, "args": list(args), **more}


def act(time: float, kind: str, **fields: Any) -> dict[str, Any]:
    return {"t": time, "from": "m", "action": kind, **fields}


def send(time: float, send_id: int) -> dict[str, Any]:
    body = {"$e": 40_000, "json": {"type": "a"}}
    return call(time, "send", {"$": "Encoded", "type": "a", "body": body}, gave=send_id)


def responded(time: float, transfer_id: int, status: int) -> dict[str, Any]:
    event = {"$": "HttpResponded", "transfer_id": transfer_id, "status": status, "body": {"$u": ""}}
    return call(time, "handle", event)


def announced(time: float, event_id: int, url: str) -> dict[str, Any]:
    text = json.dumps([4, event_id, url, "GET", {}])
    return call(time, "receive_text", {"$u": text}, kwargs={"transport": 1})


def get(time: float, transfer_id: int, url: str) -> dict[str, Any]:
    return act(time, "GetFromUrl", transfer_id=transfer_id, url=url)


def delivered(time: float, event_id: int) -> dict[str, Any]:
    message = {"$e": 50_000, "json": {"type": "b"}}
    return act(
        time, "DeliverMessage", message=message, size=50_000, event_id=event_id, transport=1,
        downloaded=True,
    )  # fmt: skip


def http(begun: float, ended: float | None, transfer_id: int, **more: Any) -> TraceLeg:
    return TraceLeg(kind="http", begun=begun, ended=ended, transfer_id=transfer_id, **more)


def test_an_upload_is_a_span_with_its_legs() -> None:
    failed = {
        "$": "HttpFailed",
        "transfer_id": 2,
        "error": {"$": "HttpFailure", "kind": "read", "detail": "x"},
    }
    (upload,) = trace(
        send(1, 7),
        send(1, 8),
        act(2, "PutToUrl", transfer_id=1, for_send=7, url="u"),
        call(3, "handle", {"$": "HttpProgressed", "transfer_id": 1, "done": 5}),
        responded(4, 1, 503),
        act(5, "PutToUrl", transfer_id=2, for_send=7, url="u"),
        call(6, "handle", failed),
        act(7, "PutToUrl", transfer_id=3, for_send=7, url="u"),
        responded(8, 3, 200),
        act(9, "SendText", send_id=7, data={"$u": '[4,12,"u","GET",{}]'}),
        act(9, "SendText", send_id=8, data={"$u": '[1,13,{"type":"a"}]'}),
        act(9.5, "ReportSend", send_id=7, stage="SENT", final=False),
        act(10, "ReportSend", send_id=7, stage="CONFIRMED", final=True),
    ).uploads()  # fmt: skip

    assert (upload.direction, upload.machine, upload.send_id) == ("upload", "m", 7)
    assert (upload.size, upload.type, upload.event_id) == (40_000, "a", 12)
    assert (upload.begun, upload.ended, upload.outcome) == (1, 10, "CONFIRMED")
    assert upload.legs == (
        TraceLeg(kind="queued", begun=1, ended=2),
        http(2, 4, 1, status=503),
        http(5, 6, 2, detail="read: x"),
        http(7, 8, 3, status=200),
        TraceLeg(kind="waiting", begun=8, ended=9),
        TraceLeg(kind="proving", begun=9, ended=10),
    )


def test_an_upload_may_end_in_the_middle() -> None:
    uploads = trace(
        send(1, 1),
        send(1, 2),
        send(1, 3),
        act(2, "PutToUrl", transfer_id=1, for_send=1, url="u"),
        act(2, "PutToUrl", transfer_id=2, for_send=2, url="u"),
        act(2, "PutToUrl", transfer_id=3, for_send=3, url="u"),
        act(2, "PutToUrl", transfer_id=4, for_send=9, url="u"),
        act(3, "CancelTransfer", transfer_id=1),
        act(3, "ReportSend", send_id=1, stage="FAILED", final=True),
        act(3, "ReportSend", send_id=9, stage="FAILED", final=True),
        act(3, "SendText", send_id=9, data={"$u": "junk"}),
        responded(4, 2, 200),
        call(4, "handle", {"$": "HttpFailed", "transfer_id": 77, "error": "late"}),
    ).uploads()

    assert [upload.outcome for upload in uploads] == ["FAILED", None, None]
    assert uploads[0].legs[1:] == (http(2, 3, 1, detail="cancelled"),)
    assert uploads[1].legs[1:] == (
        http(2, 4, 2, status=200),
        TraceLeg(kind="waiting", begun=4, ended=None),
    )
    assert uploads[2].legs[1:] == (http(2, None, 3),)


def test_downloads_begin_with_their_announcements() -> None:
    first, second, third = trace(
        announced(1, -1, "u1"),
        announced(1, -1, "u2"),
        announced(1, 5, "u3"),
        call(1, "receive_text", {"$u": "[4,1,5,6,7]"}),
        call(1, "receive_text", {"$u": "[2,1]"}),
        call(1, "receive_text", {"$u": "5"}),
        {"t": 1, "from": "m", "action": "SendText"},
        get(2, 2, "u2"),
        get(2, 1, "u1"),
        responded(3, 2, 200),
        responded(3, 1, 500),
        get(4, 3, "u1"),
        responded(5, 3, 200),
        delivered(6, -1),
        delivered(7, -1),
        act(8, "ReportGap", event_id=5, transport=1),
        act(8, "ReportGap", event_id=6, transport=1),
        act(8, "DeliverMessage", message={"type": "x"}, downloaded=False),
    ).downloads()

    assert (first.direction, first.event_id, first.size, first.type) == (
        "download",
        -1,
        50_000,
        "b",
    )
    assert (first.begun, first.ended, first.outcome) == (1, 6, "DELIVERED")
    assert first.legs == (
        http(2, 3, 1, status=500),
        http(4, 5, 3, status=200),
        TraceLeg(kind="waiting", begun=5, ended=6),
    )
    assert [leg.transfer_id for leg in second.legs] == [2, None]
    assert (third.outcome, third.size, third.legs) == ("GAP", None, ())


def test_a_request_without_its_url_is_of_the_next_in_line() -> None:
    first, second = trace(
        announced(1, 1, "u1"),
        announced(1, 2, "u2"),
        get(2, 1, "<secret>"),
        get(2, 2, "<secret>"),
        get(2, 9, "<secret>"),
        responded(3, 1, 307),
        get(4, 3, "elsewhere"),
    ).downloads()

    assert [leg.transfer_id for leg in first.legs] == [1, 3]
    assert [leg.transfer_id for leg in second.legs] == [2]


def test_a_gap_without_a_payload_has_no_size() -> None:
    (download,) = trace(
        announced(1, 1, "u1"),
        act(2, "DeliverMessage", event_id=1, transport=1, downloaded=True),
    ).downloads()

    assert (download.outcome, download.size) == ("DELIVERED", None)
