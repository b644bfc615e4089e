"""`_rotation`: the next transport beside the current one, and the old one behind it.

What is promised: outgoing, nothing is repeated or reordered; incoming, each
transport keeps its own order, and what comes while two are read is marked.
"""

from __future__ import annotations

import pytest

from auxws_proto import Reconnect

from .helpers import LOGGED_IN, REFUSED, SMALL, Bench, World, aged, large

WATCH = {"type": "repo/watch_branch"}


def test_the_next_transport_is_opened_at_a_jittered_age() -> None:
    bench = Bench(max_age=100.0, max_age_jitter=0.2, random=lambda: 0.5).open()

    assert bench.session.next_timeout() == bench.now + 60.0, "the keepalive"
    assert ("open", 2) not in bench.after(89.9)
    assert bench.after(0.1) == [("open", 2)]
    assert bench.state == "OPEN"


def test_an_empty_transport_is_replaced_at_once() -> None:
    bench = aged()

    assert bench.opened(2) == []
    assert bench.send() == [("text", 2, 1, 1, "small"), ("ping", 2, 1)]
    assert bench.after(1.9) == []
    assert bench.after(0.1) == [("close", 1)]
    assert bench.eof(1000, transport=1) == []
    assert bench.state == "OPEN"


def test_the_old_transport_is_proven_empty_before_the_new_one_is_used() -> None:
    bench = aged()
    bench.send()
    bench.send()
    bench.sent(2, transport=1)

    assert bench.opened(2) == []
    assert bench.send() == []
    assert bench.pong(1, transport=1) == [("end", 1, "CONFIRMED"), ("ping", 1, 2)]
    assert bench.pong(2, transport=1) == [
        ("end", 2, "CONFIRMED"),
        ("text", 2, 1, 3, "small"),
        ("ping", 2, 1),
    ]


def test_without_proof_the_old_transport_is_empty_once_it_is_written() -> None:
    bench = aged(confirm=False)
    bench.send()
    bench.opened(2)
    bench.send()

    assert bench.sent(1, transport=1) == [("end", 1, "SENT"), ("text", 2, 1, 2, "small")]


@pytest.mark.parametrize("resend", [False, True])
def test_an_old_transport_that_is_not_proven_in_time_is_dropped(resend: bool) -> None:
    bench = aged(resend_unknown=resend, ping_timeout=20.0)
    bench.send({"type": "proven"})
    bench.pong(1, transport=1)
    bench.send()
    bench.opened(2)
    bench.send()

    seen = bench.after(20.0)

    if resend:
        assert seen == [
            ("abort", 1),
            ("text", 2, 1, 3, "small"),
            ("text", 2, 1, 4, "small"),
            ("ping", 2, 2),
        ]
    else:
        assert seen == [
            ("abort", 1),
            ("end", 2, "UNKNOWN", "transport_lost"),
            ("text", 2, 1, 3, "small"),
            ("ping", 2, 1),
        ]


def test_an_old_transport_that_answers_no_pings_ends_its_sends_as_sent() -> None:
    bench = aged(ping_timeout=10.0)
    bench.send()
    bench.sent(1, transport=1)
    bench.after(5.0)
    bench.opened(2)

    assert bench.after(5.0) == [("end", 1, "SENT"), ("error", "UnconfirmedTransport")]
    assert bench.send() == [("text", 2, 1, 2, "small"), ("ping", 2, 1)]


def test_with_a_message_for_a_barrier_the_old_transport_is_asked_once_more() -> None:
    bench = aged(barrier="message")
    bench.send()
    bench.send()

    assert bench.opened(2) == []
    answer = {"type": "sync/time/response", "id": -2}
    assert bench.deliver(answer, transport=1) == [
        ("end", 1, "CONFIRMED"),
        ("text", 1, 1, 4, "sync/time"),
    ]
    answer["id"] = -4
    assert bench.deliver(answer, transport=1) == [("end", 2, "CONFIRMED")]
    bench.sent(4, transport=1)
    assert bench.send() == [("text", 2, 1, 5, "small"), ("text", 2, 1, 6, "sync/time")]


def test_a_barrier_waits_for_the_end_of_a_rate_limit() -> None:
    bench = aged(barrier="message")
    bench.send()
    bench.send()
    bench.opened(2)
    bench.deliver({"type": "rate_limit_exceeded", "retryAfter": 3}, transport=1)

    assert bench.deliver({"type": "sync/time/response", "id": -2}, transport=1) == [
        ("end", 1, "CONFIRMED")
    ]
    assert bench.after(3) == [("text", 1, 1, 4, "sync/time")]


def test_what_comes_while_two_are_read_is_marked() -> None:
    bench = aged()
    assert bench.deliver(SMALL, transport=1) == [("deliver", "small")]
    bench.opened(2)

    assert bench.deliver(SMALL, transport=1) == [("deliver", "small", "overlap")]
    assert bench.deliver(SMALL, transport=2) == [("deliver", "small", "overlap")]
    bench.after(2)
    assert bench.deliver(SMALL, transport=2) == [("deliver", "small")]


def test_the_old_transport_is_read_until_its_end() -> None:
    bench = aged()
    bench.opened(2)
    assert bench.after(2) == [("close", 1)]

    assert bench.deliver(SMALL, transport=1) == [("deliver", "small", "overlap")]
    bench.disconnect()
    assert bench.deliver(SMALL, transport=1) == []


def test_downloads_of_the_old_transport_outlive_it() -> None:
    bench = aged()
    assert bench.receive(4, -1, "https://bucket.s3.amazonaws.com/k", "GET", {}, transport=1) == [
        ("get", 1, "k")
    ]
    bench.opened(2)
    bench.after(2)
    bench.eof(1000, transport=1)

    assert bench.responded(1, body=b'{"type":"big"}') == [("deliver", "big")]


