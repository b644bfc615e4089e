"""The parts that several messages share (``docs/protocol.md`` §2, §7).

It knows fields. It must not know which message holds them. Annotations are evaluated here and in
the modules beside it (no ``from __future__ import annotations``), so that ``__required_keys__`` of
every `TypedDict` is exact at run time too.
"""

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

KnownErrorCode: TypeAlias = Literal[
    "server_error",
    "not_supported",
    "invalid_record_key",
    "unacceptable_connection_token",
    "invalid_token",
    "session_expired",
    "user_is_banned",
    "unacceptable_connection_id",
    "message_not_found",
    "unacceptable_request",
    "record_not_found",
    "not_authorized",
    "action_not_supported",
    "not_logged_in",
    "subscription_limit_reached",
    "inst_not_found",
    "invalid_connection_state",
]
"""The error codes that the server is known to use (``docs/protocol.md`` §7)."""

ErrorCode: TypeAlias = KnownErrorCode | str
"""Any error code: editors complete the known ones, and any other string may come."""

UpdateErrorCode: TypeAlias = Literal["max_size_reached", "record_not_found", "inst_not_found"]
"""Why updates were not stored."""

HttpMethod: TypeAlias = Literal["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]
"""The methods that `HttpRequest` may have (``docs/protocol.md`` §7)."""

TaskId: TypeAlias = str | float
"""Joins a remote action to its result."""


class ConnectionInfo(TypedDict):
    """Who is at the other end; a guest has neither session nor user."""

    connectionId: str
    sessionId: str | None
    userId: str | None


class BranchFields(TypedDict):
    """Names one branch of one inst; ``recordName`` is None for a public inst."""

    recordName: str | None
    inst: str
    branch: str


class ErrorInfo(TypedDict):
    """The object of an error event, ``[5, id, info]`` (``docs/protocol.md`` §2)."""

    success: Literal[False]
    errorCode: ErrorCode
    errorMessage: str
    recordName: NotRequired[str | None]
    inst: NotRequired[str]
    branch: NotRequired[str]
    issues: NotRequired[list[Any]]
    reason: NotRequired[dict[str, Any]]


class _Selector(TypedDict):
    """Whom an action is for; without any of these, for nobody in particular."""

    connectionId: NotRequired[str]
    sessionId: NotRequired[str]
    userId: NotRequired[str]
    broadcast: NotRequired[bool]


class RemoteEventAction(_Selector):
    """An event for the devices that the selector names."""

    type: Literal["remote"]
    event: Any
    allowBatching: NotRequired[bool]
    taskId: NotRequired[TaskId]


class RemoteResultAction(_Selector):
    """The result of an event, for the device that sent it."""

    type: Literal["remote_result"]
    result: NotRequired[Any]
    taskId: NotRequired[TaskId]


class RemoteErrorAction(_Selector):
    """The failure of an event, for the device that sent it."""

    type: Literal["remote_error"]
    error: Any
    taskId: NotRequired[TaskId]


RemoteAction: TypeAlias = RemoteEventAction | RemoteResultAction | RemoteErrorAction
"""What ``repo/send_action`` carries."""


class DeviceEventAction(TypedDict):
    """An event from the device at ``connection``."""

    type: Literal["device"]
    connection: ConnectionInfo
    event: Any
    taskId: NotRequired[TaskId]


class DeviceResultAction(TypedDict):
    """The result of an event of ours."""

    type: Literal["device_result"]
    connection: ConnectionInfo
    result: NotRequired[Any]
    taskId: NotRequired[TaskId]


class DeviceErrorAction(TypedDict):
    """The failure of an event of ours."""

    type: Literal["device_error"]
    connection: ConnectionInfo
    error: Any
    taskId: NotRequired[TaskId]


DeviceAction: TypeAlias = DeviceEventAction | DeviceResultAction | DeviceErrorAction
"""What ``repo/receive_action`` carries."""


class HttpRequestData(TypedDict):
    """A request to the records API; ``body`` must be present, None is fine (§9)."""

    path: str
    method: HttpMethod
    headers: dict[str, str]
    query: dict[str, str]
    pathParams: dict[str, str]
    body: str | None


class HttpResponseData(TypedDict):
    """A response of the records API; ``body`` is a JSON string."""

    statusCode: int
    headers: NotRequired[dict[str, str]]
    body: NotRequired[str | None]


class HttpPartialResponseData(TypedDict):
    """A part of a streamed response; only part 0 has the status and headers."""

    statusCode: NotRequired[int]
    headers: NotRequired[dict[str, str]]
    body: NotRequired[str | None]


class MissingPermission(TypedDict):
    """The permission that was missing."""

    type: Literal["missing_permission"]
    recordName: str
    resourceKind: str
    resourceId: str
    action: str
    subjectType: str
    subjectId: str
