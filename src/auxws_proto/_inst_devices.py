"""The devices that are connected to a branch, as a set that outlives connections.

It knows who is there, and who has only not been seen to leave. It must not know what a device does.

Strategy: the server reports everybody who is there (``broadcast: false``) when it is asked, then
each coming and going; no message says that the first list is complete (``docs/protocol.md`` §7). A
new connection therefore starts a new list, and whoever was there before is taken to be there still,
until a while has passed without a word of them. A device that changes its connection is reported as
coming before the old connection is reported as going, so comings are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from ._inst_shapes import DeviceJoined, DeviceLeft, ReportDevice
from ._inst_shared import InstShared
from .messages import ConnectionInfo

TIMER: Final = "devices"


class Devices:
    """Who is connected to one branch, as far as one client knows."""

    def __init__(self, shared: InstShared) -> None:
        self._shared = shared
        self._transport = 0
        self._counts: dict[str, int] = {}
        self._unseen: set[str] = set()
        self.present: dict[str, ConnectionInfo] = {}
        """By connection id, in the order of their coming."""
        self.is_wanted = False

    @property
    def greeting(self) -> list[Mapping[str, Any]]:
        """What must be sent on each new connection."""
        if not self.is_wanted:
            return []
        return [{"type": "repo/watch_branch_devices", **self._shared.fields}]

    def watch(self) -> None:
        """Begin. Twice is once."""
        if not self.is_wanted:
            self.is_wanted = True
            if self._shared.is_open:
                self._ask()

    def unwatch(self) -> None:
        """End. Twice is once."""
        if self.is_wanted:
            self.is_wanted = False
            self._counts.clear()
            self._unseen.clear()
            self.present.clear()
            self._shared.timers.clear((TIMER, 0))
            if self._shared.is_open:
                self._shared.send("repo/unwatch_branch_devices", {})

    def opened(self) -> None:
        """A new connection is open, and the greeting has gone out on it."""
        if self.is_wanted:
            self._start_list()

    def lost(self) -> None:
        """There is no connection: nobody is known to leave."""
        self._shared.timers.clear((TIMER, 0))

    def missed(self) -> None:
        """A message could not be had, and may have been one of ours."""
        if self.is_wanted and self._shared.is_open:
            self._ask()

    def settled(self) -> None:
        """Whoever is there has been reported by now."""
        for connection_id in list(self._unseen):
            self._leave(connection_id)

    def came(self, message: Mapping[str, Any], transport: int) -> None:
        """``repo/connected_to_branch``."""
        connection_id = self._read(message, transport)
        if connection_id is None:
            return
        self._unseen.discard(connection_id)
        count = self._counts.get(connection_id, 0)
        # While the list is coming, a device may be in it and be reported as new, for one coming.
        is_another = message.get("broadcast") is True and not self._is_listing
        self._counts[connection_id] = count + 1 if is_another else max(1, count)
        is_new = connection_id not in self.present
        connection = cast("ConnectionInfo", message["connection"])
        self.present[connection_id] = connection
        if is_new:
            self._shared.actions.append(ReportDevice(change=DeviceJoined(connection=connection)))

    def went(self, message: Mapping[str, Any], transport: int) -> None:
        """``repo/disconnected_from_branch``."""
        connection_id = self._read(message, transport)
        if connection_id not in self.present:
            return
        count = self._counts.pop(connection_id, 0)
        if count > 1:
            self._counts[connection_id] = count - 1
        else:
            self._leave(connection_id)

    @property
    def _is_listing(self) -> bool:
        return self._shared.timers.is_set((TIMER, 0))

    def _ask(self) -> None:
        self._shared.send("repo/watch_branch_devices", {})
        self._start_list()

    def _start_list(self) -> None:
        self._counts.clear()
        self._unseen = set(self.present)
        self._shared.timers.set((TIMER, 0), self._shared.now, self._shared.config.devices_settle)

    def _read(self, message: Mapping[str, Any], transport: int) -> str | None:
        """The id of the connection that a message is about; None if it is of no use."""
        if not self.is_wanted or transport < self._transport:
            # What an old connection says is out of date as soon as the new one speaks.
            return None
        if transport > self._transport:
            if self._counts:
                # The session changed its connection without having been without one.
                self._start_list()
            self._transport = transport
        connection = message.get("connection")
        if not isinstance(connection, dict):
            return None
        connection_id = cast("dict[str, object]", connection).get("connectionId")
        if not isinstance(connection_id, str):
            return None
        is_known = connection_id in self.present
        return connection_id if is_known or self._has_room else None

    @property
    def _has_room(self) -> bool:
        return len(self.present) < self._shared.config.max_devices

    def _leave(self, connection_id: str) -> None:
        self._unseen.discard(connection_id)
        connection = self.present.pop(connection_id)
        self._shared.actions.append(ReportDevice(change=DeviceLeft(connection=connection)))
