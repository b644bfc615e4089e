"""Documents of pycrdt that meet in a branch, whatever the order of everything is."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from auxws_proto import AuxError, CorruptUpdate, InstUpdates, UpdatesUnacknowledged
from auxws_proto._doc_sync import DocSync
from auxws_proto._yjs import YReplica

JUNK = ["no base64", "AAE=", b64encode(bytes.fromhex("0101010584010400017800")).decode()]
"""The last is an update that makes pycrdt panic in some documents."""


class Device:
    """A document, and how much of the branch it has seen."""

    def __init__(self, branch: list[str]) -> None:
        self.branch = branch
        self.doc = Doc[Any]()
        self.text = self.doc.get("text", type=Text)
        self.errors: list[AuxError] = []
        self.seen: set[int] = set()
        self.position = 0
        self.under_way: str | None = None
        self.sync = DocSync(
            YReplica(self.doc), (None, "i", "b"), report=self.errors.append, wake=lambda: None
        )
        self.sync.start()

    def write(self, place: int, size: int) -> None:
        """Insert text, or with a negative size delete some."""
        at = place % (len(self.text) + 1)
        if size < 0:
            del self.text[at : min(at - size, len(self.text))]
        else:
            self.text.insert(at, chr(97 + size) * (size + 1))

    def hear(self, count: int) -> None:
        """The next updates of the branch, but for one's own."""
        new = range(self.position, min(self.position + count, len(self.branch)))
        texts = tuple(self.branch[number] for number in new if number not in self.seen)
        self.sync.came(InstUpdates(updates=texts))
        self.position = max(self.position, new.stop)

    def send(self, *, is_lost: bool) -> None:
        """What is due reaches the branch; a lost acknowledgement makes it come once more."""
        update = self.sync.take()
        if update is not None:
            self.seen.add(len(self.branch))
            self.branch.append(update)
            self.sync.settled(UpdatesUnacknowledged(1) if is_lost else None)
            self.sync.retry()


steps = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 1), st.integers(0, 30), st.integers(-3, 5)),
    st.tuples(st.just("hear"), st.integers(0, 1), st.integers(0, 4), st.just(0)),
    st.tuples(st.just("send"), st.integers(0, 1), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("junk"), st.integers(0, len(JUNK) - 1), st.just(0), st.just(0)),
)


@given(st.lists(steps, max_size=40))
def test_all_documents_end_with_the_same(plan: list[tuple[str, int, int, int]]) -> None:
    branch: list[str] = []
    devices = [Device(branch), Device(branch)]
    for step, which, number, size in plan:
        match step:
            case "write":
                devices[which].write(number, size)
            case "hear":
                devices[which].hear(number)
            case "send":
                devices[which].send(is_lost=number == 0)
            case _:
                branch.append(JUNK[which])
    for _ in range(2):
        for device in devices:
            device.hear(len(branch))
            while not device.sync.is_synced:
                device.send(is_lost=False)

    late = Device(branch)
    late.hear(len(branch))
    texts = {str(device.text) for device in (*devices, late)}

    assert len(texts) == 1
    assert all(isinstance(error, CorruptUpdate) for device in devices for error in device.errors)
