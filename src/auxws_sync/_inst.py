"""`Inst`: one branch of an inst, as applications see it.

It knows names, mailboxes and who waits. It must not know the dialogue with the server: that is
`auxws_proto._inst`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from auxws_proto import AuxError, OutboxFull
from auxws_proto._inst_shapes import DeviceChange, InstUpdates
from auxws_proto._mailbox import MAX_MAILBOX_BYTES, MAX_MAILBOX_MESSAGES, Mailbox
from auxws_proto._questions import (
    StoredUpdates,
    action_message,
    action_question,
    answer_message,
    count_question,
    updates_question,
)
from auxws_proto._requests import Answer
from auxws_proto.messages import ConnectionInfo, DeviceAction

from ._subscription import Source, Subscription
from ._waits import deadline_of

if TYPE_CHECKING:
    from ._talk import Talk

T = TypeVar("T")


class Devices(Subscription[DeviceChange]):
    """The devices that are connected to a branch, and what changes in it.

    ``with inst.devices() as devices:`` begins; ``for change in devices:`` gives each
    `DeviceJoined` and `DeviceLeft`, those that are there at the beginning first.
    """

    def __init__(self, inst: Inst, source: Source[DeviceChange], check: Callable[[], None]) -> None:
        super().__init__(source, check, inst)
        self._inst = inst

    @property
    def present(self) -> dict[str, ConnectionInfo]:
        """The devices that are connected now, by connection id."""
        return self._inst.present()


class Inst:
    """One branch of an inst. Objects for the same branch of one client speak of the same branch."""

    def __init__(self, talk: Talk, record_name: str | None, inst: str, branch: str) -> None:
        self.record_name = record_name
        self.inst = inst
        self.branch = branch
        self._key = (record_name, inst, branch)
        self._talk = talk
        # A late result for a former life of this program is not taken for one of this.
        self._tasks = secrets.token_hex(4)

    def __repr__(self) -> str:
        return f"<Inst {self.record_name!r}, {self.inst!r}, {self.branch!r}>"

    def watch(
        self,
        *,
        temporary: bool = False,
        markers: Iterable[str] = (),
        max_messages: int = MAX_MAILBOX_MESSAGES,
        max_bytes: int = MAX_MAILBOX_BYTES,
    ) -> Subscription[InstUpdates]:
        """Updates of the branch, in order and each once, the initial state first.

        ``with inst.watch() as updates:`` begins; ``for batch in updates:`` gives `InstUpdates`.
        Reconnects are of no concern: what was missed comes, what was delivered does not come
        again, and one's own updates do not come. While it holds ``max_messages`` batches or
        ``max_bytes`` characters, reading stops, acknowledgements included. The iteration raises
        `WatchFailed` if the branch cannot be watched; entering raises `LocalProtocolError` if this
        client watches it already.
        """
        box: Mailbox[InstUpdates] = Mailbox(max_messages=max_messages, max_bytes=max_bytes)
        wanted = tuple(markers)
        dialogues = self._talk.dialogues
        source = self._talk.items(
            box,
            lambda now: dialogues.watch(self._key, box, now, temporary=temporary, markers=wanted),
            lambda now: dialogues.unwatch(self._key, box, now),
        )
        return Subscription(source, self._talk.engine.check, self)

    def devices(self) -> Devices:
        """The devices that are connected to the branch, and each that joins or leaves."""
        box: Mailbox[DeviceChange] = Mailbox()
        dialogues = self._talk.dialogues
        source = self._talk.items(
            box,
            lambda now: dialogues.watch_devices(self._key, box, now),
            lambda now: dialogues.unwatch_devices(self._key, box, now),
        )
        return Devices(self, source, self._talk.engine.check)

    def present(self) -> dict[str, ConnectionInfo]:
        """The devices that are connected now, by connection id, while `devices` is open."""
        with self._talk.lock:
            return self._talk.dialogues.devices(self._key)

    def actions(self) -> Subscription[DeviceAction]:
        """The actions that devices send to this one, while the branch is watched.

        Answers that `send_action` waits for are not among them, others are.
        """
        box: Mailbox[DeviceAction] = Mailbox()
        dialogues = self._talk.dialogues
        source = self._talk.items(
            box,
            lambda _now: dialogues.take_actions(self._key, box),
            lambda now: dialogues.leave_actions(self._key, box, now),
        )
        return Subscription(source, self._talk.engine.check, self)

    def add_updates(
        self, updates: Iterable[str], *, wait: bool = True, timeout: float | None = None
    ) -> None:
        """Add updates (base64) to the branch; returns once the server has stored them.

        They are sent again until that is acknowledged, across reconnects. With ``wait=False`` it
        returns as soon as they are accepted, and only a failure is told, by ``errors()``. Waits
        while too many are not acknowledged. Raises `UpdatesRefused` (``max_size_reached`` and the
        like), `UpdatesUnacknowledged` when repeating did not help, `SendFailed`, and `TimeoutError`
        after ``timeout`` seconds; then, as when it is interrupted, what was accepted goes on.
        """
        texts = [updates] if isinstance(updates, str) else list(updates)
        answer: Answer[None] = Answer()
        deadline = deadline_of(timeout)
        if not self._accept(texts, answer if wait else None, deadline) or (
            wait and not self._talk.wait_for(answer, deadline)
        ):
            raise TimeoutError(f"the updates were not acknowledged within {timeout:g} s")
        if wait:
            answer.get()

    def _accept(
        self, updates: list[str], answer: Answer[None] | None, deadline: float | None
    ) -> bool:
        """Hand them over as soon as there is room; false when time is up."""
        talk = self._talk
        while True:
            seen = talk.room.look()
            try:
                talk.call(lambda now: talk.dialogues.add_updates(self._key, updates, now, answer))
            except OutboxFull:
                if not talk.room.wait(seen, deadline):
                    return False
            else:
                return True

    def send_action(
        self,
        event: Any,
        *,
        connection_id: str | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
        broadcast: bool = False,
        reply: bool = True,
        timeout: float | None = None,
    ) -> Any:
        """Send an event to devices; returns the result that the first of them answers with.

        ``connection_id``, ``session_id``, ``user_id`` or ``broadcast`` says which. With
        ``reply=False`` no answer is asked for, and it returns once the message is accepted.
        Answers come only while this client watches the branch. Raises `ActionFailed` if the device
        answers with an error, otherwise as the other dialogues.
        """
        talk = self._talk
        task_id = f"{self._tasks}-{talk.dialogues.next_number()}" if reply else None
        message = action_message(
            self._key, event, connection_id=connection_id, session_id=session_id, user_id=user_id,
            broadcast=broadcast, task_id=task_id,
        )  # fmt: skip
        if reply:
            return talk.put(action_question(self._key, message), timeout)
        return talk.tell(message, timeout)

    def reply(
        self, action: DeviceAction, result: Any = None, *, timeout: float | None = None
    ) -> None:
        """Answer an action of a device with a result.

        Raises `LocalProtocolError` if the action wants no answer.
        """
        self._talk.tell(answer_message(self._key, action, result=result), timeout)

    def refuse(self, action: DeviceAction, error: Any, *, timeout: float | None = None) -> None:
        """Answer an action of a device with an error, which is any JSON."""
        self._talk.tell(answer_message(self._key, action, error=error), timeout)

    def get_updates(self, *, timeout: float | None = None) -> StoredUpdates:
        """All updates that are stored for the branch, without watching it."""
        return self._talk.put(updates_question(self._key), timeout)

    def connection_count(self, *, timeout: float | None = None) -> int:
        """How many connections to the branch there are."""
        return self._talk.put(count_question(*self._key), timeout)

    def report(self, error: AuxError) -> None:
        """Tell the client's ``errors()`` of a problem with this branch that nobody waits for.

        For what is built on insts. Told to nobody once the client has ended.
        """
        talk = self._talk
        talk.leave(lambda _now: talk.dialogues.report(error))
