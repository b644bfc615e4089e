"""What can be done to a world, by name: for strategies, fuzzers and traces of a few lines.

It knows the doors of `World`. It must not know what they lead to. Every operation is allowed at any
time: one that has nothing to act on does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .._constants import State
from ._world import World


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; its arguments are JSON."""

    name: str
    args: tuple[Any, ...] = ()

    def __call__(self, world: World) -> None:
        """Do it."""
        OPERATIONS[self.name](world, *self.args)


def perform(world: World, operations: Iterable[Operation]) -> None:
    """Do them all."""
    for operation in operations:
        operation(world)


def numbered(world: World, size: int, text: str = "x") -> dict[str, Any]:
    """A message like no other of this world, whose text has so many characters."""
    world.count += 1
    return {"type": "test", "n": world.count, "text": text * size}


def _send(world: World, size: int, text: str = "x") -> None:
    world.client.send(numbered(world, size, text))


def _server_send(world: World, size: int, text: str = "x") -> None:
    if world.server is not None:
        world.server.send(numbered(world, size, text))


def _connect(world: World) -> None:
    if world.client.machine.state is not State.CLOSED:
        world.client.call("connect")


def _disconnect(world: World) -> None:
    world.client.call("disconnect")


def _close_server(world: World) -> None:
    if world.server is not None:
        world.server.call("close")


def _run(world: World, seconds: float) -> None:
    world.run(seconds)


def _cut(world: World) -> None:
    world.cut()


def _stall(world: World, way: Any) -> None:
    world.stall(way)


def _unstall(world: World) -> None:
    world.unstall()


def _open_fault(world: World, kind: str) -> None:
    world.next_opens.append(kind)


def _grant_fault(world: World, kind: str) -> None:
    world.next_grants.append(kind)


def _login_fault(world: World, kind: str) -> None:
    world.next_logins.append(kind)


def _store_fault(world: World, kind: str) -> None:
    world.store.next_faults.append(kind)


def _forget(world: World) -> None:
    world.store.forget_all()


def _inject(world: World, text: str) -> None:
    world.inject(text.encode("utf-8", "surrogatepass"))


def _inject_up(world: World, text: str) -> None:
    if world.server is not None:
        world.inject(text.encode("utf-8", "surrogatepass"), world.server)


def _pause(world: World) -> None:
    world.client.call("pause_reading")


def _resume(world: World) -> None:
    world.client.call("resume_reading")


def _stop_taking(world: World) -> None:
    world.client.takes = False


def _take(world: World) -> None:
    world.client.takes = True
    world.client.take()


def _crash(world: World) -> None:
    world.crash()


def _crash_at_record(world: World, kind: Any) -> None:
    world.next_crashes.append(kind)


def _push(world: World, size: int) -> None:
    world.push(numbered(world, size))


def _mute(world: World, is_mute: bool) -> None:
    world.answers_pings = not is_mute


OPERATIONS: Final[Mapping[str, Callable[..., None]]] = {
    "send": _send,
    "server_send": _server_send,
    "connect": _connect,
    "disconnect": _disconnect,
    "close_server": _close_server,
    "run": _run,
    "cut": _cut,
    "stall": _stall,
    "unstall": _unstall,
    "open_fault": _open_fault,
    "grant_fault": _grant_fault,
    "login_fault": _login_fault,
    "store_fault": _store_fault,
    "forget": _forget,
    "inject": _inject,
    "inject_up": _inject_up,
    "pause": _pause,
    "resume": _resume,
    "stop_taking": _stop_taking,
    "take": _take,
    "mute": _mute,
    "crash": _crash,
    "crash_at_record": _crash_at_record,
    "push": _push,
}
"""Every operation by its name."""
