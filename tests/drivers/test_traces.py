"""``trace=``: a session as a file, on every driver."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from auxws_anyio.gateway import _store
from auxws_anyio.gateway._sigv4 import presign
from auxws_proto import (
    Config,
    LocalProtocolError,
    TraceFailed,
    TraceInput,
    encode,
    read_trace,
    replay_trace,
)
from auxws_proto.observe import ObserverEvent
from tests.drivers.adapter import Case, Driver
from tests.drivers.serving import serving, take
from tests.traces.recording import HEADER, TOKEN, application, record, updates

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent


class Disk:
    """A file on a disk that is full from some size on."""

    def __init__(self, room: int) -> None:
        self._room = room
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        self._room -= len(text)
        if self._room < 0:
            raise OSError(28, "No space left on device")
        return len(text)

    def flush(self) -> None:
        pass


@pytest.fixture
def handed_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The presigned URLs that gateways have made."""
    urls: list[str] = []

    def presigned(*args: Any, **kwargs: Any) -> str:
        urls.append(presign(*args, **kwargs))
        return urls[-1]

    monkeypatch.setattr(_store, "presign", presigned)
    return urls


def secrets_of(urls: list[str]) -> set[str]:
    """What the gateway handed out, and what the client was given."""
    secrets = {TOKEN, TOKEN.removeprefix("vCT1."), HEADER, "marked-query"}
    for url in urls:
        parts = urlsplit(url)
        secrets |= {parts.path, parts.path.strip("/"), parts.query}
        for name, value in parse_qsl(parts.query):
            if name in ("X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token"):
                secrets |= {value, quote(value, safe="")}
    return secrets


async def recorded(driver: Driver, path: Any, **options: Any) -> None:
    async with serving(application) as gateway:
        await record(driver, gateway, path, **options)


async def test_a_session_is_recorded_and_plays_again(
    driver: Driver, tmp_path: Path, handed_out: list[str]
) -> None:
    path = tmp_path / "session.auxtrace.jsonl"
    seen: list[ObserverEvent] = []

    await recorded(driver, path, observer=seen.append)

    trace = read_trace(path)
    result = replay_trace(trace)
    text = path.read_text("ascii")
    assert trace.is_complete
    assert str(result.difference) == "None"
    assert result.elided > 0
    assert [t.outcome for t in trace.uploads()] == ["CONFIRMED"] * 4
    assert [t.outcome for t in trace.downloads()] == ["DELIVERED", "DELIVERED", "GAP", "DELIVERED"]
    assert sum(isinstance(r, TraceInput) and r.door == "receive_eof" for r in trace.records) >= 1
    assert len(handed_out) >= 8
    assert [secret for secret in secrets_of(handed_out) if secret in text] == []
    assert seen != []


async def test_a_bare_file_stays_open_and_keeps_all_up_to_the_limit(driver: Driver) -> None:
    file = io.StringIO()

    await recorded(driver, file, trace_limit=1_000_000)

    lines = file.getvalue().splitlines(keepends=True)
    result = replay_trace(lines)
    assert json.loads(lines[-1]) == {"end": "closed"}
    assert (result.elided, result.difference) == (0, None)
    assert any(len(line) > 100_000 for line in lines)


async def test_nothing_but_types_and_sizes_without_a_limit_of_any_size(driver: Driver) -> None:
    file = io.StringIO()

    await recorded(driver, file, trace_limit=0)

    result = replay_trace(file.getvalue().splitlines())
    assert result.difference is None
    assert "xxx" not in file.getvalue()
    assert "traces" not in file.getvalue()


async def test_a_trace_says_when_it_was(driver: Driver, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    before = time.time()

    await recorded(driver, path)

    trace = read_trace(path)
    header = trace.header
    (first, *_) = [r for r in trace.records if isinstance(r, TraceInput)]
    assert header.started is not None
    assert header.clock is not None
    assert before - 1 < header.started < time.time() + 1
    assert 0 <= first.time - header.clock < 5


async def test_a_new_file_is_for_its_owner_alone(driver: Driver, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"

    await recorded(driver, str(path))

    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_file_is_written_anew(driver: Driver, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("something else\n" * 100_000)

    await recorded(driver, path)

    assert replay_trace(path).is_same


async def test_what_cannot_be_opened_is_told_at_once(driver: Driver, tmp_path: Path) -> None:
    for target in (tmp_path / "absent" / "t.jsonl", tmp_path, "/dev/full", "a\0b", Disk(0)):
        with pytest.raises(TraceFailed, match="the trace cannot be written"):
            async with driver.connect("ws://127.0.0.1:1/", trace=target):
                pass


@pytest.mark.parametrize("options", [{"trace": 5}, {"trace": io.BytesIO(), "trace_limit": -1}])
async def test_what_is_no_trace_is_refused(driver: Driver, options: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        async with driver.connect("ws://127.0.0.1:1/", **options):
            pass


async def test_a_full_disk_ends_the_trace_and_not_the_session(driver: Driver) -> None:
    disk = Disk(3_000)
    async with (
        serving() as gateway,
        driver.connect(gateway.url, trace=disk) as client,
    ):
        await client.wait_connected(5)
        with client.errors() as errors, client.event("n") as stream:
            for number in range(50):
                await client.send({"type": "n", "number": number})
            received = await take(stream, 50)
            (report,) = await take(errors, 1)
            writes = disk.writes
            await client.request({"type": "m"}, reply="m", timeout=5)

    assert [message["number"] for message in received] == list(range(50))
    assert isinstance(report.error, TraceFailed)
    assert "No space left on device" in str(report.error)
    assert disk.writes == writes


async def test_a_client_that_is_never_entered_leaves_no_file(
    driver: Driver, tmp_path: Path
) -> None:
    path = tmp_path / "t.jsonl"

    driver.client("ws://127.0.0.1:1/", trace=path)

    assert not path.exists()


async def test_a_killed_process_leaves_a_file_that_can_be_used(
    driver: Driver, case: Case, tmp_path: Path
) -> None:
    path = tmp_path / "t.jsonl"
    async with serving(application) as gateway:
        gateway.faults.delay_store = 60
        program = [sys.executable, "-m", "tests.traces.killed", case.name, gateway.url, str(path)]
        async with await anyio.open_process(
            program, cwd=ROOT, stdin=None, stdout=-1, stderr=None
        ) as process:
            assert process.stdout is not None
            output = BufferedByteReceiveStream(process.stdout)
            assert await output.receive_until(b"\n", 100) == b"uploading"
            process.kill()
            await process.wait()

    trace = read_trace(path)
    result = replay_trace(trace)
    (upload,) = trace.uploads()
    assert not trace.is_complete
    assert (result.is_same, result.is_whole) == (True, False)
    assert (upload.size, upload.outcome) == (encode(updates(1_000_000), Config()).size, None)
