"""`AuxGateway`: the local gateway in a thread with an event loop of its own, and what came to it.

It knows threads, and that the gateway belongs to its loop. It must not know what is said: the
application does, which is `insts` unless a test gives another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar, cast

import anyio.to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

from auxws_anyio.gateway import App, Faults, Gateway, GatewayConnection, Received, insts
from auxws_proto import AuxError

T = TypeVar("T")


class AuxGateway:
    """A running gateway, to be used from any thread and from any event loop but its own.

    No call waits for longer than the gateway needs for it, but `receive`.
    """

    def __init__(self, gateway: Gateway, portal: BlockingPortal, mail: _Mail) -> None:
        self.gateway: Gateway = gateway
        """The gateway itself, to look at; what changes it belongs into `call`."""
        self._portal = portal
        self._mail = mail

    def __repr__(self) -> str:
        return f"<AuxGateway {self.url}>"

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self.gateway.url

    @property
    def store_url(self) -> str:
        """The object store's origin."""
        return self.gateway.store_url

    @property
    def faults(self) -> Faults:
        """What goes wrong: call its methods, set its attributes."""
        return cast("Faults", _Remote(self, self.gateway.faults))

    @property
    def received(self) -> list[dict[str, Any]]:
        """The messages of all clients so far, in the order in which the application took them."""
        return self._mail.all()

    @property
    def violations(self) -> list[AuxError]:
        """What clients did wrong."""
        return list(self.gateway.violations)

    def receive(self, type: str | None = None, timeout: float = 5.0) -> dict[str, Any]:
        """The next message of a client (of this type), each once. It blocks: see `areceive`.

        Raises `TimeoutError` after ``timeout`` seconds.
        """
        return self._mail.take(type, timeout)

    async def areceive(self, type: str | None = None, timeout: float = 5.0) -> dict[str, Any]:
        """The same for asynchronous tests, on asyncio and trio."""
        return await anyio.to_thread.run_sync(
            partial(self.receive, type, timeout), abandon_on_cancel=True
        )

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message of any size to every client that is connected."""
        for connection in self._mail.connections():
            self.call(connection.send, message)

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call something, synchronous or not, in the gateway's event loop; what it returns."""
        return self._portal.call(function, *args)


class _Remote:
    """An object of the gateway's, each touch of which happens in its loop."""

    def __init__(self, owner: AuxGateway, original: object) -> None:
        self.__dict__.update(owner=owner, original=original)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__dict__["original"], name)
        return partial(self.__dict__["owner"].call, value) if callable(value) else value

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__["owner"].call(setattr, self.__dict__["original"], name, value)


class _Mail:
    """What came to an application, for whoever waits for it in another thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._changed = threading.Condition()
        self._all: list[dict[str, Any]] = []
        self._new: list[dict[str, Any]] = []
        self._open: list[GatewayConnection] = []

    async def serve(self, connection: GatewayConnection) -> None:
        """The application, with its messages written down."""
        self._open.append(connection)
        try:
            await self._app(cast("GatewayConnection", _Noted(connection, self)))
        finally:
            self._open.remove(connection)

    def note(self, message: dict[str, Any]) -> None:
        """A message came."""
        with self._changed:
            self._all.append(message)
            self._new.append(message)
            self._changed.notify_all()

    def all(self) -> list[dict[str, Any]]:
        """Everything so far."""
        with self._changed:
            return list(self._all)

    def connections(self) -> list[GatewayConnection]:
        """Those that are open."""
        return list(self._open)

    def take(self, type: str | None, timeout: float) -> dict[str, Any]:
        """The next message of a type; see `AuxGateway.receive`."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for index, message in enumerate(self._new):
                    if type is None or message["type"] == type:
                        return self._new.pop(index)
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    wanted = "no message" if type is None else f"no {type!r}"
                    came = sorted({message["type"] for message in self._all})
                    raise TimeoutError(
                        f"{wanted} came within {timeout:g} s; so far there were {len(self._all)} "
                        f"messages of the types {came}"
                    )


class _Noted:
    """A connection whose messages are written down as the application takes them."""

    def __init__(self, connection: GatewayConnection, mail: _Mail) -> None:
        self._connection = connection
        self._mail = mail

    async def __aiter__(self) -> AsyncIterator[Received]:
        async for received in self._connection:
            self._mail.note(received.message)
            yield received

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@contextmanager
def running(app: App | None = None, **options: Any) -> Generator[AuxGateway]:
    """A gateway for ``app`` in a thread of its own; nothing of it is left afterwards.

    Raises what the application let out, once everything is closed.
    """
    mail = _Mail(app if app is not None else insts())
    with start_blocking_portal() as portal:
        # Made in its loop, as what belongs to it is.
        gateway = portal.call(partial(Gateway, cast("App", mail.serve), **options))
        with portal.wrap_async_context_manager(gateway):
            yield AuxGateway(gateway, portal, mail)
    if gateway.failures:
        raise gateway.failures[0]
