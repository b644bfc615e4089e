"""The server's clock, from a few samples. Own tests of `_clock_offset`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import LocalProtocolError, RemoteProtocolError
from auxws_proto._clock_offset import (
    RESOLUTION,
    TimeSample,
    estimate,
    time_question,
    time_sample,
)


def sample(
    offset: float, there: float, back: float, *, at: float = 1_000.0, work: float = 0.0
) -> TimeSample:
    """What a server whose clock is ``offset`` seconds ahead, and exact, makes of a question."""
    arrived = at + there
    return TimeSample(
        sent=at,
        server_received=arrived + offset,
        server_sent=arrived + work + offset,
        received=arrived + work + back,
    )


def test_one_sample_with_equal_ways_is_exact_within_its_delay() -> None:
    one = sample(5.0, 0.1, 0.1, work=0.05)

    found = estimate([one])

    assert one.offset == pytest.approx(5.0)
    assert one.delay == pytest.approx(0.2)
    assert one.error_bound == pytest.approx(0.1 + RESOLUTION)
    assert found.offset == pytest.approx(5.0 + RESOLUTION / 2)
    assert found.error_bound == pytest.approx(0.1 + RESOLUTION / 2)
    assert (found.samples, found.agreeing) == (1, 1)


def test_samples_with_opposite_delays_narrow_the_bound() -> None:
    slow_there, slow_back = sample(-3.0, 0.5, 0.01), sample(-3.0, 0.01, 0.5)

    found = estimate([slow_there, slow_back])

    assert found.offset == pytest.approx(-3.0, abs=0.001)
    assert found.error_bound == pytest.approx(0.01, abs=0.001)
    assert found.delay == pytest.approx(0.51)
    assert found.agreeing == 2


def test_a_clock_that_was_set_meanwhile_is_outvoted() -> None:
    good = [sample(1.0, 0.02, 0.03), sample(1.0, 0.03, 0.02), sample(1.0, 0.04, 0.04)]

    found = estimate([sample(60.0, 0.01, 0.01), *good])

    assert found.offset == pytest.approx(1.0, abs=0.01)
    assert (found.samples, found.agreeing) == (4, 3)
    assert found.delay == pytest.approx(0.05)


def test_samples_that_make_no_sense_do_not_count() -> None:
    nonsense = TimeSample(sent=10.0, server_received=5.0, server_sent=50.0, received=10.1)

    found = estimate([nonsense, sample(2.0, 0.1, 0.1)])

    assert found.offset == pytest.approx(2.0, abs=0.001)
    assert (found.samples, found.agreeing) == (2, 1)
    with pytest.raises(LocalProtocolError, match="none of 1"):
        estimate([nonsense])


def test_no_samples_is_a_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="none of 0"):
        estimate([])


way = st.floats(0.0, 2.0)


@given(
    st.floats(-1e6, 1e6),
    st.lists(st.tuples(way, way, way, st.floats(0, 1e4)), min_size=1, max_size=8),
)
def test_the_true_offset_is_always_within_the_bound(
    offset: float, ways: list[tuple[float, float, float, float]]
) -> None:
    # The server counts whole milliseconds.
    samples = []
    for there, back, work, at in ways:
        exact = sample(offset, there, back, at=at, work=work)
        samples.append(
            TimeSample(
                sent=exact.sent,
                server_received=exact.server_received // 0.001 * 0.001,
                server_sent=exact.server_sent // 0.001 * 0.001,
                received=exact.received,
            )
        )

    found = estimate(samples)

    assert abs(found.offset - offset) <= found.error_bound + 1e-6
    assert found.agreeing == len(samples)


def test_the_question_has_our_time_in_milliseconds() -> None:
    question = time_question(3, 1.2345)

    assert question == {"type": "sync/time", "id": 3, "clientRequestTime": 1234}


def test_the_answer_is_read_in_seconds() -> None:
    answer = {"serverReceiveTime": 2_500, "serverTransmitTime": 2_501.5}

    read = time_sample(answer, 2.0, 3.0)

    assert read == TimeSample(sent=2.0, server_received=2.5, server_sent=2.5015, received=3.0)


@pytest.mark.parametrize("value", [None, True, "2500"])
def test_an_answer_without_a_time_is_the_servers_mistake(value: object) -> None:
    answer = {"serverReceiveTime": 1, "serverTransmitTime": value}

    with pytest.raises(RemoteProtocolError, match="serverTransmitTime"):
        time_sample(answer, 1.0, 2.0)
