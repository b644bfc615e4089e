"""What must hold in every run, looked at from outside: inputs and actions, never a machine's parts.

It knows the promises of the protocol's machines. It must not know the world that runs them: it sees
each call, each action and the end of each turn, so that it judges a replay as it judges a run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
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
from .._constants import EventType, FailReason, Role, SendId, Stage
from .._errors import LocalProtocolError, OutboxFull
from .._events import UploadRefused
from .._stats import SessionStats
from ._arrivals import judge_delivery
from ._witness import Book, InvariantBroken, Witness, canonical, is_for_the_session
from ._writes import judge_bytes, judge_reported, judge_text

__all__ = ["VERBS", "InvariantBroken", "Judge"]

VERBS: Final = frozenset({"connect", "disconnect", "close", "send", "send_error", "login"})
"""The doors that may raise, for a caller's own mistake or a full outbox."""

_FINAL: Final = frozenset({Stage.SENT, Stage.CONFIRMED, Stage.FAILED, Stage.UNKNOWN})


def _is_lost(report: ReportSend) -> bool:
    return report.error is not None and report.error.reason is FailReason.TRANSPORT_LOST


class Judge:
    """Looks on, and raises `InvariantBroken` at the first promise that is broken."""

    def __init__(self) -> None:
        self.witnesses: dict[str, Witness] = {}
        self._servers: dict[tuple[str, int], Witness] = {}
        self._foreign: set[str] = set()
        self._pushed: set[str] = set()

    def made(
        self,
        name: str,
        role: Role,
        config: Config,
        serves: tuple[str, int] | None = None,
        succeeds: str | None = None,
    ) -> None:
        """A machine was made. A server's ``serves`` is its client and that one's transport; a
        client ``succeeds`` one whose outbox store it was given."""
        book = Book() if succeeds is None else self.witnesses[succeeds].book
        witness = self.witnesses[name] = Witness(name, role, config, serves, book)
        if succeeds is not None:
            self.witnesses[succeeds].is_kept = True
        if serves is not None:
            client = self.witnesses[serves[0]]
            client.book.receivers.append(witness)
            book.receivers.append(client)
            self._servers[serves] = witness

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

    def pushed(self, message: Mapping[str, Any]) -> None:
        """The server says this on every connection of a client."""
        self._pushed.add(canonical(message))

    # Inputs.

    def called(
        self,
        name: str,
        door: str,
        args: tuple[Any, ...],
        result: Any,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """A door was called, and returned."""
        witness = self.witnesses[name]
        if door == "send":
            message = args[0]
            body = getattr(message, "body", None)
            text = canonical(json.loads(json.dumps(message) if body is None else body))
            witness.book.sent(text)
            self._accepted(witness, result, text)
        elif door == "restore":
            text = canonical(json.loads(args[0].body))
            self._restored(witness, text, maybe_arrived=(kwargs or {}).get("maybe_arrived", False))
            self._accepted(witness, result, text)
            if (kwargs or {}).get("maybe_arrived"):
                witness.emitted[result] = 0
        elif door in ("receive_eof", "transport_failed"):
            witness.is_broken = True
        elif door == "set_on_connect":
            witness.book.own.update(canonical(message) for message in args[0])
        elif door == "handle" and isinstance(args[0], UploadRefused):
            witness.is_refused = True

    def _accepted(self, witness: Witness, send_id: SendId, text: str) -> None:
        if send_id in witness.sent:
            raise InvariantBroken(f"{witness.name}: the send id {send_id} was given twice")
        witness.sent[send_id] = text
        witness.largest = max(witness.largest, 6 * len(text))

    def _restored(self, witness: Witness, text: str, *, maybe_arrived: bool) -> None:
        """A message of an earlier life is taken up: it was accepted there, and has no outcome."""
        found = [
            # Of equal messages the one that it can be: with no outcome, and emitted or not.
            (outcome is not None, (send_id in earlier.emitted) is not maybe_arrived, life, send_id)
            for life, earlier in enumerate(witness.book.lives[: witness.life])
            for send_id, sent in earlier.sent.items()
            if sent == text
            and send_id not in earlier.moved
            and (outcome := earlier.outcomes.get(send_id)) in (None, Stage.FAILED)
        ]
        if not found:
            raise InvariantBroken(f"{witness.name}: taken up without need: {text[:200]}")
        has_failed, _, life, send_id = min(found)
        earlier = witness.book.lives[life]
        if send_id in earlier.emitted and not maybe_arrived and not has_failed:
            raise InvariantBroken(f"{witness.name}: taken up as not sent, and it was: {text[:200]}")
        earlier.moved.add(send_id)
        witness.book.failed.discard(text)

    def died(
        self,
        name: str,
        unaccepted: Iterable[int] = (),
        unsent: Iterable[int] = (),
        untold: Iterable[int] = (),
    ) -> None:
        """The process of a client is dead, in the midst of a turn perhaps: these sends were not
        kept, these not carried out, and of these nobody learned the outcome."""
        witness = self.witnesses[name]
        witness.is_dead = witness.is_broken = True
        for send_id in unaccepted:
            witness.moved.add(SendId(send_id))
        for send_id in unsent:
            witness.emitted.pop(SendId(send_id), None)
        for send_id in untold:
            witness.outcomes.pop(SendId(send_id), None)
            witness.book.failed.discard(witness.sent[SendId(send_id)])

    def reported(self, name: str, count: int, transport: int) -> None:
        """``data_sent``: so many writes are done."""
        judge_reported(self.witnesses[name], count, transport)

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
            case SendText():
                judge_text(witness, action)
            case SendBytes():
                judge_bytes(witness, action)
            case AbortTransport(transport=transport) | CloseTransport(transport=transport):
                witness.over.add(transport)
                witness.is_broken = True
            case ReportSend():
                self._outcome(witness, action)
            case DeliverMessage():
                sender = self._sender_of(witness, action.transport)
                judge_delivery(witness, sender, action, self._foreign, self._pushed)
            case ReportGap():
                witness.gaps += 1
            case _:
                pass

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
        if stage is Stage.UNKNOWN and witness.config.resend_unknown and _is_lost(action):
            raise InvariantBroken(f"{name}: {send_id} is in doubt, and not sent again")
        witness.outcomes[send_id] = stage
        text, book = witness.sent[send_id], witness.book
        if stage is not Stage.FAILED or text in book.repeated:
            return
        book.failed.add(text)
        if text in book.places:
            raise InvariantBroken(f"{name}: {send_id} arrived, and is called FAILED")

    def _sender_of(self, witness: Witness, transport: int) -> Witness | None:
        """Who is at the other end of this connection."""
        if witness.serves is not None:
            return self.witnesses[witness.serves[0]]
        return self._servers.get((witness.name, transport))

    # Turns and the end.

    def turned(self, name: str, now: float, due: float | None, stats: SessionStats | None) -> None:
        """A machine has had an input, and its actions are drained; ``due`` is its next time-out, in
        seconds on the world's clock."""
        if due is not None and due <= now:
            raise InvariantBroken(f"{name}: at {now} the next timeout is {due}")
        if stats is None:
            return
        witness = self.witnesses[name]
        config = witness.config
        caps = (
            ("outbox_messages", stats.outbox_messages, config.max_outbox_messages, True),
            # The first message is admitted whatever its size.
            ("outbox_bytes", stats.outbox_bytes, config.max_outbox_bytes + witness.largest, True),
            # What is read goes on until the reader looks: one input, and one running download each.
            (
                "held_bytes",
                stats.held_bytes,
                config.max_held + config.max_download_size + config.max_message_size,
                False,
            ),
            ("pending_uploads", stats.pending_uploads, config.max_outbox_messages + 1_000, True),
        )
        for figure, value, cap, is_of_outbox in caps:
            # What an earlier process had accepted is taken up whatever its size.
            is_over = value > cap and not (is_of_outbox and witness.life)
            if value < 0 or is_over:
                raise InvariantBroken(f"{name}: {figure} is {value}; the limit is {cap}")

    def at_rest(self) -> None:
        """Everything has come to rest: every send has its outcome, what arrived was delivered."""
        for witness in self.witnesses.values():
            self._check_outcomes(witness)
            receivers = witness.book.receivers
            if any(
                receiver.is_dead or self._has_closed(witness, receiver) for receiver in receivers
            ):
                # Who has closed a connection takes nothing more from it.
                continue
            # What is only sent may be lost when something breaks.
            proof = {Stage.CONFIRMED} if witness.is_broken else {Stage.CONFIRMED, Stage.SENT}
            confirmed = Counter(
                witness.sent[send_id]
                for send_id, stage in witness.outcomes.items()
                if stage in proof
            )
            # What was sent twice, or by somebody else too, is not told apart where it arrives.
            equal = witness.book.repeated | self._foreign
            for text in [*confirmed]:
                if text in equal or is_for_the_session(text):
                    del confirmed[text]
            missing = [text for text in confirmed if text not in witness.book.places]
            if len(missing) > sum(w.gaps for w in receivers):
                raise InvariantBroken(
                    f"{witness.name}: confirmed and not delivered: {missing[0][:200]}"
                )

    def _check_outcomes(self, witness: Witness) -> None:
        for send_id, text in witness.sent.items():
            if send_id in witness.outcomes or send_id in witness.moved:
                continue
            if not witness.is_dead:
                raise InvariantBroken(f"{witness.name}: {send_id} has no outcome at rest")
            # A login is for one connection, and not kept.
            if witness.is_kept and json.loads(text)["type"] != "login":
                raise InvariantBroken(f"{witness.name}: {send_id} was lost in the restart")

    def _has_closed(self, sender: Witness, receiver: Witness) -> bool:
        place = 1 if sender.serves is None else sender.serves[1]
        return place in receiver.over
