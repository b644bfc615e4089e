"""How much may come and go: the machine is told of the mailboxes, and the desk of the outbox.

It knows figures only. It must not know what is in a message, nor when it is asked.
"""

from __future__ import annotations

import time

from auxws_proto._dialogue_websocket import DialogueWebSocket

from ._roles import Desk


class Flow:
    """Between a machine and its desk, on the pump's thread."""

    def __init__(self, machine: DialogueWebSocket, desk: Desk) -> None:
        self._machine = machine
        self._desk = desk
        self._is_paused = False

    def tell(self) -> bool:
        """Tell the machine what was taken, and whether a full mailbox holds the reading back.

        True if there was anything to tell: drain it then, and ask again.
        """
        machine = self._machine
        freed, has_room = self._desk.flow(machine.wants_data)
        is_paused = not has_room or machine.is_full
        is_new = is_paused is not self._is_paused
        now = time.monotonic()
        if freed:
            machine.taken(freed, now)
        if is_new:
            self._is_paused = is_paused
            (machine.pause_reading if is_paused else machine.resume_reading)(now)
        return is_new or freed > 0

    def tell_room(self) -> None:
        """Tell the callers what the outbox takes, so that most sends need not ask."""
        config, stats = self._machine.config, self._machine.session.stats()
        self._desk.set_room(
            config.max_outbox_messages - stats.outbox_messages,
            config.max_outbox_bytes - stats.outbox_bytes,
            is_empty=not stats.outbox_messages,
        )
