"""The common questions to a server: what is sent, which message answers, and what it means.

It knows messages (``docs/protocol.md`` §7). It must not know who asks, nor when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from ._constants import Violation
from ._errors import LocalProtocolError, RemoteProtocolError
from ._inst_shapes import ActionFailed, BranchKey
from ._requests import Message, Request
from .messages import BranchFields, DeviceAction

__all__ = [
    "StoredUpdates",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[T]):
    """Send ``message`` once ``request`` is open, then ``read`` the reply.

    ``read`` raises what the reply says went wrong.
    """

    message: Mapping[str, Any]
    request: Request
    read: Callable[[Message], T]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUpdates:
    """All updates of a branch (base64), and when each was stored, in ms since 1970."""

    updates: tuple[str, ...]
    timestamps: tuple[float, ...]


def branch_fields(key: BranchKey) -> BranchFields:
    """The fields that name a branch in a message."""
    return {"recordName": key[0], "inst": key[1], "branch": key[2]}


def count_question(record_name: str | None, inst: str | None, branch: str | None) -> Question[int]:
    """How many connections there are: in all, to an inst, or to a branch."""
    fields = {"recordName": record_name, "inst": inst, "branch": branch}
    kind = "repo/connection_count"

    def read(reply: Message) -> int:
        count = reply.get("count")
        if isinstance(count, bool) or not isinstance(count, int):
            raise RemoteProtocolError(Violation.WRONG_MESSAGE, f"{kind}: count is {count!r}")
        return count

    return Question(
        message={"type": kind, **fields}, request=Request(kind, fields=fields), read=read
    )


def updates_question(key: BranchKey) -> Question[StoredUpdates]:
    """All updates of a branch; the reply is told from the updates of a watch by its timestamps."""
    fields = branch_fields(key)

    def read(reply: Message) -> StoredUpdates:
        updates, times = reply.get("updates"), reply.get("timestamps")
        if not isinstance(updates, list) or not isinstance(times, list):
            raise RemoteProtocolError(Violation.WRONG_MESSAGE, "repo/add_updates has no updates")
        return StoredUpdates(
            updates=tuple(cast("list[str]", updates)), timestamps=tuple(cast("list[float]", times))
        )

    return Question(
        message={"type": "repo/get_updates", **fields},
        request=Request(
            "repo/add_updates", fields={**fields}, test=lambda reply: "timestamps" in reply
        ),
        read=read,
    )


def action_message(
    key: BranchKey,
    event: Any,
    *,
    connection_id: str | None = None,
    session_id: str | None = None,
    user_id: str | None = None,
    broadcast: bool = False,
    task_id: str | None = None,
) -> Mapping[str, Any]:
    """The message that takes an event to devices; raises `LocalProtocolError` if it is for nobody.

    Without any of ``connection_id``, ``session_id``, ``user_id`` and ``broadcast`` the server
    gives it to no device.
    """
    named = {"connectionId": connection_id, "sessionId": session_id, "userId": user_id}
    selector: dict[str, Any] = {name: to for name, to in named.items() if to is not None}
    if broadcast:
        selector["broadcast"] = True
    if not selector:
        raise LocalProtocolError(
            "say which devices the action is for: connection_id=, session_id=, user_id= or "
            "broadcast=True"
        )
    task = {} if task_id is None else {"taskId": task_id}
    action = {"type": "remote", "event": event, **selector, **task}
    return {"type": "repo/send_action", **branch_fields(key), "action": action}


def action_question(key: BranchKey, message: Mapping[str, Any]) -> Question[Any]:
    """The same as a question: the reply is the first result, or error, with its ``taskId``."""
    task_id = message["action"]["taskId"]

    def is_reply(reply: Message) -> bool:
        return reply["action"].get("type") in ("device_result", "device_error")

    def read(reply: Message) -> Any:
        action = reply["action"]
        if action["type"] == "device_error":
            raise ActionFailed(action.get("error"), action.get("connection"))
        return action.get("result")

    return Question(
        message=message,
        request=Request(
            "repo/receive_action",
            fields={**branch_fields(key), ("action", "taskId"): task_id},
            test=is_reply,
        ),
        read=read,
    )


def answer_message(key: BranchKey, action: DeviceAction, **answer: Any) -> Mapping[str, Any]:
    """The message that answers an action, with ``result=`` or ``error=``, at the device it is from.

    Raises `LocalProtocolError` if the action wants no answer: it has no ``taskId``.
    """
    task_id = action.get("taskId")
    if task_id is None:
        raise LocalProtocolError("the action has no taskId, so it wants no answer")
    kind = "remote_error" if "error" in answer else "remote_result"
    to = action["connection"]["connectionId"]
    reply = {"type": kind, **answer, "taskId": task_id, "connectionId": to}
    return {"type": "repo/send_action", **branch_fields(key), "action": reply}
