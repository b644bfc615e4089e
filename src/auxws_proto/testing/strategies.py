"""Hypothesis strategies: messages, events, hostile frames, byte streams, lists of operations.

It knows the shapes of ``docs/protocol.md`` §2 and §7. It must not know what is tested with them,
nor the fields of a message: those are read from the `TypedDict`s of ``auxws_proto.messages``, so a
new type is drawn without a change here. It and the module that reads them are the only ones of the
core that import hypothesis.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any, Final

from hypothesis import strategies as st

from .. import messages
from .._config import Config
from .._constants import EventType, Role
from ._faults import GRANT_FAULTS, LOGIN_FAULTS, OPEN_FAULTS
from ._frames import text_frame
from ._keeper import CRASHES
from ._operations import OPERATIONS, Operation
from ._store import STORE_FAULTS
from ._strategies_of_types import TEXTS, Drawn, json_values, message

__all__ = [
    "byte_streams",
    "configs",
    "events",
    "hostile_texts",
    "json_values",
    "message",
    "messages_to",
    "operation_lists",
    "operations",
    "portions",
    "sessions",
]

_STORE: Final = "https://messages.s3.us-east-1.amazonaws.com/"


# The public strategies. Each is `composite`, so that its name is all that a failure shows of it.


@st.composite
def messages_to(draw: st.DrawFn, role: Role) -> dict[str, Any]:
    """Messages of every type that a machine of this role receives."""
    drawn: dict[str, Any] = draw(_messages_to(role))
    return drawn


@st.composite
def events(draw: st.DrawFn, sender: Role) -> list[Any]:
    """Event arrays that this side may send, each of the right shape."""
    return draw(_events(sender))


@st.composite
def hostile_texts(draw: st.DrawFn) -> bytes:
    """Texts that are no events, or not quite: every malformed variant, and noise."""
    return draw(_hostile_texts())


@st.composite
def byte_streams(draw: st.DrawFn, sender: Role) -> bytes:
    """What could come after a handshake: frames of valid and hostile texts, controls, and noise."""
    return draw(_byte_streams(sender))


@st.composite
def configs(draw: st.DrawFn, role: Role) -> Config:
    """Configurations with small limits, so that short runs meet every path."""
    return draw(_configs(role))


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    """One operation on a world (`OPERATIONS`), of any kind."""
    return draw(_operations())


# Messages.


@cache
def _messages_to(role: Role) -> Drawn:
    rows = messages.MESSAGE_ROWS.values()
    shapes = [row.to_server if role is Role.SERVER else row.from_server for row in rows]
    return st.one_of([message(shape) for shape in shapes if shape is not None])


# Events.


@cache
def _events(sender: Role) -> st.SearchStrategy[list[Any]]:
    receiver = Role.SERVER if sender is Role.CLIENT else Role.CLIENT
    numbers = st.integers(-1, 2**31)
    urls = st.builds("{}{}".format, st.just(_STORE), st.text("abc/%20?=&", max_size=10))
    headers = st.dictionaries(st.sampled_from(["x-amz-acl", "Content-Type"]), TEXTS, max_size=2)
    request = (urls, st.sampled_from(["PUT", "GET"]), headers)
    info = st.fixed_dictionaries(
        {"success": st.just(False), "errorCode": TEXTS, "errorMessage": TEXTS},
        optional={"issues": st.lists(json_values(), max_size=2), "inst": TEXTS},
    )
    message_events = st.tuples(st.just(1), numbers, _messages_to(receiver))
    downloads = st.tuples(st.just(4), numbers, *request)
    if sender is Role.CLIENT:
        drawn = st.one_of(message_events, st.tuples(st.just(2), numbers), downloads)
    else:
        drawn = st.one_of(
            message_events,
            st.tuples(st.just(3), numbers, *request),
            downloads,
            st.tuples(st.just(5), st.none() | numbers, info),
        )
    return drawn.map(list)


@cache
def _hostile_texts() -> st.SearchStrategy[bytes]:
    parts = st.one_of(st.sampled_from([*EventType, 0, 6, -1, 1.5, True, 10**30]), json_values(1))
    arrays = st.lists(parts, max_size=6)
    broken = st.one_of(_events(Role.CLIENT), _events(Role.SERVER)).flatmap(_broken)
    notices = st.fixed_dictionaries({"message": TEXTS}, optional={"connectionId": TEXTS})
    written = st.one_of(arrays, broken, notices, json_values()).map(_write)
    deep = st.integers(1, 2_000).map(lambda depth: b"[1,0," + b"[" * depth)
    cut = written.flatmap(lambda data: st.integers(0, len(data)).map(lambda end: data[:end]))
    odd = st.sampled_from([b"", b"\xff", b"NaN", b"[1,0,NaN]", b"\xef\xbb\xbf[2,1]", b"1" * 5_000])
    return st.one_of(written, deep, cut, odd, st.binary(max_size=50))


def _broken(event: list[Any]) -> Drawn:
    """One item of an event replaced, left out or put in."""
    places = st.integers(0, len(event) - 1)
    return st.one_of(
        st.tuples(places, json_values(1)).map(
            lambda pair: [*event[: pair[0]], pair[1], *event[pair[0] + 1 :]]
        ),
        places.map(lambda place: [*event[:place], *event[place + 1 :]]),
        st.tuples(places, json_values(1)).map(
            lambda pair: [*event[: pair[0]], pair[1], *event[pair[0] :]]
        ),
    )


def _write(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


@cache
def _byte_streams(sender: Role) -> st.SearchStrategy[bytes]:
    masked = sender is Role.CLIENT
    texts = st.one_of(_events(sender).map(_write), _hostile_texts())
    frames = texts.map(lambda data: text_frame(data, masked=masked))
    controls = st.tuples(st.sampled_from([0x88, 0x89, 0x8A]), st.binary(max_size=20)).map(
        lambda pair: bytes((pair[0],)) + text_frame(pair[1], masked=masked)[1:]
    )
    parts = st.one_of(frames, frames, controls, st.binary(max_size=20))
    return st.lists(parts, max_size=8).map(b"".join)


def portions(data: bytes) -> st.SearchStrategy[list[bytes]]:
    """The same bytes in portions, cut anywhere."""
    cuts = st.lists(st.integers(0, len(data)), max_size=12).map(sorted)

    def cut(places: list[int]) -> list[bytes]:
        bounds = [0, *places, len(data)]
        return [data[a:b] for a, b in pairwise(bounds) if a < b]

    return cuts.map(cut)


# Configurations and operations.


@cache
def _configs(role: Role) -> st.SearchStrategy[Config]:
    common: dict[str, Drawn] = {
        "inline_limit": st.sampled_from([256, 300, 1_000]),
        "fragment_limit": st.sampled_from([0, 900]),
        "offload": st.sampled_from(["auto", "always", "never"]),
        "ordering": st.sampled_from(["strict", "relaxed"]),
        "confirm": st.booleans(),
        "resend_unknown": st.booleans(),
        "upload_urls_ahead": st.integers(0, 4),
        "max_uploads": st.integers(1, 4),
        "max_downloads": st.integers(1, 4),
        "write_ahead": st.sampled_from([1, 600, 5_000, 262_144]),
        "max_outbox_messages": st.sampled_from([5, 10_000]),
        "max_outbox_bytes": st.sampled_from([3_000, 10**8]),
        "read_ahead": st.sampled_from([1, 500, 10**7]),
        "max_held": st.sampled_from([1, 5_000, 10**8]),
        "max_download_size": st.sampled_from([1_500, 10**6]),
        "upload_url_lifetime": st.sampled_from([5.0, 3_000.0]),
        "transfer_timeout": st.sampled_from([2.0, 30.0]),
        "upload_attempts": st.integers(1, 5),
        "download_attempts": st.integers(1, 4),
        "ping_interval": st.sampled_from([None, 5.0, 60.0]),
        "ping_timeout": st.sampled_from([3.0, 20.0]),
        "close_timeout": st.sampled_from([0.0, 1.0, 10.0]),
    }
    if role is Role.CLIENT:
        common |= {
            "barrier": st.sampled_from(["ping", "message"]),
            "max_age": st.sampled_from([None, 4.0, 20.0]),
            "rotate_overlap": st.sampled_from([0.0, 1.0, 2.0]),
            "ask_for_login": st.booleans(),
            "keepalive_message": st.sampled_from([None, {"type": "keep"}]),
            "keepalive_interval": st.sampled_from([3.0, 300.0]),
        }
    # Most settings stay as they are in most examples, so that a failure shrinks to the ones needed.
    return st.fixed_dictionaries({}, optional=common).map(_config)


def _config(fields: dict[str, Any]) -> Config:
    merged: dict[str, Any] = {"inline_limit": 256, **fields}
    return Config(**merged)


_SIZES: Final = st.sampled_from([1, 10, 180, 200, 205, 210, 215, 220, 250, 900, 1_000, 2_000])
_PEACEFUL: Final[dict[str, tuple[Drawn, ...]]] = {
    "send": (_SIZES, st.sampled_from(["x", "é", "漢"])),
    "server_send": (_SIZES,),
    "run": (st.sampled_from([0.0, 0.01, 0.05, 0.2, 1.0, 3.0, 10.0, 40.0]),),
}


@cache
def _operations() -> st.SearchStrategy[Operation]:
    texts = _hostile_texts().map(lambda data: data.decode("utf-8", "replace"))
    drawn: dict[str, tuple[Drawn, ...]] = {
        **_PEACEFUL,
        "stall": (st.sampled_from(["up", "down", "both"]),),
        "open_fault": (st.sampled_from([*OPEN_FAULTS]),),
        "grant_fault": (st.sampled_from(GRANT_FAULTS),),
        "login_fault": (st.sampled_from(LOGIN_FAULTS),),
        "store_fault": (st.sampled_from(STORE_FAULTS),),
        "inject": (texts,),
        "inject_up": (texts,),
        "mute": (st.booleans(),),
        "crash_at_record": (st.sampled_from(CRASHES),),
        "push": (_SIZES,),
    }
    bare: dict[str, tuple[Drawn, ...]] = {name: () for name in OPERATIONS if name not in drawn}
    return _one_of(drawn | bare)


def _one_of(drawn: Mapping[str, tuple[Drawn, ...]]) -> st.SearchStrategy[Operation]:
    return st.one_of([st.tuples(*args).map(_named(name)) for name, args in drawn.items()])


def _named(name: str) -> Callable[[tuple[Any, ...]], Operation]:
    def named(args: tuple[Any, ...]) -> Operation:
        return Operation(name, args)

    return named


def operation_lists(max_size: int = 30) -> st.SearchStrategy[list[Operation]]:
    """Lists of operations, for `perform`."""
    return st.lists(operations(), max_size=max_size)


def sessions(max_size: int = 20) -> st.SearchStrategy[list[Operation]]:
    """Valid sessions: nothing goes wrong, and time passes."""
    begin = [Operation("connect"), Operation("run", (1.0,))]
    return st.lists(_one_of(_PEACEFUL), max_size=max_size).map(lambda rest: [*begin, *rest])
