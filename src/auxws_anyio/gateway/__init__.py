"""A local API Gateway WebSocket endpoint with an S3-like object store, strict where AWS is strict.

It is the server of the demo, a fixture for tests, and a server for development::

    async with Gateway(echo) as gateway:
        ...  # connect to gateway.url

An application is an async callable that gets a `GatewayConnection`; `echo` and `insts` come along.
"""

from __future__ import annotations

from ._app import App, GatewayConnection, Received, echo
from ._faults import Drop, Faults, StoreFault
from ._frames import FrameCounts
from ._gateway import Gateway, GatewayLimits
from ._insts import insts

__all__ = [
    "App",
    "Drop",
    "Faults",
    "FrameCounts",
    "Gateway",
    "GatewayConnection",
    "GatewayLimits",
    "Received",
    "StoreFault",
    "echo",
    "insts",
]
