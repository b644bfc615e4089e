"""The driver for asyncio and trio: `connect` and `AuxClient`.

Everything about the protocol is in `auxws_proto`; its errors, settings and reports are used here
as they are. A name is imported when it is first asked for: the command line and the pytest plugin
live in this package too, and must not load anyio and httpx to say that they are not needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._client import AuxClient
    from ._connect import connect
    from ._dialogues import HttpStream
    from ._errands import Connector
    from ._http import HttpClient, HttpTransport
    from ._inst import Devices, Inst
    from ._receipt import Receipt
    from ._sqlite_outbox import SqliteOutbox
    from ._subscription import Subscription

__all__ = [
    "AuxClient",
    "Connector",
    "Devices",
    "HttpClient",
    "HttpStream",
    "HttpTransport",
    "Inst",
    "Receipt",
    "SqliteOutbox",
    "Subscription",
    "connect",
]

_ROOMS = {
    "AuxClient": "_client",
    "Connector": "_errands",
    "Devices": "_inst",
    "HttpClient": "_http",
    "HttpStream": "_dialogues",
    "HttpTransport": "_http",
    "Inst": "_inst",
    "Receipt": "_receipt",
    "SqliteOutbox": "_sqlite_outbox",
    "Subscription": "_subscription",
    "connect": "_connect",
}


def __getattr__(name: str) -> Any:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f".{room}", __name__)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("anyio", "httpcore", "httpx", "python_socks"):
            raise
        from auxws_proto import ExtraMissing

        raise ExtraMissing(missing, "anyio") from error
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
