"""The connection's part of the story: transports, states as bands, pings, logins, errors.

It knows what keeps messages from moving. It must not know messages.
"""

from __future__ import annotations

from ._teller import Teller
from ._timeline import Band, Kind, Lane, Span, Tone

APP, CLIENT, GATEWAY, STORE = Lane

_OFFLINE = frozenset({"CONNECTING", "AUTHENTICATING", "WAITING"})
"""States that are an outage once the session has been open."""


class Connection:
    """What happened to the connection."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._has_been_open = False

    def verb(self, label: str) -> None:
        """The application asks for something that is no message."""
        self._teller.row(APP, CLIENT, Kind.CONNECTION, label)

    def opening(self, transport: int | None, attempt: int | None, url: str) -> None:
        """A transport is asked for."""
        again = f", attempt {attempt}" if attempt else ""
        self._teller.row(
            CLIENT, GATEWAY, Kind.CONNECTION, f"open transport {transport}{again}",
            transport=transport, facts=[("URL", url or None), ("attempt", attempt)],
        )  # fmt: skip

    def opened(self, transport: int | None) -> None:
        """A transport is there."""
        self._teller.row(
            GATEWAY, CLIENT, Kind.CONNECTION, "transport opened", transport=transport,
            tone=Tone.GOOD,
        )  # fmt: skip

    def failed(self, transport: int | None, reason: str) -> None:
        """A transport could not be had."""
        self._teller.row(
            GATEWAY, CLIENT, Kind.CONNECTION, f"transport failed: {reason}", transport=transport,
            tone=Tone.BAD,
        )  # fmt: skip

    def ended(self, transport: int | None, code: int | None, reason: str) -> None:
        """A transport came to its end."""
        tone = Tone.PLAIN if code in (1000, 1001) else Tone.WARN
        words = " ".join(["closed", str(code if code is not None else ""), reason]).rstrip()
        self._teller.row(
            GATEWAY, CLIENT, Kind.CONNECTION, words, transport=transport, tone=tone,
            facts=[("code", code), ("reason", reason or None)],
        )  # fmt: skip

    def closing(self, transport: int | None, label: str) -> None:
        """A transport is given up."""
        self._teller.row(CLIENT, GATEWAY, Kind.CONNECTION, label, transport=transport)

    def state(self, state: str, cause: str) -> None:
        """The public state changed."""
        bands = self._teller.timeline.bands
        is_outage = self._has_been_open and state in _OFFLINE
        self._has_been_open = self._has_been_open or state == "OPEN"
        row = self._teller.row(
            CLIENT, APP, Kind.CONNECTION, f"state {state}", facts=[("cause", cause or None)],
            tone=Tone.GOOD if state == "OPEN" else Tone.WARN if is_outage else Tone.PLAIN,
        )  # fmt: skip
        if bands and bands[-1].end is None:
            bands[-1].end, bands[-1].last = self._teller.at, row
        cause = self._teller.timeline.rows[row].facts[0][1] if cause else ""
        bands.append(
            Band(state=state, start=self._teller.at, first=row, cause=cause, is_outage=is_outage)
        )

    def ping(self, transport: int | None, payload: str) -> None:
        """A ping goes out."""
        self._teller.row(
            CLIENT, GATEWAY, Kind.PING, f"ping {payload}".rstrip(), transport=transport
        )

    def pong(self, transport: int | None, payload: str) -> None:
        """A pong came."""
        self._teller.row(
            GATEWAY, CLIENT, Kind.PING, f"pong {payload}".rstrip(), transport=transport
        )

    def asked_for_login(self, transport: int | None, attempt: int | None, error: str) -> None:
        """The session asks for credentials."""
        again = " again" if attempt else ""
        self._teller.row(
            CLIENT, APP, Kind.CONNECTION, f"ask for login{again}", transport=transport,
            facts=[("attempt", attempt), ("error", error or None)],
            tone=Tone.WARN if error else Tone.PLAIN,
        )  # fmt: skip

    def error(
        self, error: str, *, span: Span | None, number: float | None, send_id: int | None,
        transport: int | None, payload: str,
    ) -> None:  # fmt: skip
        """Something went wrong that the application is told of."""
        self._teller.row(
            CLIENT, APP, Kind.ERROR, f"error: {error}", span=span, event_id=number,
            send_id=send_id, transport=transport, tone=Tone.BAD, payload=payload,
            facts=[("error", error)],
        )  # fmt: skip

    def note(self, lane: Lane, label: str, *, tone: Tone = Tone.PLAIN) -> None:
        """Something that moved nothing."""
        kind = Kind.ERROR if tone is Tone.BAD else Kind.CONNECTION
        self._teller.row(lane, lane, kind, label, tone=tone)
