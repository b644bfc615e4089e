"""What must hold in every run, looked at from outside: inputs and actions, never a machine's parts.

It knows the promises of the protocol's machines. It must not know the world that runs them: it sees
each call, each action and the end of each turn, so that it judges a replay as it judges a run.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .._actions import (
    AbortTransport,
    Action,
    CloseTransport,
    DeliverMessage,
    ReportGap,
    ReportSend,
    SendBytes,
    SendText,
)
from .._config import Config
from .._constants import MAX_FRAME_SIZE, EventType, Role, SendId, Stage
from .._errors import LocalProtocolError, OutboxFull
from .._events import UploadRefused
from .._stats import SessionStats
from ._frames import FrameReader

VERBS: Final = frozenset({"connect", "disconnect", "close", "send", "send_error", "login"})
"""The doors that may raise, for a caller's own mistake or a full outbox."""

_FINAL: Final = frozenset({Stage.SENT, Stage.CONFIRMED, Stage.FAILED, Stage.UNKNOWN})
_OWN_TYPES: Final = frozenset({"login", "sync/time"})
"""What a session sends on its own account, besides ``on_connect`` and ``keepalive_message``."""
_ANSWER_ROOM: Final = 8_192
"""Bytes of a login message, which waits for no room in the write window."""


class InvariantBroken(AssertionError):
    """A machine broke a promise; the text says which."""


def canonical(message: Mapping[str, Any]) -> str:
    """A message as a text that is the same on both sides."""
    return json.dumps(message, sort_keys=True, separators=(",", ":"))


def _is_for_the_session(text: str) -> bool:
    """Whether this is the answer to a session's own ``sync/time``, which it does not deliver."""
    match json.loads(text):
        case {"type": "sync/time/response", "id": int(number)}:
            return number < 0
        case _:
            return False


class Witness:
    """What was seen of one machine."""

    def __init__(self, name: str, role: Role, config: Config, serves: tuple[str, int] | None):
        self.name = name
        self.role = role
        self.config = config
        self.serves = serves
        self.sent: dict[SendId, str] = {}
        self.order: dict[str, int] = {}
        self.repeated: set[str] = set()
        self.own: set[str] = set()
        self.failed: set[str] = set()
        self.largest = 0
        self.is_broken: bool = False
        self.is_refused: bool = False
        self.outcomes: dict[SendId, Stage] = {}
        self.delivered: list[tuple[int, str]] = []
        self.gaps = 0
        self.numbers: dict[int, set[float]] = {}
        self.over: set[int] = set()
        self.unreported: dict[int, deque[int]] = {}
        self.readers: dict[int, FrameReader] = {}


