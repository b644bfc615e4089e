"""What is written: a page, a picture, an archive, a summary; whatever the peer put into it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from auxws_anyio.viewer import (
    Timeline,
    render_har,
    render_html,
    render_svg,
    render_text,
    summary,
    tell,
)
from tests.viewer.traces import Script, everyday

HOSTILE = "</script><script>alert(1)</script><!--\u202e\x00\x1b[31m\u2028'\"&amp;\ud800{{js}}]]>"


def hostile() -> Script:
    """Hostile text wherever a peer can put some."""
    script = Script(url=f"wss://evil.example/{HOSTILE}").connect()
    script.send(HOSTILE, text=HOSTILE).receive(HOSTILE, text=HOSTILE)
    script.call("receive_text", {"$u": HOSTILE}, transport=1)
    script.call("receive_text", {"$u": json.dumps({"message": HOSTILE})}, transport=1)
    script.act("ReportError", error={"$": "X", "text": HOSTILE}, info={"a": HOSTILE}, transport=1)
    script.call("receive_eof", code=1000, reason=HOSTILE, transport=1)
    script.act("ReportState", state=HOSTILE, cause={"$": HOSTILE})
    return script


class Elements(HTMLParser):
    """The elements of a page, with the text inside of those that are read raw."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in self.texts:
            self._inside = tag
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside][-1] += data


def elements(page: str) -> Elements:
    parser = Elements()
    parser.feed(page)
    return parser


def data(page: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(elements(page).texts["script"][0])
    return found


def test_the_policy_allows_this_script_and_this_style_alone() -> None:
    page = elements(render_html(everyday().trace()))

    (policy,) = [a["content"] for t, a in page.found if a.get("http-equiv")]
    texts = (page.texts["script"][1], page.texts["style"][0])
    script, style = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts
    )
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    )


def test_the_page_names_nothing_outside_of_itself() -> None:
    page = elements(render_html(everyday().trace()))

    links = [
        value for _, attributes in page.found for name, value in attributes.items()
        if name in ("src", "href", "action", "srcset", "data", "poster", "style")
        or name.startswith("on")
    ]  # fmt: skip
    assert links == ["#list"]
    assert "url(" not in page.texts["style"][0]
    assert "@import" not in page.texts["style"][0]


def test_hostile_text_stays_text_in_the_page() -> None:
    page = render_html(hostile().trace(), title=HOSTILE)

    tags = [tag for tag, _ in elements(page).found]
    assert tags == [tag for tag, _ in elements(render_html(everyday().trace())).found]
    raw = elements(page).texts["script"][0]
    assert not set("<>&") & set(raw)
    assert raw.isascii()
    page.encode("utf-8")


def test_hostile_text_is_shown_for_what_it_is() -> None:
    labels = [row[6] for row in data(render_html(hostile().trace()))["rows"]]

    (sent,) = [label for label in labels if label.startswith("send")]
    assert sent == (
        "send </script><script>alert(1)</script><!--\\u202e\\u0000\\u001b[31m\\u2028'\"&amp;"
        "\\ud800{{js}}]]>"
    )


def test_a_huge_payload_is_not_in_the_page() -> None:
    page = render_html(Script().connect().send("t", text="x" * 10_000_000).trace())

    assert len(page) < 200_000


def test_the_page_has_what_the_timeline_has() -> None:
    timeline = tell(everyday().trace(), title="a.jsonl")

    found = data(render_html(timeline))

    assert (found["title"], found["inlineLimit"], found["lanes"]) == (
        "a.jsonl", 32_000, ["Application", "Client", "Gateway", "Object store"],
    )  # fmt: skip
    assert [row[6] for row in found["rows"]] == [row.label for row in timeline.rows]
    assert [span[1] for span in found["spans"]] == [span.type for span in timeline.spans]
    assert len(found["bands"]) == 5


def test_an_empty_trace_has_a_page_a_picture_an_archive_and_a_summary() -> None:
    trace = Script().trace()

    assert data(render_html(trace))["rows"] == []
    assert "<svg" in render_svg(trace)
    assert json.loads(render_har(trace))["log"]["entries"] == []
    assert summary(trace).events == 0


