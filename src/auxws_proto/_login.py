"""The login gate: who asks for credentials, what the server says to them.

It knows one dialogue per transport. It must not know what follows a login, nor when transports are
opened or given up: it returns a verdict, and the life of the connection acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._actions import AskForLogin, ReportError
from ._constants import Role, Violation
from ._credentials import Credentials
from ._encoding import encode_message, message_event
from ._errors import AuxError, LoginRefused, RemoteProtocolError
from ._link import Link, Step
from ._shared import Shared
from ._transport import Transport

TIMER: Final = "login"
MAX_ATTEMPTS: Final = 3
"""Refusals on one transport before the session gives up."""


class LoginGate:
    """The credentials, the dialogue, and the connection info that came of it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._credentials: Credentials | None = None
        # Once there were credentials, nothing goes out without a login, even if they are refused.
        self._is_needed = shared.config.ask_for_login
        self.by_application = 0
        self.info: Mapping[str, Any] | None = None

    def provide(self, credentials: Credentials) -> None:
        """Keep credentials: for every transport, or where we ask each time for the next."""
        self._credentials = credentials
        self._is_needed = True

    def begin(self, transport: Transport) -> bool:
        """Log in on an open transport, or ask for credentials. False: no login is needed."""
        if self._shared.role is Role.SERVER:
            return False
        if self._credentials is None and not self._is_needed:
            return False
        if transport.link is not Link.ASKING:
            self._shared.timers.set(
                (TIMER, transport.number),
                self._shared.now,
                self._shared.config.login_timeout,
                wire=True,
            )
        if self._credentials is None:
            self.ask(transport, None)
        else:
            self.send(transport)
        return True

    def ask(self, transport: Transport, error: AuxError | None) -> None:
        """Ask for credentials."""
        transport.take(Step.ASKED)
        self._shared.actions.append(
            AskForLogin(transport=transport.number, attempt=transport.login_attempts, error=error)
        )

    def send(self, transport: Transport) -> None:
        """Send the login message with the credentials at hand."""
        shared, credentials = self._shared, self._credentials
        assert credentials is not None
        if shared.config.ask_for_login:
            self._credentials = None
        transport.take(Step.LOGIN_SENT)
        transport.login_number = shared.next_number()
        body = encode_message(credentials.login_message(), shared.config.max_json_depth)
        transport.emit(message_event(transport.login_number, body))

    def accept(self, transport: Transport, info: object) -> None:
        """The server let us in."""
        self._shared.timers.clear((TIMER, transport.number))
        transport.take(Step.LOGIN_ACCEPTED)
        self.info = info if isinstance(info, dict) else None

    def refuse(self, transport: Transport, error: LoginRefused) -> bool:
        """The server did not let us in: ask for other credentials. False: enough of it."""
        transport.login_attempts += 1
        self._credentials = None
        self._shared.actions.append(
            ReportError(error=error, info=error.info, transport=transport.number)
        )
        if transport.login_attempts >= MAX_ATTEMPTS:
            return False
        self.ask(transport, error)
        return True

    def unexpected(self, transport: Transport, message: Mapping[str, Any]) -> bool:
        """A login result that the session did not ask for; returns whether it is of interest."""
        if not self.by_application:
            error = RemoteProtocolError(
                Violation.UNEXPECTED_ANSWER, "a login result that nobody asked for"
            )
            self._shared.actions.append(ReportError(error=error, transport=transport.number))
            return False
        self.by_application -= 1
        info = message.get("info")
        if message.get("success") is not True or not isinstance(info, dict):
            return False
        self.info = info
        return True


def refusal(info: Mapping[str, Any]) -> LoginRefused:
    """The error for a login result, or an error event, that says no."""
    code, text = info.get("errorCode"), info.get("errorMessage")
    return LoginRefused(
        code if isinstance(code, str) else None, text if isinstance(text, str) else "", info
    )
