"""`_pulse`: proof of arrival, keepalive and latency, with one ping out per transport."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auxws_proto import SendText, UnconfirmedTransport

from .helpers import SMALL, Bench


def test_forty_sends_share_two_pings() -> None:
    bench = Bench().open()
    for _ in range(40):
        bench.send()
    assert bench.all("ping") == [("ping", 1, 1)]
    bench.sent(40)

    assert bench.pong(1) == [("end", 1, "CONFIRMED"), ("ping", 1, 40)]
    assert bench.pong(40) == [("end", number, "CONFIRMED") for number in range(2, 41)]
    assert bench.all("ping") == [("ping", 1, 1), ("ping", 1, 40)]


def test_the_first_ping_without_an_answer_falls_back_to_sent_with_one_report() -> None:
    bench = Bench(ping_timeout=20.0, ping_interval=None).open()
    bench.send()
    bench.sent()
    bench.send()

    assert bench.after(20.0) == [("end", 1, "SENT"), ("error", "UnconfirmedTransport")]
    assert isinstance(bench.errors()[0], UnconfirmedTransport)
    assert bench.sent() == [("end", 2, "SENT")], "once it is written"
    assert bench.send() == [("text", 1, 1, 3, "small")], "no ping behind it"
    assert bench.sent() == [("end", 3, "SENT")]
    assert bench.after(1_000.0) == []


def test_the_report_comes_once_for_each_transport() -> None:
    bench = Bench(ping_timeout=20.0, ping_interval=60.0).open()
    bench.after(200.0)
    assert bench.all("error") == [("error", "UnconfirmedTransport")]
    bench.eof()
    bench.after(1.0)
    bench.opened()
    bench.after(200.0)

    assert len(bench.all("error")) == 2


def test_a_late_pong_brings_the_proof_back() -> None:
    bench = Bench(ping_timeout=20.0, ping_interval=None).open()
    bench.send()
    bench.sent()
    bench.after(20.0)

    assert bench.pong(1) == []
    assert bench.send() == [("text", 1, 1, 2, "small"), ("ping", 1, 2)]
    assert bench.after(20.0)[0] == ("abort", 1), "pings are answered here after all"


def test_a_busy_line_without_proof_is_asked_again() -> None:
    """Found by a long simulation: what came in had put off every ping that could be answered."""
    bench = Bench(ping_timeout=20.0, ping_interval=60.0, max_age=None).open()
    bench.send()
    bench.sent()
    bench.after(20.0)
    for _ in range(12):
        bench.after(5.0)
        bench.deliver(SMALL)

    assert bench.all("ping") == [("ping", 1, 1)] * 2
    bench.pong(1)
    bench.send()
    bench.sent()
    bench.pong(2)
    assert bench.all("end")[-1] == ("end", 2, "CONFIRMED")


def test_a_lost_pong_after_an_answered_one_kills_the_transport() -> None:
    bench = Bench(ping_timeout=20.0, ping_interval=None).open()
    bench.send()
    bench.pong(1)
    bench.send()

    assert bench.after(19.9) == []
    assert bench.after(0.1) == [
        ("abort", 1),
        ("end", 2, "UNKNOWN", "transport_lost"),
        ("state", "WAITING"),
    ]


@pytest.mark.parametrize("payload", [b"", b"x", b"-1", b"9" * 30, b"7", "\u0663".encode()])
def test_a_pong_that_answers_no_ping_of_ours(payload: bytes) -> None:
    bench = Bench().open()
    bench.send()

    assert bench.turn(bench.session.receive_pong, payload) == []
    assert bench.pong(1) == [("end", 1, "CONFIRMED")]


def test_keepalive_after_silence_and_not_before() -> None:
    bench = Bench(ping_interval=60.0, ping_timeout=20.0).open()
    bench.after(30.0)
    bench.deliver(SMALL)

    assert bench.after(59.9) == []
    assert bench.after(0.1) == [("ping", 1, 0)]
    bench.after(0.5)
    bench.pong(0)
    assert bench.session.latency == 0.5
    assert bench.after(59.9) == []
    assert bench.after(0.1) == [("ping", 1, 0)]
    assert bench.after(20.0) == [("abort", 1), ("state", "WAITING")]


def test_no_second_ping_while_one_is_out() -> None:
    bench = Bench(ping_interval=10.0, ping_timeout=25.0).open()

    assert bench.after(24.0) == [("ping", 1, 0)]


def test_no_false_alarm_while_we_are_not_reading() -> None:
    bench = Bench(ping_interval=60.0, ping_timeout=20.0, read_ahead=10).open()
    bench.send()
    bench.pong(1)
    bench.deliver(SMALL)
    assert not bench.session.wants_data

    assert bench.after(500.0) == [("ping", 1, 1)]
    bench.taken(1_000)
    assert bench.session.wants_data
    assert bench.after(19.9) == []
    assert bench.after(0.1)[0] == ("abort", 1)


def test_without_confirm_only_keepalive_pings() -> None:
    bench = Bench(confirm=False, ping_interval=60.0).open()

    assert bench.send() == [("text", 1, 1, 1, "small")]
    assert bench.after(60.0) == [("ping", 1, 1)]


@pytest.mark.parametrize("settings", [{"ping_interval": None}, {"can_ping": False}])
def test_without_pings(settings: dict[str, Any]) -> None:
    bench = Bench(confirm=False, **settings).open()

    assert bench.after(1_000.0) == []


def test_without_a_barrier_nothing_is_proven() -> None:
    bench = Bench(barrier=None, ping_interval=None).open()

    assert bench.send() == [("text", 1, 1, 1, "small")]
    assert bench.sent() == [("end", 1, "SENT")]


# The barrier of browsers.


def answer(number: object) -> dict[str, object]:
    return {"type": "sync/time/response", "id": number}


def test_a_message_for_a_barrier() -> None:
    bench = Bench(barrier="message", can_ping=False).open()

    assert bench.send() == [("text", 1, 1, 1, "small"), ("text", 1, 1, 2, "sync/time")]
    text = bench.actions[1]
    assert isinstance(text, SendText)
    assert json.loads(text.data)[2] == {
        "type": "sync/time",
        "id": -2,
        "clientRequestTime": 100_000,
    }
    bench.after(0.25)
    assert bench.deliver(answer(-2)) == [("end", 1, "CONFIRMED")]
    assert bench.session.latency == 0.25


@pytest.mark.parametrize("number", [1, 0, True, "x", None, -2.5])
def test_an_answer_to_the_applications_own_question_is_delivered(number: object) -> None:
    bench = Bench(barrier="message").open()

    assert bench.deliver(answer(number)) == [("deliver", "sync/time/response")]


def test_with_pings_every_answer_is_the_applications() -> None:
    assert Bench().open().deliver(answer(-1)) == [("deliver", "sync/time/response")]


def test_a_question_takes_a_number_of_its_own() -> None:
    bench = Bench(barrier="message").open()

    bench.send()
    assert bench.send() == [("text", 1, 1, 3, "small")]


def test_a_barrier_waits_for_room_in_the_window() -> None:
    bench = Bench(barrier="message", write_ahead=40).open()

    assert bench.send() == [("text", 1, 1, 1, "small")]
    assert bench.sent() == [("text", 1, 1, 2, "sync/time")]


def test_a_barrier_waits_for_the_end_of_a_rate_limit() -> None:
    bench = Bench(barrier="message", ping_interval=5.0).open()
    bench.deliver({"type": "rate_limit_exceeded", "retryAfter": 8})

    assert bench.after(7.9) == [], "no keepalive either"
    assert bench.after(2.1) == [("text", 1, 1, 1, "sync/time")]


def test_a_barrier_without_an_answer() -> None:
    bench = Bench(barrier="message", ping_timeout=20.0, ping_interval=None).open()
    bench.send()
    bench.sent(2)

    assert bench.after(20.0) == [("end", 1, "SENT"), ("error", "UnconfirmedTransport")]
