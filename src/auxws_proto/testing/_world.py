"""A whole world on a virtual clock: clients, a server for each connection, a network, a store.

It knows who meets whom, and what goes wrong. It must not know how a machine is made, nor any of its
parts, nor draw from anywhere but its seed: the same seed and the same calls give the same run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

from .._actions import GetFromUrl, PutToUrl
from .._config import Config
from .._constants import Role, State
from .._events import TransportFailure
from .._journal import OutboxStore
from ._actor import Actor, Application
from ._chores import answer_chores
from ._clock import VirtualClock
from ._faults import OPEN_FAULTS, Faults
from ._foreign import Foreign
from ._judge import InvariantBroken, Judge
from ._keeper import Death
from ._lives import Lives, Origin
from ._maker import Kind, Machine, Maker
from ._network import Line, Pipe
from ._requests import Requests
from ._seed import Seed
from ._store import ObjectStore
from ._tape import Tape

WATCH: Final[Mapping[str, Any]] = {"type": "watch"}
"""What a client says where `World.push` is to reach it."""

URL: Final = "wss://abc123.execute-api.us-east-1.amazonaws.com/Prod"


class World:
    """Clients and the server that they meet; every promise is judged while it runs.

    ``client`` and ``server`` are configurations of machines of ours (``kind`` says which), or
    callables that make a machine: any `AuxMachine`, so a wrapper or an embedder's own adapter lives
    here too. Each connection meets a server machine of its own. ``application`` is called with what
    a server delivers; without one, logins and ``sync/time`` are answered. ``outbox`` keeps what the
    client has accepted, `MemoryOutbox` for example; ``on_connect`` is said after each login.

    A broken promise raises `InvariantBroken`, with the run as a note that
    ``python -m auxws_proto.testing replay`` plays again.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        client: Machine | None = None,
        server: Machine | None = None,
        kind: Kind = "session",
        application: Application | None = None,
        faults: Faults | None = None,
        url: str = URL,
        outbox: OutboxStore | None = None,
        on_connect: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.seed: Seed = Seed(seed)
        self.clock: VirtualClock = VirtualClock()
        self.store: ObjectStore = ObjectStore(self.clock)
        self.faults: Faults = faults if faults is not None else Faults()
        self.tape: Tape = Tape()
        self.judge: Judge = Judge()
        self.count = 0
        self.answers_pings: bool = True
        self.next_opens: deque[str | None] = deque()
        self.next_grants: deque[str | None] = deque()
        self.next_logins: deque[str | None] = deque()
        self.next_crashes: deque[Death | None] = deque()
        self.clients: list[Actor] = []
        self.servers: list[Actor] = []
        self.lines: list[Line] = []
        self._make = Maker(kind, url, self.seed, self.tape, self.judge)
        self._server = server if server is not None else Config()
        self._application = application if application is not None else answer_chores
        self._is_told: bool = False
        self._foreign = Foreign(self)
        self._requests = Requests(self)
        self.lives: Lives = Lives(self, self._make)
        self.client: Actor = self.add_client(client, outbox=outbox, on_connect=on_connect)

    def add_client(
        self,
        client: Machine | None = None,
        *,
        application: Application | None = None,
        outbox: OutboxStore | None = None,
        on_connect: Sequence[Mapping[str, Any]] = (),
    ) -> Actor:
        """One more client of the same server."""
        number = len(self.clients) + 1
        name = "client" if number == 1 else f"client {number}"
        machine = client if client is not None else Config()
        return self.lives.first(Origin(name, machine, application, outbox, on_connect))

    def crash(self, actor: Actor | None = None) -> None:
        """A client's process (the first client's) is killed; a second later the next begins.

        With ``outbox``, the next takes up what the store has kept; without, all of it is lost.
        ``next_crashes`` holds the deaths (`CRASHES`) that the next records in the store meet.
        """
        target = actor if actor is not None else self.client
        if not target.is_dead:
            target.die()

    @contextmanager
    def failing(self) -> Generator[None]:
        """Give a failure the run so far, once."""
        try:
            yield
        except InvariantBroken as error:
            if not self._is_told:
                self._is_told = True
                self.tape.write({"failure": str(error)})
                error.add_note("replay this run: python -m auxws_proto.testing replay FILE")
                error.add_note(self.tape.text())
            raise

    # Time.

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    @property
    def is_at_rest(self) -> bool:
        """Whether every send has its outcome and nothing is on its way."""
        return (
            all(actor.is_settled for actor in (*self.clients, *self.servers))
            and all(line.is_quiet for line in self.lines)
            and not self._requests.count
            and not self.lives.dead
        )

    def rest(self, within: float = 3_600.0) -> None:
        """Run until everything has come to rest, then look at the whole.

        Raises `InvariantBroken` if that takes longer than so many seconds of virtual time.
        """
        end = self.clock.now + within
        with self.failing():
            while not self.is_at_rest:
                due = self.clock.next_alarm()
                if due is None or due > end:
                    raise InvariantBroken(f"no rest within {within:g} s: {self._unrest()}")
                self.clock.step()
            self.tape.write({"check": "rest"})
            self.judge.at_rest()

    def _unrest(self) -> str:
        """What keeps the world from its rest."""
        parts = [
            f"{actor.name} ({actor.machine.state}) has {len(actor.sent) - len(actor.outcomes)} "
            f"sends without an outcome and the transfers {sorted(actor.transfers)}"
            for actor in (*self.clients, *self.servers)
            if not actor.is_settled
        ]
        parts += [f"connection {line.number} is busy" for line in self.lines if not line.is_quiet]
        parts += [f"{self._requests.count} requests are under way"] * bool(self._requests.count)
        parts += [f"{self.lives.dead} processes are dead"] * bool(self.lives.dead)
        return "; ".join(parts)

    def calm(self) -> None:
        """Let every fault stop; whoever was disconnected connects again."""
        self.faults = Faults()
        self.answers_pings = True
        for queue in (self.next_opens, self.next_grants, self.next_logins, self.store.next_faults):
            queue.clear()
        self.next_crashes.clear()
        for line in self.lines:
            self._set_stalled(line, False)
        for actor in (*self.clients, *self.servers):
            actor.takes = True
            if actor.machine.state is not State.CLOSED:
                actor.call("resume_reading")
        for actor in self.clients:
            if actor.machine.state is not State.CLOSED:
                actor.call("connect")

    # Connections.

    def open(self, client: Actor, number: int) -> None:
        """A client asks for a transport."""
        delay = self.seed.between(*self.faults.latency)
        fault = self.next_fault(self.next_opens)
        if fault is None and self.seed.chance(self.faults.refuse):
            fault = self.seed.pick(tuple(OPEN_FAULTS))
        if fault is None:
            self.clock.call_later(delay, lambda: self._opened(client, number))
            return
        failure = OPEN_FAULTS[fault]
        if failure is not None:
            self.clock.call_later(delay, lambda: self._refused(client, number, failure))

    def _refused(self, client: Actor, number: int, failure: TransportFailure) -> None:
        if number in client.opening:
            client.opening.discard(number)
            client.call("transport_failed", failure, transport=number)

    def _opened(self, client: Actor, number: int) -> None:
        if number not in client.opening:
            return
        client.opening.discard(number)
        serves = (client.name, number)
        name = f"server {len(self.servers) + 1}"
        watched = self._make(name, Role.SERVER, self._server, serves)
        server = Actor(self, watched, self._application)
        line = Line(self, client, number, server)
        self.servers.append(server)
        self.lines.append(line)
        client.lines[number] = server.lines[1] = line
        server.call("transport_opened")
        client.call("transport_opened", transport=number)

    @property
    def server(self) -> Actor | None:
        """The server's side of the newest connection of the first client, if it is open."""
        for line in reversed(self.lines):
            if line.client is self.client:
                return line.server if 1 in line.server.lines else None
        return None

    def open_lines(self, actor: Actor | None = None) -> list[Line]:
        """The connections that are open on both sides, of one actor or of all."""
        return [
            line
            for line in self.lines
            if line.number in line.client.lines
            and 1 in line.server.lines
            and (actor is None or actor in (line.client, line.server))
        ]

    # What goes wrong.

    def next_fault(self, queue: deque[str | None]) -> str | None:
        """The next fault that was asked for, or one by chance."""
        if queue:
            return queue.popleft()
        if queue is self.next_grants and self.seed.chance(self.faults.grant):
            return self.seed.pick(("server_error", "late"))
        return None

    def cut(self, actor: Actor | None = None) -> None:
        """Break the open connections, of one actor or all; some of what is on its way arrives."""
        for line in self.open_lines(actor):
            line.cut()

    def cut_of(self, pipe: Pipe) -> Callable[[], None]:
        """Break the connection of this pipe."""
        for line in self.lines:
            if pipe in line.pipes:
                return line.cut
        return _nothing

    def stall(self, way: Literal["up", "down", "both"] = "both") -> None:
        """Let open connections stand still: nothing arrives, and nothing ends."""
        for line in self.open_lines():
            if way != "down":
                line.up.is_stalled = True
            if way != "up":
                line.down.is_stalled = True

    def unstall(self) -> None:
        """Let what stands still go on."""
        for line in self.lines:
            self._set_stalled(line, False)

    def _set_stalled(self, line: Line, is_stalled: bool) -> None:
        for pipe in line.pipes:
            if pipe.is_stalled and not is_stalled:
                pipe.is_stalled = False
                pipe.resume()

    def push(self, message: Mapping[str, Any], client: Actor | None = None) -> None:
        """The server says the same on every connection on which a client (the first) has said
        `WATCH`, which is for ``on_connect``. It may come twice in a rotation's overlap alone."""
        target = client if client is not None else self.client
        self.tape.write({"pushed": dict(message)})
        self.judge.pushed(message)
        for line in self.open_lines(target):
            if line.client is target and WATCH in line.server.delivered:
                line.server.send(message)

    def inject(self, data: bytes, actor: Actor | None = None) -> None:
        """Let an actor's machine (the first client's) receive a text that no machine said.

        In a world of bytes it comes in a frame of its own, between two others.
        """
        self._foreign.inject(data, actor if actor is not None else self.client)

    def inject_bytes(self, data: bytes, actor: Actor | None = None) -> None:
        """Let an actor's machine receive bytes that no machine wrote (byte streams)."""
        self._foreign.inject_bytes(data, actor if actor is not None else self.client)

    # The object store.

    def request(self, actor: Actor, action: PutToUrl | GetFromUrl) -> None:
        """An actor asks the object store for something."""
        self._requests.start(actor, action)


def _nothing() -> None:
    """Nothing is to be done."""
