"""What comes to a machine of a world and was said by none.

It knows lines, frames, and what in bytes may be taken for an event, since the judge is to know of
that. It must not know what the machine makes of it.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ._frames import text_frame
from ._network import Item

if TYPE_CHECKING:
    from ._actor import Actor
    from ._world import World

_EVENTS: Final = re.compile(rb"\[\s*[15]\s*,")
_DECODER: Final = json.JSONDecoder()


class Foreign:
    """The foreign texts and bytes of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def inject(self, data: bytes, target: Actor) -> None:
        """A text, on every open connection of an actor."""
        self._announce(target, data)
        for line in self._world.open_lines(target):
            pipe = line.from_(target).reverse
            if target.watched.takes_bytes:
                pipe.write(Item("bytes", text_frame(data, masked=not target.is_client)))
            else:
                pipe.write(Item("text", data))

    def inject_bytes(self, data: bytes, target: Actor) -> None:
        """Bytes, on every open connection of an actor."""
        for found in _EVENTS.finditer(data):
            # Whatever of it may be taken for an event: no machine said that either.
            text = data[found.start() :].decode("utf-8", "replace")
            with suppress(ValueError, RecursionError):
                _, end = _DECODER.raw_decode(text)
                self._announce(target, text[:end].encode("utf-8", "surrogatepass"))
        for line in self._world.open_lines(target):
            line.from_(target).reverse.write(Item("bytes", data))

    def _announce(self, target: Actor, data: bytes) -> None:
        self._world.tape.write({"foreign": target.name, "data": data.decode("utf-8", "replace")})
        self._world.judge.foreign(target.name, data)
