"""Questions over one session, and who gets which answer.

It knows types and fields of replies, and the fate of the message that asked. It must not know what
is asked, nor how a waiter is woken (a driver sets `Request.wake`).

Strategy: a request that names the fields of its reply lies in a table under their values, so that
hundreds at once cost one look for each message. A request with a test is asked in turn, oldest
first. One message answers one request, the oldest that it fits.

What fails a request with certainty: its message failed; an error event names the event that carried
it (``[5, id, …]`` with an id of ours, ``docs/protocol.md`` §2); it went out and its connection is
gone, so that the answer has nowhere to go. An error event with id -1 or null names nobody: it fails
no request, and `Requests.hint` has it for the text of a time-out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeAlias, TypeVar, cast

from ._actions import Action, DeliverMessage, ReportError, ReportSend, ReportState
from ._constants import SendId, State
from ._errors import AuxError, ConnectionFailed, LocalProtocolError

T = TypeVar("T")

Message: TypeAlias = dict[str, Any]
Field: TypeAlias = str | tuple[str, ...]
"""The name of a field, or the path to one in objects within."""
Where: TypeAlias = Callable[[Any], bool] | Mapping[str, Any]
"""Which message is the reply: a test of it, or values of its fields, found in constant time."""


def _nothing() -> None:
    """What an unattended answer does when it is there."""


class Answer(Generic[T]):
    """Something that somebody waits for. It is settled once, with a result or an error."""

    def __init__(self) -> None:
        self.wake: Callable[[], None] = _nothing
        """Called when it is settled."""
        self.is_settled = False
        self._result: list[T] = []
        self._error: Exception | None = None

    def settle(self, result: T) -> None:
        """Here it is. Only the first outcome counts."""
        if not self.is_settled:
            self._result.append(result)
            self.is_settled = True
            self.wake()

    def fail(self, error: Exception) -> None:
        """It will never be there. Only the first outcome counts."""
        if not self.is_settled:
            self._error = error
            self.is_settled = True
            self.wake()

    def get(self) -> T:
        """The result; raises the error. Call it once `is_settled`."""
        if self._error is not None:
            raise self._error
        return self._result[0]


class Request(Answer[Message]):
    """A question: which message answers it, and what has become of the one that asks.

    ``replies`` are the types of the reply (none: any type), ``fields`` values that it must have by
    `Field`, ``test`` whatever else must be true of it. ``test`` is called where messages come in:
    it must be quick; what it raises fails the request. Raises `LocalProtocolError` for values in
    ``fields`` that are no JSON scalars.
    """

    def __init__(
        self,
        *replies: str,
        fields: Mapping[Any, Any] | None = None,
        test: Callable[[Message], bool] | None = None,
    ) -> None:
        super().__init__()
        self.replies: tuple[str | None, ...] = replies or (None,)
        self.names: tuple[Field, ...] = tuple(fields or ())
        self.values = tuple((fields or {}).values())
        if not _is_hashable(self.values):
            raise LocalProtocolError("a reply is found by strings, numbers, booleans or None")
        self.test = test
        self.serial = 0
        self.send_id: SendId | None = None
        self.is_out = False
        """Whether its message has come to a good end: only the answer is missing."""
        self.errors_before = 0

    def take(self, message: Message) -> bool:
        """A reply came. True: it was the last one."""
        self.settle(message)
        return True

    def fits(self, message: Message) -> bool:
        """Whether the test, if there is one, says that this message is a reply."""
        if self.test is None:
            return True
        try:
            return self.test(message)
        except Exception as error:
            # Whoever wrote the test learns of it; nobody else can do anything about it.
            self.fail(error)
            return False


def request_for(reply: str | None, where: Where | None) -> Request:
    """The request for a reply of this type, for which ``where`` is true, or whose fields it names.

    Raises `LocalProtocolError` if neither is given.
    """
    if reply is None and where is None:
        raise LocalProtocolError("say what the reply is: give reply= or where=, or both")
    types = () if reply is None else (reply,)
    if where is None or callable(where):
        return Request(*types, test=where)
    return Request(*types, fields=where)


class Requests:
    """The open requests of one session."""

    def __init__(self) -> None:
        self._serial = 0
        self.pending: dict[Request, None] = {}
        """The requests that are open. Whether there are any is asked with each message."""
        self._tables: dict[
            str | None, dict[tuple[Field, ...], dict[tuple[Any, ...], dict[Request, None]]]
        ] = {}
        self._by_send: dict[SendId, Request] = {}
        self._errors = 0
        self._last_error: AuxError | None = None

    def __len__(self) -> int:
        return len(self.pending)

    def open(self, request: Request) -> None:
        """Look out for its reply from now on: call it before the message is sent."""
        self._serial += 1
        request.serial = self._serial
        request.errors_before = self._errors
        self.pending[request] = None
        for reply in request.replies:
            table = self._tables.setdefault(reply, {}).setdefault(request.names, {})
            table.setdefault(request.values, {})[request] = None

    def sent(self, request: Request, send_id: SendId) -> None:
        """Its message was accepted under this number: the request shares its fate."""
        if request in self.pending:
            request.send_id = send_id
            self._by_send[send_id] = request

    def close(self, request: Request) -> None:
        """Look out no longer: it is answered, or nobody waits any more. Twice is once."""
        if request not in self.pending:
            return
        del self.pending[request]
        if request.send_id is not None:
            self._by_send.pop(request.send_id, None)
        for reply in request.replies:
            tables = self._tables[reply]
            table = tables[request.names]
            del table[request.values][request]
            if not table[request.values]:
                del table[request.values]
            if not table:
                del tables[request.names]
            if not tables:
                del self._tables[reply]

    def hint(self, request: Request) -> AuxError | None:
        """The last error that was reported since the request was opened, and named no send.

        It may or may not be about this request.
        """
        return self._last_error if self._errors > request.errors_before else None

    def handle(self, report: Action) -> bool:
        """What the session reports. True: a message, and it is the answer to a request."""
        match report:
            case DeliverMessage():
                return self._answer(report.message)
            case ReportSend():
                self._send_reported(report)
            case ReportState():
                self._state_reported(report)
            case ReportError():
                self._error_reported(report)
            case _:
                pass
        return False

    def fail_all(self, error: Exception) -> None:
        """Nothing more comes."""
        for request in list(self.pending):
            self._fail(request, error)

    def _answer(self, message: Message) -> bool:
        found: Request | None = None
        for candidate in self._candidates(message):
            if found is None or candidate.serial < found.serial:
                found = candidate
        if found is None:
            return False
        if found.take(message):
            self.close(found)
        return True

    def _candidates(self, message: Message) -> Iterator[Request]:
        """The oldest that fits, of each way to find one."""
        failed: list[Request] = []
        for reply in (message.get("type"), None):
            for names, table in self._tables.get(reply, {}).items():
                values = tuple(_value(message, name) for name in names)
                if not _is_hashable(values):
                    continue
                for request in table.get(values, ()):
                    if request.fits(message):
                        yield request
                        break
                    if request.is_settled:
                        failed.append(request)
        for request in failed:
            self.close(request)

    def _send_reported(self, report: ReportSend) -> None:
        request = self._by_send.get(report.send_id)
        if request is None or not report.final:
            return
        if report.error is not None:
            self._fail(request, report.error)
        else:
            request.is_out = True

    def _state_reported(self, report: ReportState) -> None:
        if report.state is State.OPEN:
            return
        if report.state is State.CLOSED:
            over = ConnectionFailed("closed", "the session ended before a reply came")
            self.fail_all(report.cause or over)
            return
        for request in list(self.pending):
            if request.is_out:
                lost = ConnectionFailed(
                    "lost", "the connection that the question went out on ended without a reply"
                )
                lost.__cause__ = report.cause
                self._fail(request, lost)

    def _error_reported(self, report: ReportError) -> None:
        if report.send_id is None:
            self._errors += 1
            self._last_error = report.error
        elif report.send_id in self._by_send:
            self._fail(self._by_send[report.send_id], report.error)

    def _fail(self, request: Request, error: Exception) -> None:
        self.close(request)
        request.fail(error)


def _value(message: Any, field: Field) -> Any:
    for name in (field,) if isinstance(field, str) else field:
        if not isinstance(message, dict):
            return None
        message = cast("Message", message).get(name)
    return message


def _is_hashable(values: tuple[Any, ...]) -> bool:
    return not any(isinstance(value, list | dict | set) for value in values)
