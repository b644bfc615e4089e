"""Whatever a peer, a store or a caller says, no event and no line quotes a secret of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import Action, ReportError, ReportState, SendText, TransportFailure
from auxws_proto.observe import ObserverEvent, line_of
from auxws_proto.observe._fault import short
from auxws_proto.observe._observation import Observation
from auxws_proto.observe._teller import Teller
from tests.proto.observe.test_machine import ObservedBench
from tests.proto.test_nothing_shown import (
    ALL_AT_ONCE,
    MACHINES,
    STEPS,
    TOKEN,
    URL,
    Step,
    leaks,
    play,
    written,
)


def told_of(actions: list[Action]) -> list[ObserverEvent]:
    """What an observer is told of these."""
    events: list[ObserverEvent] = []
    teller = Teller([events.append], lambda error: None)
    observation = Observation(teller, client="c", url_lifetime=3_000.0)
    for action in actions:
        if isinstance(action, SendText) and action.send_id is not None:
            observation.queued(action.send_id, URL, action.data, 1.0)
        observation.acted(action, 1.0)
    teller.tell()
    return events


@pytest.mark.parametrize("name", MACHINES)
@given(prefix=st.integers(0, 14), steps=st.lists(STEPS, max_size=12))
def test_no_event_shows_a_secret(name: str, prefix: int, steps: list[Step]) -> None:
    scene = play(name, ALL_AT_ONCE[name][:prefix] + steps)

    events = told_of(scene.log)

    assert leaks([text for event in events for text in [*written(event), line_of(event)]]) == []


@pytest.mark.parametrize("name", MACHINES)
def test_the_property_is_not_empty(name: str) -> None:
    scene = play(name, ALL_AT_ONCE[name])

    events = told_of(scene.log)

    reports = [action for action in scene.log if isinstance(action, ReportError | ReportState)]
    assert len(events) > len(reports) >= 2


@pytest.mark.parametrize("secret", [URL, TOKEN])
def test_the_words_of_an_embedder_and_of_a_peer_are_looked_through(secret: str) -> None:
    bench = ObservedBench()
    bench.connect()
    failure = TransportFailure(kind=secret, detail=secret)
    bench.turn(bench.session.transport_failed, failure)
    bench.after(60.0)
    bench.opened()
    bench.deliver({"type": secret})
    bench.send({"type": secret})
    bench.eof(1000)

    assert leaks([repr(bench.events), short(secret), *bench.lines()]) == []
