"""`InstMachine`: one branch of one inst over a session: watched, written to, and its devices.

It knows which part each report of the session concerns. It must not know how any part does its
work, nor the session: it says what to send.

The contract is that of the session: hand it every report of the session (`handle`) before the next
verb, drain `actions()`, re-arm one timer. For each `SendMessage` call the session's ``send``, then
`sent` or `not_sent`; for `SetGreeting` call ``set_on_connect``. One session can have any number of
them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from ._actions import Action, DeliverMessage, ReportGap, ReportSend, ReportState
from ._constants import SendId, State
from ._errors import AuxError
from ._inst_devices import TIMER as DEVICES
from ._inst_devices import Devices
from ._inst_feed import TIMER as WATCH
from ._inst_feed import UpdateFeed
from ._inst_outgoing import Outgoing
from ._inst_shapes import BranchKey, DeliverAction, InstAction, InstConfig, SetGreeting
from ._inst_shared import InstShared, branch_key
from ._json import write_json
from .messages import ConnectionInfo, DeviceAction

__all__ = [
    "InstMachine",
]

BRANCH_MESSAGES: Final = frozenset(
    {
        "repo/add_updates",
        "repo/watch_branch_result",
        "repo/updates_received",
        "repo/receive_action",
        "repo/connected_to_branch",
        "repo/disconnected_from_branch",
    }
)
"""What the server sends about a branch (``docs/protocol.md`` §7)."""

_MAX_DOUBLES: Final = 1_000
"""Actions of a rotation's overlap that are looked for on the other connection."""


