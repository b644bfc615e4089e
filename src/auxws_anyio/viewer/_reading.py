"""From a trace's lines to the story that they tell: one door or action at a time.

It knows the doors and the actions by name (``docs/traces.md``). It must not know how anything is
drawn, nor what a message's way looks like: the three parts of the story know that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, cast, overload

from auxws_proto import EventType

from ._connection import Connection
from ._events import Glance, glance
from ._incoming import Incoming
from ._outgoing import Outgoing
from ._teller import Teller
from ._texts import bare_url
from ._timeline import Lane, Tone
from ._values import error_text, number_of, payload_of, reason_of

Fields = Mapping[str, Any]

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


class Reading:
    """The story as far as it has been read."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._connection = Connection(teller)
        self._outgoing = Outgoing(teller)
        self._incoming = Incoming(teller)
        # What is not here moves nothing that could be drawn: bookkeeping, timers, draws.
        self._handlers: Mapping[str, Callable[[Fields], None]] = {
            "send": self._send,
            "restore": self._send,
            "report_violation": self._violated,
            "transport_opened": self._opened,
            "transport_failed": self._failed,
            "receive_eof": self._ended,
            "receive_text": self._received,
            "receive_pong": self._pong,
            "HttpResponded": self._responded,
            "HttpFailed": self._http_failed,
            "UploadGranted": self._upload_granted,
            "UploadRefused": self._upload_refused,
            "LoginUnavailable": self._login_unavailable,
            "OpenTransport": self._open,
            "SendText": self._send_text,
            "SendBytes": self._send_bytes,
            "SendPing": self._ping,
            "CloseTransport": self._close,
            "AbortTransport": self._abort,
            "PutToUrl": self._put,
            "GetFromUrl": self._get,
            "CancelTransfer": self._cancel,
            "AskForLogin": self._ask_for_login,
            "AnswerUploadRequest": self._answer_upload,
            "DeliverMessage": self._deliver,
            "ReportState": self._state,
            "ReportSend": self._reported,
            "ReportError": self._error,
            "ReportGap": self._gap,
        }

    def call(self, door: str, arguments: Fields, gave: object, raised: str | None) -> None:
        """An input."""
        if raised is not None:
            self._connection.note(Lane.APPLICATION, f"{door}: {raised}", tone=Tone.BAD)
            return
        if door == "handle":
            event = arguments.get("event")
            if isinstance(event, dict):
                fields = cast("dict[str, Any]", event)
                self.act(str(fields.get("$")), fields)
            return
        if door in _VERBS:
            self._connection.verb(door)
            return
        self.act(door, {**arguments, "gave": gave})

    def act(self, name: str, fields: Fields) -> None:
        """An action, or what an input brought."""
        handler = self._handlers.get(name)
        if handler is not None:
            handler(fields)

    # Inputs.

    def _send(self, fields: Fields) -> None:
        message = payload_of(fields.get("message"))
        self._outgoing.send(
            message.type, message.size, message.text, message.whole, _whole(fields, "gave")
        )

    def _opened(self, fields: Fields) -> None:
        self._connection.opened(_whole(fields, "transport"))

    def _failed(self, fields: Fields) -> None:
        self._connection.failed(_whole(fields, "transport"), error_text(fields.get("failure")))

    def _ended(self, fields: Fields) -> None:
        reason = error_text(fields.get("error")) or str(fields.get("reason") or "")
        self._connection.ended(_whole(fields, "transport"), _whole(fields, "code", 1006), reason)

    def _received(self, fields: Fields) -> None:
        data = payload_of(fields.get("data"))
        seen = glance(data.text)
        transport = _whole(fields, "transport")
        if seen.event is EventType.UPLOAD_RESPONSE:
            self._outgoing.granted(seen, data.size, data.text, data.whole, transport)
        else:
            self._incoming.text(seen, data.size, data.text, data.whole, transport)

    def _violated(self, fields: Fields) -> None:
        self._connection.note(Lane.CLIENT, error_text(fields.get("error")), tone=Tone.BAD)

    def _pong(self, fields: Fields) -> None:
        self._connection.pong(_whole(fields, "transport"), payload_of(fields.get("payload")).text)

    def _responded(self, fields: Fields) -> None:
        transfer, status = _whole(fields, "transfer_id", 0), _whole(fields, "status", 0)
        ok = 200 <= status < 300
        body = payload_of(fields.get("body"))
        label = f"{status} {_PHRASES.get(status, '')}".rstrip()
        if not self._outgoing.put_ended(
            transfer, label=label, ok=ok, status=status, payload=body.text, payload_size=body.whole
        ):
            self._incoming.get_ended(
                transfer, label=label, ok=ok, size=body.size, type=body.type, status=status,
                payload=body.text, payload_size=body.whole,
            )  # fmt: skip

    def _http_failed(self, fields: Fields) -> None:
        transfer, error = _whole(fields, "transfer_id", 0), error_text(fields.get("error"))
        label = f"failed: {error}"
        if not self._outgoing.put_ended(transfer, label=label, ok=False, status=None):
            self._incoming.get_ended(
                transfer, label=label, ok=False, size=None, type="", payload="",
                payload_size=None, status=None,
            )  # fmt: skip

    def _upload_granted(self, fields: Fields) -> None:
        self._connection.note(Lane.CLIENT, f"presigned for request {_whole(fields, 'request_id')}")

    def _upload_refused(self, fields: Fields) -> None:
        self._connection.note(
            Lane.CLIENT, f"upload refused: {error_text(fields.get('error'))}", tone=Tone.BAD
        )

    def _login_unavailable(self, fields: Fields) -> None:
        self._connection.note(
            Lane.APPLICATION, f"no login: {error_text(fields.get('error'))}", tone=Tone.BAD
        )

    # Actions.

    def _open(self, fields: Fields) -> None:
        self._connection.opening(
            _whole(fields, "transport"), _whole(fields, "attempt"),
            bare_url(str(fields.get("url") or "")),
        )  # fmt: skip

    def _send_text(self, fields: Fields) -> None:
        data = payload_of(fields.get("data"))
        limit = _whole(fields, "max_frame", 0) or data.size or 1
        self._outgoing.text(
            glance(data.text), data.size, data.text, data.whole,
            send_id=_whole(fields, "send_id"), transport=_whole(fields, "transport"),
            frames=-(-data.size // limit),
        )  # fmt: skip

    def _send_bytes(self, fields: Fields) -> None:
        send_id = _whole(fields, "send_id")
        if send_id is not None:
            self._outgoing.text(
                Glance(), payload_of(fields.get("data")).size, "", None, send_id=send_id,
                transport=_whole(fields, "transport"), frames=1,
            )  # fmt: skip

    def _ping(self, fields: Fields) -> None:
        self._connection.ping(_whole(fields, "transport"), payload_of(fields.get("payload")).text)

    def _close(self, fields: Fields) -> None:
        words = f"close {_whole(fields, 'code', 1000)} {fields.get('reason', '')}".rstrip()
        self._connection.closing(_whole(fields, "transport"), words)

    def _abort(self, fields: Fields) -> None:
        self._connection.closing(_whole(fields, "transport"), "drop the transport")

    def _put(self, fields: Fields) -> None:
        body = payload_of(fields.get("body"))
        self._outgoing.put(
            _whole(fields, "transfer_id", 0), body.size, str(fields.get("url", "")),
            _whole(fields, "for_send"),
        )  # fmt: skip

    def _get(self, fields: Fields) -> None:
        self._incoming.get(
            _whole(fields, "transfer_id", 0), str(fields.get("url", "")),
            number_of(fields.get("for_event")), _whole(fields, "for_transport"),
        )  # fmt: skip

    def _cancel(self, fields: Fields) -> None:
        self._connection.note(Lane.CLIENT, f"give transfer {_whole(fields, 'transfer_id')} up")

    def _ask_for_login(self, fields: Fields) -> None:
        self._connection.asked_for_login(
            _whole(fields, "transport"), _whole(fields, "attempt"), error_text(fields.get("error"))
        )

    def _answer_upload(self, fields: Fields) -> None:
        self._connection.note(Lane.CLIENT, f"presign for request {_whole(fields, 'request_id')}")

    def _deliver(self, fields: Fields) -> None:
        message = payload_of(fields.get("message"))
        marks = tuple(mark for mark in ("overlap", "used") if fields.get(mark))
        self._incoming.delivered(
            message.type, _whole(fields, "size"), number_of(fields.get("event_id")),
            _whole(fields, "transport"), downloaded=bool(fields.get("downloaded")),
            payload=message.text, payload_size=message.whole, marks=marks,
        )  # fmt: skip

    def _state(self, fields: Fields) -> None:
        self._connection.state(str(fields.get("state")), error_text(fields.get("cause")))

    def _reported(self, fields: Fields) -> None:
        error = fields.get("error")
        self._outgoing.reported(
            _whole(fields, "send_id", 0), str(fields.get("stage")),
            final=bool(fields.get("final")), reason=reason_of(error), detail=error_text(error),
        )  # fmt: skip

    def _error(self, fields: Fields) -> None:
        send_id = _whole(fields, "send_id")
        self._connection.error(
            error_text(fields.get("error")), span=self._outgoing.of(send_id),
            number=number_of(fields.get("event_id")), send_id=send_id,
            transport=_whole(fields, "transport"), payload=payload_of(fields.get("info")).text,
        )  # fmt: skip

    def _gap(self, fields: Fields) -> None:
        self._incoming.lost(
            error_text(fields.get("error")), number_of(fields.get("event_id")),
            _whole(fields, "transport"),
        )  # fmt: skip


@overload
def _whole(fields: Fields, name: str) -> int | None: ...
@overload
def _whole(fields: Fields, name: str, default: int) -> int: ...
def _whole(fields: Fields, name: str, default: int | None = None) -> int | None:
    """A whole number that a file may or may not have under a name."""
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


_VERBS: Final = frozenset({"connect", "disconnect", "close", "login"})
