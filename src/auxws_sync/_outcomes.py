"""The accepted messages that have no outcome yet, and what of theirs the machine reports.

It knows entries, stages, and who waits for outcomes. It must not know how a message comes to the
machine, nor other reports. The desk's lock is held for every call, but for `arrived`, which is the
pump's thread's alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from auxws_proto import AuxError, Progress, ReportProgress, SendId, Stage

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
                entry.number(send_id)

    def settle(
        self, ids: Iterable[SendId], stage: Stage, error: AuxError | None = None, *, is_final: bool
    ) -> None:
        """Sends came to a stage."""
        find = self._open.pop if is_final else self._open.get
        for send_id in ids:
            entry = find(send_id, None)
            if entry is not None:
                entry.advance(stage, error, is_final=is_final)
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
        self.settle(list(self._open), Stage.UNKNOWN, error, is_final=True)
