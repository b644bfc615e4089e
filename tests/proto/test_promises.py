"""What holds for every door of `AuxSession`: reproducible, copyable, and never raising on input."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import HttpProgressed, Role

from .helpers import BUCKET, SMALL, Bench, brief, large


def story(bench: Bench) -> Iterator[Callable[[], object]]:
    """A few turns of everything."""
    yield bench.connect
    yield bench.opened
    yield lambda: bench.send(large())
    yield lambda: bench.grant(1, "k")
    yield lambda: bench.handle(HttpProgressed(transfer_id=1, done=9, total=40_000))
    yield bench.send
    yield lambda: bench.responded(1, 500)
    yield lambda: bench.after(5.0)
    yield lambda: bench.responded(3)
    yield lambda: bench.receive(4, -1, f"{BUCKET}/k", "GET", {})
    yield lambda: bench.deliver(SMALL)
    yield lambda: bench.responded(4, body=b'{"type":"m"}')
    yield bench.eof
    yield lambda: bench.after(70.0)


def test_a_copy_goes_its_own_way_from_anywhere() -> None:
    length = len(list(story(Bench())))
    for branch in range(length):
        bench = twin = Bench()
        for number, step in enumerate(story(bench)):
            if number == branch:
                twin = copy.deepcopy(bench)
                for other in list(story(twin))[branch:]:
                    other()
            step()

        assert [brief(a) for a in twin.log] == [brief(a) for a in bench.log]
        assert twin.session.next_timeout() == bench.session.next_timeout()
        assert twin.session.stats() == bench.session.stats()


def test_the_same_inputs_give_the_same_outputs() -> None:
    first, second = Bench(), Bench()
    for bench in (first, second):
        for step in story(bench):
            step()

    assert [brief(a) for a in first.log] == [brief(a) for a in second.log]
    assert [repr(a) for a in first.log] == [repr(a) for a in second.log]


def test_no_action_shows_a_url_of_the_store() -> None:
    bench = Bench()
    for step in story(bench):
        step()
    bench.send(large())
    bench.receive(3, 6, f"{BUCKET}/secret", "POST", {"X-Secret": "secret"})
    bench.receive(4, 1, f"{BUCKET}/secret\n", "GET", {})

    shown = " ".join(f"{action!r} {action}" for action in bench.log)
    shown += " ".join(f"{error!r} {error}" for error in bench.errors())

    assert bench.all("put")
    assert BUCKET not in shown
    assert "Signature" not in shown
    assert "secret\\n" not in shown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 9) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(["login_result", "rate_limit_exceeded", "sync/time/response", "m"])},
    optional={"success": JSON, "info": JSON, "retryAfter": JSON, "id": JSON, "errorCode": JSON},
)
URLS = st.sampled_from([f"{BUCKET}/k", f"{BUCKET}/k?a=b#c", "https://[::1", "http://x", ""])
ARRAYS = st.one_of(
    st.tuples(st.just(1), JSON, MESSAGES),
    st.tuples(st.integers(3, 4), st.integers(0, 4), URLS, st.sampled_from(["PUT", "get"]), JSON),
    st.tuples(st.just(5), st.integers(0, 4) | st.none(), st.dictionaries(st.text(), JSON)),
    st.lists(JSON, max_size=6),
)
TEXTS = ARRAYS.map(json.dumps) | JSON.map(json.dumps) | st.text() | st.binary()


@pytest.mark.parametrize("role", list(Role))
@given(texts=st.lists(TEXTS, max_size=6), barrier=st.sampled_from(["ping", "message"]))
def test_receiving_never_raises_and_the_next_message_is_delivered(
    role: Role, texts: list[str | bytes], barrier: str
) -> None:
    bench = Bench(role, barrier=barrier, download_attempts=1, max_message_size=200)
    bench.connect()
    bench.opened()
    bench.send(large())
    for text in texts:
        bench.text(text)
    for transfer in bench.all("get"):
        bench.responded(transfer[1], 404)

    assert bench.deliver({"type": "after all"})[-1] == ("deliver", "after all")
