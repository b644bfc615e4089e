"""The updates of a watched branch: the initial state first, then each update once, in order.

It knows connections by number, and what each has brought. It must not know why a connection ends.

Strategy: on one connection the server sends the initial state, then every update that others add
(``docs/protocol.md`` §7). What comes before the initial state waits for it. After a reconnect, and
beside the old connection while the session rotates, the initial state comes again (§6); a set of
digests knows what was delivered. An update that comes twice with the same text is the same update:
updates are changes to a replicated document, which have no effect the second time.

Nothing is missed: a new connection begins with everything that is stored, and a message that could
not be had makes the machine ask for everything again and hold back what comes meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, cast

from ._errors import AuxError, LocalProtocolError
from ._inst_shapes import DeliverUpdates, EndWatch, InstUpdates, WatchFailed
from ._inst_shared import InstShared

TIMER: Final = "watch"
_TRANSIENT: Final = frozenset({"server_error", "invalid_connection_state"})
"""Refusals that may be different next time; any other is the server's last word."""


class Remembered:
    """Digests of updates, the last `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._digests: dict[bytes, None] = {}
        self.has_forgotten = False
        """Whether there were more than `limit`."""

    def add(self, updates: Iterable[str]) -> tuple[str, ...]:
        """Remember these; return those that are new."""
        new: list[str] = []
        for update in updates:
            digest = _digest(update)
            if digest not in self._digests:
                self._digests[digest] = None
                new.append(update)
        self._trim()
        return tuple(new)

    def adopt(self, history: Iterable[str]) -> tuple[str, ...]:
        """Remember everything that a branch holds; return what is new.

        Nothing is forgotten in the middle of it, and what else is known counts as newer.
        """
        known, self._digests = self._digests, {}
        new: list[str] = []
        for update in history:
            digest = _digest(update)
            if digest not in known and digest not in self._digests:
                new.append(update)
            self._digests[digest] = None
        for digest in known:
            self._digests.setdefault(digest)
        self._trim()
        return tuple(new)

    def _trim(self) -> None:
        excess = len(self._digests) - self._limit
        if excess > 0:
            self.has_forgotten = True
            for digest in list(self._digests)[:excess]:
                del self._digests[digest]


@dataclass(slots=True)
class _Source:
    """One connection on which the branch is watched."""

    has_initial: bool = False
    is_incomplete: bool = False
    """Whether something was let go that the initial state on its way may not have."""
    early: list[str] = field(default_factory=list[str])
    early_size: int = 0

    def let_go(self) -> None:
        self.early.clear()
        self.early_size = 0


class UpdateFeed:
    """The watch of one branch."""

    def __init__(self, shared: InstShared) -> None:
        self._shared = shared
        self._request: Mapping[str, Any] | None = None
        self._sources: dict[int, _Source] = {}
        self._begin()

    def _begin(self) -> None:
        self._sources.clear()
        self._remembered = Remembered(self._shared.config.max_remembered)
        self._was_delivered = False
        self._attempts = 0
        self._gap: AuxError | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether somebody watches."""
        return self._request is not None

    @property
    def greeting(self) -> list[Mapping[str, Any]]:
        """What must be sent on each new connection."""
        if self._request is None:
            return []
        return [{"type": "repo/watch_branch", **self._shared.fields, **self._request}]

    def watch(self, *, temporary: bool, markers: Iterable[str]) -> None:
        """Begin; raises `LocalProtocolError` if the branch is watched already."""
        if self._request is not None:
            raise LocalProtocolError("this client watches the branch already; end that watch first")
        wanted = list(markers)
        self._request = {
            **({"temporary": True} if temporary else {}),
            **({"markers": wanted} if wanted else {}),
        }
        self._begin()
        if self._shared.is_open:
            self._ask()

    def unwatch(self) -> None:
        """End. Twice is once."""
        if self._request is not None:
            self._stop()
            if self._shared.is_open:
                self._shared.send("repo/unwatch_branch", {})

    def own(self, updates: Iterable[str]) -> None:
        """The application adds these itself: it need not be told of them later."""
        if self.is_wanted:
            self._remembered.add(updates)

    # The connection.

    def opened(self) -> None:
        """A new connection is open, and the greeting has gone out on it."""
        if self.is_wanted:
            self._attempts = 1
            self._set_timer()

    def lost(self) -> None:
        """There is no connection."""
        self._shared.timers.clear((TIMER, 0))

    def missed(self, transport: int, error: AuxError) -> None:
        """A message of this connection could not be had, and may have been one of ours."""
        source = self._source(transport) if self.is_wanted else None
        if source is None or transport < max(self._sources):
            # A newer connection brings, or has brought, everything.
            return
        self._gap = error
        source.has_initial = False
        if self._shared.is_open and not self._is_asking:
            self._ask()

    def timed_out(self) -> None:
        """The watch was not answered in time."""
        if self._attempts < self._shared.config.watch_attempts:
            self._ask()
            return
        text = f"the initial state did not come, asked {self._attempts} times"
        error = WatchFailed(None, text if self._gap is None else f"{text}: {self._gap}", {})
        error.__cause__ = self._gap
        self._fail(error)

    @property
    def _is_asking(self) -> bool:
        return self._shared.timers.is_set((TIMER, 0))

    def _ask(self) -> None:
        self._attempts += 1
        assert self._request is not None
        self._shared.send("repo/watch_branch", self._request)
        self._set_timer()

    def _set_timer(self) -> None:
        delay = self._shared.config.watch_timeout * 2.0 ** (self._attempts - 1)
        self._shared.timers.set((TIMER, 0), self._shared.now, delay)

    # What comes.

    def answered(self, message: Mapping[str, Any], transport: int) -> None:
        """``repo/watch_branch_result``: only the bad one says more than the initial state does."""
        if message.get("success") is True or transport < max(self._sources, default=0):
            return
        code, text = message.get("errorCode"), message.get("errorMessage")
        config = self._shared.config
        if code in _TRANSIENT and self._attempts < config.watch_attempts:
            delay = config.repeat_after * 2.0 ** max(0, self._attempts - 1)
            name, now = (TIMER, 0), self._shared.now
            self._shared.timers.set(name, now, min(delay, config.repeat_at_most))
            return
        self._fail(
            WatchFailed(
                code if isinstance(code, str) else None,
                text if isinstance(text, str) else "the server gave no reason",
                message,
            )
        )

    def came(self, message: Mapping[str, Any], transport: int) -> None:
        """``repo/add_updates``, for whoever watches."""
        updates = message.get("updates")
        if not isinstance(updates, list):
            return
        texts = [text for text in cast("list[object]", updates) if isinstance(text, str)]
        source = self._source(transport)
        if source is None:
            return
        if message.get("initial") is True:
            self._initial(source, texts)
        elif source.has_initial:
            self._deliver(self._remembered.add(texts))
        else:
            self._hold(source, texts)

    def _source(self, transport: int) -> _Source | None:
        """The books of this connection; None for one that others have taken the place of."""
        if transport not in self._sources:
            if transport < max(self._sources, default=0):
                return None
            for older in self._sources.values():
                # The initial state of the new connection holds all that waits on an older one.
                older.let_go()
            self._sources[transport] = _Source()
            for number in sorted(self._sources)[:-2]:
                # A session reads two connections at most.
                del self._sources[number]
        return self._sources[transport]

    def _initial(self, source: _Source, texts: list[str]) -> None:
        source.has_initial = not source.is_incomplete
        self._attempts = 0
        self._gap = None
        self._shared.timers.clear((TIMER, 0))
        new = self._remembered.adopt(texts) + self._remembered.add(source.early)
        source.let_go()
        if not self._was_delivered:
            self._was_delivered = True
            batch = InstUpdates(updates=new, is_initial=True)
            self._shared.actions.append(DeliverUpdates(batch=batch))
        else:
            self._deliver(new, may_repeat=self._remembered.has_forgotten)
        if source.is_incomplete:
            source.is_incomplete = False
            if self._shared.is_open:
                self._ask()

    def _hold(self, source: _Source, texts: list[str]) -> None:
        source.early += texts
        source.early_size += sum(map(len, texts))
        if source.early_size > self._shared.config.max_early:
            # They are stored already: an initial state that is asked for from now on has them.
            source.let_go()
            source.is_incomplete = True

    def _deliver(self, new: tuple[str, ...], *, may_repeat: bool = False) -> None:
        if new:
            batch = InstUpdates(updates=new, may_repeat=may_repeat)
            self._shared.actions.append(DeliverUpdates(batch=batch))

    def _fail(self, error: WatchFailed) -> None:
        self._stop()
        self._shared.actions.append(EndWatch(error=error))

    def _stop(self) -> None:
        self._request = None
        self._begin()
        self._shared.timers.clear((TIMER, 0))


def _digest(update: str) -> bytes:
    # 16 bytes: two different updates share a digest with a chance of 1 in 10**28 at 100,000.
    return blake2b(update.encode("utf-8", "surrogatepass"), digest_size=16).digest()
