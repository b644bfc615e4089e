"""Who wants to hear what has happened, and what they were not told yet.

It knows observers. It must not know any event. What is emitted waits until `Teller.tell` is called:
an observer may call a verb of the machine, which must not be in the middle of anything then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from .._errors import AuxError
from ._events import Observer, ObserverEvent


class Teller:
    """Tells observers. One that raises is told nothing more; ``on_failure`` hears of it, once."""

    def __init__(
        self, observers: Iterable[Observer], on_failure: Callable[[AuxError], None]
    ) -> None:
        self._observers = list(observers)
        self._on_failure = on_failure
        self._pending: deque[ObserverEvent] = deque()
        self._is_telling = False

    @property
    def is_over(self) -> bool:
        """Whether nobody listens any more."""
        return not self._observers

    def emit(self, event: ObserverEvent | None) -> None:
        """This has happened; None: nothing has."""
        if event is not None and self._observers:
            self._pending.append(event)

    def tell(self) -> bool:
        """Tell what has happened. Whether there was something, for an observer may have acted."""
        if self._is_telling or not self._pending:
            return False
        self._is_telling = True
        try:
            while self._pending:
                event = self._pending.popleft()
                for observer in tuple(self._observers):
                    self._tell(observer, event)
        finally:
            self._is_telling = False
        return True

    def _tell(self, observer: Observer, event: ObserverEvent) -> None:
        try:
            observer(event)
        except Exception as error:
            # The stream goes on without it: an observer looks on, it has no say.
            self._observers.remove(observer)
            report = AuxError(f"the observer raised {type(error).__name__}; it is not called again")
            report.__cause__ = error
            self._on_failure(report)
