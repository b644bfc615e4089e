"""An `InstMachine` on the bench: each verb is one turn, and gives its actions in short."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from auxws_proto import (
    AuxError,
    DeliverMessage,
    DownloadFailed,
    FailReason,
    ReportGap,
    ReportSend,
    ReportState,
    SendFailed,
    SendId,
    Stage,
    State,
)
from auxws_proto._inst import InstMachine
from auxws_proto._inst_shapes import (
    DeliverAction,
    DeliverUpdates,
    DeviceJoined,
    EndWatch,
    InstAction,
    InstConfig,
    ReportDevice,
    SendMessage,
    SetGreeting,
    SettleUpdates,
)

BRANCH = {"recordName": None, "inst": "i", "branch": "b"}

Brief = tuple[Any, ...]


def brief(action: InstAction) -> Brief:
    """An action in short."""
    match action:
        case SendMessage():
            message = {k: v for k, v in action.message.items() if k not in BRANCH}
            kind = message.pop("type").removeprefix("repo/")
            return "send", kind, *message.values()
        case SetGreeting():
            return "greet", *(m["type"].removeprefix("repo/") for m in action.messages)
        case DeliverUpdates():
            marks = [n for n in ("is_initial", "may_repeat") if getattr(action.batch, n)]
            return "updates", "".join(action.batch.updates), *marks
        case EndWatch():
            return "end", action.error.code
        case SettleUpdates(error=None):
            return "stored", action.update_id
        case SettleUpdates():
            return "failed", action.update_id, type(action.error).__name__
        case ReportDevice():
            verb = "joined" if isinstance(action.change, DeviceJoined) else "left"
            return verb, action.change.connection["connectionId"]
        case DeliverAction():
            return "action", action.action


class InstBench:
    """The machine of one branch, under a virtual clock. Every message is accepted at once."""

    def __init__(self, *, is_open: bool = True, now: float = 100.0, **settings: Any) -> None:
        self.now = now
        self.inst = InstMachine(None, "i", "b", InstConfig(**settings), is_open=is_open)
        self.actions: list[InstAction] = []
        """The actions of the last turn."""
        self.accepts: AuxError | None = None
        """What the session raises instead of accepting a message."""
        self.sends = 0

    def turn(self, door: Callable[..., object], *arguments: Any, **named: Any) -> list[Brief]:
        """Feed one input, drain to the end; every message is accepted, under the next number."""
        door(*arguments, self.now, **named)
        self.actions = []
        for action in self.inst.actions():
            self.actions.append(action)
            if isinstance(action, SendMessage):
                if self.accepts is not None:
                    self.inst.not_sent(action.ref, self.accepts, self.now)
                else:
                    self.sends += 1
                    self.inst.sent(action.ref, SendId(self.sends))
        return [brief(action) for action in self.actions]

    def watch(self, **named: Any) -> list[Brief]:
        return self.turn(self.inst.watch, **named)

    def add(self, *updates: str) -> list[Brief]:
        return self.turn(self.inst.add_updates, updates)

    def deliver(
        self, type: str, transport: int = 1, *, overlap: bool = False, **more: Any
    ) -> list[Brief]:
        """A message about the branch came."""
        message = {"type": f"repo/{type}", **BRANCH, **more}
        delivery = DeliverMessage(
            message=message, size=1, event_id=0, transport=transport, overlap=overlap
        )
        return self.turn(self.inst.handle, delivery)

    def initial(self, updates: str = "", transport: int = 1) -> list[Brief]:
        """Each letter is an update."""
        return self.deliver("add_updates", transport, updates=list(updates), initial=True)

    def push(self, updates: str, transport: int = 1) -> list[Brief]:
        return self.deliver("add_updates", transport, updates=list(updates))

    def result(self, code: str | None = None, transport: int = 1, **more: Any) -> list[Brief]:
        bad = {} if code is None else {"errorCode": code, **more}
        return self.deliver("watch_branch_result", transport, success=code is None, **bad)

    def received(self, update_id: Any, **more: Any) -> list[Brief]:
        return self.deliver("updates_received", updateId=update_id, **more)

    def connected(self, who: str, transport: int = 1, *, broadcast: bool = False) -> list[Brief]:
        return self.deliver(
            "connected_to_branch", transport, broadcast=broadcast, connection=device(who),
            branch={"type": "repo/watch_branch", **BRANCH},
        )  # fmt: skip

    def disconnected(self, who: str, transport: int = 1) -> list[Brief]:
        return self.deliver(
            "disconnected_from_branch", transport, broadcast=True, connection=device(who)
        )

    def gap(self, transport: int = 1) -> list[Brief]:
        error = DownloadFailed(FailReason.HTTP_STATUS, "gone")
        return self.turn(self.inst.handle, ReportGap(error=error, event_id=-1, transport=transport))

    def state(self, state: State) -> list[Brief]:
        return self.turn(self.inst.handle, ReportState(state=state))

    def lose(self) -> list[Brief]:
        return self.state(State.WAITING)

    def reopen(self) -> list[Brief]:
        return self.state(State.OPEN)

    def outcome(self, send_id: int, stage: Stage, reason: FailReason | None = None) -> list[Brief]:
        """A message came to its end."""
        error = None if reason is None else SendFailed(reason, stage=stage)
        report = ReportSend(send_id=SendId(send_id), stage=stage, final=True, error=error)
        return self.turn(self.inst.handle, report)

    def confirm(self, send_id: int) -> list[Brief]:
        return self.outcome(send_id, Stage.CONFIRMED)

    def after(self, seconds: float) -> list[Brief]:
        """Let time pass, with a turn for each deadline on the way."""
        end, seen = self.now + seconds, list[Brief]()
        while (due := self.inst.next_timeout()) is not None and due <= end:
            self.now = due
            seen += self.turn(self.inst.handle_timeout)
        self.now = end
        return seen


def device(who: str) -> dict[str, Any]:
    return {"connectionId": who, "sessionId": None, "userId": None}
