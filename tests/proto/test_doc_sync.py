"""What goes between a document and a branch, with sets of letters for documents."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Self

import pytest

from auxws_proto import (
    AuxError,
    ConnectionFailed,
    CorruptUpdate,
    DocumentFault,
    InstUpdates,
    NotSynced,
    UpdatesRefused,
)
from auxws_proto._doc_sync import MAX_BATCH, MAX_PENDING, DocSync
from auxws_proto._replica import Replica

KEY = (None, "lobby", "shared")
FULL = UpdatesRefused("max_size_reached", 10, 11)


class Letters:
    """A replica that is a set of letters. ``!`` is no update, and ``*`` breaks it."""

    def __init__(self, letters: bytes = b"") -> None:
        self.letters = set(letters)
        self.changed: Callable[[bytes], None] | None = None
        self.is_broken = False
        self.is_unwilling = False
        """Whether it refuses even what is an update."""
        self.made: list[Letters] = []

    def apply(self, updates: Iterable[bytes]) -> list[tuple[bytes, str]]:
        refused: list[tuple[bytes, str]] = []
        new: set[int] = set()
        for update in updates:
            if self.is_broken or b"*" in update:
                self.is_broken = True
                raise DocumentFault("broken")
            if b"!" in update or self.is_unwilling:
                refused.append((update, "bad"))
            else:
                new |= set(update) - {0} - self.letters
        self.add(bytes(new))
        return refused

    def add(self, letters: bytes) -> None:
        """A change of this replica."""
        self.letters |= set(letters)
        if letters and self.changed is not None:
            self.changed(bytes(sorted(letters)))

    def state(self) -> bytes:
        return bytes(self.letters)

    def missing(self, state: bytes | None = None) -> bytes:
        return bytes(sorted(self.letters - set(state or b""))) or b"\x00\x00"

    def watch(self, changed: Callable[[bytes], None]) -> None:
        self.changed = changed

    def unwatch(self) -> None:
        self.changed = None

    def fresh(self) -> Self:
        replica = type(self)()
        self.made.append(replica)
        return replica

    def merge(self, updates: Sequence[bytes]) -> bytes:
        return b"".join(updates)


class Bench:
    """A document and its `DocSync`, with everything that is told."""

    def __init__(self, letters: bytes = b"") -> None:
        self.doc = Letters(letters)
        self.errors: list[AuxError] = []
        self.wakes = 0
        self.sync = DocSync(self.doc, KEY, report=self.errors.append, wake=self.wake)
        self.sync.start()

    def wake(self) -> None:
        self.wakes += 1

    def came(self, *updates: bytes, is_initial: bool = False) -> None:
        texts = tuple(b64encode(update).decode() for update in updates)
        self.sync.came(InstUpdates(updates=texts, is_initial=is_initial))

    def text(self) -> str:
        return bytes(sorted(self.doc.letters)).decode()

    def mirror(self) -> Letters:
        return self.doc.made[-1]


def base64(update: bytes) -> str:
    return b64encode(update).decode()


def joined(letters: bytes = b"") -> Bench:
    """A document whose branch was empty."""
    bench = Bench(letters)
    bench.came(is_initial=True)
    return bench


def test_a_replica_of_letters_is_one() -> None:
    replica: Replica = Letters()

    assert replica.missing() == b"\x00\x00"


# In step.


def test_what_comes_goes_into_the_document_and_not_back() -> None:
    bench = joined()

    bench.came(b"a", b"b")

    assert (bench.text(), bench.sync.take(), bench.sync.is_synced) == ("ab", None, True)


def test_a_change_goes_out_once() -> None:
    bench = joined()

    bench.doc.add(b"a")
    was_synced = bench.sync.is_synced
    updates = [bench.sync.take(), bench.sync.take()]
    bench.sync.settled()

    assert (was_synced, bench.sync.is_synced) == (False, True)
    assert updates == [base64(b"a"), None]


def test_what_is_changed_meanwhile_is_merged() -> None:
    bench = joined()

    bench.doc.add(b"a")
    first = bench.sync.take()
    bench.doc.add(b"b")
    bench.doc.add(b"c")
    bench.sync.settled()

    assert [first, bench.sync.take()] == [base64(b"a"), base64(b"bc")]


def test_both_sides_have_contents_at_first() -> None:
    bench = Bench(b"ab")

    bench.doc.add(b"c")
    before = bench.sync.take(), bench.sync.is_synced
    bench.came(b"b", b"x", is_initial=True)

    assert before == (None, False)
    assert (bench.text(), bench.sync.take()) == ("abcx", base64(b"ac"))


def test_an_observer_that_changes_the_document_when_something_comes() -> None:
    bench = joined()
    changed = bench.doc.changed
    assert changed is not None

    def observe(update: bytes) -> None:
        changed(update)
        if b"z" not in update:
            bench.doc.add(b"z")

    bench.doc.changed = observe
    bench.came(b"a")

    assert (bench.text(), bench.sync.take()) == ("az", base64(b"z"))


def test_a_batch_is_bounded() -> None:
    bench = joined()
    bench.doc.add(b"a")
    bench.sync.take()
    mirror = bench.mirror()
    assert mirror.changed is not None
    for letter in b"bcd":
        mirror.changed(bytes([letter]) * (MAX_BATCH // 2))
    bench.doc.add(b"e")
    bench.sync.settled()

    sizes = list[int]()
    while (text := bench.sync.take()) is not None:
        sizes.append(len(text) * 3 // 4)
        bench.sync.settled()

    assert [size // (MAX_BATCH // 2) for size in sizes] == [2, 1]


def test_a_long_time_offline_stays_small() -> None:
    bench = joined()
    bench.doc.add(b"a")
    bench.sync.take()
    mirror = bench.mirror()
    assert mirror.changed is not None
    for number in range(MAX_PENDING + 1):
        mirror.changed(bytes([1 + number % 200]))
    bench.doc.add(b"\xff")
    merged = bench.sync._pending  # pyright: ignore[reportPrivateUsage]

    assert [len(update) for update in merged] == [MAX_PENDING + 2]


# What was refused.


def test_what_was_refused_goes_with_the_next_change() -> None:
    bench = joined()

    bench.doc.add(b"a")
    bench.sync.take()
    bench.sync.settled(FULL)
    waiting = bench.sync.take(), bench.sync.error, bench.sync.is_synced
    bench.doc.add(b"b")

    assert waiting == (None, FULL, False)
    assert (bench.sync.take(), bench.sync.error) == (base64(b"ab"), None)


def test_what_was_refused_can_be_tried_again() -> None:
    bench = joined()
    bench.doc.add(b"a")
    bench.sync.take()
    bench.sync.settled(FULL)

    bench.sync.retry()

    assert (bench.sync.error, bench.sync.take()) == (None, base64(b"a"))


def test_after_the_end_nothing_goes_out() -> None:
    bench = joined()
    over = ConnectionFailed("closed")

    bench.sync.end(over)
    bench.doc.add(b"a")

    assert (bench.sync.take(), bench.sync.error, bench.sync.is_over) == (None, over, True)


# Leaving.


def test_leaving_in_step() -> None:
    bench = joined()
    bench.came(b"a")

    assert (bench.sync.stop(), bench.doc.changed) == (None, None)


def test_leaving_gives_what_is_not_acknowledged() -> None:
    bench = joined()
    bench.doc.add(b"a")
    bench.sync.take()
    bench.doc.add(b"b")

    assert bench.sync.stop() == base64(b"ab")


def test_leaving_gives_what_waits() -> None:
    bench = joined()
    bench.doc.add(b"a")

    assert bench.sync.stop() == base64(b"a")


def test_leaving_before_the_initial_state() -> None:
    empty, full = Bench(), Bench(b"a")

    assert empty.sync.stop() is None
    with pytest.raises(NotSynced, match="has not come"):
        full.sync.stop()


# What is bad.


def test_what_is_no_base64() -> None:
    bench = joined()

    bench.sync.came(InstUpdates(updates=(base64(b"a"), "%", base64(b"b"))))

    (error,) = bench.errors
    assert isinstance(error, CorruptUpdate)
    assert (error.update, error.key, bench.text()) == ("%", KEY, "ab")
    assert "an update of 1 characters in branch 'shared' of inst 'lobby'" in str(error)


def test_what_is_no_update() -> None:
    bench = joined()

    bench.came(b"a", b"!", b"b")
    bench.doc.add(b"c")

    (error,) = bench.errors
    assert isinstance(error, CorruptUpdate)
    assert (error.update, error.reason) == (base64(b"!"), "bad")
    assert (bench.text(), bench.sync.take()) == ("abc", base64(b"c"))


@pytest.mark.parametrize("is_initial", [True, False])
def test_what_breaks_a_replica_does_not_reach_the_document(is_initial: bool) -> None:
    bench = Bench(b"x")
    if not is_initial:
        bench.came(is_initial=True)

    bench.came(b"a", b"*", b"b", b"*c", is_initial=is_initial)
    bench.doc.add(b"d")

    assert [type(error) for error in bench.errors] == [CorruptUpdate, CorruptUpdate]
    assert not bench.doc.is_broken
    assert (bench.text(), bench.sync.take()) == ("abdx", base64(b"xd"))
    bench.came(b"e")
    bench.sync.settled()
    assert (bench.text(), bench.sync.is_synced) == ("abdex", True)


def test_changes_while_the_mirror_is_broken_go_out() -> None:
    bench = joined()
    bench.came(b"*")

    bench.doc.add(b"a")
    bench.came(b"b")
    bench.doc.add(b"c")

    assert (bench.text(), bench.sync.take()) == ("abc", base64(b"ac"))
    assert bench.mirror().letters == set(b"abc")


def test_a_change_that_breaks_the_mirror_goes_out() -> None:
    bench = joined()
    bench.mirror().is_broken = True

    bench.doc.add(b"a")

    assert (bench.sync.take(), bench.errors) == (base64(b"a"), [])


def test_a_document_that_breaks_every_replica() -> None:
    bench = joined()
    bench.doc.add(b"*")

    with pytest.raises(DocumentFault):
        bench.sync._mend_mirror()  # pyright: ignore[reportPrivateUsage]

    assert bench.sync.take() == base64(b"*")


def test_a_document_that_raises_is_told() -> None:
    bench = joined()
    bench.doc.is_broken = True

    bench.came(b"a")
    bench.doc.add(b"b")

    assert [type(error) for error in bench.errors] == [DocumentFault]
    assert bench.sync.take() == base64(b"b")


def test_a_document_that_does_not_take_it_is_told() -> None:
    bench = joined()
    bench.doc.is_unwilling = True

    bench.came(b"a")

    assert [str(error) for error in bench.errors] == ["1 bytes were not applied: bad"]