def svg_texts(picture: str) -> list[str]:
    root = ElementTree.fromstring(picture)
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_picture_has_the_lanes_and_the_events() -> None:
    texts = svg_texts(render_svg(everyday().trace(), title="a.jsonl"))

    assert texts[:2] == [
        "a.jsonl",
        "wss://abc123.execute-api.us-east-1.amazonaws.com · 4.4 s · 7 messages",
    ]
    assert {"Application", "Client", "Gateway", "Object store", "32,000"} < set(texts)
    assert "WAITING 2.5 s" in texts
    assert "503 Service Unavailable" in texts
    assert not [text for text in texts if text.startswith("ping")]


def test_a_picture_of_the_first_rows() -> None:
    trace = everyday().trace()

    texts = svg_texts(render_svg(trace, rows=4, pings=True))

    shown = {"connect", "open transport 1", "state CONNECTING", "transport opened", "state OPEN"}
    assert shown & set(texts) == shown - {"state OPEN"}
    assert texts[-1] == f"{len(tell(trace).rows) - 4} more events"


def test_hostile_text_stays_text_in_the_picture() -> None:
    picture = render_svg(hostile().trace(), title=HOSTILE)

    tags = {node.tag.rpartition("}")[2] for node in ElementTree.fromstring(picture).iter()}
    assert tags <= {"svg", "title", "style", "rect", "path", "circle", "text", "tspan"}
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\ufffe\uffff]", picture)
    picture.encode("utf-8")


def test_an_archive_has_sockets_with_their_messages_and_requests() -> None:
    log = json.loads(render_har(everyday().trace()))["log"]

    assert log["version"] == "1.2"
    kinds = [(e["_resourceType"], e["request"]["method"], e["response"]["status"])
             for e in log["entries"]]  # fmt: skip
    assert sorted(kinds) == [
        ("fetch", "GET", 200), ("fetch", "PUT", 200), ("fetch", "PUT", 200), ("fetch", "PUT", 503),
        ("websocket", "GET", 101), ("websocket", "GET", 101),
    ]  # fmt: skip
    messages = log["entries"][0]["_webSocketMessages"]
    assert messages[0] == {
        "type": "send", "time": pytest.approx(1_764_000_000.15), "opcode": 1,
        "data": '[1,1,{"type":"repo/add_updates"}]',
    }  # fmt: skip
    assert {message["type"] for message in messages} == {"send", "receive"}


def test_an_archive_has_every_field_that_the_format_demands() -> None:
    log = json.loads(render_har(everyday().trace()))["log"]

    assert {"version", "creator", "entries"} <= set(log)
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= set(entry)
        assert {
            "method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize",
            "bodySize",
        } <= set(entry["request"])  # fmt: skip
        assert {
            "status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL",
            "headersSize", "bodySize",
        } <= set(entry["response"])  # fmt: skip
        assert {"size", "mimeType"} <= set(entry["response"]["content"])
        assert {"send", "wait", "receive"} <= set(entry["timings"])


def test_an_archive_says_which_bodies_are_only_parts() -> None:
    entries = json.loads(render_har(everyday().trace()))["log"]["entries"]

    bodies = [e["request"].get("postData", e["response"]["content"]) for e in entries]
    assert {body["comment"] for body in bodies if "comment" in body} == {
        "a part of 90,000 bytes", "a part of 250,000 bytes", "a part of 120,000 bytes",
    }  # fmt: skip


def test_an_archive_has_times_of_day_and_durations() -> None:
    entries = json.loads(render_har(everyday().trace()))["log"]["entries"]

    put = next(e for e in entries if e["request"]["method"] == "PUT")
    assert put["startedDateTime"] == "2025-11-24T16:00:00.410Z"
    assert datetime.fromisoformat(put["startedDateTime"]).tzinfo is not None
    assert (put["time"], put["timings"]) == (80.0, {"send": 0, "wait": 80.0, "receive": 0})
    assert put["request"]["bodySize"] == 90_000


