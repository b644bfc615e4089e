"""`SharedDoc`: a Yjs document that is kept in step with a branch. Needs the extra ``yjs``.

    from pycrdt import Text
    from auxws_sync.yjs import SharedDoc

    with SharedDoc(client.inst(None, "lobby")) as shared:
        with shared.transaction():
            text = shared.doc.get("text", type=Text)
        shared.wait_synced()
        with shared.transaction():
            text += "hello"

It knows threads and who waits. It must not know what is sent when, which is
`auxws_proto._doc_sync`'s business, nor Yjs. Importing it without pycrdt raises `ExtraMissing`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from auxws_proto import AuxError, ConnectionFailed, LocalProtocolError, NotSynced
from auxws_proto._doc_sync import DocSync
from auxws_proto._replica import unexpected
from auxws_proto._yjs import Doc, YReplica

from ._inst import Inst
from ._waits import deadline_of, wait_until

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

    What others change is applied on a thread of this object, and observers are called there. So
    whoever reads or changes the document does it in ``with shared.transaction():``, of which there
    is one at a time, and waits for nothing inside.

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
        # That of pycrdt lets the next thread in before it has left.
        self._one_at_a_time = threading.RLock()
        self._close_timeout = close_timeout
        self._changed = threading.Condition()
        key = (inst.record_name, inst.inst, inst.branch)
        self._sync = DocSync(
            YReplica(self._doc, self._one_at_a_time),
            key,
            report=inst.report,
            wake=self._changed.notify_all,
            lock=self._changed,
        )
        self._updates = inst.watch(temporary=temporary, markers=markers)
        self._receiver = self._thread(self._receive, "auxws-doc-in")
        self._sender = self._thread(self._send, "auxws-doc-out")
        self._is_entered = False
        self._is_left = False

    @property
    def doc(self) -> Doc[Any]:
        """The document. It is used in any thread, in a `transaction`."""
        return self._doc

    def transaction(self, origin: Any = None) -> AbstractContextManager[object]:
        """``with shared.transaction():`` has the document to itself.

        What is changed inside goes out together. ``origin`` is that of pycrdt's transactions.
        """

        @contextmanager
        def alone() -> Generator[None]:
            with self._one_at_a_time, self._doc.transaction(origin):
                yield

        return alone()

    @property
    def is_synced(self) -> bool:
        """Whether the branch is known to have all of the document, and the document all of it."""
        with self._changed:
            return self._sync.is_synced

    @property
    def error(self) -> AuxError | None:
        """Why it does not get in step, if something went wrong for good or for now."""
        with self._changed:
            return self._sync.error

    def wait_synced(self, timeout: float | None = None) -> None:
        """Wait until `is_synced`; what the branch has refused is tried once more.

        Raises `error` if it turns up, and `TimeoutError` after ``timeout`` seconds.
        """
        if not self._is_entered:
            raise LocalProtocolError("enter the document first: with SharedDoc(…) as shared")
        self._sync.retry()
        with self._changed:
            if not self._settled(timeout):
                raise TimeoutError(f"the document was not in step within {timeout:g} s")
            if not self._sync.is_synced and self._sync.error is not None:
                raise self._sync.error.with_traceback(None)

    def __enter__(self) -> Self:
        if self._is_entered:
            raise LocalProtocolError("a shared document is entered once; make a new one")
        with ExitStack() as undo:
            undo.enter_context(self._updates)
            self._sync.start()
            undo.pop_all()
        self._is_entered = True
        self._receiver.start()
        self._sender.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with self._changed:
                if exc is None:
                    self._settled(self._close_timeout)
        finally:
            with self._changed:
                self._is_left = True
                self._changed.notify_all()
            # A client that has crashed has seen to it.
            with suppress(AuxError):
                self._updates.close()
            self._receiver.join()
            # The sender may wait for an acknowledgement; it ends with that, or with the client.
            self._hand_over(exc)

    def _hand_over(self, exc: BaseException | None) -> None:
        """Leave to the client what the branch may not have."""
        if exc is not None:
            # What ended the block is more important; what can be saved is.
            with suppress(AuxError, TimeoutError):
                rest = self._sync.stop()
                if rest is not None:
                    self._inst.add_updates([rest], wait=False, timeout=0)
            return
        rest = self._sync.stop()
        if rest is None:
            return
        error: Exception | None = self.error
        if error is None:
            try:
                self._inst.add_updates([rest], wait=False, timeout=self._close_timeout)
            except (AuxError, TimeoutError) as refusal:
                error = refusal
        if error is not None:
            raise NotSynced("the branch does not have all of the document") from error

    def _settled(self, timeout: float | None) -> bool:
        """Wait until it is in step, or cannot get there; false when time is up."""
        deadline = deadline_of(timeout)
        while not self._sync.is_synced and self._sync.error is None:
            if not wait_until(self._changed, deadline):
                return False
        return True

    def _thread(self, work: Callable[[], None], name: str) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except Exception as error:
                known = error if isinstance(error, AuxError) else unexpected(error)
                self._inst.report(known)
                self._sync.end(known)

        return threading.Thread(target=run, name=name, daemon=True)

    def _receive(self) -> None:
        for batch in self._updates:
            self._sync.came(batch)
        if not self._is_left:
            self._sync.end(ConnectionFailed("closed", "the client has ended"))

    def _send(self) -> None:
        while (update := self._next()) is not None:
            try:
                self._inst.add_updates([update])
            except AuxError as error:
                self._sync.settled(error)
                self._inst.report(error)
            else:
                self._sync.settled()

    def _next(self) -> str | None:
        """The next update to send, waited for; None: there will be none."""
        with self._changed:
            while not (self._sync.is_over or self._is_left):
                update = self._sync.take()
                if update is not None:
                    return update
                self._changed.wait()
        return None
