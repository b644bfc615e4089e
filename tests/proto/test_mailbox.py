"""Mailboxes with their limits, and feeds. Own tests of `_mailbox`."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from auxws_proto._constants import Violation
from auxws_proto._errors import LocalProtocolError, RemoteProtocolError
from auxws_proto._mailbox import Feed, Mailbox, SlowConsumer


class TestMailbox:
    def test_first_in_first_out(self) -> None:
        box: Mailbox[str] = Mailbox()

        box.put("one", 3)
        box.put("two", 4)

        assert (len(box), box.size) == (2, 7)
        assert [box.pop(), box.pop(), box.pop()] == ["one", "two", None]
        assert (len(box), box.size) == (0, 0)

    def test_an_interrupted_thread_that_has_only_taken_an_item_leaves_nothing_out_of_step(
        self,
    ) -> None:
        box: Mailbox[str] = Mailbox()
        for number, item in enumerate(("one", "two", "three"), 1):
            box.put(item, number)

        box._items.popleft()
        popped = [box.popped(), box.popped()]
        taken = [box.pop(), box.pop(), box.pop()]

        assert (popped, taken) == ([[1], []], ["two", "three", None])
        assert (len(box), box.size) == (0, 0)

    def test_append_wakes_only_whoever_has_found_it_empty(self) -> None:
        box: Mailbox[str] = Mailbox()
        wakes: list[None] = []
        box.wake = lambda: wakes.append(None)

        box.append("one", 3)
        box.append("two", 4)

        assert (len(box), box.size, len(wakes)) == (2, 7, 1)
        assert [box.pop(), box.pop()] == ["one", "two"]

    def test_a_row_comes_in_at_once_and_wakes_only_whoever_has_found_it_empty(self) -> None:
        box: Mailbox[str] = Mailbox()
        wakes: list[int] = []
        box.wake = lambda: wakes.append(len(box))

        box.extend(["one", "two"], [3, 4])
        box.extend(iter(["three"]), [5])

        assert (len(box), box.size, wakes) == (3, 12, [2])
        assert [box.pop(), box.pop(), box.pop(), box.pop()] == ["one", "two", "three", None]
        assert box.size == 0

    @pytest.mark.parametrize("limits", [{"max_messages": 2}, {"max_bytes": 20}])
    def test_block_keeps_everything_and_says_that_it_is_full(self, limits: dict[str, int]) -> None:
        box: Mailbox[int] = Mailbox(**limits)  # type: ignore[arg-type]
        seen = []

        for number in range(3):
            box.put(number, 10)
            seen.append(box.is_full)

        assert seen == [False, True, True]
        assert [box.pop(), box.pop(), box.pop()] == [0, 1, 2]
        assert not box.is_full

    @pytest.mark.parametrize("limits", [{"max_messages": 2}, {"max_bytes": 20}])
    def test_drop_oldest(self, limits: dict[str, int]) -> None:
        box: Mailbox[int] = Mailbox(policy="drop_oldest", **limits)  # type: ignore[arg-type]

        kept = [box.put(number, 10) for number in range(4)]

        assert kept == [True] * 4
        assert box.dropped == 2
        assert [box.pop(), box.pop(), box.pop()] == [2, 3, None]

    def test_a_large_message_is_admitted_when_there_is_nothing_else(self) -> None:
        box: Mailbox[int] = Mailbox(policy="drop_oldest", max_bytes=5)

        box.put(1, 1)
        box.put(2, 100)

        assert (box.pop(), box.dropped) == (2, 1)

    def test_error_ends_the_mailbox_after_what_it_holds(self) -> None:
        box: Mailbox[int] = Mailbox(policy="error", max_messages=1)

        kept = [box.put(number, 10) for number in range(3)]

        assert kept == [True, False, False]
        assert box.dropped == 2
        assert box.pop() == 0
        with pytest.raises(SlowConsumer, match="holds 1 messages of 10 bytes") as caught:
            box.pop()
        assert caught.value.dropped == 1
        with pytest.raises(SlowConsumer):
            box.pop()

    def test_finish_is_final_and_the_first_reason_counts(self) -> None:
        box: Mailbox[int] = Mailbox()
        wakes: list[None] = []
        box.wake = lambda: wakes.append(None)

        box.put(1, 1)
        box.finish()
        box.finish(RemoteProtocolError(Violation.NOT_JSON))

        assert len(wakes) == 2
        assert box.is_finished
        assert [box.pop(), box.pop()] == [1, None]

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"policy": "lose"}, "policy is 'lose'"),
            ({"max_messages": 0}, "max_messages is 0"),
            ({"max_bytes": -1}, "max_bytes is -1"),
        ],
    )
    def test_bad_options(self, options: dict[str, Any], text: str) -> None:
        with pytest.raises(LocalProtocolError, match=text):
            Mailbox(**options)


class TestFeed:
    def test_each_listener_gets_what_comes_after_it_was_opened(self) -> None:
        feed: Feed[int] = Feed()
        feed.publish(0)
        first = feed.open()
        feed.publish(1)
        second = feed.open()

        feed.publish(2)

        assert [first.pop(), first.pop(), first.pop()] == [1, 2, None]
        assert [second.pop(), second.pop()] == [2, None]

    def test_the_first_listener_gets_what_was_kept(self) -> None:
        feed: Feed[int] = Feed(keep=2)
        for number in range(3):
            feed.publish(number)

        first, second = feed.open(), feed.open()

        assert [first.pop(), first.pop(), first.pop()] == [1, 2, None]
        assert second.pop() is None

    def test_a_slow_listener_loses_the_oldest(self) -> None:
        feed: Feed[int] = Feed(limit=2)
        box = feed.open()

        for number in range(3):
            feed.publish(number)

        assert (box.pop(), box.dropped) == (1, 1)

    def test_a_forgotten_listener_is_gone(self) -> None:
        feed: Feed[object] = Feed()
        box = feed.open()
        seen: list[None] = []
        box.wake = lambda: seen.append(None)

        del box
        gc.collect()
        feed.publish(object())

        assert seen == []

    def test_finish(self) -> None:
        feed: Feed[int] = Feed()
        box = feed.open()
        feed.publish(1)

        feed.finish()
        feed.finish(RemoteProtocolError(Violation.NOT_JSON))

        late = feed.open()
        assert (box.is_finished, late.is_finished) == (True, True)
        assert [box.pop(), box.pop(), late.pop()] == [1, None, None]
