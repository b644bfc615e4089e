"""What a judge has seen: of each machine, and of each sender over all the lives of its process.

It knows texts, places and numbers. It must not know what is promised about them.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any, TypeAlias

from .._config import Config
from .._constants import Role, SendId, Stage
from ._frames import FrameReader

Place: TypeAlias = tuple[int, int]
"""A connection: the life of the client, and the number of its transport."""


class InvariantBroken(AssertionError):
    """A machine broke a promise; the text says which."""


def canonical(message: Mapping[str, Any]) -> str:
    """A message as a text that is the same on both sides."""
    return json.dumps(message, sort_keys=True, separators=(",", ":"))


def is_for_the_session(text: str) -> bool:
    """Whether this is the answer to a session's own ``sync/time``, which it does not deliver."""
    match json.loads(text):
        case {"type": "sync/time/response", "id": int(number)}:
            return number < 0
        case _:
            return False


class Book:
    """What one sender has sent, in whichever life, and where it was delivered.

    A client that restarts from its outbox store goes on with the book of its life before.
    """

    def __init__(self) -> None:
        self.order: dict[str, int] = {}
        self.repeated: set[str] = set()
        self.own: set[str] = set()
        self.failed: set[str] = set()
        self.places: dict[str, list[Place]] = {}
        self.bounds: dict[Place, tuple[int, int]] = {}
        """The least and the greatest number that came on each connection."""
        self.lives: list[Witness] = []
        self.receivers: list[Witness] = []

    def sent(self, text: str) -> None:
        """A message is accepted."""
        if text in self.order:
            self.repeated.add(text)
        self.order.setdefault(text, len(self.order))

    def came(self, text: str, place: Place) -> None:
        """A message is delivered."""
        number = self.order[text]
        self.places.setdefault(text, []).append(place)
        low, high = self.bounds.get(place, (number, number))
        self.bounds[place] = (min(low, number), max(high, number))


class Witness:
    """What was seen of one machine."""

    def __init__(
        self, name: str, role: Role, config: Config, serves: tuple[str, int] | None, book: Book
    ) -> None:
        self.name = name
        self.role = role
        self.config = config
        self.serves = serves
        self.book = book
        self.life = len(book.lives)
        book.lives.append(self)
        self.sent: dict[SendId, str] = {}
        self.emitted: dict[SendId, int] = {}
        self.moved: set[SendId] = set()
        self.largest = 0
        self.is_broken: bool = False
        self.is_refused: bool = False
        self.is_dead: bool = False
        self.is_kept: bool = False
        self.outcomes: dict[SendId, Stage] = {}
        self.gaps = 0
        self.arrivals: dict[str, list[tuple[int, bool]]] = {}
        """Where each message came to a client, and whether it was marked as of an overlap."""
        self.numbers: dict[int, set[float]] = {}
        self.over: set[int] = set()
        self.unreported: dict[int, deque[int]] = {}
        self.unreported_bytes: dict[int, int] = {}
        self.readers: dict[int, FrameReader] = {}