class Judge:
    """Looks on, and raises `InvariantBroken` at the first promise that is broken."""

    def __init__(self) -> None:
        self.witnesses: dict[str, Witness] = {}
        self._foreign: set[str] = set()

    def made(
        self, name: str, role: Role, config: Config, serves: tuple[str, int] | None = None
    ) -> None:
        """A machine was made. A server's ``serves`` is its client and that one's transport."""
        self.witnesses[name] = Witness(name, role, config, serves)

    def foreign(self, name: str, data: bytes) -> None:
        """A text that no machine said comes to this one."""
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return
        match event:
            case [EventType.MESSAGE, _, dict()]:
                self._foreign.add(canonical(event[2]))
            case [EventType.ERROR, _, {"errorCode": "not_supported"}]:
                self.witnesses[name].is_refused = True
            case _:
                pass

    # Inputs.

    def called(self, name: str, door: str, args: tuple[Any, ...], result: Any) -> None:
        """A door was called, and returned."""
        witness = self.witnesses[name]
        if door == "send":
            text = canonical(json.loads(json.dumps(args[0])))
            if text in witness.order:
                witness.repeated.add(text)
            witness.order.setdefault(text, len(witness.order))
            if result in witness.sent:
                raise InvariantBroken(f"{name}: the send id {result} was given twice")
            witness.sent[result] = text
            witness.largest = max(witness.largest, 6 * len(text))
        elif door in ("receive_eof", "transport_failed"):
            witness.is_broken = True
        elif door == "set_on_connect":
            witness.own.update(canonical(message) for message in args[0])
        elif door == "handle" and isinstance(args[0], UploadRefused):
            witness.is_refused = True

    def reported(self, name: str, count: int, transport: int) -> None:
        """``data_sent``: so many writes are done."""
        queue = self.witnesses[name].unreported.get(transport)
        for _ in range(min(count, len(queue or ()))):
            assert queue is not None
            queue.popleft()

    def raised(self, name: str, door: str, error: BaseException) -> None:
        """A door raised."""
        if door not in VERBS or not isinstance(error, LocalProtocolError | OutboxFull):
            raise InvariantBroken(
                f"{name}: {door} raised {type(error).__name__}: {error}"
            ) from error

    # Actions.

    def acted(self, name: str, action: Action) -> None:
        """A machine asked for something."""
        witness = self.witnesses[name]
        match action:
            case SendText(transport=transport, data=data, max_frame=max_frame):
                self._wrote(witness, transport, len(data))
                if max_frame > MAX_FRAME_SIZE:
                    raise InvariantBroken(f"{name}: frames of {max_frame} bytes are asked for")
                self._said(witness, transport, data)
            case SendBytes(transport=transport, data=data):
                for text in self._texts(witness, transport, data):
                    self._said(witness, transport, text)
            case AbortTransport(transport=transport) | CloseTransport(transport=transport):
                witness.over.add(transport)
                witness.is_broken = True
            case ReportSend():
                self._outcome(witness, action)
            case DeliverMessage():
                self._delivered(witness, action)
            case ReportGap():
                witness.gaps += 1
            case _:
                pass

    def _wrote(self, witness: Witness, transport: int, size: int) -> None:
        if transport in witness.over:
            raise InvariantBroken(f"{witness.name}: a text on {transport}, which is given up")
        queue = witness.unreported.setdefault(transport, deque())
        queue.append(size)
        window = max(witness.config.write_ahead, max(queue))
        if sum(queue) > window + _ANSWER_ROOM:
            raise InvariantBroken(
                f"{witness.name}: {sum(queue)} bytes are emitted and not reported; the limit is "
                f"{window}"
            )

    def _texts(self, witness: Witness, transport: int, data: bytes) -> Iterator[bytes]:
        reader = witness.readers.setdefault(transport, FrameReader())
        limit = min(witness.config.inline_limit, MAX_FRAME_SIZE)
        for frame in reader.feed(data):
            if len(frame.payload) > limit:
                raise InvariantBroken(
                    f"{witness.name}: a frame of {len(frame.payload)} bytes; the limit is {limit}"
                )
            text = reader.join(frame)
            if text is not None:
                yield text

    def _said(self, witness: Witness, transport: int, data: bytes) -> None:
        event = json.loads(data)
        kind, number = event[0], event[1]
        if kind == EventType.ERROR and event[2].get("errorCode") == "not_supported":
            for client in self._receivers(witness):
                client.is_refused = True
        if witness.role is Role.CLIENT:
            numbers = witness.numbers.setdefault(transport, set())
            if number in numbers:
                raise InvariantBroken(f"{witness.name}: the number {number} is used twice")
            numbers.add(number)
        if kind == EventType.MESSAGE:
            self._check_size(witness, event[2], len(data))

    def _check_size(self, witness: Witness, message: dict[str, Any], size: int) -> None:
        """A message that goes inline is small enough, or its peer has no uploads."""
        config = witness.config
        limit = config.inline_limit
        if config.offload == "auto":
            limit = max(limit, config.fragment_limit)
        is_free = config.offload == "never" or (config.offload == "auto" and witness.is_refused)
        is_own = message["type"] in _OWN_TYPES or message == config.keepalive_message
        if size > limit and not is_free and not is_own:
            raise InvariantBroken(
                f"{witness.name}: an event of {size} bytes went inline; the limit is {limit}"
            )

    def _outcome(self, witness: Witness, action: ReportSend) -> None:
        name, send_id, stage = witness.name, action.send_id, action.stage
        if send_id not in witness.sent:
            raise InvariantBroken(f"{name}: a report of {send_id}, which was never sent")
        if send_id in witness.outcomes:
            raise InvariantBroken(
                f"{name}: {stage} of {send_id}, which had ended as {witness.outcomes[send_id]}"
            )
        if not action.final:
            return
        if stage not in _FINAL:
            raise InvariantBroken(f"{name}: {stage} is called final")
        if (action.error is None) == (stage in (Stage.FAILED, Stage.UNKNOWN)):
            raise InvariantBroken(f"{name}: {stage} of {send_id} with the error {action.error!r}")
        witness.outcomes[send_id] = stage
        text = witness.sent[send_id]
        if stage is not Stage.FAILED or text in witness.repeated:
            return
        witness.failed.add(text)
        if self._arrived(witness, text):
            raise InvariantBroken(f"{name}: {send_id} arrived, and is called FAILED")

    def _delivered(self, witness: Witness, action: DeliverMessage) -> None:
        name, transport = witness.name, action.transport
        text = canonical(action.message)
        place = witness.serves[1] if witness.serves is not None else transport
        senders = self._senders(witness, place)
        if text in self._foreign:
            return
        known = [sender for sender in senders if text in sender.order]
        if not known:
            if witness.role is Role.CLIENT or not self._is_own(senders, action.message):
                raise InvariantBroken(f"{name}: delivered what nobody sent: {text[:200]}")
            return
        (sender,) = known
        if text in sender.repeated:
            return
        if text in sender.failed:
            raise InvariantBroken(f"{name}: delivered what is called FAILED: {text[:200]}")
        self._check_order(witness, sender, place, text)
        witness.delivered.append((place, text))

    def _check_order(self, witness: Witness, sender: Witness, place: int, text: str) -> None:
        number = sender.order[text]
        strict = sender.config.ordering == "strict"
        repeats = sender.config.resend_unknown
        for receiver in self._receivers(sender):
            for other_place, other in receiver.delivered:
                same = other_place == place
                if other not in sender.order or (sender.serves is not None and not same):
                    # Each connection's server is a sender of its own.
                    continue
                if other == text and (same or not repeats):
                    raise InvariantBroken(f"{witness.name}: delivered twice: {text[:200]}")
                earlier, later = sender.order[other], number
                if place < other_place:
                    earlier, later = later, earlier
                if strict and (same or not repeats) and earlier > later:
                    raise InvariantBroken(
                        f"{witness.name}: message {number} of {sender.name} came on connection "
                        f"{place}, and message {sender.order[other]} on {other_place}: out of order"
                    )

    def _is_own(self, senders: list[Witness], message: Mapping[str, Any]) -> bool:
        if message.get("type") in _OWN_TYPES:
            return True
        return any(
            message == sender.config.keepalive_message or canonical(message) in sender.own
            for sender in senders
        )

    def _senders(self, witness: Witness, place: int) -> list[Witness]:
        """Who may have sent what this machine delivers."""
        if witness.serves is not None:
            return [self.witnesses[witness.serves[0]]]
        return [w for w in self.witnesses.values() if w.serves == (witness.name, place)]

    def _receivers(self, sender: Witness) -> list[Witness]:
        """Who may deliver what this machine sends."""
        if sender.serves is not None:
            return [self.witnesses[sender.serves[0]]]
        return [
            w
            for w in self.witnesses.values()
            if w.serves is not None and w.serves[0] == sender.name
        ]

    def _arrived(self, sender: Witness, text: str) -> bool:
        return any(text == other for w in self._receivers(sender) for _, other in w.delivered)

    # Turns and the end.

    def turned(self, name: str, now: float, due: float | None, stats: SessionStats | None) -> None:
        """A machine has had an input, and its actions are drained."""
        if due is not None and due <= now:
            raise InvariantBroken(f"{name}: at {now} the next timeout is {due}")
        if stats is None:
            return
        config = self.witnesses[name].config
        caps = {
            "outbox_messages": config.max_outbox_messages,
            # The first message is admitted whatever its size.
            "outbox_bytes": config.max_outbox_bytes + self.witnesses[name].largest,
            # What is read goes on until the reader looks: one input, and one running download each.
            "held_bytes": config.max_held + config.max_download_size + config.max_message_size,
            "pending_uploads": max(config.max_outbox_messages, 1) + 1_000,
        }
        for figure, cap in caps.items():
            value = getattr(stats, figure)
            if not 0 <= value <= cap:
                raise InvariantBroken(f"{name}: {figure} is {value}; the limit is {cap}")

    def at_rest(self) -> None:
        """Everything has come to rest: every send has its outcome, what arrived was delivered."""
        for witness in self.witnesses.values():
            for send_id in witness.sent:
                if send_id not in witness.outcomes:
                    raise InvariantBroken(f"{witness.name}: {send_id} has no outcome at rest")
            receivers = self._receivers(witness)
            if any(self._has_closed(witness, receiver) for receiver in receivers):
                # Who has closed a connection takes nothing more from it.
                continue
            # What is only sent may be lost when something breaks.
            proof = {Stage.CONFIRMED} if witness.is_broken else {Stage.CONFIRMED, Stage.SENT}
            confirmed = Counter(
                witness.sent[send_id]
                for send_id, stage in witness.outcomes.items()
                if stage in proof
            )
            for text in [*confirmed]:
                if text in witness.repeated or _is_for_the_session(text):
                    del confirmed[text]
            missing = confirmed - Counter(text for w in receivers for _, text in w.delivered)
            if missing.total() > sum(w.gaps for w in receivers):
                raise InvariantBroken(
                    f"{witness.name}: confirmed and not delivered: {next(iter(missing))[:200]}"
                )

    def _has_closed(self, sender: Witness, receiver: Witness) -> bool:
        place = 1 if sender.serves is None else sender.serves[1]
        return place in receiver.over
