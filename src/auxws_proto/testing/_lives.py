"""The life and death of the clients' processes, and what the next one begins with.

It knows what each process is made from, and its outbox store. It must not know when one dies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .._constants import Role
from .._journal import OutboxStore
from ._actor import Actor, Application
from ._keeper import Keeper
from ._maker import Machine, Maker

if TYPE_CHECKING:
    from ._world import World

RESTART_DELAY: Final = 1.0
"""Seconds from the death of a client's process to the next."""


@dataclass
class Origin:
    """Whatever a client's process is made from, each time."""

    name: str
    machine: Machine
    application: Application | None
    outbox: OutboxStore | None
    on_connect: Sequence[Mapping[str, Any]]
    lives: int = 1


class Lives:
    """The clients' processes, one after the other."""

    def __init__(self, world: World, make: Maker) -> None:
        self._world = world
        self._make = make
        self._origins: dict[Actor, Origin] = {}
        self.dead: int = 0
        """How many are dead, and have not begun again."""

    def first(self, origin: Origin) -> Actor:
        """The first process of a client begins."""
        actor = self._begin(origin.name, origin, None)
        self._world.clients.append(actor)
        actor.take_up()
        return actor

    def ended(self, actor: Actor) -> None:
        """A process is dead: its connections break, and nobody learns what it had in hand."""
        world = self._world
        lost: dict[str, list[int]] = {}
        if actor.keeper is not None:
            actor.keeper.store.close()
            for name in ("unaccepted", "unsent", "untold"):
                lost[name] = [int(send_id) for send_id in getattr(actor.keeper, name)]
        world.tape.write({"died": actor.name, **lost})
        world.judge.died(actor.name, **lost)
        for line in [*actor.lines.values()]:
            line.abort(actor)
        actor.lines.clear()
        if actor in self._origins:
            self.dead += 1
            world.clock.call_later(RESTART_DELAY, lambda: self._next(actor))

    def _next(self, dead: Actor) -> None:
        world = self._world
        self.dead -= 1
        origin = self._origins.pop(dead)
        origin.lives += 1
        with world.failing():
            actor = self._begin(f"{origin.name}, life {origin.lives}", origin, dead)
        world.clients[world.clients.index(dead)] = actor
        if dead is world.client:
            world.client = actor
        actor.take_up()
        actor.call("connect")

    def _begin(self, name: str, origin: Origin, before: Actor | None) -> Actor:
        """A process begins; ``before`` was the one that had its outbox store."""
        succeeds = None if before is None or origin.outbox is None else before.name
        watched = self._make(name, Role.CLIENT, origin.machine, None, succeeds)
        if origin.on_connect:
            watched.call("set_on_connect", origin.on_connect, now=self._world.clock.now)
        store = origin.outbox
        keeper = None if store is None else Keeper(store, self._world.next_crashes)
        actor = Actor(self._world, watched, origin.application, keeper)
        self._origins[actor] = origin
        return actor
