"""One branch: its machine, and the mailboxes and answers that the application waits at.

It knows who wants what of one branch. It must not know the session, other branches, nor when the
machine is drained: whoever holds it drains the machine, and hands on what is for those who wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, assert_never

from ._errors import AuxError
from ._inst import InstMachine
from ._inst_shapes import (
    DeliverAction,
    DeliverUpdates,
    DeviceChange,
    EndWatch,
    InstUpdates,
    ReportDevice,
)
from ._mailbox import Mailbox
from ._requests import Answer
from .messages import DeviceAction

ForThoseWhoWait: TypeAlias = DeliverUpdates | EndWatch | ReportDevice | DeliverAction
"""What of an `InstMachine`'s actions `Branch.give_out` gives out."""


class Branch:
    """A branch, and who waits at it."""

    def __init__(self, machine: InstMachine) -> None:
        self.machine = machine
        self.answers: dict[int, Answer[None]] = {}
        self.greeting: tuple[Mapping[str, Any], ...] = ()
        self._updates: Mailbox[InstUpdates] | None = None
        self._devices: dict[Mailbox[DeviceChange], None] = {}
        self._actions: dict[Mailbox[DeviceAction], None] = {}

    @property
    def is_full(self) -> bool:
        """Whether the application has enough to read."""
        return (
            (self._updates is not None and self._updates.is_full)
            or any(box.is_full for box in self._devices)
            or any(box.is_full for box in self._actions)
        )

    @property
    def is_idle(self) -> bool:
        """Whether it can be forgotten."""
        is_left = self._updates is None and not self._devices and not self._actions
        return is_left and self.machine.is_idle

    def watch(
        self, box: Mailbox[InstUpdates], now: float, *, temporary: bool, markers: Iterable[str]
    ) -> None:
        """Have the updates put into ``box``; raises as `InstMachine.watch`."""
        self.machine.watch(now, temporary=temporary, markers=markers)
        self._updates = box

    def unwatch(self, box: Mailbox[InstUpdates], now: float) -> bool:
        """Have no more of them; whether they were put into this box."""
        if self._updates is not box:
            return False
        self._updates = None
        self.machine.unwatch(now)
        return True

    def watch_devices(self, box: Mailbox[DeviceChange], now: float) -> None:
        """Have the comings and goings of devices put into ``box``."""
        self._devices[box] = None
        self.machine.watch_devices(now)

    def unwatch_devices(self, box: Mailbox[DeviceChange], now: float) -> bool:
        """Have no more of them; whether they were put into this box."""
        if box not in self._devices:
            return False
        del self._devices[box]
        if not self._devices:
            self.machine.unwatch_devices(now)
        return True

    def take_actions(self, box: Mailbox[DeviceAction]) -> None:
        """Have the actions of devices put into ``box``."""
        self._actions[box] = None
        self.machine.takes_actions = True

    def leave_actions(self, box: Mailbox[DeviceAction]) -> bool:
        """Have no more of them; whether they were put into this box."""
        if box not in self._actions:
            return False
        del self._actions[box]
        self.machine.takes_actions = bool(self._actions)
        return True

    def add_updates(self, updates: Iterable[str], now: float, answer: Answer[None] | None) -> None:
        """Add updates; ``answer`` waits among `answers`. Raises as `InstMachine.add_updates`."""
        update_id = self.machine.add_updates(updates, now)
        if answer is not None:
            self.answers[update_id] = answer

    def give_out(self, action: ForThoseWhoWait) -> None:
        """Give what the machine has for those who wait to them; who has left gets nothing."""
        match action:
            case DeliverUpdates():
                if self._updates is not None:
                    self._updates.put(action.batch, action.batch.size)
            case EndWatch():
                if self._updates is not None:
                    self._updates.finish(action.error)
                    self._updates = None
            case ReportDevice():
                for devices in self._devices:
                    devices.put(action.change, 0)
            case DeliverAction():
                for actions in self._actions:
                    actions.put(action.action, 0)
            case _:
                assert_never(action)

    def finish(self, error: AuxError | None, over: AuxError) -> None:
        """Nothing more comes; whoever still waits for an answer gets ``over``."""
        boxes: list[Mailbox[Any]] = [*self._devices, *self._actions]
        for box in boxes if self._updates is None else [self._updates, *boxes]:
            box.finish(error)
        for answer in self.answers.values():
            answer.fail(over)
