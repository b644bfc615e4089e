"""`connect`: a client that connects, in one line.

It knows the parameters. What they do is the client's business.
"""

from __future__ import annotations

import ssl as tls
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from auxws_proto import Config, Credentials, InstConfig
from auxws_proto._journal import OutboxStore
from auxws_proto._trace_elision import DEFAULT_LIMIT
from auxws_proto._tracing import TraceTarget
from auxws_proto.observe import Observer

from ._client import AuxClient
from ._errands import Connector, Headers, Source
from ._http import HttpTransport


@asynccontextmanager
async def connect(
    url: Source[str],
    *,
    subprotocol: str | None = None,
    login: Source[Credentials] | None = None,
    on_connect: Iterable[Mapping[str, Any]] = (),
    config: Config | None = None,
    headers: Source[Headers] = (),
    ssl: tls.SSLContext | None = None,
    proxy: str | None = None,
    http: HttpTransport | None = None,
    transport: Connector | None = None,
    outbox: OutboxStore | None = None,
    insts: InstConfig | None = None,
    trace: TraceTarget | None = None,
    trace_limit: int = DEFAULT_LIMIT,
    observer: Observer | None = None,
) -> AsyncGenerator[AuxClient]:
    """A connecting client: ``async with connect(url) as client``.

    ``url`` (``wss:``, ``ws:``, or ``https:``, ``http:``, which mean the same) and ``headers`` may
    be callables, also asynchronous ones, that are asked for each attempt; so may ``login`` (a
    `ConnectionToken` or `ConnectionId`), for each connection. ``on_connect`` are messages that go
    out after each login. ``ssl`` is the TLS context of both legs, ``proxy`` an ``http://`` or
    ``socks5://`` URL for both. ``http`` and ``transport`` replace what makes requests and opens
    connections; an ``http`` can be shared by any number of clients. ``outbox`` is a store, such as
    `SqliteOutbox`, that keeps what was accepted and has no outcome for the next client that gets
    it, should this process be killed (docs/delivery.md). ``insts`` are the settings of what
    `AuxClient.inst` gives. ``trace`` is a path, or an open text file, that gets every input and
    action of the session, without secrets, and with payloads over ``trace_limit`` bytes elided
    (docs/traces.md). ``observer`` is called with each `auxws_proto.observe.ObserverEvent`, at once
    and on the client's own thread: it must not block (docs/observability.md). Raises
    `LocalProtocolError` for a mistake in any of these, and `TraceFailed`; that the server cannot be
    reached is told by `AuxClient.wait_connected` and `AuxClient.states`.
    """
    client = AuxClient(
        url,
        subprotocol=subprotocol,
        login=login,
        on_connect=on_connect,
        config=config,
        headers=headers,
        ssl=ssl,
        proxy=proxy,
        http=http,
        transport=transport,
        outbox=outbox,
        insts=insts,
        trace=trace,
        trace_limit=trace_limit,
        observer=observer,
    )
    async with client:
        await client.connect()
        yield client
