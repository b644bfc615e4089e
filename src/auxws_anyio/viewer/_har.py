"""A session as HAR 1.2, for the developer tools of browsers and whatever else reads that.

It knows HAR, with ``_webSocketMessages`` as Chromium writes and reads it. It must not know traces.
A WebSocket is one entry for each transport, a request to the object store is one of its own, its
URL redacted. Nothing in it is an application's payload beyond what the trace has kept.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from auxws_proto._version import __version__

from ._timeline import Kind, Lane, Row, Timeline, Tone

NO_URL: Final = "https://object-store.invalid/redacted"
"""In place of a URL of which nothing is left (RFC 6761: ``invalid`` is nobody's)."""

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def har_text(timeline: Timeline) -> str:
    """The archive as JSON; a trace without a time of day begins in 1970."""
    return json.dumps(har_of(timeline), ensure_ascii=True, indent=1, allow_nan=False) + "\n"


def har_of(timeline: Timeline) -> dict[str, Any]:
    """The archive."""
    entries = sorted(
        [*_sockets(timeline), *_requests(timeline)], key=lambda entry: entry["startedDateTime"]
    )
    page = {
        "startedDateTime": _date(timeline, 0.0),
        "id": "session",
        "title": timeline.title,
        "pageTimings": {"onLoad": round(timeline.duration * 1_000, 3)},
    }
    creator = {"name": "auxws", "version": __version__}
    return {"log": {"version": "1.2", "creator": creator, "pages": [page], "entries": entries}}


def _date(timeline: Timeline, at: float) -> str:
    moment = _EPOCH + timedelta(seconds=(timeline.started_at or 0.0) + at)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sockets(timeline: Timeline) -> list[dict[str, Any]]:
    found: dict[int, list[Row]] = {}
    for row in timeline.rows:
        if row.transport is not None and Lane.APPLICATION not in (row.source, row.target):
            found.setdefault(row.transport, []).append(row)
    return [_socket(timeline, number, rows) for number, rows in found.items()]


def _socket(timeline: Timeline, number: int, rows: list[Row]) -> dict[str, Any]:
    messages = [
        {
            "type": "send" if row.target is Lane.GATEWAY else "receive",
            "time": (timeline.started_at or 0.0) + row.at,
            "opcode": 1,
            "data": row.payload,
        }
        for row in rows
        if row.size is not None
    ]
    failed = any(r.kind is Kind.CONNECTION and r.tone is Tone.BAD for r in rows) and not messages
    entry = _entry(
        timeline, "GET", timeline.url or "wss://gateway.invalid/", rows[0].at, rows[-1].at,
        0 if failed else 101, "" if failed else "Switching Protocols",
    )  # fmt: skip
    entry["_resourceType"] = "websocket"
    entry["_webSocketMessages"] = messages
    entry["connection"] = str(number)
    return entry


def _requests(timeline: Timeline) -> list[dict[str, Any]]:
    begun: dict[int, Row] = {}
    found: list[dict[str, Any]] = []
    for row in timeline.rows:
        if row.transfer is None:
            continue
        if row.target is Lane.STORE:
            begun[row.transfer] = row
        elif row.transfer in begun:
            found.append(_request(timeline, begun.pop(row.transfer), row))
    found += [_request(timeline, row, None) for row in begun.values()]
    return found


def _request(timeline: Timeline, asked: Row, answer: Row | None) -> dict[str, Any]:
    method = asked.label
    status = (answer.status if answer else None) or 0
    until = answer.at if answer else timeline.duration
    entry = _entry(
        timeline, method, asked.url or NO_URL, asked.at, until, status, _PHRASES.get(status, "")
    )
    entry["_resourceType"] = "fetch"
    if asked.size is not None:
        entry["request"]["bodySize"] = asked.size
        body = timeline.rows[timeline.spans[asked.span].first] if asked.span is not None else None
        entry["request"]["postData"] = {
            "mimeType": "application/json",
            "params": [],
            "text": body.payload if body else "",
            **_comment(body),
        }
    if answer is not None:
        size = answer.size if answer.size is not None else len(answer.payload)
        entry["response"]["bodySize"] = size
        content = {"size": size, "text": answer.payload, **_comment(answer)}
        entry["response"]["content"] |= content
        if status == 0:
            entry["_error"] = answer.label
    return entry


def _comment(row: Row | None) -> dict[str, str]:
    """What to say of a body that is not all there."""
    if row is None or row.payload_size is None:
        return {}
    return {"comment": f"a part of {row.payload_size:,} bytes"}


def _entry(
    timeline: Timeline, method: str, url: str, start: float, end: float, status: int, phrase: str
) -> dict[str, Any]:
    took = round(max(0.0, end - start) * 1_000, 3)
    return {
        "pageref": "session",
        "startedDateTime": _date(timeline, start),
        "time": took,
        "request": {
            "method": method,
            "url": url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "queryString": [],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": status,
            "statusText": phrase,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "content": {"size": 0, "mimeType": "application/json"},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": 0,
        },
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
    }
