"""What a pump expects of those around it, and they of it.

It knows shapes only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from auxws_proto import (
    AskForLogin,
    AuxError,
    DeliverMessage,
    GetFromUrl,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportSend,
    ReportState,
)
from auxws_proto._runs import DeliveryRun, ReportRun

Report: TypeAlias = (
    DeliverMessage
    | DeliveryRun
    | ReportState
    | ReportSend
    | ReportRun
    | ReportError
    | ReportGap
    | ReportProgress
)

Command: TypeAlias = Callable[[float], None]
"""Something to do on the pump's thread; it gets the time, and must not block or raise."""


class Desk(Protocol):
    """Where the application's side of things is kept. It locks for itself, and never blocks."""

    def report(self, reports: list[Report]) -> None: ...
    def set_room(self, messages: int, size: int, *, is_empty: bool) -> None: ...

    @property
    def wants_room(self) -> bool: ...

    def flow(self, wants_data: bool) -> tuple[int, bool]: ...
    def finish(self, error: AuxError | None) -> None: ...


class Errands(Protocol):
    """Who does what blocks, and posts the outcome back to the pump."""

    def open_transport(self, action: OpenTransport) -> None: ...
    def abandon_transport(self, transport: int) -> None: ...
    def start_transfer(self, action: PutToUrl | GetFromUrl) -> None: ...
    def cancel_transfer(self, transfer_id: int) -> None: ...
    def ask_for_login(self, action: AskForLogin) -> None: ...
    def stop(self) -> None: ...


class Waiting(Protocol):
    """A caller's wish that may have to wait for the machine to have room."""

    def attempt(self, now: float) -> bool:
        """Try; true when it is settled, so that the next in line may try."""
        ...

    def give_up(self) -> None:
        """The pump has ended: it will never be tried again."""
        ...
