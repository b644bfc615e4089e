"""The branches of the inst server: updates, who watches them, and actions between the watchers.

It knows the order in which the real server answers (``docs/protocol.md`` §7). It must not know
logins nor connections: it sees seats, and whoever calls it has checked that they may be here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ._insts_seat import BranchKey, Json, Seat

_DEVICE_ACTIONS = {
    "remote": ("device", "event"),
    "remote_result": ("device_result", "result"),
    "remote_error": ("device_error", "error"),
}


@dataclass(eq=False, slots=True)
class _Branch:
    is_temporary: bool = False
    updates: list[str] = field(default_factory=list[str])
    timestamps: list[int] = field(default_factory=list[int])
    size: int = 0
    watchers: dict[Seat, None] = field(default_factory=dict[Seat, None])
    device_watchers: dict[Seat, None] = field(default_factory=dict[Seat, None])


class Branches:
    """All branches, bounded in number and each in size. Every method is one synchronous step."""

    def __init__(self, max_branch_bytes: int, max_branches: int, now_ms: Callable[[], int]) -> None:
        self._max_branch_bytes = max_branch_bytes
        self._max_branches = max_branches
        self._now_ms = now_ms
        self._branches: dict[BranchKey, _Branch] = {}
        self.handlers: Mapping[str, Callable[[Seat, Json], None]] = {
            "repo/watch_branch": self._watch,
            "repo/unwatch_branch": lambda seat, message: self._unwatch(seat, _key(message)),
            "repo/add_updates": self._add_updates,
            "repo/get_updates": self._get_updates,
            "repo/send_action": self._send_action,
            "repo/watch_branch_devices": self._watch_devices,
            "repo/unwatch_branch_devices": lambda seat, message: self._unwatch_devices(
                seat, _key(message)
            ),
        }

    def vanish(self, seat: Seat) -> None:
        """Let a connection that is gone leave everything that it watched."""
        for key in tuple(seat.watching_devices):
            self._unwatch_devices(seat, key)
        for key in tuple(seat.watching):
            self._unwatch(seat, key)

    def _watch(self, seat: Seat, message: Json) -> None:
        key = _key(message)
        is_new = key not in self._branches
        branch = self._enter(key)
        if branch is None:
            text = f"There are {self._max_branches} branches already, the limit of this gateway."
            refuse_watch(seat, "subscription_limit_reached", text, branch_fields(message))
            return
        if is_new:
            branch.is_temporary = message.get("temporary", False)
        is_back = seat in branch.watchers
        branch.watchers[seat] = None
        seat.watching[key] = message
        fields = branch_fields(message)
        updates = list(branch.updates)
        seat.send({"type": "repo/add_updates", **fields, "updates": updates, "initial": True})
        seat.send({"type": "repo/watch_branch_result", **fields, "success": True})
        if not is_back:
            for watcher in tuple(branch.device_watchers):
                watcher.send(_connected(seat, message, broadcast=True))

    def _unwatch(self, seat: Seat, key: BranchKey) -> None:
        message = seat.watching.pop(key, None)
        if message is None:
            return
        branch = self._branches[key]
        del branch.watchers[seat]
        for watcher in tuple(branch.device_watchers):
            watcher.send(
                {
                    "type": "repo/disconnected_from_branch",
                    "broadcast": True,
                    **branch_fields(message),
                    "connection": seat.public_info,
                }
            )
        self._tidy(key)

    def _add_updates(self, seat: Seat, message: Json) -> None:
        key, fields = _key(message), branch_fields(message)
        added: list[str] = message["updates"]
        branch = self._enter(key)
        answer: Json = {"type": "repo/updates_received", **fields}
        needed = sum(max(len(update), 1) for update in added) + (branch.size if branch else 0)
        if branch is None or needed > self._max_branch_bytes:
            answer |= {
                "errorCode": "max_size_reached",
                "maxBranchSizeInBytes": self._max_branch_bytes if branch else 0,
                "neededBranchSizeInBytes": needed,
            }
        else:
            branch.updates += added
            branch.timestamps += [self._now_ms()] * len(added)
            branch.size = needed
            update: Json = {"type": "repo/add_updates", **fields, "updates": added}
            for watcher in tuple(branch.watchers):
                if watcher is not seat:
                    watcher.send(update)
        if "updateId" in message:
            seat.send({**answer, "updateId": message["updateId"]})
        elif "errorCode" in answer:
            seat.fail("max_size_reached", "The branch has no room for these updates.", **fields)
        if branch is not None:
            self._tidy(key)

    def _get_updates(self, seat: Seat, message: Json) -> None:
        branch = self._branches.get(_key(message)) or _Branch()
        seat.send(
            {
                "type": "repo/add_updates",
                **branch_fields(message),
                "updates": list(branch.updates),
                "timestamps": list(branch.timestamps),
            }
        )

    def _send_action(self, seat: Seat, message: Json) -> None:
        action: Json = message["action"]
        kind, payload = _DEVICE_ACTIONS[action["type"]]
        device: Json = {"type": kind, "connection": seat.public_info}
        device |= {name: action[name] for name in (payload, "taskId") if name in action}
        branch = self._branches.get(_key(message)) or _Branch()
        for watcher in tuple(branch.watchers):
            if _is_selected(action, watcher.public_info):
                watcher.send(
                    {"type": "repo/receive_action", **branch_fields(message), "action": device}
                )

    def _watch_devices(self, seat: Seat, message: Json) -> None:
        key = _key(message)
        branch = self._enter(key)
        if branch is None:
            text = f"There are {self._max_branches} branches already, the limit of this gateway."
            seat.fail("subscription_limit_reached", text, **branch_fields(message))
            return
        branch.device_watchers[seat] = None
        seat.watching_devices.add(key)
        for watcher in branch.watchers:
            seat.send(_connected(watcher, watcher.watching[key], broadcast=False))

    def _unwatch_devices(self, seat: Seat, key: BranchKey) -> None:
        if key in seat.watching_devices:
            seat.watching_devices.remove(key)
            del self._branches[key].device_watchers[seat]
            self._tidy(key)

    def _enter(self, key: BranchKey) -> _Branch | None:
        """The branch, made if it is new; None if there are too many."""
        branch = self._branches.get(key)
        if branch is None and len(self._branches) < self._max_branches:
            branch = self._branches[key] = _Branch()
        return branch

    def _tidy(self, key: BranchKey) -> None:
        """Forget a branch that holds nothing, or was to hold it only while it was watched."""
        branch = self._branches[key]
        if branch.watchers or branch.device_watchers:
            return
        if branch.is_temporary or not branch.updates:
            del self._branches[key]


def _key(message: Json) -> BranchKey:
    return (message["recordName"], message["inst"], message["branch"])


def branch_fields(message: Json) -> Json:
    return {name: message[name] for name in ("recordName", "inst", "branch") if name in message}


def _is_selected(action: Json, info: Json) -> bool:
    if action.get("broadcast"):
        return True
    names = ("connectionId", "sessionId", "userId")
    return any(name in action and action[name] == info[name] for name in names)


def _connected(seat: Seat, watch: Json, *, broadcast: bool) -> Json:
    return {
        "type": "repo/connected_to_branch",
        "broadcast": broadcast,
        "branch": watch,
        "connection": seat.public_info,
    }


def refuse_watch(seat: Seat, code: str, text: str, more: Json) -> None:
    result = {"success": False, "errorCode": code, "errorMessage": text, **more}
    seat.send({"type": "repo/watch_branch_result", **result})
