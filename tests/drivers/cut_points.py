"""What becomes of a large message when the connection is lost at any point of its way.

    python -m tests.drivers.cut_points [--check]

Every driver sends one over real sockets, the connection is lost at each cut point in each way, and
what happened is written into ``docs/delivery.md`` between the marks; ``--check`` only compares.
``test_cut_points.py`` holds the page and the drivers together.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import anyio
import anyio.abc

from auxws_anyio.gateway import Gateway, GatewayConnection
from auxws_proto import Config, Reconnect, Stage, State
from tests.drivers.adapter import CASES, ClientLike, Driver, ReceiptLike

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "delivery.md"
BEGIN: Final = "<!-- table: what becomes of a large message -->"
END: Final = "<!-- end of table -->"

SIZE: Final = 200_000
"""Several times what goes inline, and less than would fill the sockets' buffers."""

HALF: Final = 20_000
"""Bytes of an upload after which the store stops reading."""


class Gate:
    """Stops the first connection to the object store at some point, until it is opened."""

    def __init__(self, *, at_answer: bool) -> None:
        self.at_answer = at_answer
        self.is_open = anyio.Event()
        self.reached = anyio.Event()
        self.streams = 0

    async def stop(self) -> None:
        self.reached.set()
        await self.is_open.wait()


class GatedStream(anyio.abc.ByteStream):
    """A stream of the store, with a gate in it."""

    def __init__(self, stream: anyio.abc.ByteStream, gate: Gate) -> None:
        self._stream = stream
        self._gate = gate
        self._read = 0

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        if not self._gate.at_answer and not self._gate.is_open.is_set():
            if self._read >= HALF:
                await self._gate.stop()
            else:
                max_bytes = min(max_bytes, HALF - self._read)
        data = await self._stream.receive(max_bytes)
        self._read += len(data)
        return data

    async def send(self, item: bytes) -> None:
        if self._gate.at_answer:
            await self._gate.stop()
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


@dataclass
class Scene:
    """A connected client, whose pings have been answered, and everything around it."""

    gateway: Gateway
    gate: Gate
    client: ClientLike
    heard: list[str] = field(default_factory=list)

    async def send(self, name: str, size: int = 0) -> ReceiptLike:
        return await self.client.send({"type": "n", "name": name, "text": "x" * size})


# The cut points: each brings a large message there and returns its receipt.


async def before_the_request(scene: Scene) -> ReceiptLike:
    """There is one upload at a time, and another message's is in progress."""
    await scene.send("other", SIZE)
    await scene.gate.reached.wait()
    return await scene.send("large", SIZE)


async def before_the_answer(scene: Scene) -> ReceiptLike:
    scene.gateway.faults.ignore_uploads(1)
    seen = scene.gateway.received.frames
    receipt = await scene.send("large", SIZE)
    await until(lambda: scene.gateway.received.frames > seen)
    return receipt


async def during_the_put(scene: Scene) -> ReceiptLike:
    receipt = await scene.send("large", SIZE)
    await scene.gate.reached.wait()
    assert receipt.stage is Stage.UPLOADING
    return receipt


async def before_the_announcement(scene: Scene) -> ReceiptLike:
    """Its own upload is done, but a message before it is not."""
    await scene.send("other", SIZE)
    await scene.gate.reached.wait()
    receipt = await scene.send("large", SIZE)
    await receipt.wait(Stage.UPLOADED)
    assert receipt.stage is Stage.UPLOADED
    return receipt


async def after_the_announcement(scene: Scene) -> ReceiptLike:
    """It has arrived, and nothing has proven it."""
    receipt = await scene.send("large", SIZE)
    await scene.gate.reached.wait()
    # As late as can be: a client whose pings get no answer is about to notice.
    scene.gateway.faults.answer_pings = False
    scene.gate.is_open.set()
    await until(lambda: "large" in scene.heard)
    return receipt


async def on_the_way(scene: Scene) -> ReceiptLike:
    """The announcement is written, and comes no farther than the network."""
    receipt = await scene.send("large", SIZE)
    await scene.gate.reached.wait()
    scene.gateway.faults.delay_to_server = 60
    scene.gate.is_open.set()
    await receipt.wait(Stage.SENT)
    return receipt


