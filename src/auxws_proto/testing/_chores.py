"""The application of a server that has none of its own.

It knows what a session itself waits for: logins and ``sync/time`` (``docs/protocol.md`` §7). It
must not know anything that only applications understand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._actor import Actor


def answer_chores(actor: Actor, message: Mapping[str, Any]) -> None:
    """The application of a server that has none: logins and ``sync/time`` are answered."""
    match message:
        case {"type": "login", "connectionId": str(connection_id)}:
            info = {"connectionId": connection_id, "sessionId": None, "userId": None}
            actor.send({"type": "login_result", "success": True, "info": info})
        case {"type": "sync/time", "id": number, "clientRequestTime": time}:
            now = round(actor.world.clock.now * 1000)
            actor.send(
                {
                    "type": "sync/time/response",
                    "id": number,
                    "clientRequestTime": time,
                    "serverReceiveTime": now,
                    "serverTransmitTime": now,
                }
            )
        case _:
            pass
