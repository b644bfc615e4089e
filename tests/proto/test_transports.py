"""`_transports`: numbers, and the timers of each transport."""

from __future__ import annotations

from auxws_proto import OpenTransport, Role
from auxws_proto._session import AuxSession

from .helpers import LOGGED_IN, SMALL, URL, Bench


def test_numbers_are_never_used_again() -> None:
    bench = Bench()
    for _ in range(3):
        bench.connect()
        bench.disconnect()

    assert bench.all("open") == [("open", 1), ("open", 2), ("open", 3)]


def test_without_a_number_the_newest_is_meant() -> None:
    bench = Bench().open()
    bench.eof()
    bench.after(1.0)

    assert bench.opened() == [("state", "OPEN")]
    assert bench.deliver(SMALL) == [("deliver", "small")]
    assert bench.deliver(SMALL, transport=1) == []


def test_url_and_headers_go_with_each_attempt() -> None:
    session = AuxSession(Role.CLIENT, url=URL, headers=[("x-api-key", "k")])
    session.connect(0.0)

    action = next(session.actions())

    assert isinstance(action, OpenTransport)
    assert (action.url, action.headers) == (URL, (("x-api-key", "k"),))
    assert "abc" not in repr(action)


def test_a_transport_at_its_end_leaves_no_timers() -> None:
    bench = Bench(
        max_age=50.0, keepalive_message=SMALL, ping_interval=60.0, reconnect=None, confirm=True
    )
    bench.login()
    bench.open()
    bench.deliver(LOGGED_IN)
    bench.send()
    bench.eof()

    assert bench.session.next_timeout() is None


def test_closing_takes_as_long_as_is_configured() -> None:
    bench = Bench(close_timeout=3.0, max_age=50.0, ping_interval=1.0).open()
    bench.disconnect()

    assert bench.session.next_timeout() == bench.now + 3.0
    assert bench.after(3.0) == [("abort", 1), ("state", "IDLE")]
    assert bench.session.next_timeout() is None