def test_on_connect_goes_to_the_new_one_before_the_outbox() -> None:
    bench = Bench(max_age=100.0, max_age_jitter=0.0, on_connect=[WATCH], ping_interval=None).open()
    World(bench).run(99)
    bench.send()
    bench.sent()
    bench.after(1)
    bench.opened(2)
    bench.send()

    assert bench.pong(2, transport=1) == [
        ("end", 1, "CONFIRMED"),
        ("text", 2, 1, 3, "repo/watch_branch"),
        ("text", 2, 1, 4, "small"),
        ("ping", 2, 2),
    ]


def test_upload_urls_are_asked_for_anew_and_late_ones_are_welcome() -> None:
    bench = aged()
    assert bench.send(large()) == [("text", 1, 2, 1)]

    assert bench.opened(2) == []
    assert bench.sent(1, transport=1) == [("text", 2, 2, 2)]
    assert bench.grant(1, "late", transport=1) == [("put", 1, "late")]


def test_the_next_transport_logs_in_before_it_is_used() -> None:
    bench = Bench(max_age=100.0, max_age_jitter=0.0, ping_interval=None)
    bench.login()
    bench.open()
    bench.deliver(LOGGED_IN)
    bench.after(100)

    assert bench.opened(2) == [("text", 2, 1, 2, "login")]
    assert bench.state == "OPEN"
    assert bench.send() == [("text", 1, 1, 3, "small"), ("ping", 1, 2)]
    assert bench.deliver(LOGGED_IN, transport=2) == [("deliver", "login_result")]
    assert bench.state == "OPEN"


@pytest.mark.parametrize("reconnect", [Reconnect(), None])
def test_a_next_transport_that_fails_for_good_ends_the_rotation(
    reconnect: Reconnect | None,
) -> None:
    bench = aged(reconnect=reconnect)

    bench.failed("rejected", status=401 if reconnect else 500, transport=2)

    assert bench.after(1_000) == []
    assert bench.state == "OPEN"


def test_a_rotation_during_a_new_login() -> None:
    bench = aged()
    bench.login()
    bench.deliver(LOGGED_IN, transport=1)
    bench.opened(2)
    bench.login()
    assert bench.state == "AUTHENTICATING"
    bench.sent(3, transport=1)

    assert bench.deliver(LOGGED_IN, transport=2)[0] == ("state", "OPEN")
    assert bench.deliver(REFUSED, transport=1) == [("deliver", "login_result", "overlap")]
    assert bench.after(2.0) == [("close", 1)]
    bench.eof(1000, transport=1)
    assert bench.after(29.0) == [], "the old login's time-out is gone"


def test_one_rotation_at_a_time() -> None:
    bench = Bench(
        max_age=10.0, max_age_jitter=0.0, ping_interval=None, ping_timeout=60.0, confirm=True
    ).open()
    bench.send()
    bench.sent()
    bench.after(10)
    bench.opened(2)

    assert bench.after(12) == []
    bench.pong(1, transport=1)
    assert bench.after(4) == [("close", 1), ("open", 3)]


def test_a_transport_that_is_old_before_its_login_is_over() -> None:
    bench = Bench(max_age=10.0, max_age_jitter=0.0, ping_interval=None, ask_for_login=True).open()
    bench.login()
    bench.deliver(LOGGED_IN)
    bench.sent()
    bench.after(10)
    bench.opened(2)
    assert bench.after(11.0) == [], "its own age has come, and it is not in use yet"
    bench.login()

    assert bench.deliver(LOGGED_IN, transport=2) == [("deliver", "login_result")]
    assert bench.after(5.0) == [("close", 1), ("open", 3)]


def test_nothing_is_repeated_or_reordered_over_many_rotations() -> None:
    bench = Bench(max_age=10.0, max_age_jitter=0.0, rotate_overlap=1.0)
    bench.connect()
    world = World(bench)
    for number in range(40):
        bench.send(large(f"m{number}") if number % 3 else {"type": f"m{number}"})
        world.run(1.0)

    assert world.arrived == [f"m{number}" for number in range(40)]
    assert [end[1:] for end in bench.all("end")] == [(n, "CONFIRMED") for n in range(1, 41)]
    assert len(bench.all("open")) == 5
    assert bench.all("state") == [("state", "CONNECTING"), ("state", "OPEN")]


def test_a_next_one_that_was_asked_for_is_not_asked_for_again() -> None:
    bench = aged()

    bench.turn(bench.session.transport_opened, transport=9)

    assert bench.after(19.0) == []
    assert bench.after(1.0) == [("abort", 2), ("error", "ConnectionFailed")]


def test_a_next_transport_that_fails_is_asked_for_again_after_a_wait() -> None:
    bench = aged(reconnect=Reconnect(base=3.0))
    bench.failed(transport=2)

    assert bench.after(5.9) == []
    assert bench.after(0.1) == [("open", 3)]


def test_a_rotation_waits_for_the_end_of_the_one_before() -> None:
    bench = Bench(max_age=10.0, rotate_overlap=30.0, max_age_jitter=0.0, ping_interval=None).open()
    bench.after(10.0)
    bench.opened()

    assert bench.after(30.0) == [("close", 1)]
    bench.eof(1000, transport=1)
    assert bench.after(10.0) == [("open", 3)]


def test_the_next_transport_takes_the_place_of_a_lost_one() -> None:
    bench = aged()

    assert bench.eof(transport=1) == [("state", "CONNECTING")]
    assert bench.opened(2) == [("state", "OPEN")]
