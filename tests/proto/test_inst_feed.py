"""Updates once, in order, the initial state first. Own tests of `_inst_feed`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import LocalProtocolError, State
from auxws_proto._inst_feed import Remembered
from auxws_proto._inst_shapes import EndWatch
from tests.proto.inst_bench import InstBench


def watching(state: str = "", **settings: Any) -> InstBench:
    """A bench whose branch is watched, and has brought its initial state."""
    bench = InstBench(**settings)
    bench.watch()
    bench.initial(state)
    return bench


# Beginning and ending.


def test_a_watch_is_sent_and_repeated_on_each_connection() -> None:
    bench = InstBench()

    actions = bench.watch(temporary=True, markers=["m"])

    assert actions == [("send", "watch_branch", True, ["m"]), ("greet", "watch_branch")]


def test_without_a_connection_the_greeting_is_enough() -> None:
    bench = InstBench(is_open=False)

    actions = bench.watch() + bench.reopen()

    assert actions == [("greet", "watch_branch")]


def test_a_branch_is_watched_once() -> None:
    bench = watching()

    with pytest.raises(LocalProtocolError, match="watches the branch already"):
        bench.watch()


def test_unwatching() -> None:
    bench = watching()

    actions = bench.turn(bench.inst.unwatch)

    assert actions == [("send", "unwatch_branch"), ("greet",)]
    assert bench.push("a") == []
    assert bench.turn(bench.inst.unwatch) == []
    assert bench.inst.is_idle


def test_unwatching_without_a_connection() -> None:
    bench = watching()
    bench.lose()

    actions = bench.turn(bench.inst.unwatch)

    assert actions == [("greet",)]


# The initial state.


@pytest.mark.parametrize("order", list(itertools.permutations(["initial", "result", "push"])))
def test_the_initial_state_is_first_whatever_order_the_server_used(order: tuple[str, ...]) -> None:
    bench = InstBench()
    bench.watch()
    come: dict[str, Callable[[], list[Any]]] = {
        "initial": lambda: bench.initial("ab"),
        "result": bench.result,
        "push": lambda: bench.push("c"),
    }

    actions = [action for name in order for action in come[name]()]

    if order.index("push") < order.index("initial"):
        assert actions == [("updates", "abc", "is_initial")]
    else:
        assert actions == [("updates", "ab", "is_initial"), ("updates", "c")]


def test_an_empty_initial_state_is_delivered() -> None:
    bench = InstBench()
    bench.watch()

    actions = bench.initial()

    assert actions == [("updates", "", "is_initial")]


def test_an_early_push_that_the_initial_state_has_is_delivered_once() -> None:
    bench = InstBench()
    bench.watch()
    bench.push("bc")

    actions = bench.initial("abb")

    assert actions == [("updates", "abc", "is_initial")]


def test_what_is_no_update_is_left_out() -> None:
    bench = watching()

    actions = bench.deliver("add_updates", updates=["a", 1, None])
    actions += bench.deliver("add_updates", updates="b")

    assert actions == [("updates", "a")]


# Repeats.


def test_an_update_that_comes_again_is_not_delivered_again() -> None:
    bench = watching("a")

    actions = bench.push("ab") + bench.push("b") + bench.push("c")

    assert actions == [("updates", "b"), ("updates", "c")]


def test_after_a_reconnect_only_what_was_missed_is_delivered() -> None:
    bench = watching("ab")
    bench.push("c")
    bench.lose()
    bench.reopen()

    actions = bench.initial("abcde", transport=2) + bench.push("f", transport=2)

    assert actions == [("updates", "de"), ("updates", "f")]


def test_after_a_reconnect_without_news_nothing_is_delivered() -> None:
    bench = watching("ab")
    bench.lose()
    bench.reopen()

    actions = bench.initial("ab", transport=2)

    assert actions == []


def test_pushes_on_a_new_connection_wait_for_its_initial_state() -> None:
    bench = watching("a")
    bench.lose()
    bench.reopen()

    actions = bench.push("c", transport=2) + bench.initial("ab", transport=2)

    assert actions == [("updates", "bc")]


def test_a_download_of_the_old_connection_may_come_late() -> None:
    bench = watching("a")
    bench.lose()

    actions = bench.push("b", transport=1)
    bench.reopen()
    actions += bench.initial("abc", transport=2)

    assert actions == [("updates", "b"), ("updates", "c")]


def test_during_a_rotation_both_connections_are_read() -> None:
    bench = watching("a")

    actions = [
        *bench.push("b", transport=1),
        *bench.push("c", transport=2),
        *bench.push("c", transport=1),
        *bench.initial("abc", transport=2),
        *bench.push("d", transport=2),
        *bench.push("d", transport=1),
    ]

    assert actions == [("updates", "b"), ("updates", "c"), ("updates", "d")]


def test_a_connection_before_the_last_two_is_out_of_date() -> None:
    bench = watching("a")
    bench.initial("a", transport=2)
    bench.initial("a", transport=3)

    actions = bench.push("b", transport=1) + bench.push("c", transport=2)

    assert actions == [("updates", "c")]


def test_ones_own_updates_do_not_come_back() -> None:
    bench = watching("a")
    bench.add("b")
    bench.lose()
    bench.reopen()

    actions = bench.initial("abc", transport=2)

    assert actions == [("updates", "c")]


def test_a_new_watch_begins_from_nothing() -> None:
    bench = watching("ab")
    bench.turn(bench.inst.unwatch)
    bench.add("c")
    bench.watch()

    actions = bench.initial("abc")

    assert actions == [("updates", "abc", "is_initial")]


def test_a_branch_with_more_than_is_remembered_says_that_it_may_repeat() -> None:
    bench = watching("abcde", max_remembered=3)
    bench.lose()
    bench.reopen()

    actions = bench.initial("abcdef", transport=2)

    assert actions == [("updates", "abf", "may_repeat")]


@given(st.lists(st.text("abcdefgh", max_size=8), max_size=10))
def test_within_its_bound_nothing_is_remembered_wrongly(histories: list[str]) -> None:
    remembered, seen = Remembered(100), set[str]()

    for number, history in enumerate(histories):
        new = remembered.adopt(history) if number % 2 else remembered.add(history)

        expected = [c for n, c in enumerate(history) if c not in seen and c not in history[:n]]
        assert list(new) == expected
        seen.update(history)
    assert not remembered.has_forgotten


def test_the_oldest_is_forgotten_first() -> None:
    remembered = Remembered(3)
    remembered.add("abc")

    new = [remembered.add("d"), remembered.add("bcd"), remembered.add("a")]

    assert new == [("d",), (), ("a",)]
    assert remembered.has_forgotten


# What is not answered, or refused.


def test_a_watch_that_is_not_answered_is_sent_again_and_fails_at_last() -> None:
    bench = InstBench(watch_attempts=3)
    bench.watch()

    actions = bench.after(1_000)

    assert actions == [("send", "watch_branch")] * 2 + [("end", None), ("greet",)]
    (end, _) = bench.actions
    assert isinstance(end, EndWatch)
    assert "asked 3 times" in str(end.error)


def test_the_wait_doubles() -> None:
    bench = InstBench()
    bench.watch()

    counts = [len(bench.after(seconds)) for seconds in (29.9, 0.2, 59.8, 0.2, 119.8, 0.2)]

    assert counts == [0, 1, 0, 1, 0, 1]


def test_nothing_is_sent_again_without_a_connection() -> None:
    bench = InstBench()
    bench.watch()

    actions = bench.lose() + bench.after(1_000) + bench.reopen() + bench.after(31)

    assert actions == [("send", "watch_branch")]


@pytest.mark.parametrize("code", ["not_authorized", "subscription_limit_reached"])
def test_a_refusal_ends_the_watch(code: str) -> None:
    bench = InstBench()
    bench.watch()

    actions = bench.result(code, errorMessage="no")

    assert actions == [("end", code), ("greet",)]
    assert bench.after(1_000) == []
    assert bench.inst.is_idle


def test_a_refusal_without_words() -> None:
    bench = InstBench()
    bench.watch()

    actions = bench.deliver("watch_branch_result", success=False)

    assert actions == [("end", None), ("greet",)]


def test_a_refusal_that_may_pass_is_tried_again_soon() -> None:
    bench = InstBench(watch_attempts=3)
    bench.watch()

    actions = bench.result("server_error")
    actions += bench.after(4.9)
    actions += bench.after(0.2)
    actions += bench.result("server_error")
    actions += bench.after(10)
    actions += bench.result("server_error")

    assert actions == [("send", "watch_branch")] * 2 + [("end", "server_error"), ("greet",)]


def test_a_refusal_on_an_old_connection_is_out_of_date() -> None:
    bench = watching()
    bench.initial("", transport=2)

    actions = bench.result("not_authorized", transport=1)

    assert actions == []


# Messages that could not be had.


def test_a_gap_asks_for_everything_again_and_holds_back_what_comes_meanwhile() -> None:
    bench = watching("a")

    actions = [*bench.gap(), *bench.push("c"), *bench.gap(), *bench.initial("abc")]

    assert actions == [("send", "watch_branch"), ("updates", "bc")]


def test_a_gap_on_an_old_connection_is_made_good_by_the_new_one() -> None:
    bench = watching("a")
    bench.initial("a", transport=2)

    actions = bench.gap(transport=1)

    assert actions == []


def test_a_gap_without_a_connection_is_made_good_by_the_next() -> None:
    bench = watching("a")
    bench.lose()

    actions = bench.gap() + bench.reopen() + bench.initial("ab", transport=2)

    assert actions == [("updates", "b")]


def test_a_gap_concerns_nobody_who_does_not_watch() -> None:
    bench = InstBench()

    actions = bench.gap()

    assert actions == []


def test_an_initial_state_that_cannot_be_had_ends_the_watch_with_the_cause() -> None:
    bench = InstBench(watch_attempts=2)
    bench.watch()
    bench.gap()
    bench.after(31)
    bench.gap()

    bench.after(61)

    (end,) = [action for action in bench.actions if isinstance(action, EndWatch)]
    assert "asked 2 times: http_status: gone" in str(end.error)
    assert end.error.__cause__ is not None


# Bounds.


@pytest.mark.parametrize("is_open", [True, False])
def test_too_much_before_the_initial_state_is_let_go_and_asked_for_again(is_open: bool) -> None:
    bench = InstBench(max_early=3)
    bench.watch()
    bench.push("bc")
    bench.push("de")
    if not is_open:
        bench.lose()

    actions = bench.initial("a") + bench.push("f")

    again = [("send", "watch_branch")] if is_open else []
    assert actions == [("updates", "a", "is_initial"), *again]
    assert bench.initial("abcdef") == [("updates", "bcdef")]


def test_the_end_of_the_session_sends_nothing() -> None:
    bench = watching("a")

    actions = bench.state(State.CLOSED) + bench.after(1_000)

    assert actions == []


def test_a_new_connection_concerns_nobody_who_does_not_watch() -> None:
    bench = InstBench(is_open=False)

    actions = bench.reopen() + bench.after(1_000)

    assert actions == []
