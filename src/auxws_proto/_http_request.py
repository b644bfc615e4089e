"""Requests to the records API over the socket: what is asked, and the answer whole or in parts.

It knows ``http_request`` and its two answers (``docs/protocol.md`` §7, §9). It must not know who
waits for them.

Strategy: parts are given out in the order of their index. AWS promises no order, so a part that
comes early waits for those before it; what cannot be right (a part twice, one behind the last, too
many early ones) ends the answer with an error that says so.
"""

from __future__ import annotations

import json as json_codec
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast, get_args

from ._constants import Violation
from ._errors import AuxError, LocalProtocolError, RemoteProtocolError
from ._json import write_json
from ._mailbox import MAX_MAILBOX_BYTES, MAX_MAILBOX_MESSAGES, Mailbox
from ._requests import Message, Request
from .messages import HttpMethod, HttpRequest

__all__ = [
    "HttpResult",
]

MAX_EARLY_PARTS: Final = 1_000
"""How many parts may wait for one before them."""

MAX_WHOLE_BODY: Final = 64 * 1024 * 1024
"""The most characters of a body that is collected whole; as large as a downloaded message."""

_METHODS: Final[tuple[str, ...]] = get_args(HttpMethod)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpHead:
    """The status and the headers of an answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResult(HttpHead):
    """A whole answer of the records API."""

    body: str = ""

    def json(self) -> Any:
        """The body as JSON; raises `RemoteProtocolError` if it is none."""
        try:
            return json_codec.loads(self.body)
        except (ValueError, RecursionError):
            raise RemoteProtocolError(
                Violation.NOT_JSON, f"the body of the answer (status {self.status}) is not JSON"
            ) from None


def http_request(
    number: int,
    path: str,
    *,
    method: str = "GET",
    json: Any = None,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    path_params: Mapping[str, str] | None = None,
) -> HttpRequest:
    """The message for a request; ``json`` that is not None becomes its body.

    Raises `LocalProtocolError` for a path without a leading slash or with a query in it, an unknown
    method, a header, parameter or body that is no text, and what JSON cannot carry.
    """
    method = method.upper()
    if method not in _METHODS:
        raise LocalProtocolError(f"method is {method!r}; it must be one of {', '.join(_METHODS)}")
    if not path.startswith("/") or "?" in path:
        raise LocalProtocolError(f"path is {path!r}; it must begin with / and have its query apart")
    if json is not None and body is not None:
        raise LocalProtocolError("give json= or body=, not both")
    all_headers = _texts("headers", headers)
    if json is not None:
        try:
            body = write_json(json)
        except (TypeError, ValueError, RecursionError) as error:
            raise LocalProtocolError(f"json= cannot be written as JSON: {error}") from None
        if not any(name.lower() == "content-type" for name in all_headers):
            all_headers["Content-Type"] = "application/json"
    elif body is not None and not isinstance(cast("object", body), str):
        raise LocalProtocolError("body= must be a str; for JSON there is json=")
    return {
        "type": "http_request",
        "id": number,
        "request": {
            "path": path,
            "method": cast("HttpMethod", method),
            "headers": all_headers,
            "query": _texts("query", query),
            "pathParams": _texts("path_params", path_params),
            "body": body,
        },
    }


def _texts(name: str, pairs: Mapping[str, str] | None) -> dict[str, str]:
    texts = dict(pairs or {})
    for key, value in cast("dict[object, object]", texts).items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise LocalProtocolError(f"{name}[{key!r}] is no text; names and values must be str")
    return texts


class HttpExchange(Request):
    """One request and its answer: `head` first, then the texts in `parts`, in order.

    Both change before `wake` is called. ``is_stream`` says that somebody takes the parts as they
    come, so that a full `parts` may hold the reading back; else `whole` has them all in the end.
    """

    def __init__(
        self,
        number: int,
        *,
        is_stream: bool = False,
        max_parts: int = MAX_MAILBOX_MESSAGES,
        max_characters: int = MAX_MAILBOX_BYTES,
    ) -> None:
        super().__init__("http_response", "http_partial_response", fields={"id": number})
        self.head: HttpHead | None = None
        self.is_stream = is_stream
        self.parts: Mailbox[str] = Mailbox(max_messages=max_parts, max_bytes=max_characters)
        self.parts.wake = lambda: self.wake()
        self._next = 0
        self._last: int | None = None
        self._early: dict[int, str] = {}

    @property
    def is_full(self) -> bool:
        """Whether the reading should wait for whoever takes the parts."""
        return self.is_stream and self.parts.is_full

    @property
    def progress(self) -> str:
        """How far the answer is, in words."""
        if self.head is None and not self._early:
            return "nothing of the answer has come"
        text = f"{self._next} parts have come in order"
        if self._early or self._last is not None:
            text += f", part {self._next} is missing"
        return text

    def take(self, message: Message) -> bool:
        """An answer, or a part of one, came. True: it was the last, or the answer is broken."""
        try:
            if message["type"] == "http_response":
                self._take_whole(message)
            else:
                self._take_part(message)
        except RemoteProtocolError as error:
            self.fail(error)
        return self.is_settled

    def fail(self, error: Exception) -> None:
        """It will not come to its end."""
        # Whoever reads the parts learns of it behind the last good one.
        reported = error if isinstance(error, AuxError) else AuxError(str(error))
        self.parts.finish(reported)
        super().fail(error)

    def whole(self) -> HttpResult:
        """The whole answer, once `is_settled`; raises what broke it."""
        self.get()
        assert self.head is not None
        texts: list[str] = []
        while (text := self.parts.pop()) is not None:
            texts.append(text)
        return HttpResult(status=self.head.status, headers=self.head.headers, body="".join(texts))

    def _take_whole(self, message: Message) -> None:
        if self._next or self._early:
            raise _broken("a whole answer came after parts of one")
        response = _response(message)
        self.head = _head(response)
        self._give(_text(response))
        self._end()

    def _take_part(self, message: Message) -> None:
        index = message.get("index")
        if isinstance(index, bool) or not isinstance(index, int) or index < 0:
            raise _broken(f"a part has the index {index!r}")
        if index < self._next or index in self._early:
            raise _broken(f"part {index} came twice")
        if message.get("final") is True:
            if self._last is not None or any(early > index for early in self._early):
                raise _broken(f"part {index} says that it is the last, and is not")
            self._last = index
        elif self._last is not None and index > self._last:
            raise _broken(f"part {index} came, and part {self._last} was the last")
        response = _response(message)
        if index == 0:
            self.head = _head(response)
        if index > self._next and len(self._early) >= MAX_EARLY_PARTS:
            raise _broken(f"part {self._next} is missing, and {MAX_EARLY_PARTS} came after it")
        self._early[index] = _text(response)
        while self._next in self._early:
            self._give(self._early.pop(self._next))
            self._next += 1
        if self._last is not None and self._next > self._last:
            self._end()

    def _give(self, text: str) -> None:
        if not self.is_stream and self.parts.size + len(text) > MAX_WHOLE_BODY:
            raise _broken(f"the body has over {MAX_WHOLE_BODY:,} characters; read it as a stream")
        self.parts.put(text, len(text))

    def _end(self) -> None:
        self.parts.finish()
        self.settle({})


def _broken(detail: str) -> RemoteProtocolError:
    return RemoteProtocolError(Violation.WRONG_MESSAGE, f"the answer to http_request: {detail}")


def _response(message: Message) -> Mapping[str, Any]:
    response = message.get("response", {})
    if not isinstance(response, dict):
        raise _broken("its response is no object")
    return cast("dict[str, Any]", response)


def _head(response: Mapping[str, Any]) -> HttpHead:
    status = response.get("statusCode")
    headers: object = response.get("headers") or {}
    if isinstance(status, bool) or not isinstance(status, int):
        raise _broken("it has no statusCode")
    if not isinstance(headers, dict):
        raise _broken("its headers are no object")
    pairs = cast("dict[str, object]", headers).items()
    return HttpHead(
        status=status, headers={name: value for name, value in pairs if isinstance(value, str)}
    )


def _text(response: Mapping[str, Any]) -> str:
    body = response.get("body")
    if body is not None and not isinstance(body, str):
        raise _broken("its body is no text")
    return body or ""
