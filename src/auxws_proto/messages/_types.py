"""Every message of ``docs/protocol.md`` §7 as a `TypedDict`, and the unions of each direction.

It knows fields and directions. It must not know when a message is sent, nor check one: unknown
fields and unknown types are legal at run time.
"""

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

from ._shared import (
    BranchFields,
    ConnectionInfo,
    DeviceAction,
    ErrorCode,
    HttpPartialResponseData,
    HttpRequestData,
    HttpResponseData,
    MissingPermission,
    RemoteAction,
    UpdateErrorCode,
)


class Login(TypedDict):
    """Log in, with a connection token, or as a guest with a connection id alone."""

    type: Literal["login"]
    connectionToken: NotRequired[str]
    connectionId: NotRequired[str]


class LoginSucceeded(TypedDict):
    """The connection is logged in."""

    type: Literal["login_result"]
    success: Literal[True]
    info: ConnectionInfo


class LoginFailed(TypedDict):
    """The login was refused."""

    type: Literal["login_result"]
    success: Literal[False]
    errorCode: ErrorCode
    errorMessage: str
    reason: NotRequired[dict[str, Any]]


LoginResult: TypeAlias = LoginSucceeded | LoginFailed
"""The answer to `Login`; ``success`` tells which one."""


class WatchBranch(BranchFields):
    """Watch a branch; answered by its updates so far and by `WatchBranchResult`."""

    type: Literal["repo/watch_branch"]
    temporary: NotRequired[bool]
    protocol: NotRequired[Literal["updates"]]
    markers: NotRequired[list[str]]


class WatchBranchSucceeded(BranchFields):
    """The branch is watched."""

    type: Literal["repo/watch_branch_result"]
    success: Literal[True]


class WatchBranchFailed(BranchFields):
    """The branch is not watched."""

    type: Literal["repo/watch_branch_result"]
    success: Literal[False]
    errorCode: ErrorCode
    errorMessage: str
    reason: NotRequired[dict[str, Any]]


WatchBranchResult: TypeAlias = WatchBranchSucceeded | WatchBranchFailed
"""The answer to `WatchBranch`; ``success`` tells which one."""


class UnwatchBranch(BranchFields):
    """Watch a branch no longer; there is no answer."""

    type: Literal["repo/unwatch_branch"]


class AddUpdates(BranchFields):
    """Updates of a branch, each base64; ``timestamps`` are in ms since 1970."""

    type: Literal["repo/add_updates"]
    updates: list[str]
    updateId: NotRequired[int]
    initial: NotRequired[bool]
    timestamps: NotRequired[list[float]]


class UpdatesReceived(BranchFields):
    """What became of the `AddUpdates` with this ``updateId``."""

    type: Literal["repo/updates_received"]
    updateId: int
    errorCode: NotRequired[UpdateErrorCode]
    maxBranchSizeInBytes: NotRequired[float]
    neededBranchSizeInBytes: NotRequired[float]


class GetUpdates(BranchFields):
    """Ask for all updates; answered by `AddUpdates` with ``timestamps``."""

    type: Literal["repo/get_updates"]


class SendAction(BranchFields):
    """Send an action to devices that watch the branch."""

    type: Literal["repo/send_action"]
    action: RemoteAction


class ReceiveAction(BranchFields):
    """An action from a device."""

    type: Literal["repo/receive_action"]
    action: DeviceAction


class WatchBranchDevices(BranchFields):
    """Watch who comes to a branch and who leaves it."""

    type: Literal["repo/watch_branch_devices"]


class UnwatchBranchDevices(BranchFields):
    """Watch the devices no longer."""

    type: Literal["repo/unwatch_branch_devices"]


class ConnectedToBranch(TypedDict):
    """A connection watches the branch now."""

    type: Literal["repo/connected_to_branch"]
    broadcast: bool
    branch: WatchBranch
    connection: ConnectionInfo


class DisconnectedFromBranch(BranchFields):
    """A connection watches the branch no longer."""

    type: Literal["repo/disconnected_from_branch"]
    broadcast: bool
    connection: ConnectionInfo


class ConnectionCountRequest(TypedDict):
    """Ask how many connections there are: in all, to an inst, or to a branch."""

    type: Literal["repo/connection_count"]
    recordName: str | None
    inst: str | None
    branch: str | None


class ConnectionCount(ConnectionCountRequest):
    """The answer to `ConnectionCountRequest`."""

    count: int


class SyncTime(TypedDict):
    """Ask for the server's time; times are in ms since 1970."""

    type: Literal["sync/time"]
    id: float
    clientRequestTime: float


class SyncTimeResponse(TypedDict):
    """The answer to `SyncTime`."""

    type: Literal["sync/time/response"]
    id: float
    clientRequestTime: float
    serverReceiveTime: float
    serverTransmitTime: float


class HttpRequest(TypedDict):
    """A request to the records API over the socket; ``id`` is the client's choice."""

    type: Literal["http_request"]
    id: float
    request: HttpRequestData


class HttpResponse(TypedDict):
    """The whole answer to the `HttpRequest` with this ``id``."""

    type: Literal["http_response"]
    id: float
    response: HttpResponseData


class HttpPartialResponse(TypedDict):
    """A part of a streamed answer, ``index`` 0 first; the last has ``final``."""

    type: Literal["http_partial_response"]
    id: float
    index: int
    final: NotRequired[Literal[True]]
    response: NotRequired[HttpPartialResponseData]


class PermissionRequest(TypedDict):
    """Somebody lacks a permission and asks for it; the server adds who."""

    type: Literal["permission/request/missing"]
    reason: MissingPermission
    connection: NotRequired[ConnectionInfo]
    user: NotRequired[dict[str, Any]]


class PermissionResponse(TypedDict):
    """What became of a `PermissionRequest`."""

    type: Literal["permission/request/missing/response"]
    success: bool
    recordName: str
    resourceKind: str
    resourceId: str
    subjectType: str
    subjectId: str
    errorCode: NotRequired[ErrorCode]
    errorMessage: NotRequired[str]
    connection: NotRequired[ConnectionInfo]


class RateLimitExceeded(TypedDict):
    """The server dropped a message; ``retryAfter`` is in seconds."""

    type: Literal["rate_limit_exceeded"]
    retryAfter: float
    totalHits: float


ClientMessage: TypeAlias = (
    Login
    | WatchBranch
    | UnwatchBranch
    | AddUpdates
    | GetUpdates
    | SendAction
    | WatchBranchDevices
    | UnwatchBranchDevices
    | ConnectionCountRequest
    | SyncTime
    | HttpRequest
    | PermissionRequest
    | PermissionResponse
)
"""What a client sends."""

ServerMessage: TypeAlias = (
    LoginResult
    | WatchBranchResult
    | AddUpdates
    | UpdatesReceived
    | ReceiveAction
    | ConnectedToBranch
    | DisconnectedFromBranch
    | ConnectionCount
    | SyncTimeResponse
    | HttpResponse
    | HttpPartialResponse
    | PermissionRequest
    | PermissionResponse
    | RateLimitExceeded
)
"""What a server sends."""

Message: TypeAlias = ClientMessage | ServerMessage
"""Any message of ``docs/protocol.md`` §7, in either direction."""
