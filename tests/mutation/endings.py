"""Endings: a timer that is forgotten, something that stays behind, a wrong outcome."""

from __future__ import annotations

from typing import Final

from .fault import Fault

ENDINGS: Final = (
    # Timers.
    Fault(
        "no time-out for a handshake", "_transports",
        "(CONNECT, self._newest), shared.now, shared.config.connect_timeout, wire=True",
        "(CONNECT, self._newest), shared.now, 1e9, wire=True",
    ),
    Fault(
        "no time-out for an upload URL", "_urls",
        "        shared.timers.set((TIMER, number), shared.now, shared.config.upload_url_timeout, "
        "wire=True)\n",
        "",
    ),
    Fault(
        "no time-out for a transfer", "_transfers",
        "        shared.timers.set((TIMER, transfer_id), shared.now, "
        "shared.config.transfer_timeout)\n",
        "",
    ),
    Fault(
        "no time-out for a login", "_login",
        "        if transport.link is not Link.ASKING:\n", "        if False:\n",
    ),
    Fault(
        "no time-out for a pong", "_pulse",
        "        self._shared.timers.set(\n"
        "            (PONG, transport.number), self._shared.now, config.ping_timeout, wire=True\n"
        "        )\n",
        "",
    ),
    Fault(
        "no time-out for a closing handshake", "_transports",
        "(CLOSE, transport.number), shared.now, shared.config.close_timeout, wire=True",
        "(CLOSE, transport.number), shared.now, 1e9, wire=True",
    ),
    Fault(
        "a pong does not stop its time-out", "_pulse",
        "        if transport.answered(serial):\n"
        "            self._shared.timers.clear((PONG, transport.number))",
        "        transport.answered(serial)",
    ),
    Fault(
        "timers of the wire run on while nothing is read", "_timers",
        "self._left[name] = max(0.0, self._deadlines.pop(name) - now)",
        "self._left[name] = 0.0; self._deadlines.pop(name)",
    ),
    Fault(
        "the earliest deadline is forgotten", "_timers",
        "self.earliest = min(self.earliest, now + delay)", "self.earliest = now + delay",
    ),
    Fault(
        "progress does not put off the time-out", "_transfers",
        "self._shared.timers.set((TIMER, event.transfer_id), self._shared.now, timeout)",
        "self._shared.timers.is_set((TIMER, event.transfer_id))",
    ),
    Fault(
        "old upload URLs are not renewed",
        "_urls",
        "        self._grants.append(grant)\n        self._set_renewal()\n",
        "        self._grants.append(grant)\n",
    ),
    Fault(
        "the old connection stays after its overlap", "_rotation",
        "        shared.timers.set((OVERLAP, old.number), shared.now, "
        "shared.config.rotate_overlap)\n",
        "",
    ),
    Fault(
        "an unanswered watch is not asked again", "_inst_feed",
        '        self._shared.send("repo/watch_branch", self._request)\n'
        "        self._set_timer()\n",
        '        self._shared.send("repo/watch_branch", self._request)\n',
    ),
    # What stays behind.
    Fault(
        "an outcome frees no room",
        "_send",
        "        outbox.messages -= 1\n",
        "",
    ),
    Fault(
        "a failed PUT leaves its place taken", "_send",
        "        self.outbox.uploads.put_ended()\n        self.url_deaths += url_died\n",
        "        self.url_deaths += url_died\n",
    ),
    Fault(
        "a failed message stays in the queue", "_uploads",
        "        self._drop(send)\n        send.fail(error.reason",
        "        send.fail(error.reason",
    ),
    Fault(
        "delivered bytes stay held", "_inbox",
        "            self.held -= slot.size\n", "",
    ),
    Fault(
        "a downloaded size is counted twice", "_inbox",
        "self.held += size - slot.size", "self.held += size",
    ),
    Fault(
        "an ended transport stays in the book", "_transports",
        "        del self._by_number[transport.number]\n", "",
    ),
    Fault(
        "a closed request is found again", "_requests",
        "            del table[request.values][request]\n", "",
    ),
    Fault(
        "a rest keeps its name after the close", "_transfers",
        "            self._shared.timers.clear((REST, transfer_id))\n", "",
    ),
    Fault(
        "a settled batch keeps its size", "_inst_outgoing",
        "        self._size -= batch.size\n", "",
    ),
    Fault(
        "a released message frees nothing", "_router",
        "        if not size.shares:\n            self.freed += size\n\n\ndef",
        "        if size.shares:\n            self.freed += size\n\n\ndef",
    ),
    # Outcomes.
    Fault(
        "what is in doubt is called FAILED", "_outbox",
        "send.end(Stage.UNKNOWN, error)\n\n", "send.end(Stage.FAILED, error)\n\n",
    ),
    Fault(
        "what may have arrived fails for certain", "_send",
        "stage = Stage.UNKNOWN if self.maybe_arrived else Stage.FAILED", "stage = Stage.FAILED",
    ),
    Fault(
        "a written message is called CONFIRMED", "_outbox",
        "self._ended(Stage.SENT, sends)", "self._ended(Stage.CONFIRMED, sends)",
    ),
    Fault(
        "a restored message in doubt is sent again", "_outbox",
        "if maybe_arrived and not self.may_repeat:", "if maybe_arrived and self.may_repeat:",
    ),
    Fault(
        "an emission is not recorded", "_journal",
        "                self._changes.append(MessageEmitted(key=key))\n", "",
    ),
    Fault(
        "what a close leaves is not kept", "_journal",
        "if key is not None and not _ended_with_client(action):", "if key is not None:",
    ),
    Fault(
        "a close forgets what is queued", "_engine",
        '        self.outbox.fail_all("the session was closed")\n', "",
    ),
    Fault(
        "a closed inbox keeps its gaps", "_inbox",
        '                slot.gap = DownloadFailed(FailReason.CLOSED, "the session was closed")\n'
        "        self.deliver_ready()",
        '                slot.gap = DownloadFailed(FailReason.CLOSED, "the session was closed")',
    ),
    Fault(
        "an overlap is not marked", "_reception",
        "overlap = self._life.rotation.retiring is not None or transport.reads_to_end",
        "overlap = transport.reads_to_end",
    ),
)  # fmt: skip
