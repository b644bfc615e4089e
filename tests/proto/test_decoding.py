"""`_decoding`: every way in which an event array can be right or wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import LocalProtocolError, RemoteProtocolError, Role, Violation
from auxws_proto import _decoding as decoding
from auxws_proto._decoding import Decoded, Malformed, decode_event, decode_message
from auxws_proto._encoding import encode_message, message_event

from .json_bench import MESSAGE, Sure, nested

CLIENT, SERVER = Role.CLIENT, Role.SERVER
DEPTH = 256
INFO = {"success": False, "errorCode": "not_supported", "errorMessage": "no"}


def decode(value: object, sender: Role = SERVER) -> Decoded:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return decode_event(data, sender, DEPTH)


# Well-formed events.


WELL_FORMED: list[tuple[Role, list[Any], Decoded]] = [
    (SERVER, [1, -1, MESSAGE], (-1, MESSAGE)),
    (CLIENT, [1, 7, MESSAGE], (7, MESSAGE)),
    (CLIENT, [1.0, 7.5, MESSAGE], (7.5, MESSAGE)),
    (CLIENT, [1, 10**4000, MESSAGE], (10**4000, MESSAGE)),
    (CLIENT, [2, 1], decoding.UploadRequestEvent(1)),
    (SERVER, [3, 1, "u", "PUT", {}], decoding.UploadResponseEvent(1, "u", "PUT", {})),
    (
        SERVER,
        [4, 0, "u", "GET", {"a": "b"}],
        decoding.DownloadRequestEvent(0, "u", "GET", {"a": "b"}),
    ),
    (CLIENT, [4, 3, "u", "GET", {}], decoding.DownloadRequestEvent(3, "u", "GET", {})),
    (SERVER, [5, 1, INFO], decoding.ErrorEvent(1, INFO)),
    (SERVER, [5, None, {}], decoding.ErrorEvent(None, {})),
    (SERVER, {"message": "Forbidden"}, decoding.NoticeObject({"message": "Forbidden"})),  # type: ignore[list-item]
]  # fmt: skip


@pytest.mark.parametrize(("sender", "value", "event"), WELL_FORMED)
def test_well_formed_events(sender: Role, value: object, event: Decoded) -> None:
    assert decode(value, sender) == event
    assert decode_event(json.dumps(value), sender, DEPTH) == event


# Malformed events: what is wrong, and the id under which the sender can be told.

V = Violation
HUGE = 10**4000
NO_TYPES: list[object] = [0, -0.0, 6, -1, 1.5, HUGE, 1e300, True, False, None, "1", [], [1], {}]
NO_IDS: list[object] = [None, True, "1", [], {}]
NO_INFOS: list[object] = [None, True, 0, "no", [], [{}]]
WRONG: list[tuple[Role, object, Violation, float | None]] = [
    # No array.
    (CLIENT, None, V.NOT_AN_ARRAY, None),
    (CLIENT, True, V.NOT_AN_ARRAY, None),
    (CLIENT, "text", V.NOT_AN_ARRAY, None),
    (CLIENT, HUGE, V.NOT_AN_ARRAY, None),
    (CLIENT, {}, V.NOT_AN_ARRAY, None),
    (SERVER, None, V.NOT_AN_ARRAY, None),
    (SERVER, 1.5, V.NOT_AN_ARRAY, None),
    (CLIENT, [], V.EMPTY_ARRAY, None),
    (SERVER, [], V.EMPTY_ARRAY, None),
    # No type.
    *[(SERVER, [kind, 1, MESSAGE], V.UNKNOWN_TYPE, 1) for kind in NO_TYPES],
    (CLIENT, [None], V.UNKNOWN_TYPE, None),
    # Not this side's.
    (CLIENT, [3, 4, "u", "PUT", {}], V.WRONG_DIRECTION, 4),
    (CLIENT, [5, 4, INFO], V.WRONG_DIRECTION, 4),
    (SERVER, [2, 4], V.WRONG_DIRECTION, 4),
    # Arity, with nothing missing and something too much.
    (SERVER, [1], V.WRONG_LENGTH, None),
    (SERVER, [1, 2, MESSAGE, 0], V.WRONG_LENGTH, 2),
    (CLIENT, [2], V.WRONG_LENGTH, None),
    (CLIENT, [2, 3, None], V.WRONG_LENGTH, 3),
    (SERVER, [3, 1, "u", "PUT"], V.WRONG_LENGTH, 1),
    (SERVER, [3, 1, "u", "PUT", {}, 0], V.WRONG_LENGTH, 1),
    (SERVER, [4, 1, "u", "GET"], V.WRONG_LENGTH, 1),
    (SERVER, [4, 1, "u", "GET", {}, 0], V.WRONG_LENGTH, 1),
    (SERVER, [5, 1], V.WRONG_LENGTH, 1),
    (SERVER, [5, 1, {}, 0], V.WRONG_LENGTH, 1),
    # Ids.
    *[
        (sender, [kind, wrong, *rest], V.WRONG_ID, None)
        for sender, kind, *rest in (
            (CLIENT, 1, MESSAGE),
            (CLIENT, 2),
            (SERVER, 3, "u", "PUT", {}),
            (SERVER, 4, "u", "GET", {}),
            (SERVER, 5, {}),
        )
        for wrong in NO_IDS
        if (kind, wrong) != (5, None)
    ],
    # Messages.
    (SERVER, [1, 2], V.WRONG_MESSAGE, 2),
    *[
        (SERVER, [1, 2, message], V.WRONG_MESSAGE, 2)
        for message in (None, False, 1, "m", [], [MESSAGE], {}, {"type": None}, {"type": 1},
                        {"type": ["x"]}, {"Type": "x"})
    ],
    # Requests.
    *[
        (SERVER, [kind, 8, *items], violation, 8)
        for kind in (3, 4)
        for items, violation in (
            ((None, "PUT", {}), V.WRONG_URL),
            ((1, "PUT", {}), V.WRONG_URL),
            ((["u"], "PUT", {}), V.WRONG_URL),
            (("u", None, {}), V.WRONG_METHOD),
            (("u", True, {}), V.WRONG_METHOD),
            (("u", "PUT", None), V.WRONG_HEADERS),
            (("u", "PUT", []), V.WRONG_HEADERS),
            (("u", "PUT", [["a", "b"]]), V.WRONG_HEADERS),
            (("u", "PUT", {"a": 1}), V.WRONG_HEADERS),
            (("u", "PUT", {"a": None}), V.WRONG_HEADERS),
            (("u", "PUT", {"a": ["b"]}), V.WRONG_HEADERS),
        )
    ],
    # Error infos.
    *[(SERVER, [5, 9, info], V.WRONG_INFO, 9) for info in NO_INFOS],
    # Not even JSON.
    (SERVER, b"[1,2,{]", V.NOT_JSON, None),
    (SERVER, b"[1,NaN,{}]", V.NOT_JSON, None),
    (SERVER, b"[1,1e999,{}]", V.NOT_JSON, None),
    (SERVER, b"[1,2,\xff]", V.INVALID_UTF8, None),
    (SERVER, b"[" * 100_000, V.TOO_DEEP, None),
]  # fmt: skip


@pytest.mark.parametrize(("sender", "value", "violation", "event_id"), WRONG)
def test_malformed_events(
    sender: Role, value: object, violation: Violation, event_id: float | None
) -> None:
    event = decode(value, sender)

    assert isinstance(event, Malformed)
    assert (event.error.violation, event.event_id) == (violation, event_id)
    assert len(str(event.error)) < 120


@pytest.mark.parametrize(
    ("data", "ignored"),
    [
        # "Silently ignored by the server: text that is not JSON, JSON strings and numbers, events
        # of type 3 and 5" (docs/protocol.md §7)
        (b"not JSON", True),
        (b"\xff", True),
        (b'"text"', True),
        (b"12", True),
        (b'[3,1,"u","PUT",{}]', True),
        (b"[5,null,{}]", True),
        # "null as an id comes for JSON null too"
        (b"null", False),
        (b"true", False),
        (b"{}", False),
        (b"[]", False),
        (b"[9,1]", False),
        (b"[1,1]", False),
    ],
)
def test_what_the_real_server_ignores(data: bytes, ignored: bool) -> None:
    event = decode_event(data, CLIENT, DEPTH)

    assert isinstance(event, Malformed)
    assert event.ignored is ignored


def test_an_error_shows_the_wrong_type_number_but_no_contents() -> None:
    assert "not 6" in str(decode([6, 1]))
    assert "not a string" in str(decode(["secret", 1]))
    assert "secret" not in str(decode(["secret", 1])) + str(decode([1, "secret", {}]))


@given(st.binary(max_size=60) | st.text(max_size=60), st.sampled_from(Role))
def test_decoding_never_raises(data: bytes | str, sender: Role) -> None:
    decode_event(data, sender, DEPTH)


scalars = st.none() | st.booleans() | st.integers(-2, 7) | st.text(max_size=3)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=5) | st.dictionaries(st.just("type"), v), max_leaves=10
)


@given(st.lists(values, max_size=6), st.sampled_from(Role))
def test_every_array_is_an_event_or_malformed(value: list[object], sender: Role) -> None:
    event = decode(value, sender)

    if not isinstance(event, Malformed):
        assert value[0] in decoding.SENT_BY[sender]
        assert len(value) == decoding.LENGTHS[value[0]]  # type: ignore[index]


# Depth: the same message gets the same verdict on every path.


def test_a_message_at_the_limit_of_nesting_passes_on_every_path() -> None:
    body = encode_message(nested(DEPTH), DEPTH)

    assert decode_message(body, DEPTH) == nested(DEPTH)
    event = decode_event(message_event(1, body), SERVER, DEPTH)
    assert event == (1, nested(DEPTH))


def test_a_message_over_the_limit_is_refused_on_every_path() -> None:
    body = encode_message(nested(DEPTH + 1), 500)

    with pytest.raises(LocalProtocolError, match="256 levels"):
        encode_message(nested(DEPTH + 1), DEPTH)
    downloaded = decode_message(body, DEPTH)
    assert isinstance(downloaded, RemoteProtocolError)
    assert downloaded.violation is V.TOO_DEEP
    event = decode_event(message_event(1, body), SERVER, DEPTH)
    assert isinstance(event, Malformed)
    assert event.error.violation is V.TOO_DEEP


def test_a_message_too_deep_for_the_stack_is_refused_as_such() -> None:
    with pytest.raises(LocalProtocolError, match="nested too deeply"):
        encode_message(nested(200_000), 500)


def test_the_tables_cover_every_type() -> None:
    both = decoding.SENT_BY[CLIENT] | decoding.SENT_BY[SERVER]

    assert both == set(decoding.LENGTHS) == {1, 2, 3, 4, 5}
    assert decoding.SENT_BY[CLIENT] == {1, 2, 4}
    assert decoding.SENT_BY[SERVER] == {1, 3, 4, 5}


# Texts in a row.


ROW = [b'[1,-1,{"type":"a"}]', b' [1,-1,{"type":"a"}]', b"[2,1]", b"no JSON", b"\xff", b"[1,2,3]"]


def test_the_messages_in_a_row_are_those_that_need_no_second_look() -> None:
    messages, event_ids = decoding.decode_messages(ROW, 1_000, DEPTH)

    assert messages == [{"type": "a"}, None, None, None, None, None]
    assert (event_ids[0], len(event_ids)) == (-1, 6)
    assert decoding.decode_messages([], 1_000, DEPTH) == ([], [])


@pytest.mark.parametrize(
    "event",
    [
        [1.0, 1, MESSAGE],
        [True, 1, MESSAGE],
        [2, 1, MESSAGE],
        [1, 1.5, MESSAGE],
        [1, None, MESSAGE],
        [1, 1, {"type": 1}],
        [1, 1, {}],
        [1, 1, []],
        [1, 1, MESSAGE, 1],
        {"a": 1, "b": 2, "c": 3},
    ],
)
def test_whatever_is_not_the_plainest_message_gets_a_second_look(event: object) -> None:
    assert decoding.decode_messages([json.dumps(event).encode()], 1_000, DEPTH)[0] == [None]


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists), st.integers(0, 2))
def test_a_message_in_a_row_is_what_a_second_look_finds(value: object, kind: int) -> None:
    data = json.dumps([kind, 7, {"type": "x", "value": value}]).encode()

    [message], [event_id] = decoding.decode_messages([data], 10_000, DEPTH)

    if kind == 1:
        assert message is None or (event_id, message) == decode_event(data, SERVER, DEPTH)
    else:
        assert message is None


@pytest.mark.parametrize("depth", [3, 4])
def test_a_row_has_the_bounds_of_a_single_text(depth: int) -> None:
    data = json.dumps([1, 7, nested(depth)]).encode()
    fits = isinstance(decode_event(data, SERVER, 3), tuple)
    assert fits is (depth == 3)

    assert bool(decoding.decode_messages([data], 1_000, 3)[0][0]) is fits
    assert decoding.decode_messages([data], len(data) - 1, 300)[0] == [None]
    assert decoding.decode_messages([data], len(data), 300)[0] != [None]


def test_another_library_decodes_where_it_can() -> None:
    assert decode_event(b"", SERVER, DEPTH, Sure(None)) == (7, MESSAGE)
    assert decoding.decode_messages([b"?"], 9, DEPTH, Sure(b"")) == ([MESSAGE], [7])
    assert decoding.decode_messages([ROW[0]], 99, DEPTH, Sure(None))[0] == [None]


class Plain:
    """A library that somebody brings, with no more than there must be."""

    def write(self, value: object) -> bytes | None:
        return None

    def parse(self, data: bytes | bytearray) -> Any:
        return json.loads(data)


def test_a_library_without_a_loader_gets_a_second_look() -> None:
    plain: Any = Plain()

    assert decoding.decode_messages([ROW[0]], 99, DEPTH, plain)[0] == [None]
    assert decode_event(ROW[0], SERVER, DEPTH, plain) == (-1, {"type": "a"})
