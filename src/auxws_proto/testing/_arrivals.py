"""What a judge makes of a delivery: from whom, in which order, and whether it came before.

It knows witnesses and their books. It must not know machines, nor who calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, Final

from .._actions import DeliverMessage
from .._constants import Role
from ._witness import InvariantBroken, Place, Witness, canonical

OWN_TYPES: Final = frozenset({"login", "sync/time"})
"""What a session sends on its own account, besides ``on_connect`` and ``keepalive_message``."""


def judge_delivery(
    witness: Witness, sender: Witness | None, action: DeliverMessage, foreign: Set[str],
    pushed: Set[str],
) -> None:  # fmt: skip
    """Whether this machine may deliver this; ``sender`` is at the other end of the connection."""
    name, text = witness.name, canonical(action.message)
    if text in foreign:
        return
    if sender is None or text not in sender.book.order:
        if witness.role is Role.CLIENT or not _is_own(sender, action.message, text):
            raise InvariantBroken(f"{name}: delivered what nobody sent: {text[:200]}")
        return
    book = sender.book
    if text in book.repeated:
        return
    if text in book.failed:
        raise InvariantBroken(f"{name}: delivered what is called FAILED: {text[:200]}")
    if witness.serves is None:
        place: Place = (witness.life, action.transport)
    else:
        place = (sender.life, witness.serves[1])
    _check_repeats(witness, sender, place, text)
    if sender.config.ordering == "strict":
        _check_order(witness, sender, place, text)
    if witness.serves is None and text in pushed:
        _check_overlap(witness, action, text)
    book.came(text, place)


def _check_repeats(witness: Witness, sender: Witness, place: Place, text: str) -> None:
    before = sender.book.places.get(text, ())
    if place in before or (before and not sender.config.resend_unknown):
        raise InvariantBroken(f"{witness.name}: delivered twice: {text[:200]}")


def _check_order(witness: Witness, sender: Witness, place: Place, text: str) -> None:
    number = sender.book.order[text]
    for other, (low, high) in sender.book.bounds.items():
        if other != place and sender.config.resend_unknown:
            continue
        if (other <= place and high > number) or (other > place and low < number):
            raise InvariantBroken(
                f"{witness.name}: message {number} of {sender.name} came on connection "
                f"{place[1]}, and message {high if high > number else low} on {other[1]}: "
                "out of order"
            )


def _check_overlap(witness: Witness, action: DeliverMessage, text: str) -> None:
    """What a server says on two connections comes twice only where a rotation overlaps."""
    arrivals = witness.arrivals.setdefault(text, [])
    for number, is_marked in arrivals:
        if number != action.transport and not is_marked and not action.overlap:
            raise InvariantBroken(
                f"{witness.name}: it came on connections {number} and {action.transport}, and "
                f"neither is marked as of an overlap: {text[:200]}"
            )
    arrivals.append((action.transport, action.overlap))


def _is_own(sender: Witness | None, message: Mapping[str, Any], text: str) -> bool:
    if message.get("type") in OWN_TYPES:
        return True
    if sender is None:
        return False
    return message == sender.config.keepalive_message or text in sender.book.own
