"""The requests that are under way to a world's object store.

It knows how long each takes and which fault it meets. It must not know what the store keeps, nor
what an actor makes of an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._actions import GetFromUrl, PutToUrl
from ._store import Answer

if TYPE_CHECKING:
    from ._actor import Actor
    from ._world import World


class Requests:
    """The requests of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.count: int = 0
        """How many are under way."""

    def start(self, actor: Actor, action: PutToUrl | GetFromUrl) -> None:
        """An actor asks for something."""
        world = self._world
        fault = world.store.next_faults.popleft() if world.store.next_faults else None
        if fault is None and world.seed.chance(world.faults.store):
            fault = world.seed.pick(tuple(world.faults.store_kinds))
        delay = world.seed.between(*world.faults.store_latency)
        self.count += 1
        world.clock.call_later(delay, lambda: self._over(actor, action, fault))

    def _over(self, actor: Actor, action: PutToUrl | GetFromUrl, fault: str | None) -> None:
        self.count -= 1
        answer: Answer | None = None
        url, store = action.url.reveal(), self._world.store
        if fault == "silent":
            pass
        elif isinstance(action, PutToUrl):
            answer = store.put(url, dict(action.headers), action.body, fault)
        else:
            is_owner = not actor.is_client
            answer = store.get(url, action.max_bytes, fault, is_owner=is_owner)
        actor.answered(action.transfer_id, answer)
