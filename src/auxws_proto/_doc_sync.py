"""`DocSync`: a replicated document kept in step with a branch of an inst.

It knows updates as bytes, which of them the branch has, and what is under way. It must not know
Yjs, which is behind `Replica`, nor who waits: drivers do what `take` says, and wake whoever does.

Strategy: a second replica, the mirror, has what the branch has or will have once what is under way
has arrived. Whatever comes from the branch goes through the mirror into the document, and whatever
changes in the document goes through the mirror out: what is not new there is an echo, and goes
nowhere. So no change has to be recognised by where it was made, which in one transaction of two
threads nobody could say. An update that breaks a replica breaks the mirror, which is made anew, and
never reaches the document.

One update is under way at a time, and what is changed meanwhile is merged into the next. The branch
gets one update for each round trip instead of one for each keystroke, and after a partition one for
all of it.
"""

from __future__ import annotations

import contextlib
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from ._errors import AuxError
from ._inst_shapes import BranchKey, InstUpdates
from ._replica import NO_UPDATE, CorruptUpdate, DocumentFault, NotSynced, Replica

MAX_BATCH: Final = 1024 * 1024
"""What is merged into one update, in bytes. A single change that is larger goes alone."""

MAX_PENDING: Final = 1_000
"""Changes that wait singly; more are merged, so that a long time offline stays small."""


