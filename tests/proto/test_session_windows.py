"""`_session_windows`: what can be seen of a session, and what is drained of it."""

from __future__ import annotations

from typing import Any

from auxws_proto import AuxSession, ConnectionId, Role, State, Tally

from .helpers import BUCKET, LOGGED_IN, SMALL, Bench, brief, large


def burst(bench: Bench, count: int = 2) -> None:
    """Send so many, and drain nothing."""
    for _ in range(count):
        bench.session.send(SMALL, bench.now)


def drained(bench: Bench) -> list[Any]:
    return [brief(action) for action in bench.session.actions()]


def test_stats_and_latency() -> None:
    bench = Bench().open()
    assert bench.session.latency is None
    bench.send()
    bench.after(0.25)
    bench.pong(1)
    bench.send(large())
    bench.deliver(SMALL)
    bench.receive(4, -1, f"{BUCKET}/k", "GET", {})

    stats = bench.session.stats()

    assert stats.latency == 0.25
    assert (stats.outbox_messages, stats.outbox_bytes) == (1, 40_000)
    assert (stats.pending_uploads, stats.pending_downloads) == (1, 1)
    assert stats.sent == {"inline": Tally(messages=1, bytes=16)}
    assert stats.received == {"inline": Tally(messages=1, bytes=25)}
    assert (stats.untaken_bytes, stats.held_bytes > 0) == (25, True)
    bench.taken(25)
    assert bench.session.stats().untaken_bytes == 0
    bench.disconnect()
    assert bench.session.latency is None


def test_info_is_that_of_the_last_login() -> None:
    bench = Bench()
    assert bench.session.info is None
    bench.login(ConnectionId("c"))
    bench.open()
    bench.deliver(LOGGED_IN)

    assert bench.session.info == {"connectionId": "c"}


def test_there_is_something_to_drain_until_it_is_drained() -> None:
    bench = Bench().open()
    session = bench.session
    seen = [session.has_actions]
    session.send(SMALL, bench.now)
    seen.append(session.has_actions)
    session.next_timeout()
    seen.append(session.has_actions)
    drained(bench)
    seen.append(session.has_actions)

    assert seen == [False, True, True, False]


def test_what_is_sent_while_a_burst_is_drained_comes_behind_it() -> None:
    bench = Bench(confirm=False).open()
    burst(bench)
    seen: list[str] = []
    for action in bench.session.actions():
        if not seen:
            bench.session.send({"type": "late"}, bench.now)
        seen.append(brief(action)[-1])

    assert seen == ["small", "small", "late"]
    bench.session.send(SMALL, bench.now)
    runs = [type(item).__name__ for item in bench.session.runs()]
    assert runs == ["SendText"]


def test_a_send_while_runs_are_drained_is_among_them() -> None:
    bench = Bench(confirm=False).open()
    burst(bench)
    seen: list[str] = []
    for item in bench.session.runs():
        if not seen:
            bench.session.send(SMALL, bench.now)
        seen.append(type(item).__name__)

    assert seen == ["TextRun", "SendText"]


def test_a_snapshot_counts_what_was_just_sent() -> None:
    bench = Bench().open()
    burst(bench)

    stats = bench.session.stats()

    assert (stats.outbox_messages, stats.sent["inline"].messages) == (2, 2)


def test_what_was_sent_goes_out_at_the_time_of_the_last_send() -> None:
    bench = Bench(ping_timeout=10.0, ping_interval=None).open()
    bench.session.send(SMALL, bench.now)
    bench.session.send(SMALL, bench.now + 1)

    assert bench.session.next_timeout() == bench.now + 11
    assert [short[0] for short in drained(bench)] == ["text", "text", "ping"]


def test_verbs_called_while_draining_append_to_the_same_queue() -> None:
    session = AuxSession(Role.CLIENT)
    session.connect(0.0)
    seen = []
    for action in session.actions():
        seen.append(brief(action))
        if len(seen) == 1:
            session.transport_opened(0.0)

    assert seen == [("open", 1), ("state", "CONNECTING"), ("state", "OPEN")]


def test_the_state_the_time_and_whether_to_read() -> None:
    bench = Bench(read_ahead=60)
    before = (bench.session.state, bench.session.now, bench.session.wants_data)
    bench.open()
    bench.deliver({"type": "x" * 60})

    assert before == (State.IDLE, float("-inf"), True)
    after = (bench.session.state, bench.session.now, bench.session.wants_data)
    assert after == (State.OPEN, bench.now, False)


def test_a_message_wants_a_url_until_one_is_there() -> None:
    bench = Bench().open()
    seen = [bench.session.wants_url]
    bench.session.send(SMALL, bench.now)
    seen.append(bench.session.wants_url)
    bench.session.send(large(), bench.now)
    seen.append(bench.session.wants_url)
    drained(bench)
    bench.grant(2, "k")
    seen.append(bench.session.wants_url)

    assert seen == [False, False, True, False]


def test_a_run_that_was_taken_to_its_end_is_not_given_out_again() -> None:
    bench = Bench(confirm=False).open()
    burst(bench)
    given_up = bench.session.actions()
    assert [brief(next(given_up))[0] for _ in range(2)] == ["text", "text"]

    assert list(bench.session.runs()) == []
    assert list(given_up) == []
