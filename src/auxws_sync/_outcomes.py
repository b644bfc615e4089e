"""The accepted messages that have no outcome yet, and what of theirs the machine reports.

It knows entries, stages, and who waits for outcomes. It must not know how a message comes to the
machine, nor other reports. The desk's lock is held for every call, but for `arrived`, which is the
pump's thread's alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from auxws_proto import AuxError, Progress, ReportProgress, SendId, Stage
from auxws_proto._runs import ReportRun

from ._receipt import Entry


class Outcomes:
    """What is known of sends that go on. `settled` ones are forgotten here."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        """Notified when a send comes to its outcome."""
        self._open: dict[SendId, Entry] = {}
        self._arrived: list[tuple[Entry, SendId]] = []
        self._has_outcome = False

    def __len__(self) -> int:
        return len(self._open) + len(self._arrived)

    def __iter__(self) -> Iterator[Entry]:
        yield from self._open.values()
        for entry, _ in list(self._arrived):
            yield entry

    @property
    def has_news(self) -> bool:
        """Whether the machine has taken messages that `take_arrived` has not seen."""
        return bool(self._arrived)

    def arrived(self, taken: list[tuple[Entry, SendId]]) -> None:
        """The machine has taken posted messages; they count from the next `take_arrived` on."""
        self._arrived += taken

    def accept(self, entry: Entry, send_id: SendId) -> None:
        """The machine has taken this one."""
        self._arrived.append((entry, send_id))
        self.take_arrived()

    def take_arrived(self) -> None:
        """Take up what `arrived`, all at once: before anything that is reported of it."""
        if self._arrived:
            arrived, self._arrived = self._arrived, []
            taken = self._open
            for entry, send_id in arrived:
                taken[send_id] = entry
                entry.send_id = send_id
                if entry.changed is not None:
                    entry.changed.notify_all()

    def settle(
        self, send_id: SendId, stage: Stage, error: AuxError | None, *, is_final: bool
    ) -> None:
        """A send came to a stage."""
        entry = self._open.get(send_id)
        if entry is not None:
            entry.advance(stage, error, is_final=is_final)
            if is_final:
                del self._open[send_id]
                self._has_outcome = True

    def settle_run(self, run: ReportRun) -> None:
        """Several came to the same stage, none with an error."""
        stage, is_final = run.stage, run.final
        find = self._open.pop if is_final else self._open.get
        for send_id in run.ids:
            entry = find(send_id, None)
            if entry is not None:
                entry.stage = stage
                entry.is_final = is_final
                if entry.changed is not None:
                    entry.changed.notify_all()
        self._has_outcome |= is_final

    def progress(self, report: ReportProgress) -> None:
        """A large message is so far."""
        entry = None if report.send_id is None else self._open.get(report.send_id)
        if entry is not None:
            entry.progress = Progress(done=report.done, total=report.total)

    def tell(self) -> None:
        """Wake who waits for outcomes, if there were any since the last call."""
        if self._has_outcome:
            self._has_outcome = False
            self._changed.notify_all()

    def finish(self, error: AuxError) -> None:
        """Nothing more is reported: nobody knows what became of those that are left."""
        self.take_arrived()
        for send_id in list(self._open):
            self.settle(send_id, Stage.UNKNOWN, error, is_final=True)
