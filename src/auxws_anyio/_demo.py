"""``auxws demo``: two clients on one inst of a local gateway, over real sockets.

It knows what is sent and what must come of it. It must not know how it is shown: steps and progress
go to a `Screen`.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any, Protocol

import anyio

from auxws_proto import (
    AuxError,
    Config,
    ConnectionId,
    Stage,
    Tally,
)
from auxws_proto.observe import ObserverEvent, TransferProgressed

from ._client import AuxClient
from ._connect import connect
from ._subscription import Subscription
from .gateway import Gateway, insts

TIME_LIMIT = 60.0
"""Seconds for the whole demo, which takes less than one."""

FRAGMENT_LIMIT = 131_072
"""API Gateway's limit for one message over all its frames (``docs/protocol.md`` §5)."""

_BRANCH = {"recordName": None, "inst": "demo", "branch": "default"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One update: how large its texts are, how many at once, and which way they must go."""

    title: str
    sender: str
    size: int
    count: int = 1
    path: str


STEPS = (
    Step(title="small updates", sender="ann", size=200, count=8, path="inline"),
    Step(title="100 KB, large enough to upload", sender="ann", size=100_000, path="upload"),
    Step(title="100 KB, in fragments", sender="bob", size=100_000, path="fragments"),
    Step(title="5 MB", sender="ann", size=5_000_000, path="upload"),
    Step(title="small updates", sender="bob", size=200, count=8, path="inline"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One message that went one way. ``bytes`` is its JSON; ``ms`` counts from its ``send()``."""

    bytes: int
    path: str
    ms: float
    client: str
    direction: str


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of the demo."""

    ok: bool = False
    messages: list[Moved] = field(default_factory=list[Moved])
    frames_over_limit: int = 0
    largest_frame: int = 0
    ms: float = 0.0
    error: str | None = None

    def as_json(self) -> str:
        """One JSON object."""
        return json.dumps(asdict(self))

    @property
    def verdict(self) -> str:
        """One line."""
        if not self.ok:
            return f"FAILED: {self.error}"
        total = sum(moved.bytes for moved in self.messages if moved.direction == "received")
        count = sum(moved.direction == "received" for moved in self.messages)
        return (
            f"OK: {count} updates, {total:,} bytes, every byte arrived in order, in "
            f"{self.ms:,.0f} ms; the largest frame had {self.largest_frame:,} bytes"
        )


class Screen(Protocol):
    """Where the demo shows itself."""

    def say(self, text: str) -> None: ...
    def moved(self, moved: Sequence[Moved]) -> None: ...
    def progress(self, who: str, upload: bool, done: int, total: int | None) -> None: ...


class Wrong(Exception):
    """Something did not arrive as it should have."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two clients."""

    name: str
    client: AuxClient
    updates: Subscription[Any]


async def run_demo(screen: Screen) -> Outcome:
    """Play all steps. What fails is told by the outcome."""
    outcome = Outcome()
    started = perf_counter()
    try:
        with anyio.fail_after(TIME_LIMIT):
            async with Gateway(insts()) as gateway:
                screen.say(f"local gateway at {gateway.url}")
                async with (
                    _side(gateway, screen, "ann", Config()) as ann,
                    _side(gateway, screen, "bob", Config(fragment_limit=FRAGMENT_LIMIT)) as bob,
                ):
                    for number, step in enumerate(STEPS):
                        await _play(step, number, ann, bob, screen, outcome)
                outcome.frames_over_limit = gateway.frames_over_limit
                outcome.largest_frame = gateway.largest_frame
                if gateway.frames_over_limit:
                    raise Wrong(f"{gateway.frames_over_limit} frames were over the limit")
    except TimeoutError:
        outcome.error = f"not done within {TIME_LIMIT:g} s"
    except (AuxError, OSError, Wrong) as error:
        outcome.error = str(error) or type(error).__name__
    outcome.ok = outcome.error is None
    outcome.ms = _since(started)
    return outcome


@asynccontextmanager
async def _side(
    gateway: Gateway, screen: Screen, name: str, config: Config
) -> AsyncGenerator[Side]:
    """A client that is logged in and watches the branch."""

    def observe(event: ObserverEvent) -> None:
        if isinstance(event, TransferProgressed):
            screen.progress(name, event.direction == "upload", event.done, event.total)

    login = ConnectionId(name)
    async with connect(gateway.url, login=login, config=config, observer=observe) as client:
        await client.wait_connected()
        screen.say(f"{name} is logged in")
        with client.event("repo/add_updates") as updates:
            result = await client.request(
                {"type": "repo/watch_branch", **_BRANCH}, reply="repo/watch_branch_result"
            )
            if not result["success"]:
                raise Wrong(f"{name} may not watch: {result.get('errorMessage')}")
            # The branch as it was, which is empty.
            await anext(updates)
            screen.say(f"{name} watches {_BRANCH['inst']}/{_BRANCH['branch']}")
            yield Side(name, client, updates)


async def _play(
    step: Step, number: int, ann: Side, bob: Side, screen: Screen, outcome: Outcome
) -> None:
    """Send the messages of one step, and see them arrive on the other side."""
    screen.say(step.title)
    sender, receiver = (ann, bob) if step.sender == "ann" else (bob, ann)
    messages = [
        {"type": "repo/add_updates", **_BRANCH, "updates": [_text(number, part, step.size)]}
        for part in range(step.count)
    ]
    before = sender.client.stats.sent, receiver.client.stats.received
    started = perf_counter()
    receipts = [await sender.client.send(message) for message in messages]
    moved: list[tuple[dict[str, Any], str, float]] = []
    for message, receipt in zip(messages, receipts, strict=True):
        await receipt.wait(Stage.CONFIRMED)
        moved.append((message, "sent", _since(started)))
    for message in messages:
        arrived = await anext(receiver.updates)
        if arrived["updates"] != message["updates"]:
            raise Wrong(f"{receiver.name} received something else than {sender.name} had sent")
        moved.append((arrived, "received", _since(started)))
    paths = {
        "sent": _path(before[0], sender.client.stats.sent),
        "received": _path(before[1], receiver.client.stats.received),
    }
    entries = [
        Moved(
            bytes=len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()),
            path=paths[direction],
            ms=round(ms, 3),
            client=(sender if direction == "sent" else receiver).name,
            direction=direction,
        )
        for message, direction, ms in moved
    ]
    outcome.messages += entries
    screen.moved(entries[: step.count])
    screen.moved(entries[step.count :])
    if paths["sent"] != step.path:
        raise Wrong(f"an update of {step.size:,} bytes went {paths['sent']}, not {step.path}")


def _text(number: int, part: int, size: int) -> str:
    """An update: base64, the same in each run, different for each message."""
    data = random.Random(f"{number} {part}").randbytes(size)
    return base64.b64encode(data).decode()[:size]


def _path(before: Mapping[str, Tally], after: Mapping[str, Tally]) -> str:
    """The way that the bytes between two counts went.

    Small acknowledgements of the server come inline beside whatever else there is.
    """
    none = Tally()
    grown = {path: tally.bytes - before.get(path, none).bytes for path, tally in after.items()}
    return max(grown, key=lambda path: grown[path], default="none")


def _since(started: float) -> float:
    """Milliseconds."""
    return (perf_counter() - started) * 1_000


def show_demo(*, as_json: bool, backend: str) -> int:
    """Run the demo for a person or for a program; return the exit status."""
    from ._screen import Quiet, screen_for_people

    if as_json:
        outcome = anyio.run(run_demo, Quiet(), backend=backend)
        print(outcome.as_json())
    else:
        with screen_for_people() as screen:
            outcome = anyio.run(run_demo, screen, backend=backend)
        print(outcome.verdict)
    return 0 if outcome.ok else 1
