"""What the gateway's two servers need of a byte stream beyond reading and writing.

It knows anyio's streams. It must not know what is said on them.
"""

from __future__ import annotations

import ssl as tls
from typing import Final

import anyio
import anyio.abc
from anyio.streams.tls import TLSListener, TLSStream

GONE: Final = (
    OSError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)
"""What a stream raises when the other side is gone (``ssl.SSLError`` is an OSError)."""


async def end_output(stream: anyio.abc.ByteStream) -> None:
    """Ends our side alone: a stream that is closed while bytes are unread is reset by the kernel,
    and what was sent last may never be read. Whoever calls this goes on reading, within bounds.
    """
    if isinstance(stream, TLSStream):
        # anyio's TLS cannot end one side; the TCP stream below it can, and peers take that as well.
        below = stream.transport_stream
        if isinstance(below, anyio.abc.ByteStream):
            await below.send_eof()
    else:
        await stream.send_eof()


async def cut(stream: anyio.abc.ByteStream) -> None:
    """Closes at once, in any state, even when cancelled."""
    with anyio.CancelScope(shield=True):
        await anyio.aclose_forcefully(stream)


class QuietTLSListener(TLSListener):
    """A listener that does not log the clients that give up during the TLS handshake."""

    def __init__(
        self, listener: anyio.abc.Listener[anyio.abc.ByteStream], context: tls.SSLContext
    ) -> None:
        super().__init__(listener, context, standard_compatible=False)

    @staticmethod
    async def handle_handshake_error(exc: BaseException, stream: anyio.abc.AnyByteStream) -> None:
        await anyio.aclose_forcefully(stream)
        if not isinstance(exc, Exception):
            raise exc