class InstMachine:
    """The dialogue with the server about one branch.

    ``is_open`` says whether the session is `State.OPEN` now. A second machine for the same branch
    of one session must begin with another ``first_update_id``, the `next_update_id` of the first,
    so that a late acknowledgement is not taken for another's. Doors take ``now`` as the session's
    do; a mistake of the caller raises `LocalProtocolError` and changes nothing, what the server
    sends never raises.
    """

    def __init__(
        self,
        record_name: str | None,
        inst: str,
        branch: str,
        config: InstConfig | None = None,
        *,
        is_open: bool = False,
        first_update_id: int = 1,
    ) -> None:
        self.key: BranchKey = (record_name, inst, branch)
        self.config: InstConfig = config if config is not None else InstConfig()
        self.takes_actions = False
        """Whether actions of devices are wanted."""
        self._shared = InstShared(self.key, self.config, is_open=is_open)
        self._feed = UpdateFeed(self._shared)
        self._outgoing = Outgoing(self._shared, first_update_id)
        self._devices = Devices(self._shared)
        self._greeting: list[Mapping[str, Any]] = []
        self._doubles: deque[tuple[int, str]] = deque(maxlen=_MAX_DOUBLES)

    # Windows.

    @property
    def devices(self) -> Mapping[str, ConnectionInfo]:
        """The devices that are connected to the branch, by connection id."""
        return self._devices.present

    @property
    def unacknowledged(self) -> int:
        """How many `add_updates` wait for their acknowledgement."""
        return len(self._outgoing)

    @property
    def next_update_id(self) -> int:
        """The id that the next `add_updates` will have."""
        return self._outgoing.next_id

    @property
    def is_idle(self) -> bool:
        """Whether nothing is wanted of it and nothing is under way."""
        return not (
            self._feed.is_wanted
            or self._devices.is_wanted
            or self.takes_actions
            or self._outgoing
            or self._shared.actions
        )

    def actions(self) -> Iterator[InstAction]:
        """Drain the FIFO. Verbs called meanwhile append to the same queue."""
        queue = self._shared.actions
        while queue:
            yield queue.popleft()

    def next_timeout(self) -> float | None:
        """When to call `handle_timeout`, on the clock of ``now``; None: no need."""
        return self._shared.timers.next()

    # Verbs.

    def watch(self, now: float, *, temporary: bool = False, markers: Iterable[str] = ()) -> None:
        """Begin to deliver updates, the initial state first. Raises if that is under way."""
        self._at(now)
        self._feed.watch(temporary=temporary, markers=markers)
        self._greet()

    def unwatch(self, now: float) -> None:
        """Deliver updates no longer. Twice is once."""
        self._at(now)
        self._feed.unwatch()
        self._greet()

    def watch_devices(self, now: float) -> None:
        """Begin to report devices. Twice is once."""
        self._at(now)
        self._devices.watch()
        self._greet()

    def unwatch_devices(self, now: float) -> None:
        """Report devices no longer. Twice is once."""
        self._at(now)
        self._devices.unwatch()
        self._greet()

    def add_updates(self, updates: Iterable[str], now: float) -> int:
        """Add updates (base64), sent until they are acknowledged; returns the id to look for in
        `SettleUpdates`.

        Raises `LocalProtocolError` for what is no update, and `OutboxFull` while too many wait for
        their acknowledgement.
        """
        self._at(now)
        texts = [updates] if isinstance(updates, str) else list(updates)
        update_id = self._outgoing.add(texts)
        self._feed.own(texts)
        return update_id

    def sent(self, ref: int, send_id: SendId) -> None:
        """The session accepted the message of a `SendMessage`."""
        self._shared.sent(ref, send_id)

    def not_sent(self, ref: int, error: AuxError, now: float) -> None:
        """The session's ``send`` raised this."""
        self._at(now)
        self._shared.not_sent(ref, error)

    # What the session reports.

    def handle(self, report: Action, now: float) -> bool:
        """An action of the session; those that concern no inst are ignored.

        True: it is a message that this inst has used.
        """
        self._at(now)
        match report:
            case DeliverMessage():
                return self._delivered(report)
            case ReportSend():
                self._shared.send_reported(report)
            case ReportState():
                self._state_reported(report.state)
            case ReportGap():
                self._feed.missed(report.transport, report.error)
                self._devices.missed()
                self._greet()
            case _:
                pass
        return False

    def handle_timeout(self, now: float) -> None:
        """Do what is due. Free when nothing is."""
        self._at(now)
        while (name := self._shared.timers.pop_due(now)) is not None:
            kind, number = name
            if kind == WATCH:
                self._feed.timed_out()
                self._greet()
            elif kind == DEVICES:
                self._devices.settled()
            else:
                self._outgoing.timed_out(number)

    def _at(self, now: float) -> None:
        self._shared.now = max(self._shared.now, now)

    def _greet(self) -> None:
        greeting = [*self._feed.greeting, *self._devices.greeting]
        if greeting != self._greeting:
            self._greeting = greeting
            self._shared.actions.append(SetGreeting(messages=tuple(greeting)))

    def _state_reported(self, state: State) -> None:
        was_open, self._shared.is_open = self._shared.is_open, state is State.OPEN
        parts = (self._feed, self._outgoing, self._devices)
        if self._shared.is_open and not was_open:
            for part in parts:
                part.opened()
        elif was_open and not self._shared.is_open:
            for part in parts:
                part.lost()
        if state is State.CLOSED:
            self._outgoing.closed()

    def _delivered(self, delivery: DeliverMessage) -> bool:
        message, transport = delivery.message, delivery.transport
        kind = message.get("type")
        if kind not in BRANCH_MESSAGES or branch_key(message) != self.key:
            return False
        match kind:
            case "repo/updates_received":
                return self._outgoing.received(message)
            case "repo/receive_action":
                return self._action(delivery)
            case "repo/connected_to_branch":
                self._devices.came(message, transport)
                return self._devices.is_wanted
            case "repo/disconnected_from_branch":
                self._devices.went(message, transport)
                return self._devices.is_wanted
            case _:
                if not self._feed.is_wanted:
                    return False
        if kind == "repo/add_updates":
            self._feed.came(message, transport)
        else:
            self._feed.answered(message, transport)
        self._greet()
        return True

    def _action(self, delivery: DeliverMessage) -> bool:
        action = delivery.message.get("action")
        if not self.takes_actions or not isinstance(action, dict):
            return False
        if not self._is_double(delivery):
            self._shared.actions.append(DeliverAction(action=cast("DeviceAction", action)))
        return True

    def _is_double(self, delivery: DeliverMessage) -> bool:
        """Whether it came on the other connection of a rotation already (§6)."""
        if not delivery.overlap and not self._doubles:
            return False
        text = write_json(delivery.message)
        for other in self._doubles:
            if other[0] != delivery.transport and other[1] == text:
                # The second may come when the old connection has ended, and bear no mark.
                self._doubles.remove(other)
                return True
        if delivery.overlap:
            self._doubles.append((delivery.transport, text))
        else:
            self._doubles.clear()
        return False
