"""What a client is told to do, and how it is measured doing it.

It knows clocks and this process. It must not know any client.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_HEAD = len('[1,-1,{"type":"note","text":""}]')


@dataclass(frozen=True)
class Job:
    """``mode`` is ``send``, ``receive`` or ``echo``; ``size`` is that of an event, in bytes."""

    url: str
    mode: str
    size: int
    count: int
    json: str = "json"
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    """What our own `Config` says."""
    at_gateway: bool = False
    """The server is `bench.world`, which has one URL for everything."""
    rest: float = 0.0
    """Seconds to wait before it begins, once connected."""
    urls: tuple[str, ...] = ()
    """Presigned URLs, for bare transfers."""

    @property
    def path(self) -> str:
        """The URL of the connection that this job needs."""
        if self.at_gateway:
            return self.url
        what = {
            "send": f"sink/{self.count}",
            "receive": f"source/{self.size}/{self.count}",
            "echo": "echo",
        }
        return f"{self.url}/{what[self.mode]}"

    @property
    def message(self) -> dict[str, Any]:
        return {"type": "note", "text": "x" * (self.size - _HEAD)}

    @property
    def go(self) -> dict[str, Any]:
        """What has the server send."""
        return {"type": "go", "size": self.size - _HEAD, "count": self.count}

    def codec(self) -> tuple[Callable[[Any], bytes], Callable[[Any], Any]]:
        """How to write and read JSON in this job."""
        if self.json == "orjson":
            import orjson

            return orjson.dumps, orjson.loads
        encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
        return lambda value: encode(value).encode(), json.loads


class Meter:
    """Measures its block: wall and CPU time in seconds, and how much memory came on top."""

    def __init__(self) -> None:
        self.sample: dict[str, float] = {}

    def __enter__(self) -> Meter:
        forget_peak()
        self._before = memory("VmRSS")
        self._cpu = time.process_time()
        self._started = time.monotonic()
        self._wall = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self.sample = {
            "started": self._started,
            "seconds": wall - self._wall,
            "cpu": cpu - self._cpu,
            "peak": max(0, memory("VmHWM") - self._before),
        }


def forget_peak() -> None:
    """Let the peak of this process begin anew (proc(5), ``clear_refs``)."""
    Path("/proc/self/clear_refs").write_text("5")


def memory(name: str, process: int | str = "self") -> int:
    """A figure of ``/proc/PID/status``, in bytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("memory is measured by /proc, which only Linux has")


def work(run: Callable[[Job, Meter], None]) -> None:
    """Do the jobs that come as lines of JSON, and answer each with its sample."""
    for line in sys.stdin:
        meter = Meter()
        try:
            run(Job(**json.loads(line)), meter)
        except ImportError as error:
            print(json.dumps({"error": f"not installed: {error.name}"}), flush=True)
            continue
        print(json.dumps(meter.sample), flush=True)
