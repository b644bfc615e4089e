"""Shared documents of ours, against documents of the JavaScript package ``yjs``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from auxws_anyio.gateway import insts
from auxws_proto import ConnectionId
from tests.drivers.adapter import Case, Driver
from tests.drivers.serving import serving, until
from tests.drivers.sharing import Shared, sharing
from tests.interop.conftest import Recorder
from tests.interop.programs import Program, javascript, program, running

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

TITLE = "7. Yjs documents"
TEXT = """\
`SharedDoc` (on pycrdt) and documents of the npm package `yjs` 13.6.33 in Node, which meet in a
branch of the local gateway's inst server."""

PEER = "yjs 13.6.33"
INST = (None, "lobby", "shared")

Json = dict[str, Any]
Steps = Sequence[Json]

THEIRS: Steps = [
    {"step": "insert", "at": 0, "value": "hello world, é漢🦉"},
    {"step": "erase", "at": 5, "count": 6},
    {"step": "format", "at": 0, "count": 5, "attributes": {"bold": True}},
    {"step": "set", "key": "bot", "value": {"tags": {"color": "red", "size": 2.5}, "on": True}},
    {"step": "set", "key": "gone", "value": 1},
    {"step": "unset", "key": "gone"},
    {"step": "push", "value": [1, "two", None, ["three"]]},
    {"step": "push", "value": "last"},
    {"step": "remove", "at": 0},
]


class Peer:
    """A document in Node."""

    def __init__(self, process: Program) -> None:
        self._process = process
        self.content: Json = {}
        self.whole = ""

    def apply(self, updates: Sequence[str]) -> list[str]:
        """Apply updates; returns those that came of it."""
        return self._ask({"call": "apply", "updates": list(updates)})

    def edit(self, steps: Steps) -> list[str]:
        """Change the document; returns the updates."""
        return self._ask({"call": "edit", "steps": list(steps)})

    def _ask(self, question: Json) -> list[str]:
        answer = json.loads(self._process.ask(json.dumps(question)))
        self.content, self.whole = answer["content"], answer["whole"]
        updates: list[str] = answer["updates"]
        return updates


@contextmanager
def peer(logs: Path) -> Iterator[Peer]:
    command = [program("node"), javascript("yjs_peer.mjs")]
    with running(command, logs / "yjs.log", pipes=True) as process:
        yield Peer(process)


def content(shared: Shared) -> Json:
    """What a document of ours holds, as the peer says it."""
    with shared.transaction():
        doc = shared.doc
        return {
            "text": str(doc.get("text", type=Text)),
            "map": doc.get("map", type=Map).to_py(),
            "array": doc.get("array", type=Array).to_py(),
        }


def write(shared: Shared) -> None:
    """Every kind of change."""
    doc: Doc[Any] = shared.doc
    with shared.transaction():
        text = doc.get("text", type=Text)
        text.insert(0, "from us: é漢🦉, ")
        text.format(0, 4, {"bold": True})
        doc.get("map", type=Map)["ours"] = Map({"list": Array([1.5, "x", None, False])})
        doc.get("array", type=Array).extend(["a", "b", "c"])
    with shared.transaction():
        del doc.get("array", type=Array)[1]
        del doc.get("text", type=Text)[0:4]


async def test_we_read_what_javascript_writes(
    logs: Path, record: Recorder, driver: Driver, case: Case
) -> None:
    with peer(logs) as theirs:
        updates = theirs.edit(THEIRS)
        async with (
            serving(insts()) as gateway,
            driver.connect(gateway.url, login=ConnectionId("js")) as wire,
            driver.connect(gateway.url, login=ConnectionId("ours")) as client,
        ):
            # Half of it is there before we come.
            await wire.inst(*INST).add_updates(updates[:4], timeout=10)
            async with sharing(client.inst(*INST)) as ours:
                await ours.wait_synced()
                await wire.inst(*INST).add_updates(updates[4:], timeout=10)
                await until(lambda: content(ours) == theirs.content)
                stored = await client.get_updates(*INST, timeout=10)

    assert list(stored.updates) == updates, "we added nothing"
    record.put(PEER, "we read what it writes: text, maps, arrays, deletions", case.name)


async def test_javascript_reads_what_we_write(
    logs: Path, record: Recorder, driver: Driver, case: Case
) -> None:
    with peer(logs) as theirs:
        async with (
            serving(insts()) as gateway,
            driver.connect(gateway.url, login=ConnectionId("ours")) as client,
            sharing(client.inst(*INST)) as ours,
        ):
            write(ours)
            await ours.wait_synced()
            stored = await client.get_updates(*INST, timeout=10)
            written = content(ours)
        theirs.apply(stored.updates)

    assert written["array"] == ["a", "c"]
    assert theirs.content == written
    record.put(PEER, "it reads what we write", case.name)


async def test_what_both_write_at_once(
    logs: Path, record: Recorder, driver: Driver, case: Case
) -> None:
    with peer(logs) as theirs:
        async with (
            serving(insts()) as gateway,
            driver.connect(gateway.url, login=ConnectionId("js")) as wire,
            driver.connect(gateway.url, login=ConnectionId("ours")) as client,
            sharing(client.inst(*INST)) as ours,
        ):
            await wire.inst(*INST).add_updates(theirs.edit(THEIRS), timeout=10)
            await ours.wait_synced()
            await until(lambda: content(ours) == theirs.content)
            await client.disconnect()
            write(ours)
            updates = theirs.edit(
                [
                    {"step": "insert", "at": 3, "value": "<theirs>"},
                    {"step": "erase", "at": 0, "count": 2},
                    {"step": "set", "key": "ours", "value": "theirs"},
                    {"step": "push", "value": "z"},
                ]
            )
            await wire.inst(*INST).add_updates(updates, timeout=10)
            await client.connect()
            await ours.wait_synced(20)
            stored = await wire.get_updates(*INST, timeout=10)
            theirs.apply(stored.updates)
            await until(lambda: content(ours) == theirs.content)

    assert "<theirs>" in theirs.content["text"]
    assert "us: é漢🦉" in theirs.content["text"]
    assert set(theirs.content["array"]) == {"last", "b", "c", "z"}
    record.put(PEER, "both write, one of them offline, and end with the same", case.name)


async def test_a_document_that_javascript_has_kept(
    logs: Path, record: Recorder, driver: Driver, case: Case
) -> None:
    with peer(logs) as theirs:
        for number in range(500):
            theirs.edit([{"step": "insert", "at": number, "value": "x"}])
        async with (
            serving(insts()) as gateway,
            driver.connect(gateway.url, login=ConnectionId("ours")) as client,
        ):
            await client.inst(*INST).add_updates([theirs.whole], timeout=10)
            async with sharing(client.inst(*INST)) as ours:
                await ours.wait_synced()
                found = content(ours)
                ours.erase(0, 499)
                await ours.wait_synced()
            stored = await client.get_updates(*INST, timeout=10)
        theirs.apply(stored.updates)

    assert found["text"] == "x" * 500
    assert theirs.content["text"] == "x"
    record.put(PEER, "a whole state as one update, and deletions in it", case.name)