Arrange = Callable[[Scene], Awaitable[ReceiptLike]]

CUTS: Final[Mapping[str, Arrange]] = {
    "before the request for a URL": before_the_request,
    "before its answer": before_the_answer,
    "during the PUT": during_the_put,
    "after the PUT, before its answer": during_the_put,
    "before the announcement": before_the_announcement,
    "after the announcement, before it arrives": on_the_way,
    "after the announcement, once it has arrived": after_the_announcement,
}
AT_ANSWER: Final = (
    "after the PUT, before its answer",
    "after the announcement, before it arrives",
    "after the announcement, once it has arrived",
)
ALONE: Final = "before the request for a URL"


# The ways to lose a connection.


async def close_1000(scene: Scene) -> None:
    scene.gateway.faults.close_connections(1000, "")


async def close_1001(scene: Scene) -> None:
    scene.gateway.faults.close_connections(1001, "Going away")


async def reset(scene: Scene) -> None:
    scene.gateway.faults.drop_connections()


async def fall_silent(scene: Scene) -> None:
    """Until the client has noticed. What was written meanwhile is never read."""
    faults = scene.gateway.faults
    faults.silent = True
    # The next connection must not be there when the last one is dropped.
    faults.handshake_delay = 0.05
    await until(lambda: scene.client.state is not State.OPEN)
    faults.drop_connections()
    faults.silent = False
    faults.handshake_delay = 0.0


LOSSES: Final[Mapping[str, Callable[[Scene], Awaitable[None]]]] = {
    "close 1000": close_1000,
    "close 1001": close_1001,
    "reset (1006)": reset,
    "silence": fall_silent,
}
SILENCE: Final = "silence"

Column = dict[tuple[str, bool], "Cell"]
"""What happened, by cut point and ``resend_unknown``."""


