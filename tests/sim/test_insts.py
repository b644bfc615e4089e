"""Insts in a hostile world: nothing is missed, nothing comes twice, everything is acknowledged.

A writer and a watcher share a branch, of which the watcher writes a little, too. Connections break,
the object store fails, updates are too large for a frame, sessions rotate. In the end the watcher
has had every update of the writer's once, in the order in which the server stored them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from auxws_proto import Config, InstUpdates, Reconnect, SendId
from auxws_proto._dialogue_websocket import DialogueWebSocket
from auxws_proto._mailbox import Mailbox
from auxws_proto._requests import Answer
from auxws_proto.testing import Actor, Faults, World

URL = "wss://abc123.execute-api.us-east-1.amazonaws.com/Prod"
BRANCH = {"recordName": None, "inst": "i", "branch": "b"}
KEY = (None, "i", "b")


class InstServer:
    """The branch, and who watches it; as simple as the real server is not."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.serial = 0
        self.watchers: dict[int, Actor] = {}

    def __call__(self, actor: Actor, message: Mapping[str, Any]) -> None:
        match message:
            case {"type": "login", "connectionId": connection_id}:
                info = {"connectionId": connection_id, "sessionId": None, "userId": None}
                actor.send({"type": "login_result", "success": True, "info": info})
            case {"type": "repo/watch_branch"}:
                self.watchers[id(actor)] = actor
                self._say(actor, "repo/watch_branch_result", success=True)
                self._push(actor, self.stored, initial=True)
            case {"type": "repo/add_updates", "updates": updates, "updateId": update_id}:
                self.stored += updates
                for watcher in list(self.watchers.values()):
                    if watcher is not actor:
                        self._push(watcher, updates)
                self._say(actor, "repo/updates_received", updateId=update_id)

    def _push(self, actor: Actor, updates: list[str], **more: Any) -> None:
        self._say(actor, "repo/add_updates", updates=list(updates), **more)

    def _say(self, actor: Actor, type: str, **more: Any) -> None:
        # The world's judge tells messages by their contents.
        self.serial += 1
        actor.send({"type": type, **BRANCH, "serial": self.serial, **more})


class Machine(DialogueWebSocket):
    """A machine whose dialogues send where the world can see it."""

    actor: Actor

    def _send(self, message: Mapping[str, Any], now: float) -> SendId:
        send_id: SendId = self.actor.watched.call("send", message, now=now)
        self.actor.sent.append(send_id)
        return send_id


class Client:
    """One client of the world, and its branch."""

    def __init__(self, world: World, actor: Actor) -> None:
        self.world = world
        self.actor = actor
        self.machine: Machine = actor.machine
        self.machine.actor = actor
        self.machine.dialogues._set_on_connect = self.set_on_connect
        self.box: Mailbox[InstUpdates] = Mailbox(max_messages=100_000)
        self.seen: list[str] = []
        self.batches: list[InstUpdates] = []
        self.answers: list[Answer[None]] = []
        self.number = 0

    def set_on_connect(self, messages: Iterable[Mapping[str, Any]]) -> None:
        self.actor.watched.call("set_on_connect", list(messages), now=self.world.clock.now)

    def do(self, verb: Callable[[float], object]) -> None:
        """Call a verb of the dialogues, then take a turn."""
        verb(self.world.clock.now)
        self.actor.call("handle_timeout")

    def watch(self) -> None:
        self.do(lambda now: self.machine.dialogues.watch(KEY, self.box, now))

    def add(self, prefix: str, size: int) -> None:
        self.number += 1
        update = f"{prefix}{self.number} ".ljust(size, "x")
        answer: Answer[None] = Answer()
        self.answers.append(answer)
        self.do(lambda now: self.machine.dialogues.add_updates(KEY, [update], now, answer))

    def read(self) -> None:
        for batch in iter(self.box.pop, None):
            self.batches.append(batch)
            self.seen += batch.updates


def play(seed: int, faults: Faults, steps: list[tuple[str, int]], max_age: float | None) -> None:
    server = InstServer()
    settings: dict[str, Any] = {
        "inline_limit": 400,
        "ask_for_login": True,
        "reconnect": Reconnect(base=0.2, cap=2.0),
    }

    def make(config: Config) -> Machine:
        own = Config(**settings, random=config.random, max_age=max_age, rotate_overlap=0.5)
        return Machine(own, URL)

    world = World(
        seed, client=make, server=Config(inline_limit=400), kind="websocket",
        application=server, faults=faults,
    )  # fmt: skip
    writer = Client(world, world.client)
    watcher = Client(world, world.add_client(make))
    for client in (writer, watcher):
        client.actor.call("connect")
    watcher.watch()
    for name, value in steps:
        match name:
            case "write":
                writer.add("w", value)
            case "own":
                watcher.add("o", value)
            case "cut writer":
                world.cut(writer.actor)
            case "cut watcher":
                world.cut(watcher.actor)
            case "lose download":
                world.store.next_faults.extend(["forbidden"] * value)
            case _:
                world.run(value / 10)
    world.calm()
    world.run(200)
    watcher.read()

    wanted = [update for update in dict.fromkeys(server.stored) if update[0] == "w"]
    assert watcher.seen == wanted
    assert len(wanted) == writer.number
    assert watcher.batches[0].is_initial
    assert [a.is_settled for a in writer.answers + watcher.answers] == [True] * (
        writer.number + watcher.number
    )
    for answer in writer.answers + watcher.answers:
        answer.get()


SIZES = st.sampled_from([10, 100, 350, 1_000])
STEPS = st.one_of(
    st.tuples(st.just("write"), SIZES),
    st.tuples(st.just("own"), SIZES),
    st.tuples(st.sampled_from(["cut writer", "cut watcher"]), st.just(0)),
    st.tuples(st.just("lose download"), st.integers(1, 3)),
    st.tuples(st.just("run"), st.sampled_from([0, 1, 3, 10, 60])),
)
FAULTS = st.sampled_from(
    [
        {},
        {"latency": (0.0, 2.0)},
        {"cut": 0.02, "refuse": 0.2},
        {"store": 0.3, "cut": 0.01, "latency": (0.01, 0.5)},
    ]
)


@given(
    seed=st.integers(0, 2**32),
    faults=FAULTS,
    steps=st.lists(STEPS, max_size=40),
    max_age=st.sampled_from([None, 4.0]),
)
@example(
    seed=1, faults={}, steps=[("run", 10), *[("write", 10), ("run", 3)] * 30], max_age=4.0
)  # fmt: skip
# A run costs as much as ten of the other properties.
@settings(max_examples=max(30, settings().max_examples // 20))
def test_nothing_is_missed_and_nothing_comes_twice(
    seed: int, faults: dict[str, Any], steps: list[tuple[str, int]], max_age: float | None
) -> None:
    play(seed, Faults(**faults), steps, max_age)
