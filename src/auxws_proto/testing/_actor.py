"""One machine in a world, and the embedder that it has there.

It knows every action and whose business it is. It must not know how others do what is asked of them
(`Errands`), nor any promise: what is seen is the judge's business. An embedder's own code can stand
here as well: any `AuxMachine` will do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, assert_never

from .._actions import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    CancelTransfer,
    CloseTransport,
    DeliverMessage,
    GetFromUrl,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportSend,
    ReportState,
    SendBytes,
    SendPing,
    SendText,
)
from .._constants import Role, SendId, Stage, State
from .._encoded import Encoded, encode
from .._errors import LocalProtocolError, OutboxFull
from ._clock import Alarm
from ._errands import Errands
from ._keeper import Keeper
from ._network import Item, Line
from ._store import Answer
from ._watched import Watched, stats_of

if TYPE_CHECKING:
    from ._world import World

Application = Callable[["Actor", Mapping[str, Any]], None]
"""Called with each message that an actor's machine delivers."""


class Actor:
    """A machine that lives in a `World`. Its lists say what came of it.

    Once its process is dead, whatever it is called for does nothing: `World.client` is the next.
    """

    def __init__(
        self, world: World, watched: Watched, application: Application | None,
        keeper: Keeper | None = None,
    ) -> None:  # fmt: skip
        self.world = world
        self.watched = watched
        self.name: str = watched.name
        self.application = application
        self.lines: dict[int, Line] = {}
        self.opening: set[int] = set()
        self.delivered: list[dict[str, Any]] = []
        self.outcomes: dict[SendId, Stage] = {}
        self.sent: list[SendId] = []
        self.errors: list[ReportError] = []
        self.gaps: list[ReportGap] = []
        self.states: list[State] = []
        self.takes: bool = True
        self.is_dead: bool = False
        self.keeper = keeper
        self.transfers: set[int] = set()
        self._errands = Errands(self)
        self._untaken = 0
        self._alarm: Alarm | None = None
        self._is_draining: bool = False
        self._was_reading: bool = True

    @property
    def machine(self) -> Any:
        """The machine itself."""
        return self.watched.machine

    @property
    def reads(self) -> bool:
        """Whether it reads from its connections."""
        reads: bool = self.machine.wants_data
        return reads

    @property
    def is_settled(self) -> bool:
        """Whether every accepted send has its outcome, and no transfer is to come."""
        if self.is_dead:
            return True
        stats = stats_of(self.machine)
        waiting = 0 if stats is None else stats.pending_uploads + stats.pending_downloads
        return len(self.outcomes) == len(self.sent) and not self.transfers and not waiting

    # Doors.

    def call(self, door: str, *args: Any, **kwargs: Any) -> Any:
        """Call a door of the machine, then take its turn: drain it and re-arm its timer."""
        if self.is_dead:
            return None
        with self.world.failing():
            try:
                result = self.watched.call(door, *args, now=self.world.clock.now, **kwargs)
            except (LocalProtocolError, OutboxFull):
                # The call has changed nothing: it was no turn.
                raise
            if door == "send":
                self._keep(args[0], result)
            self._turn()
            return result

    def _keep(self, message: Mapping[str, Any] | Encoded, send_id: SendId) -> None:
        """Before ``send`` returns, and before anything of it goes out, the store knows of it."""
        if self.keeper is not None and not self.is_dead:
            machine = self.machine
            if not isinstance(message, Encoded):
                message = encode(message, machine.config, machine.role)
            self.is_dead = not self.keeper.accepted(send_id, message)

    def take_up(self) -> None:
        """Go on with what the store has kept of the life before; then the turn is over."""
        if self.keeper is None:
            return
        with self.world.failing():
            stored = self.keeper.store.load()
            for kept in stored:
                send_id = self.watched.call(
                    "restore", kept.message, now=self.world.clock.now,
                    maybe_arrived=kept.is_emitted,
                )  # fmt: skip
                self.sent.append(send_id)
            self.keeper.restored(stored, self.sent)
            self._turn()

    def die(self) -> None:
        """The process is killed, at the latest at the end of this turn."""
        self.is_dead = True
        if not self._is_draining:
            self._bury()

    def _bury(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self.transfers.clear()
        self.opening.clear()
        self.world.lives.ended(self)

    def send(self, message: Mapping[str, Any]) -> SendId | None:
        """Send a message; None if the outbox is full or the machine closed."""
        try:
            send_id: SendId | None = self.call("send", message)
        except (OutboxFull, LocalProtocolError):
            return None
        if send_id is None or (self.keeper is not None and send_id in self.keeper.unaccepted):
            return None
        self.sent.append(send_id)
        return send_id

    def take(self) -> None:
        """The application takes all that was delivered."""
        if self._untaken:
            size, self._untaken = self._untaken, 0
            self.call("taken", size)

    def forget(self, number: int) -> None:
        """A connection is over for this side."""
        self.lines.pop(number, None)

    def _drain(self) -> None:
        self._is_draining = True
        try:
            for action in self.watched.actions():
                if self.is_dead:
                    if self.keeper is not None:
                        self.keeper.undone(action)
                elif self.keeper is None or self.keeper.watch(action):
                    self._do(action)
                else:
                    self.is_dead = True
        finally:
            self._is_draining = False

    def _turn(self) -> None:
        if self._is_draining:
            return
        self._drain()
        if self.is_dead:
            self.watched.turned(self.world.clock.now)
            self._bury()
            return
        if self.takes and self._untaken:
            self.take()
            return
        self.watched.turned(self.world.clock.now)
        self._arm()
        reads = self.reads
        if reads and not self._was_reading:
            for line in self.lines.values():
                line.from_(self).reverse.resume()
        self._was_reading = reads

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due: float | None = self.machine.next_timeout()
        if due is not None:
            lateness = self.world.seed.between(*self.world.faults.late_timers)
            self._alarm = self.world.clock.call_at(due + lateness, self._timeout)

    def _timeout(self) -> None:
        self._alarm = None
        self.call("handle_timeout")

    # Actions.

    def _do(self, action: Action) -> None:
        match action:
            case OpenTransport(transport=number):
                # A server's transport is there before it is asked for.
                if self.is_client:
                    self.opening.add(number)
                    self.world.open(self, number)
            case SendText(transport=number, data=data):
                self._write(number, Item("text", data, counts=True))
            case SendBytes(transport=number, data=data):
                self._write(number, Item("bytes", data, counts=True))
            case SendPing(transport=number, payload=payload):
                self._write(number, Item("ping", payload))
            case CloseTransport(transport=number, code=code, reason=reason):
                self._close(number, code, reason)
            case AbortTransport(transport=number):
                self.opening.discard(number)
                line = self.lines.pop(number, None)
                if line is not None:
                    line.abort(self)
            case PutToUrl() | GetFromUrl():
                self.transfers.add(action.transfer_id)
                self.world.request(self, action)
            case CancelTransfer(transfer_id=transfer_id):
                self._errands.cancel(transfer_id)
            case AskForLogin(transport=number):
                self._errands.log_in(number)
            case AnswerUploadRequest(request_id=request_id):
                self._errands.presign(request_id)
            case DeliverMessage(message=message, size=size):
                self._untaken += size
                self.delivered.append(message)
                if self.application is not None:
                    self.application(self, message)
            case ReportSend(send_id=send_id, stage=stage, final=final):
                if final:
                    self.outcomes[send_id] = stage
            case ReportState(state=state):
                self.states.append(state)
            case ReportError():
                self.errors.append(action)
            case ReportGap():
                self.gaps.append(action)
            case ReportProgress():
                pass
            case _:
                assert_never(action)

    def _write(self, number: int, item: Item) -> None:
        line = self.lines.get(number)
        if line is not None:
            line.from_(self).write(item)

    def _close(self, number: int, code: int, reason: str) -> None:
        line = self.lines.get(number)
        if line is None:
            return
        if self.watched.takes_bytes:
            del self.lines[number]
            line.from_(self).finish()
            line.from_(self).reverse.discard_input()
        else:
            line.from_(self).close(code, reason)

    def answered(self, transfer_id: int, answer: Answer | None) -> None:
        """A request to the object store is over; None: there never is an answer."""
        self._errands.answered(transfer_id, answer)

    @property
    def is_client(self) -> bool:
        """Whether it plays the client."""
        is_client: bool = self.machine.role is Role.CLIENT
        return is_client
