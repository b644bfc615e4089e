"""The states of one transport, and what moves it from one to the next.

It knows the table. It must not know what is done in a state: that is whose step it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final


class Link(Enum):
    """The states of one transport."""

    OPENING = auto()
    """Asked for, and in the WebSocket's handshake."""
    ASKING = auto()
    """Open; credentials are asked for."""
    LOGGING_IN = auto()
    """The login message is out."""
    READY = auto()
    """Sends may go out."""
    RETIRING = auto()
    """Rotated out: sends nothing more, is read until its end."""
    CLOSING = auto()
    """We asked for the end; only the end is of interest."""
    ENDED = auto()


class Step(Enum):
    """What moves a transport from state to state."""

    ASKED = auto()
    LOGIN_SENT = auto()
    LOGIN_NOT_NEEDED = auto()
    LOGIN_ACCEPTED = auto()
    REPLACED = auto()
    CLOSED_BY_US = auto()
    ENDED = auto()


STEPS: Final[Mapping[Link, Mapping[Step, Link]]] = {
    Link.OPENING: {
        Step.ASKED: Link.ASKING,
        Step.LOGIN_SENT: Link.LOGGING_IN,
        Step.LOGIN_NOT_NEEDED: Link.READY,
        Step.ENDED: Link.ENDED,
    },
    Link.ASKING: {
        Step.ASKED: Link.ASKING,
        Step.LOGIN_SENT: Link.LOGGING_IN,
        Step.REPLACED: Link.RETIRING,
        Step.CLOSED_BY_US: Link.CLOSING,
        Step.ENDED: Link.ENDED,
    },
    Link.LOGGING_IN: {
        Step.LOGIN_ACCEPTED: Link.READY,
        Step.ASKED: Link.ASKING,
        Step.REPLACED: Link.RETIRING,
        Step.CLOSED_BY_US: Link.CLOSING,
        Step.ENDED: Link.ENDED,
    },
    Link.READY: {
        Step.LOGIN_SENT: Link.LOGGING_IN,
        Step.REPLACED: Link.RETIRING,
        Step.CLOSED_BY_US: Link.CLOSING,
        Step.ENDED: Link.ENDED,
    },
    Link.RETIRING: {Step.CLOSED_BY_US: Link.CLOSING, Step.ENDED: Link.ENDED},
    Link.CLOSING: {Step.ENDED: Link.ENDED},
    Link.ENDED: {},
}
"""The whole life of a transport; a step that is absent is a defect of ours. The docs draw this."""

IS_OPEN: Final = frozenset({Link.ASKING, Link.LOGGING_IN, Link.READY, Link.RETIRING})
