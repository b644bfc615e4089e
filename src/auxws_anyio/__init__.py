"""The driver for asyncio and trio: `connect` and `AuxClient`.

Everything about the protocol is in `auxws_proto`; its errors, settings and reports are used here
as they are.
"""

from __future__ import annotations

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
