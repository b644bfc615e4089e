"""`_wire`: what each write of a transport carries, and when a ping is answered."""

from __future__ import annotations

from wsproto import events as ws

from auxws_proto import Role, SendBytes, SendId, SendText, TextRun
from auxws_proto._action_queue import ActionQueue
from auxws_proto._wire import Wire

from .peer import open_pair


class Line:
    """A server's wire, with wsproto on the other side."""

    def __init__(self) -> None:
        socket, self.peer = open_pair(Role.SERVER)
        self.queue = ActionQueue()
        self.wire = Wire(3, socket, self.queue)

    def wrote(self) -> list[ws.Event]:
        """What the peer makes of what was written since the last time."""
        data = b""
        for action in self.queue.one_by_one():
            assert isinstance(action, SendBytes)
            assert action.transport == 3
            data += action.data
        return self.peer.receive(data)


def text(number: int) -> SendText:
    return SendText(transport=3, data=b"%d" % number, max_frame=100, send_id=SendId(number))


def test_texts_alone_and_in_a_row_keep_their_ids() -> None:
    line = Line()
    line.wire.text(text(1))
    line.wire.texts(TextRun(3, 100, [b"2", b"3"], [SendId(2), None]))

    ids = [action.send_id for action in line.queue.one_by_one() if isinstance(action, SendBytes)]

    assert ids == [1, 2, None]
    assert line.wire.written(3) == 3


def test_only_texts_are_counted_of_what_is_written() -> None:
    line = Line()
    line.wire.write(line.wire.socket.ping(b"p"))
    line.wire.text(text(1))
    line.wire.pinged(b"q")
    line.wire.texts(TextRun(3, 100, [b"2", b"3"], [SendId(2), SendId(3)]))

    assert [line.wire.written(count) for count in (1, 2, 1, 9, 1)] == [0, 1, 1, 1, 0]


def test_a_flood_of_pings_is_answered_with_the_latest_once_there_is_room() -> None:
    line = Line()
    for number in range(40):
        line.wire.pinged(b"%d" % number)
    first = line.wrote()
    line.wire.written(15)
    before = line.wrote()
    line.wire.written(1)

    assert [bytes(event.payload) for event in first if isinstance(event, ws.Pong)] == [
        b"%d" % number for number in range(16)
    ]
    assert before == []
    assert line.wrote() == [ws.Pong(payload=b"39")]
    line.wire.pinged(b"new")
    assert line.wrote() == [ws.Pong(payload=b"new")]


def test_nothing_is_ponged_behind_a_close_frame() -> None:
    line = Line()
    for _ in range(17):
        line.wire.pinged(b"p")
    line.wire.close(1001, "")
    line.wire.pinged(b"q")
    kinds = [type(event).__name__ for event in line.wrote()]
    line.wire.written(17)

    assert kinds == ["Pong"] * 16 + ["CloseConnection"]
    assert not line.queue.items
    assert line.wire.is_closing
