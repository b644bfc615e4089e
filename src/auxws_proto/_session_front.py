"""What a machine that *has* an `AuxSession` passes on to it: verbs, outcomes, the clock.

It knows which doors are the session's own. It must not know what the machine makes of the session's
actions: `_translate`, which follows each input, is the machine's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from ._config import Config
from ._constants import Role, SendId, State
from ._credentials import Credentials
from ._encoded import Encoded
from ._events import Event
from ._session import AuxSession


class SessionFront(ABC):
    """The doors and windows that stand for those of the session behind."""

    session: AuxSession

    @abstractmethod
    def _translate(self) -> None:
        """Turn the session's new actions into the machine's."""

    @property
    def role(self) -> Role:
        """Which side this is."""
        return self.session.role

    @property
    def config(self) -> Config:
        """The settings."""
        return self.session.config

    @property
    def state(self) -> State:
        """The public state."""
        return self.session.state

    @property
    def info(self) -> Mapping[str, Any] | None:
        """The connection info of the last login, or None."""
        return self.session.info

    def next_timeout(self) -> float | None:
        """When to call ``handle_timeout``, on the clock of ``now``; None: no need."""
        return self.session.next_timeout()

    # Verbs, helpers and the clock: the session's, and then whatever it asks for.

    def connect(self, now: float) -> None:
        """See `AuxSession.connect`."""
        self.session.connect(now)
        self._translate()

    def disconnect(self, now: float) -> None:
        """See `AuxSession.disconnect`."""
        self.session.disconnect(now)
        self._translate()

    def close(self, now: float) -> None:
        """See `AuxSession.close`."""
        self.session.close(now)
        self._translate()

    def send(
        self, message: Mapping[str, Any] | Encoded, now: float, *, watched: bool = True
    ) -> SendId:
        """See `AuxSession.send`."""
        # Nothing is to be translated: it goes out with all that are sent in a row.
        return self.session.send(message, now, watched=watched)

    def restore(self, message: Encoded, now: float, *, maybe_arrived: bool = False) -> SendId:
        """See `AuxSession.restore`."""
        send_id = self.session.restore(message, now, maybe_arrived=maybe_arrived)
        self._translate()
        return send_id

    def send_error(
        self, info: Mapping[str, Any], now: float, *, event_id: float | None = -1
    ) -> None:
        """See `AuxSession.send_error`."""
        self.session.send_error(info, now, event_id=event_id)
        self._translate()

    def login(self, credentials: Credentials, now: float) -> None:
        """See `AuxSession.login`."""
        self.session.login(credentials, now)
        self._translate()

    def set_on_connect(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """See `AuxSession.set_on_connect`."""
        self.session.set_on_connect(messages)

    def taken(self, size: int, now: float) -> None:
        """See `AuxSession.taken`."""
        self.session.taken(size, now)
        self._translate()

    def pause_reading(self, now: float) -> None:
        """See `AuxSession.pause_reading`."""
        self.session.pause_reading(now)
        self._translate()

    def resume_reading(self, now: float) -> None:
        """See `AuxSession.resume_reading`."""
        self.session.resume_reading(now)
        self._translate()

    def handle(self, event: Event, now: float) -> None:
        """See `AuxSession.handle`."""
        self.session.handle(event, now)
        self._translate()

    def handle_timeout(self, now: float) -> None:
        """See `AuxSession.handle_timeout`."""
        self.session.handle_timeout(now)
        self._translate()
