"""What helpers report to a machine: the outcomes of actions, in the past participle.

It knows shapes only. Feed one to ``handle(event, now)``, then drain ``actions()``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

HeaderPairs: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]
"""HTTP headers, as a mapping or as pairs; names are compared without case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportFailure:
    """Why a transport could not be opened.

    ``kind`` is one of ``"resolve"``, ``"connect"``, ``"tls"``, ``"proxy"``, ``"timeout"``,
    ``"rejected"`` (with the HTTP ``status``), ``"handshake"``, ``"subprotocol"``, or a word of
    the embedder's own.
    """

    kind: str
    status: int | None = None
    detail: str = ""
    retry_after: float | None = None
    """Seconds, from a ``Retry-After`` header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFailure:
    """Why a request got no response. ``detail`` must not quote the URL.

    ``kind`` is one of ``"connect"``, ``"read"``, ``"write"``, ``"timeout"``, ``"tls"``,
    ``"protocol"``, ``"too_large"`` (the body passed ``max_bytes``), ``"address"`` (the address is
    in a refused range), ``"cancelled"``, or a word of the embedder's own. ``transient`` says
    whether trying again can help.
    """

    kind: str
    detail: str = ""
    transient: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponded:
    """A request was answered, with any status. ``body`` is the decoded body, in bytes.

    A `bytearray` is taken over: it is emptied as soon as its text is decoded, so that a large body
    is not held beside the message that is made of it.
    """

    transfer_id: int
    status: int
    headers: HeaderPairs = field(default=(), repr=False)
    body: bytes | bytearray = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFailed:
    """A request got no response; also the answer to ``CancelTransfer``."""

    transfer_id: int
    error: HttpFailure | str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProgressed:
    """``done`` of ``total`` bytes (None: unknown) of a body have gone over the wire."""

    transfer_id: int
    done: int
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadGranted:
    """A presigned upload URL, the answer to ``AnswerUploadRequest`` (server role).

    The fields are those of ``docs/protocol.md`` §3 and §4.
    ``announce_url`` is the presigned GET that a server announces for a message of its own; without
    it the upload URL is announced without its query.
    """

    request_id: int
    url: str = field(repr=False)
    method: str = "PUT"
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    announce_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRefused:
    """No upload URL, the answer to ``AnswerUploadRequest`` (server role).

    ``error`` is an error code such as ``"not_supported"``, or a whole ``info`` object.
    """

    request_id: int
    error: str | Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginUnavailable:
    """No credentials could be had: an answer to ``AskForLogin``. The transport is given up."""

    transport: int
    error: str = ""


Event: TypeAlias = (
    HttpResponded | HttpFailed | HttpProgressed | UploadGranted | UploadRefused | LoginUnavailable
)
"""Whatever `AuxMachine.handle` takes: the outcomes of actions. A closed union."""
