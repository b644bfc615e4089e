"""`DialogueWebSocket`: a client's `AuxWebSocket` with its dialogues above it.

It knows which actions the dialogues must see. It must not know a dialogue. Drivers run it as they
would run the machine below; whoever embeds the core may use either.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast

from ._actions import (
    Action,
    DeliverMessage,
    ReportError,
    ReportGap,
    ReportSend,
    ReportState,
)
from ._aux_websocket import AuxWebSocket
from ._config import Config
from ._constants import Role, SendId
from ._dialogues import Dialogues, Report
from ._errors import AuxError
from ._inst_shapes import InstConfig
from ._runs import ActionRun

_REPORTS: Final = frozenset({DeliverMessage, ReportSend, ReportState, ReportError, ReportGap})


def _nothing(_send_id: SendId) -> None:
    """Nobody keeps account of what the dialogues send."""


class DialogueWebSocket(AuxWebSocket):
    """An `AuxWebSocket` in the client's role, with `dialogues`. See there for the parameters.

    Calls of `dialogues` take the time and may send: drain `actions()` after each. ``lock`` is held
    while they are told something, for whoever looks at them from another thread.
    """

    def __init__(
        self,
        config: Config | None = None,
        url: str | None = None,
        subprotocol: str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        on_connect: Iterable[Mapping[str, Any]] = (),
        insts: InstConfig | None = None,
        lock: contextlib.AbstractContextManager[object] | None = None,
    ) -> None:
        greeting = tuple(on_connect)
        super().__init__(Role.CLIENT, config, url, subprotocol, headers, on_connect=greeting)
        self.on_sent: Callable[[SendId], None] = _nothing
        """Called for each message that a dialogue has sent of its own accord."""
        self.dialogues = Dialogues(
            self._send,
            self.set_on_connect,
            on_connect=greeting,
            report_problem=self._report_problem,
            config=insts,
        )
        self._lock = lock if lock is not None else contextlib.nullcontext()

    @property
    def is_full(self) -> bool:
        """Whether the application has enough to read of its dialogues: see `pause_reading`."""
        with self._lock:
            return self.dialogues.is_full

    def actions(self) -> Iterator[Action]:
        """Drain the FIFO. Verbs called meanwhile append to the same queue."""
        for action in super().actions():
            kind = action.__class__
            if kind in _REPORTS and (kind is ReportState or not self.dialogues.is_idle):
                with self._lock:
                    used = self.dialogues.handle(cast("Report", action), self.session.now)
                if used and isinstance(action, DeliverMessage):
                    yield dataclasses.replace(action, used=True)
                    continue
            yield action

    def runs(self) -> Iterator[Action | ActionRun]:
        """The same for what takes many at once: like ones in a row come as one `ActionRun`."""
        if self.dialogues.is_idle:
            for item in super().runs():
                if item.__class__ is ReportState:
                    with self._lock:
                        self.dialogues.handle(cast("Report", item), self.session.now)
                yield item
                if not self.dialogues.is_idle:
                    break
            else:
                return
        yield from self.actions()

    def next_timeout(self) -> float | None:
        """When to call ``handle_timeout``, on the clock of ``now``; None: no need."""
        below, above = super().next_timeout(), self.dialogues.next_timeout()
        if below is None or above is None:
            return above if below is None else below
        return min(below, above)

    def handle_timeout(self, now: float) -> None:
        """Do what is due. Free when nothing is."""
        super().handle_timeout(now)
        with self._lock:
            self.dialogues.handle_timeout(now)

    def finish_dialogues(self, error: AuxError | None) -> None:
        """Nothing more comes: whoever runs the machine has ended, or failed with ``error``."""
        with self._lock:
            self.dialogues.finish(error)

    def _send(self, message: Mapping[str, Any], now: float) -> SendId:
        send_id = self.send(message, now)
        self.on_sent(send_id)
        return send_id

    def _report_problem(self, error: AuxError) -> None:
        self._queue.append(ReportError(error=error))
