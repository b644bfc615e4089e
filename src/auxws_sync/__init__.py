"""The blocking driver of auxws, for programs without an event loop: scripts, notebooks, threads.

``with connect(url) as client`` gives an `AuxClient`, which any number of threads may use. Its names
are those of ``auxws_anyio``, with ``for`` in place of ``async for`` and timeouts as parameters.
"""

from __future__ import annotations

from ._client import AuxClient
from ._connect import connect
from ._dial import Connector
from ._dialogues import HttpStream
from ._http import HttpClient, HttpTransport
from ._inst import Devices, Inst
from ._receipt import Receipt
from ._sqlite_outbox import SqliteOutbox
from ._subscription import Subscription
from ._transfer import Cancellation

__all__ = [
    "AuxClient",
    "Cancellation",
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