class DocSync:
    """A document and a branch.

    ``report`` is told what went wrong, and ``wake`` called whenever a window may show something
    else; ``lock`` is held then, for drivers with threads, and never while the document is touched,
    whose own lock comes first. `start` begins; after `stop` the document is left alone.
    """

    def __init__(
        self,
        doc: Replica,
        key: BranchKey,
        *,
        report: Callable[[AuxError], None],
        wake: Callable[[], None],
        lock: contextlib.AbstractContextManager[object] | None = None,
    ) -> None:
        self._doc = doc
        self._key = key
        self._report = report
        self._wake = wake
        self._lock = lock if lock is not None else contextlib.nullcontext()
        self._new: list[bytes] = []
        """What the mirror has just learned."""
        self._mirror = self._fresh_mirror()
        self._is_broken = False
        """Whether nothing is known of the mirror any more."""
        self._unmirrored: list[bytes] = []
        """Changes that were made while it was broken."""
        self._has_initial = False
        self._initial: list[bytes] = []
        """What has come of the branch while nothing is known of what it lacks."""
        self._pending: deque[bytes] = deque()
        self._under_way: bytes | None = None
        self._failure: AuxError | None = None
        self._end: AuxError | None = None

    # Windows.

    @property
    def is_synced(self) -> bool:
        """Whether the document has what the branch has, and the branch all of the document."""
        return self._has_initial and not self._pending and self._under_way is None

    @property
    def error(self) -> AuxError | None:
        """Why it cannot get in step, as far as is known."""
        return self._end or self._failure

    @property
    def is_over(self) -> bool:
        """Whether `end` was called."""
        return self._end is not None

    # The document.

    def start(self) -> None:
        """Begin to look at the document."""
        self._doc.watch(self._changed)

    def stop(self) -> str | None:
        """Look no longer; returns an update, in base64, with what the branch may not have.

        None: there is nothing that it lacks. Raises `NotSynced` if that is not known, because its
        initial state has not come.
        """
        self._doc.unwatch()
        if not self._has_initial and self._doc.missing() != NO_UPDATE:
            error = NotSynced("the state of the branch has not come, so nothing was sent to it")
            raise error from self.error
        with self._lock:
            rest = [*([self._under_way] if self._under_way is not None else []), *self._pending]
        return self._written(rest) if rest else None

    def _changed(self, update: bytes) -> None:
        """The document has changed, here or by what came."""
        with self._lock:
            # What is changed before the initial state has come is found when it comes.
            if self._has_initial:
                self._take_in(update)

    def _take_in(self, update: bytes) -> None:
        if not self._is_broken:
            try:
                self._mirror.apply([update])
            except DocumentFault:
                self._is_broken = True
        if self._is_broken:
            self._unmirrored.append(update)
            self._new[:] = [update]
        if self._new:
            self._pending += self._new
            self._new.clear()
            if len(self._pending) > MAX_PENDING:
                self._pending = deque([self._doc.merge(list(self._pending))])
            self._failure = None
            self._wake()

    # The branch.

    def came(self, batch: InstUpdates) -> None:
        """What the branch has, the initial state first.

        Raises `DocumentFault` if not even what the document holds can be applied to another.
        """
        texts = dict[bytes, str]()
        for text in batch.updates:
            try:
                texts[b64decode(text, validate=True)] = text
            except ValueError as error:
                self._report(CorruptUpdate(self._key, text, f"it is no base64: {error}"))
        updates = list(texts)
        try:
            refused = self._pass_on(updates)
        except DocumentFault:
            refused = self._pass_on_singly(updates)
        for update, reason in refused:
            self._report(CorruptUpdate(self._key, texts[update], reason))
        if not self._has_initial:
            self._compare()

    def _pass_on(self, updates: list[bytes]) -> list[tuple[bytes, str]]:
        """To the mirror, and what passed, to the document; returns what did not."""
        self._mend_mirror()
        with self._lock:
            try:
                refused = self._mirror.apply(updates)
            except DocumentFault:
                self._is_broken = True
                raise
            finally:
                # The branch has it already.
                self._new.clear()
        bad = {update for update, _ in refused}
        good = [update for update in updates if update not in bad]
        if not self._has_initial:
            self._initial += good
        try:
            for update, reason in self._doc.apply(good):
                self._report(DocumentFault(f"{len(update):,} bytes were not applied: {reason}"))
        except DocumentFault as fault:
            self._report(fault)
        return refused

    def _pass_on_singly(self, updates: list[bytes]) -> list[tuple[bytes, str]]:
        refused: list[tuple[bytes, str]] = []
        for update in updates:
            try:
                refused += self._pass_on([update])
            except DocumentFault as fault:
                refused.append((update, str(fault)))
        return refused

    def _compare(self) -> None:
        """The initial state is there: what does the document have that the branch has not?"""
        self._mend_mirror()
        with self._lock:
            # From here on each change is seen as it is made; one that is built on what is found
            # below waits for it in the mirror.
            self._has_initial = True
            self._initial.clear()
            state = self._mirror.state()
        missing = self._doc.missing(state)
        with self._lock:
            if missing != NO_UPDATE:
                self._take_in(missing)
            self._wake()

    # What goes out.

    def take(self) -> str | None:
        """The next update to add to the branch, in base64; then call `settled`. None: wait."""
        with self._lock:
            if self._under_way is not None or self._failure or self._end or not self._pending:
                return None
            batch = [self._pending.popleft()]
            size = len(batch[0])
            while self._pending and size + len(self._pending[0]) <= MAX_BATCH:
                size += len(self._pending[0])
                batch.append(self._pending.popleft())
            self._under_way = batch[0] if len(batch) == 1 else self._doc.merge(batch)
            return self._written([self._under_way])

    def settled(self, error: AuxError | None = None) -> None:
        """The branch has what `take` gave, or will not have it because of ``error``.

        Then it waits, in its place, for the next change or for `retry`.
        """
        with self._lock:
            assert self._under_way is not None
            if error is not None:
                self._pending.appendleft(self._under_way)
                self._failure = error
            self._under_way = None
            self._wake()

    def retry(self) -> None:
        """Try again what has failed."""
        with self._lock:
            self._failure = None
            self._wake()

    def end(self, error: AuxError) -> None:
        """The branch has nothing more to say, because of ``error``."""
        with self._lock:
            self._end = error
            self._wake()

    # The mirror.

    def _fresh_mirror(self) -> Replica:
        mirror = self._doc.fresh()
        mirror.watch(self._new.append)
        return mirror

    def _mend_mirror(self) -> None:
        """Make it anew if it is broken.

        Of what the document has, for all of that is in the branch or on its way; but at first of
        what the branch alone has.
        """
        if self._is_broken:
            whole = [self._doc.missing()] if self._has_initial else self._initial
            with self._lock:
                self._mirror = self._fresh_mirror()
                self._mirror.apply([*whole, *self._unmirrored])
                self._is_broken = False
                self._unmirrored.clear()
                self._new.clear()

    def _written(self, updates: Sequence[bytes]) -> str:
        whole = updates[0] if len(updates) == 1 else self._doc.merge(updates)
        return b64encode(whole).decode("ascii")
