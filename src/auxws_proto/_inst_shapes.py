"""The shapes around an `InstMachine`: settings, what applications see, what it asks for.

It knows shapes only. It must not know when any of it happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ._errors import AuxError, LocalProtocolError
from .messages import ConnectionInfo, DeviceAction

BranchKey: TypeAlias = tuple[str | None, str, str]
"""Record name, inst and branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstConfig:
    """The settings of an `InstMachine`. Times are in seconds.

    Raises `LocalProtocolError` for a value out of its bounds.
    """

    watch_timeout: float = 30.0
    """How long a watch may bring nothing before it is sent again; doubles with each time. The
    gateway's integration gives up after 29 s (``docs/protocol.md`` §5)."""
    watch_attempts: int = 5
    """Watches in a row without an initial state before the watch fails."""
    repeat_after: float = 5.0
    """How long after their arrival updates that are not acknowledged are sent again; the
    reference's figure, as is the next."""
    repeat_at_most: float = 40.0
    """`repeat_after` doubles with each time, up to this."""
    repeats: int = 12
    """How often updates are sent again on open connections before they fail: over 6 minutes."""
    max_unacknowledged: int = 1_000
    """How many `add_updates` may wait for their acknowledgement."""
    max_unacknowledged_size: int = 64 * 1024 * 1024
    """How many characters they may hold in all; one of any size is taken when none waits."""
    max_remembered: int = 100_000
    """How many updates are known again when they come once more; some 100 bytes each. Of a branch
    with more, the older ones are delivered again after each reconnect."""
    max_early: int = 16 * 1024 * 1024
    """The most characters of updates that wait for an initial state; with more, they are let go and
    asked for again."""
    devices_settle: float = 5.0
    """How long after a reconnect a device that is not reported again is taken to be there."""
    max_devices: int = 100_000
    """How many devices are kept; more are not reported."""

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if not value > 0:
                raise LocalProtocolError(f"InstConfig.{name} is {value!r}; it must be over 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstUpdates:
    """Updates of a branch (base64), in order, none of which was delivered before.

    ``is_initial`` marks the first of a watch: everything that the branch holds, perhaps nothing.
    ``may_repeat`` says that the branch holds more updates than are remembered, so that some of
    these may have been delivered before a reconnect.
    """

    updates: tuple[str, ...]
    is_initial: bool = False
    may_repeat: bool = False

    @property
    def size(self) -> int:
        """The characters of all updates."""
        return sum(map(len, self.updates))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceJoined:
    """A device is connected to the branch now."""

    connection: ConnectionInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLeft:
    """A device is connected to the branch no longer."""

    connection: ConnectionInfo


DeviceChange: TypeAlias = DeviceJoined | DeviceLeft
"""A device has come to a branch, or left it."""


class WatchFailed(AuxError):
    """A branch cannot be watched; `code` is the server's ``errorCode``, None if it gave none."""

    def __init__(self, code: str | None, detail: str, info: Mapping[str, Any]) -> None:
        super().__init__(f"{code}: {detail}" if code else detail)
        self.code = code
        self.detail = detail
        self.info = info


class UpdatesRefused(AuxError):
    """The server did not store updates: ``max_size_reached``, ``inst_not_found`` or the like.

    For ``max_size_reached``, sizes are in bytes: `max_size` of the branch, and `needed_size`.
    """

    def __init__(self, code: str, max_size: float | None, needed_size: float | None) -> None:
        sizes = f": the branch would have {needed_size:,.0f} bytes" if needed_size else ""
        limit = f"; the limit is {max_size:,.0f}" if max_size else ""
        super().__init__(f"{code}{sizes}{limit}")
        self.code = code
        self.max_size = max_size
        self.needed_size = needed_size


class UpdatesUnacknowledged(AuxError):
    """Updates were sent as often as the settings say, and never acknowledged.

    The server may or may not have them.
    """

    retryable = True

    def __init__(self, times: int) -> None:
        super().__init__(f"the updates were sent {times} times and never acknowledged")
        self.times = times


class ActionFailed(AuxError):
    """The device answered an action with an error: `error`, whatever JSON it is."""

    def __init__(self, error: Any, connection: object) -> None:
        super().__init__(f"the device answered with an error: {error!r:.200}")
        self.error = error
        self.connection = connection


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage:
    """Send this on the session; then call ``sent`` or ``not_sent`` with ``ref``."""

    ref: int
    message: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetGreeting:
    """From now on these go out after each login, before everything else (``set_on_connect``)."""

    messages: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverUpdates:
    """Updates for whoever watches."""

    batch: InstUpdates


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWatch:
    """The watch has failed; nothing more of it comes."""

    error: WatchFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleUpdates:
    """What became of the updates with this id; no error: the server has stored them."""

    update_id: int
    error: AuxError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDevice:
    """The set of devices changed."""

    change: DeviceChange


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverAction:
    """An action of a device."""

    action: DeviceAction


InstAction: TypeAlias = (
    SendMessage
    | SetGreeting
    | DeliverUpdates
    | EndWatch
    | SettleUpdates
    | ReportDevice
    | DeliverAction
)
"""Whatever `InstMachine.actions` gives. A closed union."""
