"""Where fuzzing starts: what the recorded sessions hold, and what was found before.

It knows the recordings' format and the corpus folder. It must not know what a target does with a
seed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from auxws_proto.testing import text_frame

from .targets import OF_BYTE_STREAMS, SEPARATOR

ROOT: Final = Path(__file__).parent
CORPUS: Final = ROOT / "corpus"
"""``corpus/TARGET/*``: committed seeds, one for each finding."""
TRANSCRIPTS: Final = ROOT.parent / "tests" / "transcripts"
_LARGEST: Final = 4_096


def seeds(target: str) -> list[bytes]:
    """The seeds of a target, without doubles."""
    found = [*_committed(target), *_recorded(target)]
    return [seed for seed in dict.fromkeys(found) if len(seed) <= _LARGEST]


def _committed(target: str) -> Iterator[bytes]:
    folder = CORPUS / target
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            yield path.read_bytes()


def _recorded(target: str) -> Iterator[bytes]:
    for path in sorted(TRANSCRIPTS.glob("*.jsonl")):
        events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        yield from _of_recording(target, events)


def _of_recording(target: str, events: list[dict[str, Any]]) -> Iterator[bytes]:
    texts = [e["text"].encode() for e in events if e["ev"] == "frame" and "text" in e]
    small = [text for text in texts if len(text) < _LARGEST]
    if target == "texts":
        yield from small
        yield SEPARATOR.join(small[:8])
    elif target in OF_BYTE_STREAMS:
        for text in small:
            yield text_frame(text, masked=False)
            yield text_frame(text, masked=True)
        yield b"".join(text_frame(text, masked=True) for text in small[:4])
    elif target == "handshakes":
        for event in events:
            if event["ev"].startswith("handshake"):
                rows = [event["line"], *(f"{name}: {value}" for name, value in event["headers"])]
                yield ("\r\n".join(rows) + "\r\n\r\n").encode()
    elif target == "responses":
        for event in events:
            if event["ev"] == "http_response" and event["api"] == "s3":
                head = (event["status"] - 100).to_bytes(2, "big")
                yield head + SEPARATOR + str(event["body"]).encode()
        yield (307 - 100).to_bytes(2, "big") + b"https://messages.s3.eu-west-1.amazonaws.com/p\0"
    else:
        yield bytes(range(100))