@dataclass(frozen=True)
class Cell:
    """What became of the message."""

    stage: Stage
    arrived: int

    def __str__(self) -> str:
        times = {0: "did not arrive", 1: "arrived once", 2: "arrived twice"}
        return f"`{self.stage.value}`, {times.get(self.arrived, f'arrived {self.arrived} times')}"

    @property
    def is_lost(self) -> bool:
        """Whether it is gone, and nobody was told."""
        return not self.arrived and self.stage not in (Stage.FAILED, Stage.UNKNOWN)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until ``is_so()``, leaving time to the dozen scenes that run side by side."""
    while not is_so():  # noqa: ASYNC110 - whatever it is, it has no event
        await anyio.sleep(0.005)


@asynccontextmanager
async def scene(driver: Driver, cut: str, loss: str, resend: bool) -> AsyncIterator[Scene]:
    """The stage is set."""
    heard: list[str] = []

    async def listen(connection: GatewayConnection) -> None:
        async for received in connection:
            heard.append(received.message["name"])

    gate = Gate(at_answer=cut in AT_ANSWER)
    gateway = Gateway(listen)
    serve = gateway._server.handle

    async def serve_gated(stream: anyio.abc.ByteStream) -> None:
        gate.streams += 1
        await serve(GatedStream(stream, gate) if gate.streams == 1 else stream)

    # The gateway has no fault that waits for a test; a stream that does is all it takes.
    setattr(gateway._server, "handle", serve_gated)  # noqa: B010 - mypy forbids the assignment
    is_silence = loss == SILENCE
    config = Config(
        resend_unknown=resend,
        reconnect=Reconnect(base=0.001, cap=0.01),
        max_uploads=1 if cut == ALONE else 4,
        # What takes longer on a busy machine would be taken for silence, too.
        ping_interval=0.1 if is_silence else None,
        ping_timeout=1.5 if is_silence else 20.0,
    )
    async with gateway, driver.connect(gateway.url, config=config) as client:
        current = Scene(gateway, gate, client, heard)
        await (await current.send("first")).wait(Stage.CONFIRMED)
        yield current
    assert gateway.failures == []


async def play(driver: Driver, cut: str, loss: str, *, resend: bool) -> Cell:
    """Bring a large message to the cut point, lose the connection, let all be well from then on."""
    async with scene(driver, cut, loss, resend) as current:
        receipt = await CUTS[cut](current)
        await LOSSES[loss](current)
        accepted = current.gateway.connections_accepted
        current.gateway.faults.answer_pings = True
        current.gateway.faults.delay_to_server = 0.0
        await until(lambda: current.gateway.connections_accepted > accepted)
        await until(lambda: current.client.state is State.OPEN)
        current.gate.is_open.set()
        await current.client.flush()
        stage = receipt.stage
        # Everything before the last message has arrived when that has, or never will.
        await current.send("last")
        await until(lambda: "last" in current.heard)
    others = [name for name in current.heard if name != "large"]
    has_other = cut in (ALONE, "before the announcement")
    assert others == ["first", *(["other"] if has_other else []), "last"]
    assert current.heard.index("large" if "large" in current.heard else "last") == len(others) - 1
    assert current.gateway.store_requests == 1 + has_other, "an upload is never repeated"
    return Cell(stage, current.heard.count("large"))


async def column(driver: Driver, loss: str) -> Column:
    """What one driver does at every cut point, for one way of loss; all at the same time."""
    cells: Column = {}

    async def run(cut: str, resend: bool) -> None:
        cells[cut, resend] = await play(driver, cut, loss, resend=resend)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for cut in CUTS:
                for resend in (False, True):
                    group.start_soon(run, cut, resend)
    return cells


# The page.


def measure() -> dict[tuple[str, str], Column]:
    """What every driver does, by driver and way of loss."""
    found: dict[tuple[str, str], Column] = {}
    for case in CASES:
        backend, options = case.backend
        for loss in LOSSES:
            found[case.name, loss] = anyio.run(
                column, case.make(), loss, backend=backend, backend_options=options
            )
    return found


def cell_text(found: Mapping[tuple[str, str], Column], cut: str, loss: str, resend: bool) -> str:
    """One cell of the table; by driver if they differ."""
    by_driver = {case.name: str(found[case.name, loss][cut, resend]) for case in CASES}
    if len(set(by_driver.values())) == 1:
        return next(iter(by_driver.values()))
    return "; ".join(f"{name}: {text}" for name, text in by_driver.items())


def render(found: Mapping[tuple[str, str], Column]) -> str:
    """The tables, and what they come to."""
    lines: list[str] = []
    for resend in (False, True):
        lines += [
            f"With `resend_unknown = {resend}`:",
            "",
            f"| lost | {' | '.join(LOSSES)} |",
            f"|---|{'---|' * len(LOSSES)}",
        ]
        for cut in CUTS:
            cells = " | ".join(cell_text(found, cut, loss, resend) for loss in LOSSES)
            lines.append(f"| {cut} | {cells} |")
        lines.append("")
    cells_in_all = [cell for by_cut in found.values() for cell in by_cut.values()]
    lost = sum(cell.is_lost for cell in cells_in_all)
    names = ", ".join(case.name for case in CASES)
    lines.append(f"{len(cells_in_all)} losses, on {names}: **{lost} messages lost**.")
    return "\n".join(lines)


def region(page: str) -> str:
    """What the page says between the marks."""
    _, _, rest = page.partition(BEGIN)
    text, mark, _ = rest.partition(END)
    assert mark, f"{PAGE.name} has no marks"
    return text.strip()


def documented(page: str, cut: str, loss: str, resend: bool, driver: str) -> str:
    """What the page says of one cell and driver."""
    _, _, part = region(page).partition(f"`resend_unknown = {resend}`")
    row = next(line for line in part.splitlines() if line.startswith(f"| {cut} |"))
    cell = row.strip("| ").split(" | ")[1 + list(LOSSES).index(loss)]
    by_driver = dict(part.split(": ", 1) for part in cell.split("; ") if ": " in part)
    return by_driver.get(driver, cell)


def main(arguments: list[str]) -> str | None:
    page = PAGE.read_text("utf-8")
    table = render(measure())
    if "--check" in arguments:
        return None if region(page) == table else f"{PAGE.name} is not what the drivers do"
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}", "utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
