"""Sequence: a retry that is lost, an order that is another."""

from __future__ import annotations

from typing import Final

from .fault import Fault

SEQUENCE: Final = (
    # Lost retries.
    Fault(
        "a dropped connection is no reason to try again", "_transfers",
        "self._again(transfer, reason, detail, at_once=transfer.attempts == 1)",
        "transfer.job.transfer_failed(reason, detail, url_died=False, cause=None)",
    ),
    Fault(
        "SlowDown is hopeless", "_object_store",
        '        "SlowDown",\n', "",
    ),
    Fault(
        "a dead URL is not replaced", "_send",
        "if url_died and not self.courtesy", "if not url_died and not self.courtesy",
    ),
    Fault(
        "a request for a URL that was lost is not made again", "_urls",
        '        """Whatever was asked on this transport will not be answered."""\n'
        "        for number in [n for n, t in self._asked.items() if t == transport]:",
        '        """Whatever was asked on this transport will not be answered."""\n'
        "        for number in [n for n, t in self._asked.items() if t != transport]:",
    ),
    Fault(
        "a wait between attempts is never over", "_engine",
        "self.transfers.rested(number)", "self.transfers._running.get(number)",
    ),
    Fault(
        "a lost connection stays lost", "_life",
        "        self._shared.timers.set((BACKOFF, 0), self._shared.now, max(delay, at_least))\n",
        "",
    ),
    Fault(
        "Retry-After is not heeded", "_life",
        "max(delay, at_least)", "min(delay, at_least)",
    ),
    Fault(
        "the wait does not grow", "_attempts",
        "        self._failures += 1\n        if policy is None",
        "        if policy is None",
    ),
    Fault(
        "a failed rotation is not tried again", "_rotation",
        "        self._shared.timers.set(name, self._shared.now, max(delay, Reconnect().base))\n",
        "",
    ),
    Fault(
        "what is in doubt is sent again only if it was uploaded",
        "_outbox",
        "        if self.may_repeat:\n",
        "        if self.may_repeat and send.upload is Upload.STORED:\n",
    ),
    Fault(
        "updates are not sent again after a reconnect", "_inst_outgoing",
        "                batch.delay = self._shared.config.repeat_after\n"
        "                self._send(batch)\n",
        "                batch.delay = self._shared.config.repeat_after\n",
    ),
    # Order.
    Fault(
        "what comes back goes to the end of the queue", "_outbox",
        "broke under it.\n            self._lane(send).insert(0, send)",
        "broke under it.\n            self._lane(send).append(send)",
    ),
    Fault(
        "on_connect messages go out backwards", "_outbox",
        "for body in reversed(list(bodies)):", "for body in list(bodies):",
    ),
    Fault(
        "strict order lets small messages overtake", "_outbox",
        'relaxed = self._shared.config.ordering == "relaxed"',
        'relaxed = self._shared.config.ordering in ("relaxed", "strict")',
    ),
    Fault(
        "unproven texts are settled first to last", "_transport",
        "send = texts.pop()[2]", "send = texts.pop(0)[2]",
    ),
    Fault(
        "a message overtakes a download", "_inbox",
        "if not self._slots:\n", "if not self._unstarted:\n",
    ),
    Fault(
        "messages in a row overtake a download", "_inbox",
        "return bool(self._slots)", "return bool(self._unstarted)",
    ),
    Fault(
        "another input overtakes what was sent", "_engine",
        "            self.catch_up()\n        self.tick(now)",
        "            pass\n        self.tick(now)",
    ),
    Fault(
        "texts in a row share a serial", "_transport",
        "self._serial += len(texts)", "self._serial += 1",
    ),
    Fault(
        "slots are delivered as they fill", "_inbox",
        "[*takewhile(_Slot.is_filled, self._slots)]\n        del self._slots[: len(ready)]",
        "[slot for slot in self._slots if slot.is_filled()]\n"
        "        self._slots = [slot for slot in self._slots if not slot.is_filled()]",
    ),
    Fault(
        "the queue goes out before on_connect", "_life",
        "        else:\n            self._greet()\n        self._report(State.OPEN)",
        "        self._report(State.OPEN)",
    ),
    Fault(
        "the new connection is used before the old one is empty", "_rotation",
        "        self.is_released = False\n", "        self.is_released = True\n",
    ),
    Fault(
        "parts of an answer come as they arrive", "_http_request",
        "while self._next in self._early:\n            self._give(self._early.pop(self._next))",
        "while self._early:\n            self._give(self._early.pop(next(iter(self._early))))",
    ),
    Fault(
        "a full mailbox loses its newest", "_mailbox",
        "                self._items.popleft()\n", "                self._items.pop()\n",
    ),
)  # fmt: skip
