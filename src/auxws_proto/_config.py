"""Every number and choice that a user can set, each with its source or the reason for it.

It knows defaults and their bounds. It must not know who reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ._constants import MAX_FRAGMENTED_SIZE, MAX_MESSAGE_SIZE
from ._errors import LocalProtocolError
from ._frames import Mask, mask
from ._json import FastJson
from ._policy import UrlPolicy


def _no_jitter() -> float:
    """The middle of every range, so that a machine is reproducible unless it is told otherwise."""
    return 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect:
    """When a lost transport is opened again: after ``uniform(0, min(cap, base * 2**n))`` seconds.

    ``n`` counts the failures in a row and starts again after a connection that lasted
    ``reset_after`` seconds. The status codes in ``final_statuses`` and a refused subprotocol end
    the session. ``max_attempts`` bounds the attempts of one outage, ``first_attempts`` those before
    the first connection ever; None means without end.
    """

    base: float = 1.0
    cap: float = 60.0
    reset_after: float = 30.0
    final_statuses: frozenset[int] = frozenset({401, 403})
    max_attempts: int | None = None
    first_attempts: int | None = None

    def __post_init__(self) -> None:
        _check(self, "base", self.base > 0, "must be over 0 s")
        _check(self, "cap", self.cap >= self.base, "must be at least base")
        _check(self, "reset_after", self.reset_after >= 0, "must be at least 0 s")
        for name in ("max_attempts", "first_attempts"):
            value = getattr(self, name)
            _check(self, name, value is None or value >= 1, "must be at least 1, or None")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of a machine. Sizes are in bytes, times in seconds.

    Raises `LocalProtocolError` for a value out of its bounds, naming the field, value and bound.
    """

    # Sizes on the wire.
    inline_limit: int = MAX_MESSAGE_SIZE
    """The largest event that goes inline in one frame; it is also the largest frame we send."""
    fragment_limit: int = 0
    """Up to this size, events go inline as several frames; 0 is off (``docs/protocol.md`` §5)."""
    offload: Literal["auto", "always", "never"] = "auto"
    """What happens over the inline limit: upload, and inline for a server that answers
    ``not_supported`` (``auto``); upload or fail, never fragments (``always``); inline
    (``never``)."""
    max_message_size: int = 1024 * 1024
    """The largest incoming message over all its frames."""
    max_frame_size: int | None = None
    """The largest incoming frame; None is no limit but `max_message_size`."""
    max_download_size: int = 64 * 1024 * 1024
    """The largest body of a downloaded message."""
    max_response_headers: int = 65_536
    """The largest head of an object store's response: names and values, in bytes. Apache and nginx
    allow requests 8 to 32 KiB; S3's own answers have under 1 KiB."""
    max_error_body: int = 65_536
    """How much is read of a body that is no message: an XML error has some hundred bytes (§8)."""
    max_json_depth: int = 256
    """The deepest nesting of arrays and objects, both ways."""
    close_on_violation: bool = False
    """Close (1009 for sizes, 1003 for binary) as API Gateway does, instead of reporting."""

    # Outgoing.
    ordering: Literal["strict", "relaxed"] = "strict"
    """``relaxed`` lets small messages overtake uploads, as the reference does."""
    confirm: bool = True
    """Prove by a ping behind each message that the gateway got it."""
    barrier: Literal["ping", "message"] | None = "ping"
    """What proves arrival: a WebSocket ping, or ``sync/time``; None proves nothing."""
    can_ping: bool = True
    """False where the WebSocket library cannot ping (browsers)."""
    resend_unknown: bool = False
    """Send again what may or may not have arrived when a transport broke."""
    validate: bool = False
    """Check the fields of known message types at ``send``."""
    max_outbox_messages: int = 10_000
    max_outbox_bytes: int = 256 * 1024 * 1024
    """The outbox admits a message if it is empty or the total stays under this."""
    overflow: Literal["wait", "raise"] = "wait"
    """What a driver's ``send`` does when the outbox is full. The core raises `OutboxFull`."""
    offline: Literal["queue", "wait", "raise"] = "queue"
    """What a driver's ``send`` does while no connection is open."""
    write_ahead: int = 256 * 1024
    """The most bytes that are emitted and not yet reported by ``data_sent``."""

    # Transfers.
    max_uploads: int = 8
    upload_urls_ahead: int = 0
    """Fresh upload URLs kept at hand, 0 to 4."""
    upload_url_lifetime: float = 3_000.0
    """When a URL kept ahead is renewed; the server's are good for 3,600 s (§3)."""
    upload_attempts: int = 5
    """PUTs of one message, and URL requests without an answer, before it fails; where nobody
    answers at all, not before `transfer_timeout` has passed, nor while no connection is open."""
    max_downloads: int = 8
    download_attempts: int = 4
    max_held: int = 512 * 1024 * 1024
    """A download starts while held + running x `max_download_size` stays under this."""
    read_ahead: int = 16 * 1024 * 1024
    """``wants_data`` is false while this many bytes are held or delivered and not taken."""
    url_policy: UrlPolicy = field(default_factory=UrlPolicy)

    # Times.
    connect_timeout: float = 20.0
    """From ``OpenTransport`` to the end of the handshake."""
    login_timeout: float = 30.0
    """From the open transport to the login result, asking for credentials included; the
    gateway's integration gives up after 29 s (§5)."""
    upload_url_timeout: float = 30.0
    """From a request for an upload URL to its answer; for the same reason."""
    transfer_timeout: float = 30.0
    """The longest time that a transfer may make no progress, over all attempts that nobody
    answers."""
    transfer_backoff: float = 0.5
    """The base of the wait before a transfer's next attempt; doubles, at most 20 s, with jitter."""
    ping_interval: float | None = 60.0
    """Keepalive, after this long without anything received; None is off."""
    ping_timeout: float = 20.0
    close_timeout: float = 10.0
    """For a closing handshake; for a driver's flush when it is left, too. With 0 the transport is
    dropped at once, with what is on its way (without ``confirm``, in a planned rotation too)."""
    keepalive_message: Mapping[str, Any] | None = None
    """Sent each `keepalive_interval`: it is not documented that pings reset the idle timer (§5)."""
    keepalive_interval: float = 300.0
    max_age: float | None = None
    """Planned rotation: a connection's age at which the next is opened; AWS ends it at 7,200 s."""
    max_age_jitter: float = 0.1
    """The age is shortened by up to this fraction."""
    rotate_overlap: float = 2.0
    """How long the old connection is read after a rotation."""

    # Connection life.
    reconnect: Reconnect | None = field(default_factory=Reconnect)
    """None ends the session with its first transport."""
    ask_for_login: bool = False
    """Ask for credentials (``AskForLogin``) on each new transport."""

    # The WebSocket layer.
    short_path: bool = True
    """Whole text frames go by code of our own; wsproto, the oracle, does everything else."""
    mask_keys: Callable[[int], bytes] | None = field(default=None, repr=False, compare=False)
    """Where masking keys come from, as so many unpredictable bytes (RFC 6455 §5.3), four for each
    of the frames that go out together: drivers pass ``os.urandom``. Without it wsproto masks, with
    keys that it draws itself."""
    mask: Mask = field(default=mask, repr=False, compare=False)
    """How bytes are masked; one written in C is much faster for large frames."""

    json: FastJson | None = field(default=None, repr=False, compare=False)
    """Another JSON library, which is asked first; None: the standard one. Results are the same."""
    speed: bool = True
    """Whether drivers take the JSON and the mask of the extra ``speed`` where it is installed."""

    random: Callable[[], float] = field(default=_no_jitter, repr=False, compare=False)
    """Where jitter comes from: floats in [0, 1). Drivers pass ``random.random``."""

    def __post_init__(self) -> None:
        at_least = {
            "inline_limit": 256,
            "fragment_limit": 0,
            "max_message_size": 1,
            "max_download_size": 1,
            "max_response_headers": 1,
            "max_error_body": 0,
            "max_json_depth": 2,
            "max_outbox_messages": 1,
            "max_outbox_bytes": 1,
            "write_ahead": 1,
            "max_uploads": 1,
            "upload_attempts": 1,
            "upload_urls_ahead": 0,
            "max_downloads": 1,
            "download_attempts": 1,
            "max_held": 1,
            "read_ahead": 1,
            "transfer_backoff": 0,
            "rotate_overlap": 0,
            "close_timeout": 0,
        }
        for name, least in at_least.items():
            _check(self, name, getattr(self, name) >= least, f"must be at least {least}")
        for name in (
            "connect_timeout", "login_timeout", "upload_url_timeout", "upload_url_lifetime",
            "transfer_timeout", "ping_timeout", "keepalive_interval",
        ):  # fmt: skip
            _check(self, name, getattr(self, name) > 0, "must be over 0 s")
        value = self.max_frame_size
        _check(self, "max_frame_size", value is None or value >= 1, "must be at least 1, or None")
        for name in ("ping_interval", "max_age"):
            value = getattr(self, name)
            _check(self, name, value is None or value > 0, "must be over 0 s, or None")
        _check(self, "fragment_limit", self.fragment_limit <= MAX_FRAGMENTED_SIZE,
               f"must be at most {MAX_FRAGMENTED_SIZE}, API Gateway's limit")  # fmt: skip
        _check(self, "max_json_depth", self.max_json_depth <= 500, "must be at most 500")
        _check(self, "upload_urls_ahead", self.upload_urls_ahead <= 4, "must be at most 4")
        _check(self, "max_age_jitter", 0 <= self.max_age_jitter < 1, "must be in [0, 1)")
        for name, allowed in (
            ("offload", ("auto", "always", "never")),
            ("ordering", ("strict", "relaxed")),
            ("barrier", ("ping", "message", None)),
            ("overflow", ("wait", "raise")),
            ("offline", ("queue", "wait", "raise")),
        ):
            _check(self, name, getattr(self, name) in allowed, f"must be one of {allowed}")
        if self.confirm and self.barrier == "ping":
            _check(self, "confirm", self.can_ping,
                   "needs can_ping = True, or barrier = 'message'")  # fmt: skip


def _check(owner: object, name: str, good: bool, rule: str) -> None:
    if not good:
        value = getattr(owner, name)
        raise LocalProtocolError(f"{type(owner).__name__}.{name} is {value!r}; it {rule}")
