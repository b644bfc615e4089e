"""A small inst server in memory, for the local gateway: what a client can log in to and watch.

It knows the messages (``docs/protocol.md`` §7) and the order in which the real server answers them.
It must not know sockets, event arrays or sizes on the wire: it is an app over `GatewayConnection`.

Strategy: every message changes the state and queues its answers in one synchronous step, so that
all watchers of a branch see its updates in one order, the initial state first. Each connection has
a writer and a bounded queue of its own: one that is gone or does not read harms nobody else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import anyio

from auxws_proto import (
    ConnectionKey,
    ConnectionTokenParts,
    LocalProtocolError,
    Role,
    parse_connection_token,
)
from auxws_proto.messages import MESSAGE_ROWS, find_problems

from ._insts_branches import Branches, branch_fields, refuse_watch
from ._insts_seat import Json, Seat

if TYPE_CHECKING:
    from ._app import App, GatewayConnection, Received

_NEEDS_NO_LOGIN = frozenset({"login", "sync/time", "repo/connection_count", "http_request"})
"""Measured on the real server (``docs/protocol.md`` §7)."""


def insts(
    *,
    max_branch_bytes: int = 16 * 1024 * 1024,
    max_branches: int = 1_000,
    max_queued: int = 16_384,
    connection_keys: Iterable[ConnectionKey | str] | None = None,
    clock: Callable[[], float] = time.time,
) -> App:
    """A fresh inst server as an app for the local gateway; each call has a state of its own.

    ``max_branch_bytes`` bounds the updates of a branch; more are refused with
    ``max_size_reached``. ``max_branches`` bounds the branches; a watch of one more is refused with
    ``subscription_limit_reached``. A connection with ``max_queued`` messages not yet taken is
    disconnected. Connection tokens are checked against ``connection_keys``; with None only their
    form is. ``clock`` gives seconds since 1970.

    It has no records API: ``http_request`` is answered with status 501. Permission requests are
    answered with ``not_supported``. An action without a selector goes to nobody.
    """
    keys = None
    if connection_keys is not None:
        keys = [key if isinstance(key, ConnectionKey) else ConnectionKey(key)
                for key in connection_keys]  # fmt: skip

    def now_ms() -> int:
        return int(clock() * 1000)

    branches = Branches(max_branch_bytes, max_branches, now_ms)
    return _Insts(branches, max_queued, keys, now_ms).serve


class _Insts:
    def __init__(
        self,
        branches: Branches,
        max_queued: int,
        keys: list[ConnectionKey] | None,
        now_ms: Callable[[], int],
    ) -> None:
        self._branches = branches
        self._max_queued = max_queued
        self._keys = keys
        self._now_ms = now_ms
        self._seats: dict[Seat, None] = {}
        self._handlers: Mapping[str, Callable[[Seat, Json], None]] = {
            "login": self._login,
            **branches.handlers,
            "repo/connection_count": self._count,
            "sync/time": self._sync_time,
            "http_request": self._http_request,
        }

    async def serve(self, connection: GatewayConnection) -> None:
        seat = Seat(connection, self._max_queued)
        self._seats[seat] = None
        try:
            with seat.scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(seat.write)
                    async for received in connection:
                        self._handle(seat, received)
                        if seat.is_leaving:
                            break
                        await seat.room()
                    else:
                        seat.scope.cancel()
        finally:
            del self._seats[seat]
            self._branches.vanish(seat)
        if seat.is_leaving:
            await connection.disconnect()

    def _handle(self, seat: Seat, received: Received) -> None:
        message = received.message
        kind = message["type"]
        if issues := _issues(message):
            text = "The request was invalid. One or more fields were invalid."
            seat.fail("unacceptable_request", text, received.event_id, issues=issues)
        elif kind not in self._handlers:
            seat.fail("not_supported", f"The local gateway has no {kind}.")
        elif seat.info is None and kind not in _NEEDS_NO_LOGIN:
            text = "The connection must be logged in before it can do this."
            seat.fail("invalid_connection_state", text, **branch_fields(message))
            seat.leave()
        elif "inst" in message and kind != "repo/connection_count" and not _admits(seat, message):
            self._refuse(seat, message)
        else:
            self._handlers[kind](seat, message)

    def _refuse(self, seat: Seat, message: Json) -> None:
        text = "You are not authorized to access this inst."
        more: Json = {**branch_fields(message), "reason": {"type": "invalid_token"}}
        if message["type"] == "repo/watch_branch":
            refuse_watch(seat, "not_authorized", text, more)
        else:
            seat.fail("not_authorized", text, -1, **more)

    def _login(self, seat: Seat, message: Json) -> None:
        token, connection_id = message.get("connectionToken"), message.get("connectionId")
        parts: ConnectionTokenParts | None = None
        if token is not None:
            try:
                parts = parse_connection_token(token)
            except LocalProtocolError:
                text = ("The given connection token is invalid. "
                        "It must be a correctly formatted string.")  # fmt: skip
                return _refuse_login(seat, "unacceptable_connection_token", text)
            if not self._is_genuine(parts):
                return _refuse_login(seat, "invalid_token", "The connection token is invalid.")
        elif not connection_id:
            text = "A connection ID must be specified when logging in without a connection token."
            return _refuse_login(seat, "unacceptable_connection_id", text)
        seat.token = parts
        seat.info = {
            "userId": parts and parts.user_id,
            "sessionId": parts and parts.session_id,
            "connectionId": parts.connection_id if parts else connection_id,
        }
        seat.send({"type": "login_result", "success": True, "info": seat.info})

    def _is_genuine(self, parts: ConnectionTokenParts) -> bool:
        if self._keys is None:
            return re.fullmatch(r"[0-9a-f]{64}", parts.hash) is not None
        return any(parts.is_made_with(key) for key in self._keys)

    def _count(self, seat: Seat, message: Json) -> None:
        record, inst, branch = message["recordName"], message["inst"], message["branch"]
        count = sum(
            other.info is not None
            and (
                inst is None
                or any(
                    key[:2] == (record, inst) and branch in (None, key[2]) for key in other.watching
                )
            )
            for other in self._seats
        )
        fields = {"recordName": record, "inst": inst, "branch": branch}
        seat.send({"type": "repo/connection_count", **fields, "count": count})

    def _sync_time(self, seat: Seat, message: Json) -> None:
        seat.send(
            {
                "type": "sync/time/response",
                "id": message["id"],
                "clientRequestTime": message["clientRequestTime"],
                "serverReceiveTime": self._now_ms(),
                "serverTransmitTime": self._now_ms(),
            }
        )

    def _http_request(self, seat: Seat, message: Json) -> None:
        body = (
            '{"success":false,"errorCode":"not_supported",'
            '"errorMessage":"The local gateway has no records API."}'
        )
        response: Json = {"statusCode": 501, "body": body, "headers": {}}
        seat.send({"type": "http_response", "id": message["id"], "response": response})


def _admits(seat: Seat, message: Json) -> bool:
    """A token is good for one inst (``docs/protocol.md`` §9)."""
    token = seat.token
    entered = (message["recordName"], message["inst"])
    return token is None or (token.record_name, token.inst) == entered


def _refuse_login(seat: Seat, code: str, text: str) -> None:
    seat.send({"type": "login_result", "success": False, "errorCode": code, "errorMessage": text})


def _issues(message: Json) -> list[Json]:
    """What is wrong with a message's fields, in the words of the real server."""
    row = MESSAGE_ROWS.get(message["type"])
    if row is None or row.to_server is None:
        return [
            {
                "code": "invalid_union",
                "errors": [],
                "note": "No matching discriminator",
                "discriminator": "type",
                "path": ["type"],
                "message": "Invalid input",
            }
        ]
    issues: list[Json] = []
    for problem in find_problems(message, Role.CLIENT):
        expected = problem.expected.split(" or ")[0]
        text = f"Invalid input: expected {expected}, received {problem.received}"
        issues.append({"expected": expected, "code": "invalid_type",
                       "path": list(problem.path), "message": text})  # fmt: skip
    return issues
