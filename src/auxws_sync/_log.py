"""The driver's log: one line for each event of a client, under the package's name.

It knows loggers and levels. It must not know what an event means: `auxws_proto.observe` writes the
line. No handler is installed, and a program that has configured no logging pays nothing: whether
anybody listens is asked once, when a client is made.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from auxws_proto import LocalProtocolError
from auxws_proto._dialogue_websocket import DialogueWebSocket
from auxws_proto.observe import Observer, ObserverEvent, line_of, observe, severity_of

LOGGER = logging.getLogger("auxws_sync")


class ClientLog(logging.LoggerAdapter[logging.Logger]):
    """Puts the client's name before each line, and into the record as ``auxws_client``."""

    def __init__(self, client: str) -> None:
        super().__init__(LOGGER)
        self._client = client

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """See `logging.LoggerAdapter.process`."""
        kwargs["extra"] = {**kwargs.get("extra", {}), "auxws_client": self._client}
        return f"{self._client}: {msg}", kwargs

    def write(self, event: ObserverEvent) -> None:
        """An observer: one line, if its level is enabled now; the record has the event, too."""
        level = severity_of(event)
        if self.isEnabledFor(level):
            self.log(level, "%s", line_of(event), extra={"auxws_event": event})


def looked_at(
    machine: DialogueWebSocket, observer: Observer | None, client: str
) -> DialogueWebSocket:
    """The machine, with the observer and the log looking on; itself if there is neither.

    Raises `LocalProtocolError` for an observer that cannot be called.
    """
    if observer is not None and not callable(observer):
        raise LocalProtocolError(f"observer= must be callable, not {type(observer).__name__}")
    observers = [] if observer is None else [observer]
    # Without any handler `logging` itself prints what is a warning: not for a library's sake.
    if LOGGER.hasHandlers() and LOGGER.isEnabledFor(logging.ERROR):
        observers.append(ClientLog(client).write)
    if not observers:
        return machine
    notable_only = observer is None and not LOGGER.isEnabledFor(logging.DEBUG)
    return observe(machine, *observers, client=client, notable_only=notable_only)