@pytest.mark.parametrize("redacted", [True, False])
def test_an_archive_has_no_secret(redacted: bool) -> None:
    script = Script(redacted=redacted).connect()
    url = "https://bucket.s3.amazonaws.com/secret-path?X-Amz-Signature=secret"
    if redacted:
        url = url.replace("secret-path", "redacted-1").replace("=secret", "=redacted-2")
    script.call("receive_text", script.event(4, -1, url, "GET", {}), transport=1)
    script.get(url).wait(0.1).respond(200, {"$u": '{"type":"t"}'})

    archive = render_har(script.trace())

    assert "secret" not in archive.replace("<secret>", "")
    fetched = next(e for e in json.loads(archive)["log"]["entries"]
                   if e["_resourceType"] == "fetch")  # fmt: skip
    expected = "redacted-1" if redacted else "redacted"
    assert fetched["request"]["url"] == f"https://bucket.s3.amazonaws.com/{expected}"


def test_an_archive_keeps_payloads_as_far_as_the_trace_has_them() -> None:
    script = Script().connect().send("t", text="x" * 50_000)

    messages = json.loads(render_har(script.trace()))["log"]["entries"][0]["_webSocketMessages"]

    assert len(messages[0]["data"]) > 50_000


def test_a_transport_and_a_request_that_failed() -> None:
    script = Script().call("connect").act("OpenTransport", transport=9, attempt=0, headers=[])
    failure = {"$": "TransportFailure", "kind": "tls", "status": None, "detail": "expired"}
    script.call("transport_failed", failure, transport=9).connect()
    script.get(script.announce())
    error = {"$": "HttpFailure", "kind": "timeout", "detail": "", "transient": True}
    script.wait(5).call("handle", {"$": "HttpFailed", "transfer_id": 1, "error": error})

    entries = json.loads(render_har(script.trace()))["log"]["entries"]

    assert [e["response"]["status"] for e in entries] == [0, 101, 0]
    assert entries[-1]["_error"] == "failed: timeout"


def test_a_summary_counts() -> None:
    found = summary(everyday().trace(), title="a.jsonl")

    assert (found.messages, found.transports, found.outages, found.errors, found.unfinished) == (
        7, 2, 1, 3, 0,
    )  # fmt: skip
    assert (found.bytes_out, found.bytes_in) == (340_087, 120_033)
    assert (round(found.offline, 6), round(found.latency or 0, 6)) == (2.55, 0.02)
    large = next(row for row in found.types if row.path == "upload")
    assert (large.type, large.messages, large.bytes, large.failed) == (
        "repo/add_updates", 2, 340_000, 0,
    )  # fmt: skip
    put = next(leg for leg in found.legs if leg.name == "PUT")
    assert (put.legs, put.failed, round(put.median, 6)) == (3, 1, 0.08)


def test_a_summary_as_text() -> None:
    text = render_text(summary(everyday().trace(), title="a.jsonl"))

    assert text.startswith(
        "a.jsonl  client  wss://abc123.execute-api.us-east-1.amazonaws.com\n\n"
        "duration          4.4 s\n"
    )
    assert "\nPUT              3       1   80 ms  80 ms    80 ms\n" in text


def test_a_summary_of_hostile_text_has_no_control_character() -> None:
    text = render_text(summary(hostile().trace(), title=HOSTILE))

    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]", text)


def test_what_is_not_over_is_said_to_be_so() -> None:
    script = Script().connect()
    script.accept(script.encoded("t"))

    found = summary(script.trace())

    assert (found.unfinished, found.types[0].median) == (1, None)
    assert "unfinished" in render_text(found)


def test_a_timeline_is_drawn_as_well_as_a_trace() -> None:
    timeline: Timeline = tell(everyday().trace(), title="a.jsonl")

    assert render_svg(timeline) == render_svg(everyday().trace(), title="a.jsonl")
    assert render_har(timeline).startswith("{")
    assert summary(timeline).title == "a.jsonl"
