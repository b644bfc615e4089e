"""A message as JSON, once: for who serializes elsewhere, or sends one message on many sessions.

It knows when a message may be sent at all. It must not know any session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ._config import Config
from ._constants import Role
from ._encoding import encode_message
from ._quick import twin


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A message that ``send`` takes as it is; made by `encode`."""

    type: str
    body: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """The message's size in bytes, without the event array around it."""
        return len(self.body)


_Encoded = twin(Encoded)


def encode(message: Mapping[str, Any], config: Config, role: Role = Role.CLIENT) -> Encoded:
    """Serialize a message as ``send`` does; changing the object afterwards changes nothing.

    Raises `LocalProtocolError` for what is no message, for what JSON cannot carry and, with
    ``Config.validate``, for wrong fields of a known type.
    """
    body = encode_message(message, config.max_json_depth, config.json)
    if config.validate:
        check_fields(message, role)
    it: Any = _Encoded()
    it.type = message["type"]
    it.body = body
    it.__class__ = Encoded
    made: Encoded = it
    return made


def check_fields(message: Mapping[str, Any], role: Role) -> None:
    """Raise `LocalProtocolError` for wrong fields of a known type."""
    # Imported when it is asked for: the tables of message types cost time and memory.
    from .messages import validate

    validate(message, role)
