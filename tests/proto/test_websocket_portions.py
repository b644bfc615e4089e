"""A WebSocket takes anything in any portions, and its frames have every form of length."""

from __future__ import annotations

from itertools import product

from hypothesis import example, given
from hypothesis import strategies as st
from wsproto import events as ws

from auxws_proto import Role, Violation
from auxws_proto._received import (
    Accepted,
    Closed,
    Pinged,
    Ponged,
    Refused,
    Reply,
    Texts,
)

from .peer import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Peer,
    both_roles,
    frame,
    make,
    open_pair,
    plain,
    received,
    shake,
)

CLIENT, SERVER = Role.CLIENT, Role.SERVER
RECORDS = "casualos.records"


def test_a_server_that_insists_on_nothing_takes_the_records_subprotocol() -> None:
    socket, peer = make(SERVER), Peer(SERVER)
    socket.expect(None)

    reply, accepted = received(
        socket, peer.send(ws.Request(host="h", target="/", subprotocols=[RECORDS]))
    )

    assert accepted == Accepted()
    assert isinstance(reply, Reply)
    (answer,) = peer.receive(reply.data)
    assert isinstance(answer, ws.AcceptConnection)
    assert (answer.subprotocol, answer.extensions) == (RECORDS, [])


@both_roles
def test_only_a_clients_frames_are_masked_by_its_own_keys(role: Role) -> None:
    socket, _ = open_pair(role)

    assert socket.text(b"hello", 100) == frame(TEXT, b"hello", masked=role is CLIENT)


# Anything in, in any portions.

pieces = st.one_of(
    st.tuples(st.just(TEXT), st.text(st.characters(exclude_categories=["Cs"]), max_size=150)),
    st.tuples(st.just(BINARY), st.text("ab", max_size=5)),
    st.tuples(st.just(PING), st.text("ab", max_size=125)),
    st.tuples(st.just(PONG), st.text("ab", max_size=5)),
)


@given(
    st.lists(st.tuples(pieces, st.integers(1, 4)), max_size=8),
    st.lists(st.integers(0, 1_500), max_size=12),
    st.sampled_from(Role),
    st.booleans(),
)
@example(
    [((TEXT, "\u20ac" * 40), 3), ((PING, "a"), 1), ((TEXT, "b"), 1)], [2, 5, 9, 60], SERVER, True
)
def test_any_portions_give_the_same(
    stream: list[tuple[tuple[int, str], int]], cuts: list[int], role: Role, short_path: bool
) -> None:
    """Messages in up to four frames, cut within characters, with a pong between the frames."""
    socket, peer = open_pair(role, max_message=300, short_path=short_path)
    data, wanted = b"", list[object]()
    for (opcode, text), count in stream:
        payload = text.encode()
        if opcode in (PING, PONG):
            data += peer.frame(opcode, payload)
            wanted.append(Pinged(payload) if opcode == PING else Ponged(payload))
            continue
        step = len(payload) // count + 1
        for i in range(count):
            part = payload[i * step : (i + 1) * step]
            data += peer.frame(CONTINUATION if i else opcode, part, fin=i == count - 1)
            if i < count - 1:
                data += peer.frame(PONG, b"between")
                wanted.append(Ponged(b"between"))
        if opcode == BINARY:
            wanted.append(Violation.BINARY_MESSAGE)
        elif len(payload) > 300:
            wanted.append(Violation.TOO_LARGE)
        else:
            wanted.append(Texts([payload]))

    assert plain(received(socket, data, cuts)) == wanted


@given(st.binary(max_size=80), st.lists(st.integers(0, 80), max_size=3), st.sampled_from(Role))
def test_no_bytes_raise_and_at_most_one_end_comes(data: bytes, cuts: list[int], role: Role) -> None:
    for is_open, short_path in product([True, False], [True, False]):
        socket = make(role, short_path=short_path)
        if is_open:
            shake(socket, role)

        items = [*received(socket, data, cuts), *socket.receive_eof(), *socket.receive_eof()]

        assert [type(item) in (Closed, Refused) for item in items].count(True) == 1
        assert type(items[-1]) is (Closed if is_open else Refused)


def test_what_is_skipped_is_not_kept() -> None:
    socket, peer = open_pair(CLIENT, max_message=10)

    assert received(socket, peer.frame(TEXT, b"x" * 9, fin=False)) == []
    for _ in range(20):
        assert received(socket, peer.frame(CONTINUATION, b"x" * 60_000, fin=False)) == []

    assert socket._assembly._parts == []
    assert plain(received(socket, peer.frame(CONTINUATION, b""))) == [Violation.TOO_LARGE]
