"""The one shape that both machines have, for whatever drives either: simulator, fuzzer, test suite.

It knows the doors and windows. It must not know what is behind them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from ._actions import Action
from ._config import Config
from ._constants import Role, SendId, State
from ._credentials import Credentials
from ._encoded import Encoded
from ._events import Event, TransportFailure


class AuxMachine(Protocol):
    """`AuxSession` and `AuxWebSocket`, and what wraps them.

    The contract: feed one input, drain ``actions()`` to the end, re-arm one timer.
    """

    @property
    def role(self) -> Role:
        """Which side this is."""
        ...

    @property
    def config(self) -> Config:
        """The settings."""
        ...

    @property
    def state(self) -> State:
        """The public state."""
        ...

    @property
    def wants_data(self) -> bool:
        """Whether to go on reading the wire."""
        ...

    def connect(self, now: float) -> None:
        """Begin to open a transport."""
        ...

    def disconnect(self, now: float) -> None:
        """Close until `connect` is called; the outbox stays."""
        ...

    def close(self, now: float) -> None:
        """Close for good."""
        ...

    def send(
        self, message: Mapping[str, Any] | Encoded, now: float, *, watched: bool = True
    ) -> SendId:
        """Accept a message of any size; raises `LocalProtocolError` or `OutboxFull`."""
        ...

    def login(self, credentials: Credentials, now: float) -> None:
        """Answer `AskForLogin`, or log in anew."""
        ...

    def taken(self, size: int, now: float) -> None:
        """The application has taken delivered messages of ``size`` bytes."""
        ...

    def pause_reading(self, now: float) -> None:
        """The embedder stops reading the wire by itself."""
        ...

    def resume_reading(self, now: float) -> None:
        """The embedder reads again."""
        ...

    def transport_opened(self, now: float, *, transport: int | None = None) -> None:
        """A transport is open."""
        ...

    def transport_failed(
        self, failure: TransportFailure, now: float, *, transport: int | None = None
    ) -> None:
        """A transport could not be opened."""
        ...

    def data_sent(self, count: int, now: float, *, transport: int | None = None) -> None:
        """A completed write took the first ``count`` unreported texts or bytes."""
        ...

    def receive_eof(
        self, now: float, *, code: int = 1006, reason: str = "", transport: int | None = None
    ) -> None:
        """A transport has ended; 1006 is without a close frame."""
        ...

    def handle(self, event: Event, now: float) -> None:
        """An outcome of an action."""
        ...

    def handle_timeout(self, now: float) -> None:
        """The time has come, or may have; free when nothing is due."""
        ...

    def actions(self) -> Iterator[Action]:
        """Drain what is to be done, in order."""
        ...

    def next_timeout(self) -> float | None:
        """When to call `handle_timeout`, on the clock of ``now``; None: no need."""
        ...
