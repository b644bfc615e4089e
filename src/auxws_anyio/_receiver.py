"""Giving out messages: subscriptions, and the iteration over everything.

It knows mailboxes and when the machine must hear that something was taken. It must not know what is
in a message.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from auxws_proto._router import MessageBox

from ._engine import Engine
from ._subscription import Subscription

Message: TypeAlias = dict[str, Any]

_UNTOLD = 65_536
"""What was taken is told the machine whenever it is drained, and for its own sake only when the
reading waits for it, or from so many bytes on."""

_ROW = 127
"""Messages that are put at hand behind one that is taken, while the wire is read."""


class Receiver:
    """The way out of the mailboxes of one engine."""

    __slots__ = ("_engine", "_everything", "_router")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._router = engine.desk.router
        self._everything: Subscription[Message] | None = None

    def everything(self) -> Subscription[Message]:
        """The one subscription to every message, which lasts to the end of the client."""
        if self._everything is None:
            self._everything = self.subscribe(MessageBox())
        return self._everything

    def subscribe(self, box: MessageBox) -> Subscription[Message]:
        """A subscription, which begins when it is entered or iterated over."""

        engine, router = self._engine, self._router

        def take() -> Message | None:
            # Whoever waits for a message looks in vain first.
            message = router.take(box) if box.size or box.is_finished else None
            if message is None and router.freed >= _UNTOLD:
                engine.dispatch()
                # That may have brought more, while nobody was waiting to be woken.
                message = router.take(box)
            if message is None:
                return None
            if not engine.is_reading:
                engine.taken()
            elif box.size:
                router.reach(box, _ROW)
            return message

        def opened() -> None:
            self._router.open(box)
            # It may have got what has waited for it.
            self._engine.dispatch(is_news=True)

        return Subscription(
            box,
            take,
            at_hand=box.at_hand,
            on_open=opened,
            on_close=lambda: self._close(box),
        )

    def _close(self, box: MessageBox) -> None:
        self._router.close(box)
        self._engine.dispatch()
