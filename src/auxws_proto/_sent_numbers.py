"""Which send went out under which event number.

It knows numbers and ids. It must not know what is sent.
"""

from __future__ import annotations

from ._constants import SendId

_KEPT = 1_000
"""Emitted events whose number still leads to their send: enough for the gateway's 29 s."""


class SentNumbers:
    """The latest numbers, in rows."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, list[SendId]]] = []
        self._count = 0

    def remember(self, number: int, ids: list[SendId]) -> None:
        """These have this number and the next ones."""
        self._rows.append((number, ids))
        self._count += len(ids)
        while self._count - len(self._rows[0][1]) >= _KEPT:
            self._count -= len(self._rows.pop(0)[1])

    def find(self, event_id: float) -> SendId | None:
        """The send that went out under this number, if it is not too long ago."""
        for number, ids in self._rows:
            if number <= event_id < number + len(ids) and event_id == int(event_id):
                return ids[int(event_id) - number]
        return None
