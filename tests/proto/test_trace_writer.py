"""Writing a trace: the header, whole inputs, one failure."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest

from auxws_proto import LocalProtocolError, TraceFailed, TraceWriter, __version__
from auxws_proto._trace_writer import failure


class Disk:
    """A file that notes what is written, and whose disk is full from the given write on."""

    def __init__(self, writes: int = 1_000) -> None:
        self.left = writes
        self.written: list[str] = []

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")
        self.written.append(text)
        return len(text)

    def flush(self) -> None:
        pass


def lines(disk: Disk) -> list[Any]:
    return [json.loads(line) for text in disk.written for line in text.splitlines()]


def test_the_header_says_what_it_is() -> None:
    disk = Disk()
    writer = TraceWriter(limit=7)

    writer.begin(disk, started=1.5, clock=2.5)

    assert lines(disk) == [
        {
            "auxws_trace": 1, "auxws": __version__, "redacted": True, "limit": 7, "started": 1.5,
            "clock": 2.5,
        }
    ]  # fmt: skip
    assert writer.clock == 2.5


def test_without_a_clock_the_header_has_none() -> None:
    disk = Disk()

    TraceWriter().begin(disk)

    assert "clock" not in lines(disk)[0]
    assert lines(disk)[0]["limit"] == 2_048


def test_what_comes_before_the_beginning_stands_behind_the_header() -> None:
    disk = Disk()
    writer = TraceWriter()
    writer.write({"machine": "m"})
    writer.flush()

    writer.begin(disk)

    assert [next(iter(line)) for line in lines(disk)] == ["auxws_trace", "machine"]


def test_lines_are_one_write_and_may_be_added_to_until_then() -> None:
    disk = Disk()
    writer = TraceWriter()
    writer.begin(disk)
    line: dict[str, Any] = {"n": 1}
    writer.write(line)
    writer.write({"n": "é\ud800"})
    line["gave"] = 2

    writer.flush()
    writer.flush()

    assert disk.written[1:] == ['{"n":1,"gave":2}\n{"n":"\\u00e9\\ud800"}\n']


def test_many_lines_are_too_many_to_wait() -> None:
    writer = TraceWriter()
    before = writer.is_long

    for number in range(256):
        writer.write({"n": number})

    assert (before, writer.is_long) == (False, True)


def test_the_end_is_written_once() -> None:
    disk = Disk()
    writer = TraceWriter()
    writer.begin(disk)

    writer.close()
    writer.close()

    assert lines(disk)[1:] == [{"end": "closed"}]


def test_a_header_that_cannot_be_written_raises() -> None:
    with pytest.raises(TraceFailed, match="cannot be written: No space left on device"):
        TraceWriter().begin(Disk(0))


def test_a_failure_is_raised_once() -> None:
    disk = Disk(1)
    writer = TraceWriter()
    writer.begin(disk)
    writer.write({"n": 1})

    with pytest.raises(TraceFailed):
        writer.flush()
    writer.write({"n": 2})
    writer.flush()
    writer.close()

    assert not writer.is_on
    assert len(disk.written) == 1


def test_an_end_that_cannot_be_written_is_nobodys_concern() -> None:
    writer = TraceWriter()
    writer.begin(Disk(1))

    writer.close()

    assert not writer.is_on


def test_what_json_cannot_carry_is_a_failure() -> None:
    writer = TraceWriter()
    writer.begin(io.StringIO())
    writer.write({"n": object()})

    with pytest.raises(TraceFailed, match="TypeError"):
        writer.flush()


@pytest.mark.parametrize("limit", [-1, True])
def test_what_is_no_limit_is_refused(limit: int) -> None:
    with pytest.raises(LocalProtocolError, match="trace_limit"):
        TraceWriter(limit=limit)


def test_a_copy_writes_nothing() -> None:
    disk = Disk()
    writer = TraceWriter(limit=5)
    writer.begin(disk)

    twin = copy.deepcopy(writer)
    twin.write({"n": 1})
    twin.flush()

    assert (twin.is_on, twin.limit) == (False, 5)
    assert len(disk.written) == 1


def test_a_failure_names_the_cause() -> None:
    assert str(failure(ValueError("secret"))) == "the trace cannot be written: ValueError"
