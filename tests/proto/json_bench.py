"""What the tests of both directions share: messages that nest, and another JSON library."""

from __future__ import annotations

from typing import Any

from auxws_proto._json import Load

MESSAGE = {"type": "greeting"}


def nested(levels: int) -> dict[str, Any]:
    """A message that nests this deep."""
    inner: object = 0
    for _ in range(levels - 1):
        inner = [inner]
    return {"type": "x", "nest": inner}


class Sure:
    """Another JSON library, which has an answer for everything."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer

    def write(self, value: object) -> bytes | None:
        return self.answer

    def parse(self, data: bytes | bytearray) -> Any:
        return [1, 7, MESSAGE]

    def loader(self, texts: list[bytes]) -> Load | None:
        return None if self.answer is None else self.parse
