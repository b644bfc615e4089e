"""What the embeddings of the core share: what they say, and how they reach the object store.

The embeddings bring their own transport and their own loop, which is what they are about:
`in_asyncio_protocol.py`, `in_blocking_loop.py` and `in_trio.py` have bytes, `on_websockets.py`,
`on_aiohttp.py` and `in_pyodide.py` have a WebSocket.
"""

from __future__ import annotations

import os
import random
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.response import addinfourl

from auxws_proto import (
    Config,
    ConnectionId,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpResponded,
    PutToUrl,
)

Message = dict[str, Any]

BRANCH: Message = {"recordName": None, "inst": "embedding", "branch": "shared"}

LOGIN = ConnectionId("embedding")
CONFIG = Config(ask_for_login=True, resend_unknown=True, random=random.random, mask_keys=os.urandom)
"""What may be lost with a connection is sent again: an update that comes twice does no harm. The
core draws no random numbers: whoever embeds it says where they come from."""


class RoundTrip:
    """An application: adds an update of 100 kB to a branch, and gets it from there.

    So a large message goes up by the object store, and another comes down.
    """

    def __init__(self) -> None:
        self.update = b64encode(os.urandom(75_000)).decode()
        self.is_done = False

    def opening(self) -> Message:
        """The first message."""
        updates = {"updates": [self.update], "updateId": 1}
        return {"type": "repo/add_updates", **BRANCH, **updates}

    def answers(self, message: Message) -> Iterator[Message]:
        """What to send when this has come."""
        match message["type"]:
            case "repo/updates_received":
                yield {"type": "repo/get_updates", **BRANCH}
            case "repo/add_updates":
                self.is_done = self.update in message["updates"]
                print(f"{len(self.update):,} characters went there and back: {self.is_done}")
            case _:
                pass


def most(action: PutToUrl | GetFromUrl, status: int) -> int:
    """How much may be read of a response, in bytes."""
    if isinstance(action, GetFromUrl) and 200 <= status < 300:
        return action.max_bytes
    return action.max_error_bytes


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The core decides which redirects are followed."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(NoRedirect)


def transfer(action: PutToUrl | GetFromUrl) -> HttpResponded | HttpFailed:
    """Do what the core asks of the object store. It blocks; it never raises."""
    # Only here the URL is shown: whoever has it has the message.
    request = urllib.request.Request(
        action.url.reveal(),
        data=action.body if isinstance(action, PutToUrl) else None,
        headers={"Accept-Encoding": "identity", **action.headers},
        method=action.method,
    )
    try:
        try:
            response: addinfourl = _opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            limit = most(action, response.status or 0)
            body = response.read(limit + 1)
    except (OSError, HTTPException) as error:
        failure = HttpFailure(kind="read", detail=type(error).__name__)
        return HttpFailed(transfer_id=action.transfer_id, error=failure)
    if len(body) > limit:
        failure = HttpFailure(kind="too_large", transient=False)
        return HttpFailed(transfer_id=action.transfer_id, error=failure)
    return HttpResponded(
        transfer_id=action.transfer_id,
        status=response.status or 0,
        headers=tuple(response.headers.items()),
        body=body,
    )
