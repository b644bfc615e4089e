"""Safety: what the peer may send, and what must not be obeyed."""

from __future__ import annotations

from typing import Final

from .fault import Fault

SAFETY: Final = (
    # Safety, and what the peer may send.
    Fault(
        "a fragment in a URL is sent on", "_policy",
        'if "#" in url:', 'if "#!" in url:',
    ),
    Fault(
        "a host need only end like an allowed one", "_policy",
        "return host == rule[1:] or host.endswith(rule)", "return host.endswith(rule[1:])",
    ),
    Fault(
        "loopback may be fetched", "_policy",
        "if is_loopback(host) and not policy.allow_private_addresses:",
        "if is_loopback(host) and policy.allow_private_addresses:",
    ),
    Fault(
        "a redirect is followed twice", "_transfers",
        "        transfer.redirected = True\n", "",
    ),
    Fault(
        "True is an event's type", "_decoding",
        "    if not _is_number(number) or number not in LENGTHS:",
        "    if number not in LENGTHS:",
    ),
    Fault(
        "a frame's length may take the long form", "_frames",
        "                and size >= _LEAST[data[start + 1] & 0x7F]\n", "",
    ),
    Fault(
        "unmasked frames are taken", "_frames",
        "                and data[start + 1] & _MASKED == self._masked\n", "",
    ),
    Fault(
        "a mask begins with its second byte", "_frames",
        "keys = (key * (size // 4 + 1))[:size]", "keys = (key * (size // 4 + 2))[1 : size + 1]",
    ),
    Fault(
        "a close frame is not answered", "_websocket",
        "            if self._ws.state is ConnectionState.REMOTE_CLOSING:\n"
        "                yield Reply(self._ws.send(event.response()))\n",
        "",
    ),
    Fault(
        "parts of a message are not joined", "_assembly",
        'return joined[0] if len(joined) == 1 else b"".join(joined)', "return joined[-1]",
    ),
    Fault(
        "a skipped message takes the next one with it", "_assembly",
        "self._parts, self._refusal, self._message_size = [], None, 0",
        "self._parts, self._message_size = [], 0",
    ),
    Fault(
        "a flood of pings is answered in full", "_wire",
        "if self._pongs >= _MAX_PONGS:", "if self._pongs > 10 * _MAX_PONGS:",
    ),
    Fault(
        "a report of a pong counts as one of a text", "_wire",
        "return kinds.count(_TEXT)", "return len(kinds)",
    ),
    Fault(
        "an early end of the handshake is a closed connection", "_aux_websocket",
        "            if isinstance(received, Refused):\n", "            if wire.is_closing:\n",
    ),
    Fault(
        "input of a transport that was given up is read", "_reception",
        "if transport is None or not transport.is_read:", "if transport is None:",
    ),
    Fault(
        "a failed first transport is an ended one", "_session",
        "if found.link is Link.CLOSING or found.opened_at is not None:",
        "if found.link is Link.CLOSING or found.opened_at is None:",
    ),
    Fault(
        "a private address inside another is public", "_addresses",
        "return _is_public(parsed) and all(_is_public(inner) for inner in _inside(parsed))",
        "return _is_public(parsed)",
    ),
    Fault(
        "what waits for room stays when there is room", "_session",
        "is_at_rest = engine.is_at_rest(found) and not found.is_nearly_full",
        "is_at_rest = engine.is_at_rest(found)",
    ),
    Fault(
        "what is due waits for the next event", "_engine",
        "return transport is self._clear and self.shared.now < self.shared.timers.earliest",
        "return transport is self._clear",
    ),
    Fault(
        "a length that is too long for its text is taken", "_frames",
        "                if size < 126:\n                    break\n", "",
    ),
    Fault(
        "frames in a row share a key", "_frames", "        at += 4\n", "        at += 0\n",
    ),
    Fault(
        "in a row, every event is a message", "_decoding",
        "                    and kind == 1\n", "                    and kind > 0\n",
    ),
    Fault(
        "a token's hash leaves the inst out", "_token",
        'text = f"{connection_id}{record}{inst}".encode()',
        'text = f"{connection_id}{record}".encode()',
    ),
    Fault(
        "an upload's headers ignore what is signed", "_policy",
        'if signed is None or "x-amz-acl" in signed:', 'if signed is None or "x-amz-acl":',
    ),
    Fault(
        "a late answer to a URL request is an error", "_urls",
        "return request_id in self._asked or request_id in self._late",
        "return request_id in self._asked",
    ),
    Fault(
        "a server's failed download is not told", "_inbox",
        "        if self._shared.role is Role.SERVER:\n",
        "        if self._shared.role is Role.CLIENT:\n",
    ),
    Fault(
        "a refused upload fails the newest message", "_uploads",
        "        send = self._waiting.pop(0)\n", "        send = self._waiting.pop()\n",
    ),
    Fault(
        "updates come a second time", "_inst_feed",
        "if digest not in known and digest not in self._digests:",
        "if digest not in self._digests:",
    ),
    Fault(
        "an error bound is twice as large",
        "_clock_offset",
        "error_bound=(high - low) / 2",
        "error_bound=high - low",
    ),
    Fault(
        "a question without a port names one", "_target",
        "port = 443 if secure else 80", "port = 443",
    ),
)  # fmt: skip
