"""Connection tokens: how a user's login is made on the client (``docs/protocol.md`` §9).

It knows the forms of keys and tokens and the one hash over them. It must not know the time (a key
carries its expiry, the caller compares), nor who sends a token. No error and no ``repr`` shows any
part of a key or token: they name the part that was wrong.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field

from ._credentials import ConnectionToken
from ._errors import LocalProtocolError
from ._secret import Secret

_KEY_PARTS = ("user id", "session id", "connection secret", "expiry")
_TOKEN_PARTS = ("user id", "session id", "connection id", "record name", "inst", "hash")
_EXPIRY_DIGITS = 16
"""More than any date in milliseconds that software can mean."""


@dataclass(frozen=True, slots=True)
class ConnectionKey:
    """What a user makes connection tokens from, ``vCK1.…``; handed out with a session.

    Its ``repr`` shows the expiry only, in ms since 1970. Raises `LocalProtocolError` for a text
    that is no connection key, naming the part and not showing it.
    """

    user_id: Secret = field(repr=False)
    session_id: Secret = field(repr=False)
    secret: Secret = field(repr=False)
    expires_at_ms: int

    def __init__(self, text: str) -> None:
        user_id, session_id, secret, expiry = _parts(text, "connection key", "vCK1", _KEY_PARTS)
        if not (expiry.isascii() and expiry.isdigit() and len(expiry) <= _EXPIRY_DIGITS):
            raise LocalProtocolError("connection key: the expiry is no whole number of ms")
        try:
            base64.b64decode(secret, validate=True)
        except (binascii.Error, ValueError):
            raise LocalProtocolError("connection key: the connection secret is no base64") from None
        object.__setattr__(self, "user_id", Secret(user_id))
        object.__setattr__(self, "session_id", Secret(session_id))
        object.__setattr__(self, "secret", Secret(secret))
        object.__setattr__(self, "expires_at_ms", int(expiry))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionTokenParts:
    """What a connection token says; ``record_name`` is None for a public inst."""

    user_id: str = field(repr=False)
    session_id: str = field(repr=False)
    connection_id: str
    record_name: str | None
    inst: str
    hash: Secret = field(repr=False)

    def is_made_with(self, key: ConnectionKey) -> bool:
        """Whether this token was made from ``key``; compares in constant time."""
        made = _hash(key, self.connection_id, self.record_name or "", self.inst)
        return (
            self.user_id == key.user_id.reveal()
            and self.session_id == key.session_id.reveal()
            and hmac.compare_digest(made.encode(), self.hash.encode())
        )


def make_connection_token(
    connection_key: ConnectionKey | str,
    connection_id: str,
    record_name: str | None,
    inst: str,
) -> ConnectionToken:
    """Make the token that logs ``connection_id`` in to one inst (``docs/protocol.md`` §9).

    ``record_name`` is None, or empty, for a public inst. Pass the result as ``login``. Raises
    `LocalProtocolError` for a bad key, an empty id, or text that has no UTF-8 form.
    """
    key = (
        connection_key
        if isinstance(connection_key, ConnectionKey)
        else ConnectionKey(connection_key)
    )
    record = "" if record_name is None else record_name
    for name, value in (
        ("connection id", connection_id), ("record name", record), ("inst", inst),
    ):  # fmt: skip
        _check_text(name, value, may_be_empty=name == "record name")
    parts = (
        key.user_id.reveal(), key.session_id.reveal(), connection_id, record, inst,
        _hash(key, connection_id, record, inst),
    )  # fmt: skip
    return ConnectionToken(".".join(("vCT1", *map(_encoded, parts))))


def parse_connection_token(token: ConnectionToken | str) -> ConnectionTokenParts:
    """Take a token apart, without a look at its hash: `ConnectionTokenParts.is_made_with` has one.

    Raises `LocalProtocolError` for a text that is no connection token, naming the part.
    """
    text = token.token if isinstance(token, ConnectionToken) else token
    user_id, session_id, connection_id, record, inst, digest = _parts(
        text, "connection token", "vCT1", _TOKEN_PARTS
    )
    return ConnectionTokenParts(
        user_id=user_id, session_id=session_id, connection_id=connection_id,
        record_name=record or None, inst=inst, hash=Secret(digest),
    )  # fmt: skip


def _hash(key: ConnectionKey, connection_id: str, record: str, inst: str) -> str:
    text = f"{connection_id}{record}{inst}".encode()
    return hmac.new(base64.b64decode(key.secret), text, hashlib.sha256).hexdigest()


def _parts(text: object, what: str, version: str, names: tuple[str, ...]) -> list[str]:
    """The decoded parts after the version; all but the record name must have something in them."""
    if not isinstance(text, str):
        raise LocalProtocolError(f"{what}: it is of type {type(text).__name__}, not str")
    head, *encoded = text.split(".")
    if head != version:
        raise LocalProtocolError(f'{what}: it does not start with "{version}."')
    if len(encoded) != len(names):
        raise LocalProtocolError(
            f"{what}: it has {len(encoded)} parts after the version, not {len(names)}"
        )
    decoded: list[str] = []
    for name, part in zip(names, encoded, strict=True):
        try:
            value = base64.b64decode(part, validate=True).decode()
        except (binascii.Error, ValueError):
            raise LocalProtocolError(f"{what}: the {name} is no base64 of UTF-8 text") from None
        if not value and name != "record name":
            raise LocalProtocolError(f"{what}: the {name} is empty")
        decoded.append(value)
    return decoded


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _check_text(name: str, value: object, *, may_be_empty: bool) -> None:
    if not isinstance(value, str):
        raise LocalProtocolError(f"the {name} is of type {type(value).__name__}, not str")
    if not value and not may_be_empty:
        raise LocalProtocolError(f"the {name} is empty")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        position = error.start
    else:
        return
    raise LocalProtocolError(f"the {name} has a lone surrogate at position {position}")
