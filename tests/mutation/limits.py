"""Limits and numbers: a boundary that is one off, a number that is used twice."""

from __future__ import annotations

from typing import Final

from .fault import Fault

LIMITS: Final = (
    # Boundaries.
    Fault(
        "the inline limit is one byte off", "_outbox",
        "size <= config.inline_limit:", "size < config.inline_limit:",
    ),
    Fault(
        "in a row, the event around a message is not counted", "_outbox",
        "self._inline_limit - _LONGEST_HEAD", "self._inline_limit",
    ),
    Fault(
        "the outbox holds one message more", "_outbox",
        "if self.messages >= self._max_messages or (", "if self.messages > self._max_messages or (",
    ),
    Fault(
        "the write window is one byte off", "_transport",
        "self._unreported + size <= self._window", "self._unreported + size < self._window",
    ),
    Fault(
        "one message too large is received", "_reception",
        "if size > limit:", "if size > limit + 1:",
    ),
    Fault(
        "a download of the limit's size is refused", "_inbox",
        "if size > limit:", "if size >= limit:",
    ),
    Fault(
        "reading stops one byte late", "_inbox",
        "return self.room > 0", "return self.room >= 0",
    ),
    Fault(
        "one download too many runs", "_inbox",
        "self._running < config.max_downloads", "self._running <= config.max_downloads",
    ),
    Fault(
        "one upload too many runs", "_uploads",
        "self._puts < self._shared.config.max_uploads",
        "self._puts <= self._shared.config.max_uploads",
    ),
    Fault(
        "one attempt fewer at a transfer",
        "_transfers",
        "if transfer.attempts >= attempts and may_end:",
        "if transfer.attempts + 1 >= attempts and may_end:",
    ),
    Fault(
        "one refused login more", "_login",
        "if transport.login_attempts >= MAX_ATTEMPTS:",
        "if transport.login_attempts > MAX_ATTEMPTS:",
    ),
    Fault(
        "a frame is cut inside a character", "_frames",
        "while data[end] & 0xC0 == 0x80:", "while data[end] & 0x80 == 0x00:",
    ),
    Fault(
        "the size of an event's number is left out", "_encoding",
        "return body_size + len(str(number)) + 5", "return body_size + 6",
    ),
    Fault(
        "a status of 300 is a success", "_object_store",
        "if 200 <= status < 300:", "if 200 <= status <= 300:",
    ),
    Fault(
        "a mailbox is full one message late", "_mailbox",
        "return len(self._items) >= self.max_messages or self.size >= self.max_bytes",
        "return len(self._items) > self.max_messages or self.size >= self.max_bytes",
    ),
    Fault(
        "a header may be one character longer", "_policy",
        "if len(value) > MAX_HEADER_SIZE:", "if len(value) > MAX_HEADER_SIZE + 1:",
    ),
    Fault(
        "one update too many is remembered", "_inst_feed",
        "excess = len(self._digests) - self._limit",
        "excess = len(self._digests) - self._limit - 1",
    ),
    # Numbers and names.
    Fault(
        "numbers begin anew with each login", "_login",
        "transport.login_number = shared.next_number()",
        "shared.upcoming_number = 1; transport.login_number = shared.next_number()",
    ),
    Fault(
        "a question takes no number of its own", "_pulse",
        "            self._shared.next_number()\n            transport.ask_by_message(data)",
        "            transport.ask_by_message(data)",
    ),
    Fault(
        "a ping claims one text more", "_transport",
        "self.ping_out = self._serial\n", "self.ping_out = self._serial = self._serial + 1\n",
    ),
    Fault(
        "a pong proves one text too many", "_transport",
        "bisect_right(self._unproven, serial, key", "bisect_right(self._unproven, serial + 1, key",
    ),
    Fault(
        "a server's announcement takes the next number", "_outbox",
        "                number = _SERVER_DOWNLOAD\n", "                pass\n",
    ),
    Fault(
        "restored messages share one name", "_outbox",
        '        """Queue a message of an earlier process, which was admitted then; or end it as '
        'unknown."""\n        self._next_id += 1\n',
        '        """Queue a message of an earlier process, which was admitted then; or end it as '
        'unknown."""\n        self._next_id = 1\n',
    ),
    Fault(
        "keys do not go on behind the restored ones", "_journal",
        "self._keys[send_id] = self._last_key = message.key",
        "self._keys[send_id] = message.key",
    ),
    Fault(
        "an answer is given to the newest question", "_requests",
        "candidate.serial < found.serial", "candidate.serial > found.serial",
    ),
)  # fmt: skip
