"""A machine with somebody looking on: the same doors, with an eye at each that matters.

It knows the doors of `AuxSession`, and how long a session waits before it connects again. It must
not know what is made of what it sees. Everything that it does not name goes through as it is.

Strategy: two stand-ins. One stands for the session and sees whole texts, also where an
`AuxWebSocket` makes bytes of them; the other stands for the machine that an embedder drains, and
tells the observers between two actions' batches, when the machine is in the middle of nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from types import MethodType
from typing import Any, TypeVar, cast

from .._actions import Action, ReportError, ReportState
from .._constants import SendId, State
from .._encoded import Encoded, encode
from .._errors import AuxError, ConnectionFailed, RemoteProtocolError
from .._events import Event, HttpFailed, HttpProgressed, HttpResponded, TransportFailure
from .._life import BACKOFF
from .._machine import AuxMachine
from .._runs import RUNS, ActionRun
from .._transport import Transport
from ._events import Observer
from ._fault import fault_of, maybe_fault
from ._observation import Observation, Queues
from ._teller import Teller

M = TypeVar("M", bound=AuxMachine)


def observe(machine: M, *observers: Observer, client: str = "", notable_only: bool = False) -> M:
    """A machine in the place of ``machine``, whose observers are told what happens to it.

    For embedders and simulations; the drivers do it for ``observer=``. ``machine`` is an
    `AuxSession`, an `AuxWebSocket`, or what else has a session as its ``session``, before its first
    input; use what is returned instead of it from then on. ``client`` names it in the events. With
    ``notable_only`` nothing is told that comes with each message: states, connections, logins and
    errors are, which costs next to nothing.

    Observers are called while ``actions()`` is drained, once what there is has been given out, and
    may call verbs. One that raises is told nothing more, and a ``ReportError`` says so.
    """
    return cast("M", _ObservedMachine(machine, observers, client, notable_only))


class _StandIn:
    """Passes on whatever it has no word of its own for."""

    original: Any
    observation: Observation

    def __init__(self, original: Any, observation: Observation) -> None:
        self.__dict__.update(original=original, observation=observation)

    def __getattr__(self, name: str) -> Any:
        if name == "original":
            # Of a stand-in that is not made yet, as when it is copied.
            raise AttributeError(name)
        value = getattr(self.original, name)
        if isinstance(value, MethodType):
            # Found at once the next time: doors are called with each message.
            self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__.pop(name, None)
        setattr(self.original, name, value)

    def __delattr__(self, name: str) -> None:
        self.__dict__.pop(name, None)
        delattr(self.original, name)


class _ObservedSession(_StandIn):
    """Stands for a session, and sees what goes in and out."""

    def _find(self, transport: int | None) -> Transport | None:
        found: Transport | None = self.original._engine.life.transports.find(transport)
        return found

    @property
    def now(self) -> float:
        now: float = self.original.now
        return now

    def queues(self) -> Queues:
        """As `AuxSession.stats`, without what takes time."""
        outbox, inbox = self.original._engine.outbox, self.original._engine.inbox
        return Queues(
            outbox.messages,
            outbox.bytes,
            outbox.uploads.pending,
            inbox.downloads_pending,
            inbox.held,
            inbox.untaken,
        )

    # The doors.

    def connect(self, now: float) -> None:
        self.original.connect(now)
        self.observation.links.is_ending = False

    def disconnect(self, now: float) -> None:
        self.original.disconnect(now)
        self.observation.links.is_ending = True

    def close(self, now: float) -> None:
        self.original.close(now)
        self.observation.links.is_ending = True

    def send(
        self, message: Mapping[str, Any] | Encoded, now: float, *, watched: bool = True
    ) -> SendId:
        session, observation = self.original, self.observation
        is_seen = not (observation.notable_only or session._engine.life.is_over)
        if is_seen and not isinstance(message, Encoded):
            message = encode(message, session.config, session.role)
        send_id: SendId = session.send(message, now, watched=watched)
        if is_seen and isinstance(message, Encoded):
            observation.queued(send_id, message.type, message.body, session.now)
        return send_id

    def restore(self, message: Encoded, now: float, *, maybe_arrived: bool = False) -> SendId:
        session, observation = self.original, self.observation
        send_id: SendId = session.restore(message, now, maybe_arrived=maybe_arrived)
        if not observation.notable_only:
            observation.queued(send_id, message.type, message.body, session.now)
        return send_id

    def transport_opened(
        self, now: float, *, transport: int | None = None, url: str | None = None
    ) -> None:
        before = self._find(transport)
        was_open = before is not None and before.opened_at is not None
        self.original.transport_opened(now, transport=transport, url=url)
        # A server's first transport is made by this.
        found = before or self._find(transport)
        if found is not None and found.opened_at is not None and not was_open:
            self.observation.links.opened(found.number, self.original.now)

    def transport_failed(
        self, failure: TransportFailure, now: float, *, transport: int | None = None
    ) -> None:
        found = self._find(transport)
        self.original.transport_failed(failure, now, transport=transport)
        if found is not None:
            error = ConnectionFailed(failure.kind, failure.detail, status=failure.status)
            self.observation.ended(found.number, self.original.now, fault=fault_of(error))

    def receive_text(self, data: str | bytes, now: float, *, transport: int | None = None) -> None:
        if self.observation.notable_only:
            self.original.receive_text(data, now, transport=transport)
            return
        found = self._find(transport)
        before = None if found is None else found.latency
        self.original.receive_text(data, now, transport=transport)
        self.observation.came(data, self.original.now)
        if found is not None and found.latency is not None and found.latency is not before:
            # The answer to a question in a ping's place (`Config.barrier`).
            self.observation.links.answered(found.number, found.latency, self.original.now)

    def receive_texts(
        self, texts: Iterable[str | bytes], now: float, *, transport: int | None = None
    ) -> None:
        if self.observation.notable_only:
            self.original.receive_texts(texts, now, transport=transport)
            return
        for data in texts:
            self.receive_text(data, now, transport=transport)

    def receive_pong(self, payload: bytes, now: float, *, transport: int | None = None) -> None:
        found = self._find(transport)
        self.original.receive_pong(payload, now, transport=transport)
        if found is not None:
            self.observation.links.ponged(found.number, bytes(payload), self.original.now)

    def receive_eof(
        self,
        now: float,
        *,
        code: int = 1006,
        reason: str = "",
        error: RemoteProtocolError | None = None,
        transport: int | None = None,
    ) -> None:
        found = self._find(transport)
        self.original.receive_eof(now, code=code, reason=reason, error=error, transport=transport)
        if found is not None:
            self.observation.ended(
                found.number, self.original.now, code=code, fault=maybe_fault(error)
            )

    def handle(self, event: Event, now: float) -> None:
        # A session may empty the body that it is given.
        size = len(event.body) if isinstance(event, HttpResponded) else 0
        self.original.handle(event, now)
        if isinstance(event, HttpProgressed):
            self.observation.progressed(event, self.original.now)
        elif isinstance(event, HttpResponded | HttpFailed):
            self.observation.transferred(event, size, self.original.now)

    def actions(self) -> Iterator[Action]:
        for action in self.original.actions():
            self._acted(action)
            yield action

    def runs(self) -> Iterator[Action | ActionRun]:
        """The same, one by one, where what comes with each message is looked at."""
        if not self.observation.notable_only:
            yield from self.actions()
            return
        for item in self.original.runs():
            if item.__class__ not in RUNS:
                self._acted(item)
            yield item

    def _acted(self, action: Action) -> None:
        session, observation = self.original, self.observation
        observation.is_over = session._engine.life.is_over
        observation.acted(action, session.now)
        if isinstance(action, ReportState) and action.state is State.WAITING:
            due = session._engine.shared.timers.due((BACKOFF, 0))
            if due is not None:
                observation.waiting(due, action.cause, session.now)


class _ObservedMachine(_StandIn):
    """Stands for the machine that an embedder drains, and tells the observers."""

    teller: Teller

    def __init__(
        self, machine: Any, observers: Iterable[Observer], client: str, notable_only: bool
    ) -> None:
        teller = Teller(observers, self._report)
        observation = Observation(
            teller,
            client=client,
            url_lifetime=machine.config.upload_url_lifetime,
            notable_only=notable_only,
        )
        super().__init__(machine, observation)
        self.__dict__.update(teller=teller, reports=deque[ReportError]())
        if getattr(machine, "session", None) is None:
            watched = _ObservedSession(machine, observation)
            self.__dict__.update(original=watched, watched=watched)
        else:
            self.session = machine.session

    reports: deque[ReportError]
    watched: _ObservedSession

    def __setattr__(self, name: str, value: Any) -> None:
        # Whoever replaces the session does not know that it is looked at.
        if name == "session":
            self.__dict__["watched"] = value = _ObservedSession(value, self.observation)
        super().__setattr__(name, value)

    def _report(self, error: AuxError) -> None:
        self.reports.append(ReportError(error=error))

    def actions(self) -> Iterator[Action]:
        return self._drain(as_runs=False)

    def runs(self) -> Iterator[Action | ActionRun]:
        """The same, one by one, where what comes with each message is looked at."""
        return self._drain(as_runs=self.observation.notable_only)

    def _drain(self, *, as_runs: bool) -> Iterator[Any]:
        original, observation, watched = self.original, self.observation, self.watched
        while True:
            for action in original.runs() if as_runs else original.actions():
                if isinstance(action, ReportError):
                    observation.passed(action, watched.now)
                yield action
            if not observation.notable_only:
                observation.looked(watched.queues(), watched.now)
            while self.reports:
                report = self.reports.popleft()
                observation.passed(report, watched.now)
                yield report
            if not self.teller.tell():
                return

    def finish_dialogues(self, error: AuxError | None) -> None:
        """The driver has ended, or failed with ``error``."""
        self.original.finish_dialogues(error)
        if error is not None:
            self.observation.crashed(error, self.watched.now)
        self.teller.tell()
