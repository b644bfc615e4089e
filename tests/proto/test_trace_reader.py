"""Reading a trace: typed records, torn ends, and garbage by its line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from auxws_proto import (
    Role,
    Trace,
    TraceAction,
    TraceDraw,
    TraceError,
    TraceInput,
    TraceMachine,
    TraceNote,
    TracePayload,
    read_trace,
)
from auxws_proto._trace_reader import payload, trace_of

SAMPLE = Path(__file__).parent.parent / "traces" / "sample.auxtrace.jsonl"
HEADER = {"auxws_trace": 1, "auxws": "0.1.0", "redacted": True, "limit": 5}
MACHINE = {"machine": "m", "class": "AuxSession", "role": "client", "config": {"a": 1}, "url": "u"}


def trace(*rows: Any) -> Trace:
    return read_trace(json.dumps(row) + "\n" for row in (HEADER, *rows))


def test_the_header_and_the_machines() -> None:
    read = trace(MACHINE)

    assert read.header.version == 1
    assert (read.header.library, read.header.limit, read.header.is_redacted) == ("0.1.0", 5, True)
    assert (read.header.started, read.header.clock) == (None, None)
    assert read.machines == {
        "m": TraceMachine(
            line=2, name="m", kind="AuxSession", role=Role.CLIENT, url="u", config={"a": 1}
        )
    }
    assert not read.is_complete
    assert not read.is_torn


def test_every_line_is_a_record() -> None:
    read = trace(
        MACHINE,
        {
            "t": 1.5,
            "to": "m",
            "call": "send",
            "args": [{"$": "Encoded", "type": "a", "body": {"$u": '{"type":"a"}'}}],
            "kwargs": {"watched": True},
            "gave": 3,
        },
        {"to": "m", "draw": 0.5},
        {
            "t": 2,
            "from": "m",
            "action": "SendText",
            "data": {"$u": '[1,2,{"type":"a"}]'},
            "transport": 1,
        },
        {"from": "m", "action": "ReportSend", "send_id": 3},
        {"t": 3, "to": "m", "call": "odd", "args": [5], "raised": "OutboxFull"},
        {"check": "rest"},
        {"end": "closed"},
    )

    send, draw, text, report, odd, check, end = read.records[1:]
    assert isinstance(send, TraceInput)
    assert (send.line, send.time, send.machine, send.door, send.gave) == (3, 1.5, "m", "send", 3)
    assert send.arguments["message"]["type"] == "a"
    assert send.arguments["watched"] is True
    assert send.payload == TracePayload(size=12, text='{"type":"a"}', data={"type": "a"}, type="a")
    assert draw == TraceDraw(line=4, machine="m", value=0.5)
    assert isinstance(text, TraceAction)
    assert (text.time, text.kind, text.fields["transport"]) == (2, "SendText", 1)
    assert text.payload is not None
    assert (text.payload.event, text.payload.type) == (1, "a")
    assert isinstance(report, TraceAction)
    assert (report.time, report.payload) == (2, None)
    assert isinstance(odd, TraceInput)
    assert (odd.arguments, odd.raised, odd.payload) == ({"value": 5}, "OutboxFull", None)
    assert check == TraceNote(line=8, fields={"check": "rest"})
    assert isinstance(end, TraceNote)
    assert read.is_complete


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"message": {"type": "a"}, "size": 9}, TracePayload(size=9, data={"type": "a"}, type="a")),
        (
            {"message": {"$": "dict", "items": {"$a": 1}}, "size": 9},
            TracePayload(size=9, data={"$a": 1}),
        ),
        (
            {"message": {"$e": 99, "json": {"type": "a"}}, "size": 99},
            TracePayload(size=99, data={"type": "a"}, is_elided=True, type="a"),
        ),
        ({"data": {"$e": 99, "head": "x"}}, TracePayload(size=99, is_elided=True)),
        (
            {"data": {"$e": 99, "json": [1, 7, {"type": "a"}]}},
            TracePayload(size=99, data=[1, 7, {"type": "a"}], is_elided=True, event=1, type="a"),
        ),
        ({"data": {"$u": "junk é"}}, TracePayload(size=7, text="junk é")),
        (
            {"data": {"$u": '[4,1,"u"]'}},
            TracePayload(size=9, text='[4,1,"u"]', data=[4, 1, "u"], event=4),
        ),
        ({"data": {"$u": "[1,2]"}}, TracePayload(size=5, text="[1,2]", data=[1, 2], event=1)),
        (
            {"data": {"$u": '["x",2,{"type":"a"}]'}},
            TracePayload(size=20, text='["x",2,{"type":"a"}]', data=["x", 2, {"type": "a"}]),
        ),
        (
            {"data": {"$u": '{"type":5}'}},
            TracePayload(size=10, text='{"type":5}', data={"type": 5}),
        ),
        (
            {"data": '[2,"\ud800"]'},
            TracePayload(size=9, text='[2,"\ud800"]', data=[2, "\ud800"], event=2),
        ),
        ({"payload": {"$b": "/w=="}}, TracePayload(size=1)),
        ({"event": {"$": "HttpResponded", "body": {"$u": ""}}}, TracePayload(size=0, text="")),
        ({"event": {"$": "HttpFailed"}}, None),
        ({"data": 5}, None),
    ],
)
def test_payloads(fields: dict[str, Any], expected: TracePayload | None) -> None:
    read = trace(MACHINE, {"from": "m", "action": "X", **fields})

    (action,) = [record for record in read.records if isinstance(record, TraceAction)]
    assert action.payload == expected


def test_a_payload_can_be_asked_for() -> None:
    assert payload({"$u": "[2,1]"}).event == 2
    assert payload({"type": "a"}).size == 12


def test_it_is_read_from_a_path_a_file_lines_or_rows() -> None:
    text = SAMPLE.read_text()

    reads = [
        read_trace(SAMPLE),
        read_trace(io.StringIO(text)),
        read_trace(text.splitlines()),
        trace_of(json.loads(line) for line in text.splitlines()),
    ]

    assert reads[0].is_complete
    assert all(read == reads[0] for read in reads)


def test_the_sample_has_everything() -> None:
    read = read_trace(SAMPLE)

    kinds = {record.kind for record in read.records if isinstance(record, TraceAction)}
    assert {"PutToUrl", "GetFromUrl", "ReportGap", "ReportError", "AskForLogin"} <= kinds
    assert sum(isinstance(r, TraceAction) and r.kind == "OpenTransport" for r in read.records) == 2
    assert [upload.outcome for upload in read.uploads()] == ["CONFIRMED"] * 4
    assert [download.outcome for download in read.downloads()].count("GAP") == 1


@pytest.mark.parametrize("torn", ['{"t":1,"to"', "{", '"', "[" * 100_000])
def test_a_torn_last_line_is_left_out(torn: str) -> None:
    read = read_trace([json.dumps(HEADER), json.dumps(MACHINE), torn])

    assert (read.is_torn, read.torn_line) == (True, 3)
    assert len(read.records) == 1


def test_empty_lines_say_nothing() -> None:
    read = read_trace([json.dumps(HEADER), "", json.dumps(MACHINE), "\n"])

    assert [number for number, _ in read.rows] == [1, 3]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "the first line is not"),
        (["{"], "the first line is not"),
        (["{}"], "the first line is not"),
        (['{"auxws_trace": 2}'], "the first line is not"),
        ([json.dumps(HEADER), "[]"], "line 2 is no object"),
        ([json.dumps(HEADER), "{", json.dumps(MACHINE)], "line 2 is not JSON"),
        ([json.dumps(HEADER), json.dumps({**MACHINE, "role": "x"})], "line 2 is not as the format"),
        ([json.dumps(HEADER), '{"to":"m","call":"x","t":1}'], "line 2 is of a machine"),
        ([json.dumps(HEADER), '{"from":"m","action":"x"}'], "line 2 is of a machine"),
        ([json.dumps(HEADER), '{"to":"m","call":"x","t":1,"kwargs":5}'], "line 2 is not as"),
        ([json.dumps(HEADER), '{"to":"m","call":"x","t":1,"args":5}'], "line 2 is not as"),
        (
            [
                json.dumps(HEADER),
                '{"to":"m","call":"handle","t":1,"args":[{"$":"HttpResponded","body":0}]}',
            ],
            "line 2 is not as",
        ),
    ],
)
def test_garbage_is_named_by_its_line(lines: list[str], problem: str) -> None:
    with pytest.raises(TraceError, match=problem):
        read_trace(lines)


def test_a_file_of_other_bytes_is_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"\xff\xfe\n\xff")

    with pytest.raises(TraceError, match="line 1 is not JSON"):
        read_trace(path)
    with pytest.raises(TraceError, match="not UTF-8"), path.open(encoding="utf-8") as file:
        read_trace(file)


def test_what_cannot_be_opened_says_so_itself(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_trace(tmp_path / "absent")
