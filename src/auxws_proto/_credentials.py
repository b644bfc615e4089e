"""What a session logs in with.

It knows the login message's fields (``docs/protocol.md`` §7). It must not know when a login
happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ._secret import Secret


@dataclass(frozen=True, slots=True)
class ConnectionToken:
    """A user's login: a connection token (``vCT1.…``, ``docs/protocol.md`` §9)."""

    token: Secret

    def __init__(self, token: str) -> None:
        object.__setattr__(self, "token", Secret(token))

    def login_message(self) -> dict[str, str]:
        """The message that logs in with this token."""
        return {"type": "login", "connectionToken": self.token.reveal()}


@dataclass(frozen=True, slots=True)
class ConnectionId:
    """A guest's login: an id of the client's own choosing."""

    connection_id: str

    def login_message(self) -> dict[str, str]:
        """The message that logs in with this id."""
        return {"type": "login", "connectionId": self.connection_id}


Credentials: TypeAlias = ConnectionToken | ConnectionId
"""What a client can log in with (``docs/protocol.md`` §9)."""
