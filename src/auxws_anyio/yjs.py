"""`SharedDoc`: a Yjs document that is kept in step with a branch. Needs the extra ``yjs``.

    from pycrdt import Text
    from auxws_anyio.yjs import SharedDoc

    async with SharedDoc(client.inst(None, "lobby")) as shared:
        text = shared.doc.get("text", type=Text)
        await shared.wait_synced()
        text += "hello"

It knows tasks and who waits. It must not know what is sent when, which is `auxws_proto._doc_sync`'s
business, nor Yjs. Importing it without pycrdt raises `ExtraMissing`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, suppress
from types import TracebackType
from typing import Any, Self

import anyio
from anyio.abc import TaskGroup

from auxws_proto import AuxError, ConnectionFailed, LocalProtocolError, NotSynced
from auxws_proto._doc_sync import DocSync
from auxws_proto._replica import unexpected
from auxws_proto._yjs import Doc, YReplica

from ._bell import Bell
from ._inst import Inst

__all__ = [
    "SharedDoc",
]


class SharedDoc:
    """A document that is kept in step with a branch, while the context is entered.

    Change `doc` as pycrdt has it, online or not: what is changed here goes out, what others change
    comes in, and what was changed while there was no connection is merged afterwards. ``doc`` may
    be a document with contents: both sides are merged once the branch's state has come. What goes
    wrong is told by the client's ``errors()``: `CorruptUpdate` for what is no Yjs update and was
    left out, `DocumentFault` for an observer of the document that raised, and what
    `Inst.add_updates` raises for changes that the branch did not take, which are tried again with
    the next change.

    Leaving waits up to ``close_timeout`` seconds until the branch has everything; what is then not
    acknowledged is left to the client, as by ``add_updates(wait=False)``. Raises `NotSynced` if
    that cannot be. Entering raises `LocalProtocolError` if this client watches the branch already.
    ``temporary`` and ``markers`` are those of `Inst.watch`.
    """

    def __init__(
        self,
        inst: Inst,
        doc: Doc[Any] | None = None,
        *,
        temporary: bool = False,
        markers: Iterable[str] = (),
        close_timeout: float = 10.0,
    ) -> None:
        self._inst = inst
        self._doc: Doc[Any] = Doc() if doc is None else doc
        self._close_timeout = close_timeout
        self._changed = Bell()
        key = (inst.record_name, inst.inst, inst.branch)
        self._sync = DocSync(YReplica(self._doc), key, report=inst.report, wake=self._changed.ring)
        self._updates = inst.watch(temporary=temporary, markers=markers)
        self._group: TaskGroup | None = None

    @property
    def doc(self) -> Doc[Any]:
        """The document. It is used in the thread of the client."""
        return self._doc

    def transaction(self, origin: Any = None) -> AbstractContextManager[object]:
        """``with shared.transaction():``, the same as the document's own.

        What is changed inside goes out together. ``origin`` is that of pycrdt's transactions.
        """
        return self._doc.transaction(origin)

    @property
    def is_synced(self) -> bool:
        """Whether the branch is known to have all of the document, and the document all of it."""
        return self._sync.is_synced

    @property
    def error(self) -> AuxError | None:
        """Why it does not get in step, if something went wrong for good or for now."""
        return self._sync.error

    async def wait_synced(self, timeout: float | None = None) -> None:
        """Wait until `is_synced`; what the branch has refused is tried once more.

        Raises `error` if it turns up, and `TimeoutError` after ``timeout`` seconds.
        """
        if self._group is None:
            raise LocalProtocolError("enter the document first: async with SharedDoc(…) as shared")
        self._sync.retry()
        with anyio.move_on_after(timeout):
            await self._settled()
            if not self._sync.is_synced and self._sync.error is not None:
                raise self._sync.error.with_traceback(None)
            return
        raise TimeoutError(f"the document was not in step within {timeout:g} s")

    async def __aenter__(self) -> Self:
        if self._group is not None:
            raise LocalProtocolError("a shared document is entered once; make a new one")
        with ExitStack() as undo:
            undo.enter_context(self._updates)
            self._sync.start()
            undo.pop_all()
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._run, self._receive)
        self._group.start_soon(self._run, self._send)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._group is not None
        try:
            if exc is None:
                with anyio.move_on_after(self._close_timeout):
                    await self._settled()
        finally:
            self._group.cancel_scope.cancel()
            try:
                # The group accounts for a cancellation; other errors would come out in a group.
                is_cancelled = isinstance(exc, anyio.get_cancelled_exc_class())
                if is_cancelled:
                    await self._group.__aexit__(exc_type, exc, traceback)
                else:
                    await self._group.__aexit__(None, None, None)
            finally:
                self._updates.close()
                await self._hand_over(exc)

    async def _hand_over(self, exc: BaseException | None) -> None:
        """Leave to the client what the branch may not have."""
        if exc is not None:
            # What ended the block is more important; what can be saved is.
            with suppress(AuxError, TimeoutError):
                rest = self._sync.stop()
                if rest is not None:
                    await self._inst.add_updates([rest], wait=False, timeout=0)
            return
        rest = self._sync.stop()
        if rest is None:
            return
        error: Exception | None = self._sync.error
        if error is None:
            try:
                await self._inst.add_updates([rest], wait=False, timeout=self._close_timeout)
            except (AuxError, TimeoutError) as refusal:
                error = refusal
        if error is not None:
            raise NotSynced("the branch does not have all of the document") from error

    async def _settled(self) -> None:
        """Wait until it is in step, or cannot get there."""
        while not self._sync.is_synced and self._sync.error is None:
            await self._changed.wait()

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            known = error if isinstance(error, AuxError) else unexpected(error)
            self._inst.report(known)
            self._sync.end(known)

    async def _receive(self) -> None:
        async for batch in self._updates:
            self._sync.came(batch)
        self._sync.end(ConnectionFailed("closed", "the client has ended"))

    async def _send(self) -> None:
        while not self._sync.is_over:
            update = self._sync.take()
            if update is None:
                await self._changed.wait()
                continue
            try:
                await self._inst.add_updates([update])
            except AuxError as error:
                self._sync.settled(error)
                self._inst.report(error)
            else:
                self._sync.settled()
