"""The examples of ``docs/cli.md``: run as they stand, and compared, or written anew.

A block that is marked ``console`` has commands behind ``$`` and what they print below.
``python -m tests.cli.documented`` writes what they print now. Two outputs are the same if they are
without their figures, and whatever the order of lines: which of two things comes first is chance.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from rich.console import Console

from auxws_anyio.cli import main
from auxws_anyio.cli._exit import MEANINGS
from auxws_anyio.cli._live import Snapshot, draw
from auxws_anyio.cli._traffic import Rates, Transfer
from auxws_anyio.gateway import Gateway, insts
from auxws_proto import State, Stats, Tally

from .helpers import serving

PAGE = Path(__file__).parent.parent.parent / "docs" / "cli.md"
URL = "ws://127.0.0.1:8710/Prod"
STORE = "http://127.0.0.1:8711"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LIVE = re.compile(r"(<!-- live view -->\n).*?(<!-- end of live view -->)", re.DOTALL)
TABLE = re.compile(r"(<!-- table: exit statuses -->\n).*?(<!-- end of table -->)", re.DOTALL)

TIME = '{"type": "sync/time", "id": %d, "clientRequestTime": 1764000000000}'
FILES = {
    "talk.txt": (
        '{"type": "repo/connection_count", "recordName": null, "inst": null, "branch": null}\n'
        "/wait repo/connection_count\n"
        "/state\n"
    ),
    "message.json": TIME % 1 + "\n",
    "lines.jsonl": "".join(TIME % number + "\n" for number in (1, 2)),
    "large.json": json.dumps({"type": "sync/time", "id": 1, "clientRequestTime": 1,
                              "padding": "x" * 100_000}),
}  # fmt: skip


class Example(NamedTuple):
    """A command and what it prints."""

    command: str
    output: list[str]


def examples(text: str) -> list[Example]:
    """All of a page."""
    return [example for block in BLOCK.findall(text) for example in _of_block(block)]


def _of_block(block: str) -> list[Example]:
    found: list[Example] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Example(line[2:], []))
        else:
            found[-1].output.append(line)
    return found


class Runner:
    """Runs commands in a folder of their own, against a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def run(self, command: str) -> list[str]:
        """What it prints, standard error behind standard output; the URL is that of the page."""
        left, pipe, right = command.partition(" | ")
        if pipe:
            return self._auxws(right, "\n".join(self.run(left)) + "\n")
        if command.startswith("cat "):
            return Path(command[4:]).read_text("utf-8").splitlines()
        if command.startswith("echo "):
            return [command[5:]]
        if command.startswith("auxws serve"):
            # It never ends; the gateway is one like it.
            lines = (f"serving insts at {URL}", f"object store at {STORE}; Ctrl-C ends")
            return list(lines)
        called, _, file = command.partition(" < ")
        return self._auxws(called, Path(file).read_text("utf-8") if file else "")

    def _auxws(self, command: str, given: str) -> list[str]:
        name, *arguments = shlex.split(command.replace(URL, self._gateway.url))
        assert name == "auxws"
        Path("stdin").write_text(given, "utf-8")
        out, err = io.StringIO(), io.StringIO()
        with (
            Path("stdin").open(encoding="utf-8") as stdin,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            before, sys.stdin = sys.stdin, stdin
            try:
                main(arguments)
            finally:
                sys.stdin = before
        text = out.getvalue() + err.getvalue()
        for ours, theirs in ((self._gateway.url, URL), (self._gateway.store_url, STORE)):
            text = re.sub(rf"\b{urlsplit(ours).port}\b", f"{urlsplit(theirs).port}", text)
        return text.splitlines()


@contextlib.contextmanager
def prepared() -> Generator[Runner]:
    """A runner in a fresh folder with the files of the page."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, serving(insts()) as served:
        os.chdir(folder)
        try:
            for name, text in FILES.items():
                Path(name).write_text(text, "utf-8")
            yield Runner(served.gateway)
        finally:
            os.chdir(before)


def masked(lines: list[str]) -> list[str]:
    """Lines without figures, in an order of their own."""
    found: list[str] = []
    for line in lines:
        if re.fullmatch(r"[\d,]+ connected, .* a second", line):
            continue  # How often a load is reported on depends on how long it takes.
        text = line.replace("ping -", "ping 1 ms")
        text = re.sub(r"-?[\d][\d.,:]*", "#", text)
        text = re.sub(r"(?:#|null|-)(?= ?(?:ms|s)\b)", "#", text)
        text = re.sub(r"# ?(?:ms|s|kB|MB|B)\b", "#", text)
        text = re.sub(r'"latency_ms":(?:null|#)', '"latency_ms":#', text)
        found.append(re.sub(r"\s+", " ", text.replace(" - ", " # ")).strip())
    return sorted(found)


def status_table() -> str:
    """The table of exit statuses."""
    rows = "".join(f"| {status.value} | {meaning} |\n" for status, meaning in MEANINGS.items())
    return f"\n| status | meaning |\n| --- | --- |\n{rows}\n"


def live_view() -> str:
    """What the live view draws of a session that is busy."""
    snapshot = Snapshot(
        url="wss://example.execute-api.us-east-1.amazonaws.com/prod",
        state=State.OPEN,
        seconds=754,
        stats=Stats(
            pending_uploads=1, pending_downloads=1, outbox_messages=3, outbox_bytes=5_000_612,
            sent={"inline": Tally(messages=1_204), "upload": Tally(messages=7)},
            received={"inline": Tally(messages=3_377), "download": Tally(messages=4)},
            transports=1, latency=0.0213,
        ),
        rates=Rates(messages_out=12.3, bytes_out=1_048_000, messages_in=31, bytes_in=9_310),
        transfers=[
            Transfer(True, done=3_145_728, total=5_000_093, send_id=1_212),
            Transfer(False, done=262_144, total=1_200_000),
        ],
        out_history=[1, 1, 2, 1, 3, 8, 7, 6, 8, 8], in_history=[5, 6, 5, 7, 8, 6, 5, 5, 6, 7],
    )  # fmt: skip
    console = Console(file=io.StringIO(), width=92, record=True)
    console.print(draw(snapshot))
    text = "\n".join(line.rstrip() for line in console.export_text().splitlines())
    return f"\n```text\n{text}\n```\n\n"


def rewritten(text: str) -> str:
    """The page with what its commands print now."""
    text = TABLE.sub(lambda match: match[1] + status_table() + match[2], text)
    text = LIVE.sub(lambda match: match[1] + live_view() + match[2], text)
    with prepared() as runner:

        def block(match: re.Match[str]) -> str:
            lines: list[str] = []
            for example in _of_block(match[1]):
                lines += [f"$ {example.command}", *runner.run(example.command)]
            return "```console\n" + "\n".join(lines) + "\n```"

        return BLOCK.sub(block, text)


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text("utf-8")), "utf-8")
