"""Documents of pycrdt as replicas."""

from __future__ import annotations

import importlib
import sys
from contextlib import AbstractContextManager
from typing import Any

import pytest
from pycrdt import Doc, Text

from auxws_proto import AuxError, DocumentFault, ExtraMissing
from auxws_proto._replica import NO_UPDATE, Replica
from auxws_proto._yjs import YReplica

HELLO = bytes.fromhex("01010100040101740568656c6c6f00")
PANIC = bytes.fromhex("0101010584010400017800")
"""pycrdt panics at this where there is `HELLO`."""


def replica(*updates: bytes) -> YReplica:
    doc = Doc[Any]()
    for update in updates:
        doc.apply_update(update)
    return YReplica(doc)


def test_it_is_a_replica() -> None:
    one: Replica = replica()

    assert one.missing() == NO_UPDATE


def test_updates_are_applied_in_one_transaction_and_told() -> None:
    one, seen = replica(), list[bytes]()
    one.watch(seen.append)

    refused = one.apply([HELLO, b"bad", b""])
    again = one.apply([HELLO])
    one.unwatch()
    one.unwatch()
    one.apply([Doc[Any]({"t": Text("x")}).get_update()])

    assert [update for update, _ in refused] == [b"bad", b""]
    assert "Cannot decode update" in refused[0][1]
    assert (seen, again) == ([HELLO], [])


def test_what_another_lacks() -> None:
    one, two = replica(HELLO), replica()

    missing = one.missing(two.state())

    assert missing == HELLO
    assert one.missing(one.state()) == NO_UPDATE


def test_updates_are_merged() -> None:
    doc, updates = Doc[Any](), list[bytes]()
    YReplica(doc).watch(updates.append)
    text = doc.get("t", type=Text)
    text += "a"
    text += "b"

    merged = replica().merge(updates)

    copy = replica()
    copy.apply([merged])
    assert len(updates) == 2
    assert copy.missing() == doc.get_update()


def test_a_fresh_one_is_empty() -> None:
    assert replica(HELLO).fresh().missing() == NO_UPDATE


def test_a_panic_is_a_fault() -> None:
    with pytest.raises(DocumentFault, match="Panic") as caught:
        replica(HELLO).apply([PANIC])

    assert isinstance(caught.value, AuxError)


def test_an_observer_that_raises_is_a_fault() -> None:
    doc = Doc[Any]()

    def fail(_event: object) -> None:
        raise ZeroDivisionError("oh")

    doc.observe(fail)

    with pytest.raises(DocumentFault, match="ZeroDivisionError: oh"):
        YReplica(doc).apply([HELLO])
    assert str(doc.get("t", type=Text)) == "hello"


def test_an_interruption_is_none() -> None:
    class Interrupted(Doc[Any]):
        def apply_update(self, update: bytes) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        YReplica(Interrupted()).apply([HELLO])


def test_the_lock_is_held_whenever_the_document_is_touched() -> None:
    locked = list[str]()

    class Lock(AbstractContextManager[object]):
        def __enter__(self) -> None:
            locked.append("locked")

        def __exit__(self, *exc: object) -> None:
            locked.append("open")

    one = YReplica(Doc[Any](), Lock())
    one.watch(lambda update: locked.append("changed"))
    one.apply([HELLO])
    one.missing(one.state())
    one.unwatch()

    once = ["locked", "open"]
    assert locked == [*once, "locked", "changed", "open", *once, *once, *once]


def test_watching_begins_outside_transactions() -> None:
    doc = Doc[Any]()

    with doc.transaction(), pytest.raises(DocumentFault, match="Panic"):
        YReplica(doc).watch(list[bytes]().append)


def test_without_pycrdt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycrdt", None)
    monkeypatch.delitem(sys.modules, "auxws_proto._yjs")

    with pytest.raises(ExtraMissing, match=r"pycrdt is not installed.*auxws\[yjs\]") as caught:
        importlib.import_module("auxws_proto._yjs")

    assert isinstance(caught.value, ImportError)
    assert (caught.value.package, caught.value.extra) == ("pycrdt", "yjs")
