"""Shared documents of every driver, with one face for the suite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from threading import Event
from typing import Any, Protocol

import anyio
from pycrdt import Doc, Text

import auxws_anyio.yjs
import auxws_sync.yjs
from auxws_proto import AuxError
from tests.drivers._thread_dialogues import ThreadInst
from tests.drivers._threads import in_thread


class SharedLike(Protocol):
    """What both classes have."""

    @property
    def doc(self) -> Doc[Any]: ...
    @property
    def is_synced(self) -> bool: ...
    @property
    def error(self) -> AuxError | None: ...
    def transaction(self, origin: Any = None) -> AbstractContextManager[object]: ...


class Shared:
    """A shared document with a text in it."""

    def __init__(self, shared: SharedLike) -> None:
        self.shared = shared
        self.doc = shared.doc
        with shared.transaction():
            self._text: Text = self.doc.get("text", type=Text)

    def transaction(self) -> AbstractContextManager[object]:
        return self.shared.transaction()

    @property
    def is_synced(self) -> bool:
        return self.shared.is_synced

    @property
    def error(self) -> AuxError | None:
        return self.shared.error

    def write(self, text: str, at: int = 0) -> None:
        with self.transaction():
            self._text.insert(at, text)

    def erase(self, start: int, end: int) -> None:
        with self.transaction():
            del self._text[start:end]

    def read(self) -> str:
        with self.transaction():
            return str(self._text)

    async def wait_text(self, wanted: str) -> None:
        """Wait until it reads so, asleep between changes: it may be large, and dear to read."""
        changed = Event()
        subscription = self._text.observe(lambda _event: changed.set())
        while self.read() != wanted:
            await in_thread(changed.wait)
            changed.clear()
        self._text.unobserve(subscription)

    async def wait_synced(self, timeout: float | None = 10) -> None:
        if isinstance(self.shared, auxws_sync.yjs.SharedDoc):
            await in_thread(self.shared.wait_synced, timeout)
        else:
            assert isinstance(self.shared, auxws_anyio.yjs.SharedDoc)
            await self.shared.wait_synced(timeout)


def make(inst: Any, doc: Doc[Any] | None = None, **options: Any) -> Any:
    """The driver's own object."""
    if isinstance(inst, ThreadInst):
        return auxws_sync.yjs.SharedDoc(inst.own, doc, **options)
    return auxws_anyio.yjs.SharedDoc(inst, doc, **options)


async def enter(shared: Any) -> None:
    """Enter it in the driver's way."""
    if isinstance(shared, auxws_sync.yjs.SharedDoc):
        shared.__enter__()
    else:
        await shared.__aenter__()


@asynccontextmanager
async def sharing(inst: Any, doc: Doc[Any] | None = None, **options: Any) -> AsyncIterator[Shared]:
    """A document that is shared meanwhile."""
    shared = make(inst, doc, **options)
    if isinstance(shared, auxws_anyio.yjs.SharedDoc):
        async with shared:
            yield Shared(shared)
        return
    await in_thread(shared.__enter__)
    try:
        yield Shared(shared)
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            await in_thread(shared.__exit__, type(error), error, None)
        raise
    await in_thread(shared.__exit__, None, None, None)


def document(text: str = "", client_id: int | None = None) -> Doc[Any]:
    """A document with a text."""
    doc = Doc[Any](client_id=client_id)
    doc.get("text", type=Text).insert(0, text)
    return doc


def text_of(*updates: bytes) -> str:
    """The text of a document that has these updates."""
    doc = Doc[Any]()
    for update in updates:
        doc.apply_update(update)
    return str(doc.get("text", type=Text))
