"""The verbs of the client whose results are typed by the type of a message.

It knows types and signatures; the lines between the markers are generated from the table of
messages by ``python -m tests.tools.generate_overloads``. It must not know how anything is done.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, overload

from auxws_proto import Encoded, SlowPolicy, messages
from auxws_proto._mailbox import MAX_MAILBOX_BYTES, MAX_MAILBOX_MESSAGES
from auxws_proto._requests import Where
from auxws_proto._router import MessageBox

from ._subscription import Subscription

Outgoing: TypeAlias = Mapping[str, Any] | Encoded


class TypedVerbs(ABC):
    """What `AuxClient` has its ``event`` and ``request`` from."""

    # overloads: event(type)
    @overload
    def event(
        self,
        type: Literal["login_result"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.LoginResult]: ...
    @overload
    def event(
        self,
        type: Literal["repo/watch_branch_result"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.WatchBranchResult]: ...
    @overload
    def event(
        self,
        type: Literal["repo/add_updates"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.AddUpdates]: ...
    @overload
    def event(
        self,
        type: Literal["repo/updates_received"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.UpdatesReceived]: ...
    @overload
    def event(
        self,
        type: Literal["repo/receive_action"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.ReceiveAction]: ...
    @overload
    def event(
        self,
        type: Literal["repo/connected_to_branch"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.ConnectedToBranch]: ...
    @overload
    def event(
        self,
        type: Literal["repo/disconnected_from_branch"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.DisconnectedFromBranch]: ...
    @overload
    def event(
        self,
        type: Literal["repo/connection_count"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.ConnectionCount]: ...
    @overload
    def event(
        self,
        type: Literal["sync/time/response"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.SyncTimeResponse]: ...
    @overload
    def event(
        self,
        type: Literal["http_response"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.HttpResponse]: ...
    @overload
    def event(
        self,
        type: Literal["http_partial_response"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.HttpPartialResponse]: ...
    @overload
    def event(
        self,
        type: Literal["permission/request/missing"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.PermissionRequest]: ...
    @overload
    def event(
        self,
        type: Literal["permission/request/missing/response"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.PermissionResponse]: ...
    @overload
    def event(
        self,
        type: Literal["rate_limit_exceeded"],
        *,
        policy: SlowPolicy = ...,
        max_messages: int = ...,
        max_bytes: int = ...,
    ) -> Subscription[messages.RateLimitExceeded]: ...
    @overload
    def event(
        self, type: str, *, policy: SlowPolicy = ..., max_messages: int = ..., max_bytes: int = ...
    ) -> Subscription[Any]: ...
    # end of overloads
    def event(
        self,
        type: str,
        *,
        policy: SlowPolicy = "block",
        max_messages: int = MAX_MAILBOX_MESSAGES,
        max_bytes: int = MAX_MAILBOX_BYTES,
    ) -> Subscription[Any]:
        """Subscribe to messages of one type: ``with client.event(t) as stream: for …``.

        When it holds ``max_messages`` messages or ``max_bytes`` bytes, ``policy`` says what
        happens: ``"block"`` stops the reading of the connection (pongs and upload URLs wait too),
        ``"drop_oldest"`` loses and counts, ``"error"`` ends it with `SlowConsumer`. Messages that
        came before the first subscription of the client wait for it.
        """
        box = MessageBox(type, policy=policy, max_messages=max_messages, max_bytes=max_bytes)
        return self._event(box)

    # overloads: request(reply)
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["login_result"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.LoginResult: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["repo/watch_branch_result"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.WatchBranchResult: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["repo/add_updates"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.AddUpdates: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["repo/updates_received"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.UpdatesReceived: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["repo/receive_action"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.ReceiveAction: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["repo/connected_to_branch"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.ConnectedToBranch: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["repo/disconnected_from_branch"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.DisconnectedFromBranch: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["repo/connection_count"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.ConnectionCount: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["sync/time/response"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.SyncTimeResponse: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["http_response"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.HttpResponse: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["http_partial_response"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.HttpPartialResponse: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["permission/request/missing"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.PermissionRequest: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["permission/request/missing/response"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.PermissionResponse: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: Literal["rate_limit_exceeded"],
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> messages.RateLimitExceeded: ...
    @overload
    def request(
        self,
        message: Outgoing,
        *,
        reply: str | None = ...,
        where: Where | None = ...,
        timeout: float | None = ...,
    ) -> Any: ...
    # end of overloads
    def request(
        self,
        message: Outgoing,
        *,
        reply: str | None = None,
        where: Where | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Send a message, and wait for the first of type ``reply`` for which ``where`` is true.

        ``where`` is a test, or the values of fields: ``where={"id": 7}``, which finds the reply in
        constant time however many requests there are. A test is called on the client's own thread,
        and must be quick. A message answers one request, the oldest. Raises `SendFailed` if the
        message failed, `ServerError` for an error event that names it, `ConnectionFailed` if the
        connection ends before the reply, what ``where`` raises, `TimeoutError` after ``timeout``
        seconds, and `LocalProtocolError` if neither ``reply`` nor ``where`` is given.
        """
        return self._request(message, reply, where, timeout)

    @abstractmethod
    def _event(self, box: MessageBox) -> Subscription[Any]: ...

    @abstractmethod
    def _request(
        self,
        message: Outgoing,
        reply: str | None,
        where: Where | None,
        timeout: float | None,
    ) -> Any: ...
