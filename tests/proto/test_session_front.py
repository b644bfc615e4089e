"""`_session_front`: what is passed on to a session, and that its actions are seen to each time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from auxws_proto import (
    Action,
    AuxSession,
    Config,
    ConnectionId,
    HttpFailed,
    OpenTransport,
    ReportState,
    Role,
    SendText,
    State,
    encode,
)
from auxws_proto._session_front import SessionFront

MESSAGE = {"type": "n"}


class Front(SessionFront):
    """The thinnest machine around a session: its actions are the session's."""

    def __init__(self, role: Role = Role.CLIENT) -> None:
        self.session = AuxSession(role, Config(confirm=False, ping_interval=None))
        self.seen: list[Action] = []
        self.translations = 0

    def _translate(self) -> None:
        self.translations += 1
        self.seen += self.session.actions()


def open_front(role: Role = Role.CLIENT) -> Front:
    front = Front(role)
    front.connect(0)
    front.session.transport_opened(0)
    front._translate()
    front.seen.clear()
    front.translations = 0
    return front


def test_windows_are_the_sessions() -> None:
    front = Front()
    assert (front.role, front.config) == (Role.CLIENT, front.session.config)
    assert (front.state, front.info, front.next_timeout()) == (State.IDLE, None, None)


DOORS: dict[str, Callable[[Front], object]] = {
    "send": lambda front: front.send(MESSAGE, 1),
    "restore": lambda front: front.restore(encode(MESSAGE, front.config), 1),
    "login": lambda front: front.login(ConnectionId("a"), 1),
    "taken": lambda front: front.taken(1, 1),
    "pause_reading": lambda front: front.pause_reading(1),
    "resume_reading": lambda front: front.resume_reading(1),
    "handle": lambda front: front.handle(HttpFailed(transfer_id=1, error="x"), 1),
    "handle_timeout": lambda front: front.handle_timeout(1),
    "connect": lambda front: front.connect(1),
    "disconnect": lambda front: front.disconnect(1),
    "close": lambda front: front.close(1),
}


@pytest.mark.parametrize("door", DOORS)
def test_each_input_but_a_send_is_followed_by_a_translation(door: str) -> None:
    front = open_front()

    DOORS[door](front)

    # What is sent in a row is translated when it is drained.
    assert front.translations == (door != "send")
    assert front.session.now == 1


def test_verbs_reach_the_session() -> None:
    front = Front()
    front.set_on_connect([{"type": "hello"}])
    front.connect(0)
    front.session.transport_opened(0)
    first = front.send(MESSAGE, 0)
    second = front.restore(encode(MESSAGE, front.config), 0)
    front.pause_reading(0)
    paused = front.session.wants_data
    front.resume_reading(0)
    front.close(0)

    texts = [action.text for action in front.seen if isinstance(action, SendText)]
    assert texts == ['[1,1,{"type":"hello"}]', '[1,2,{"type":"n"}]', '[1,3,{"type":"n"}]']
    assert (first, second, paused, front.session.wants_data) == (1, 2, False, True)
    assert isinstance(front.seen[0], OpenTransport)
    assert [a.state for a in front.seen if isinstance(a, ReportState)][-1] is State.CLOSING


def test_an_error_event_of_a_server_goes_out() -> None:
    front = open_front(Role.SERVER)

    front.send_error({"errorCode": "no"}, 1, event_id=4)

    assert [a.text for a in front.seen if isinstance(a, SendText)] == ['[5,4,{"errorCode":"no"}]']
