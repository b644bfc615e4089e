"""The one table of message types: which `TypedDict` a type has in each direction.

It knows types. It must not know fields, nor what is done with a message. The overloads of the
drivers' ``event`` and the validation are derived from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ._types import (
    AddUpdates,
    ConnectedToBranch,
    ConnectionCount,
    ConnectionCountRequest,
    DisconnectedFromBranch,
    GetUpdates,
    HttpPartialResponse,
    HttpRequest,
    HttpResponse,
    Login,
    LoginResult,
    PermissionRequest,
    PermissionResponse,
    RateLimitExceeded,
    ReceiveAction,
    SendAction,
    SyncTime,
    SyncTimeResponse,
    UnwatchBranch,
    UnwatchBranchDevices,
    UpdatesReceived,
    WatchBranch,
    WatchBranchDevices,
    WatchBranchResult,
)


class MessageRow(NamedTuple):
    """The `TypedDict`, or union of some, that a type has to the server and from it.

    The types are those of ``docs/protocol.md`` §7.
    """

    to_server: Any | None
    from_server: Any | None


MESSAGE_ROWS: Mapping[str, MessageRow] = MappingProxyType(
    {
        "login": MessageRow(Login, None),
        "login_result": MessageRow(None, LoginResult),
        "repo/watch_branch": MessageRow(WatchBranch, None),
        "repo/watch_branch_result": MessageRow(None, WatchBranchResult),
        "repo/unwatch_branch": MessageRow(UnwatchBranch, None),
        "repo/add_updates": MessageRow(AddUpdates, AddUpdates),
        "repo/updates_received": MessageRow(None, UpdatesReceived),
        "repo/get_updates": MessageRow(GetUpdates, None),
        "repo/send_action": MessageRow(SendAction, None),
        "repo/receive_action": MessageRow(None, ReceiveAction),
        "repo/watch_branch_devices": MessageRow(WatchBranchDevices, None),
        "repo/unwatch_branch_devices": MessageRow(UnwatchBranchDevices, None),
        "repo/connected_to_branch": MessageRow(None, ConnectedToBranch),
        "repo/disconnected_from_branch": MessageRow(None, DisconnectedFromBranch),
        "repo/connection_count": MessageRow(ConnectionCountRequest, ConnectionCount),
        "sync/time": MessageRow(SyncTime, None),
        "sync/time/response": MessageRow(None, SyncTimeResponse),
        "http_request": MessageRow(HttpRequest, None),
        "http_response": MessageRow(None, HttpResponse),
        "http_partial_response": MessageRow(None, HttpPartialResponse),
        "permission/request/missing": MessageRow(PermissionRequest, PermissionRequest),
        "permission/request/missing/response": MessageRow(PermissionResponse, PermissionResponse),
        "rate_limit_exceeded": MessageRow(None, RateLimitExceeded),
    }
)
"""The table of ``docs/protocol.md`` §7, row for row."""

MESSAGE_TYPES: Mapping[str, Any] = MappingProxyType(
    {name: row.from_server or row.to_server for name, row in MESSAGE_ROWS.items()}
)
"""The `TypedDict`, or union, of each type as a client sees it: as received, else as sent.

The types are those of ``docs/protocol.md`` §7.
"""
