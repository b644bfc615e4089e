"""Mailboxes, and what counts as taken."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from auxws_proto._actions import DeliverMessage
from auxws_proto._constants import Violation
from auxws_proto._errors import AuxError, LocalProtocolError, RemoteProtocolError
from auxws_proto._mailbox import Feed, Mailbox, MessageBox, Router, SlowConsumer


def delivery(kind: str = "a", size: int = 10, **fields: Any) -> DeliverMessage:
    return DeliverMessage(message={"type": kind, **fields}, size=size, event_id=-1, transport=1)


def drain(router: Router, box: MessageBox) -> list[Any]:
    got = []
    while (item := router.take(box)) is not None:
        got.append(item.message)
    return got


class TestMailbox:
    def test_first_in_first_out(self) -> None:
        box: Mailbox[str] = Mailbox()

        box.put("one", 3)
        box.put("two", 4)

        assert (len(box), box.size) == (2, 7)
        assert [box.pop(), box.pop(), box.pop()] == ["one", "two", None]
        assert (len(box), box.size) == (0, 0)

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


class TestRouter:
    def test_messages_go_by_type_and_count_when_taken(self) -> None:
        router = Router()
        box, other = MessageBox("a"), MessageBox("b")
        router.open(box)
        router.open(other)

        router.deliver(delivery("a", n=1))
        router.deliver(delivery("b", n=2))

        assert router.collect() == 0
        assert drain(router, box) == [{"type": "a", "n": 1}]
        assert [router.collect(), router.collect()] == [10, 0]
        assert drain(router, other) == [{"type": "b", "n": 2}]
        assert router.collect() == 10

    def test_a_consumer_that_has_found_nothing_is_woken_once(self) -> None:
        router = Router()
        box = MessageBox("a")
        wakes: list[None] = []
        box.wake = lambda: wakes.append(None)
        router.open(box)
        woken = []

        for _ in range(2):
            router.deliver(delivery("a"))
            router.deliver(delivery("a"))
            woken.append(len(wakes))
            drain(router, box)

        assert woken == [1, 2]

    def test_a_fanned_out_message_counts_when_the_last_has_it(self) -> None:
        router = Router()
        everything, box = MessageBox(), MessageBox("a")
        router.open(everything)
        router.open(box)

        router.deliver(delivery("a"))

        assert router.waiting == (2, 20)
        router.take(box)
        assert router.collect() == 0
        router.take(everything)
        assert router.collect() == 10

    def test_a_box_that_drops_holds_nothing_back(self) -> None:
        router = Router()
        box = MessageBox("a", policy="drop_oldest")
        router.open(box)

        router.deliver(delivery("a"))

        assert router.collect() == 10
        assert drain(router, box) == [{"type": "a"}]
        assert (router.collect(), router.undelivered) == (0, 0)

    def test_what_nobody_wants_is_taken_and_counted(self) -> None:
        router = Router()
        router.open(MessageBox("a"))

        router.deliver(delivery("b"))

        assert (router.collect(), router.undelivered) == (10, 1)

    def test_what_a_dialogue_has_used_waits_for_nobody(self) -> None:
        router, box = Router(), MessageBox("a")
        used = DeliverMessage(message={"type": "a"}, size=10, event_id=0, transport=1, used=True)

        router.deliver(used)
        early = (router.collect(), router.has_backlog)
        router.open(box)
        router.deliver(used)
        router.close(box)
        router.deliver(used)

        assert early == (10, False)
        assert (router.collect(), router.undelivered) == (20, 0)

    def test_the_backlog_goes_to_the_first_consumer(self) -> None:
        router = Router()
        router.deliver(delivery("a", n=1))
        router.deliver(delivery("b", n=2))
        router.deliver(delivery("a", n=3))
        assert (router.collect(), router.waiting, router.has_backlog) == (0, (3, 30), True)
        box = MessageBox("a")

        router.open(box)

        assert not router.has_backlog
        assert (router.collect(), router.undelivered) == (10, 1)
        assert drain(router, box) == [{"type": "a", "n": 1}, {"type": "a", "n": 3}]
        late = MessageBox("b")
        router.open(late)
        assert drain(router, late) == []

    def test_the_backlog_goes_to_a_consumer_that_holds_nothing_back(self) -> None:
        router = Router()
        router.deliver(delivery("a"))
        box = MessageBox("a", policy="drop_oldest")

        router.open(box)

        assert router.collect() == 10
        assert drain(router, box) == [{"type": "a"}]

    def test_a_watcher_claims_its_reply_and_leaves_the_backlog(self) -> None:
        router = Router()
        router.deliver(delivery("b", n=1))
        watcher = MessageBox("b")
        router.open(watcher, watcher=True)

        for number in (2, 3, 4):
            router.deliver(delivery("b", n=number))
        first, reply = router.take(watcher), router.take(watcher)
        assert first is not None
        assert reply is not None
        assert (first.message["n"], reply.message["n"]) == (2, 3)
        router.claim(reply)
        router.claim(reply)
        router.close(watcher)

        assert router.collect() == 10
        box = MessageBox()
        router.open(box)
        assert [message["n"] for message in drain(router, box)] == [1, 2, 4]
        assert router.collect() == 30
        router.claim(first)
        assert router.collect() == 0

    def test_closing_gives_up_what_is_held(self) -> None:
        router = Router()
        box, other = MessageBox("a", max_messages=1), MessageBox("a", policy="drop_oldest")
        router.open(box)
        router.open(other)
        router.deliver(delivery("a"))
        router.deliver(delivery("a"))
        assert router.is_full

        router.close(box)
        router.close(box)

        assert (router.collect(), router.is_full) == (20, False)
        router.deliver(delivery("a"))
        assert len(box) == 0

    def test_the_count_of_losses_outlives_the_mailbox(self) -> None:
        router = Router()
        box = MessageBox("a", policy="drop_oldest", max_messages=1)
        router.open(box)
        router.deliver(delivery("a"))
        router.deliver(delivery("a"))
        assert router.dropped == 1

        router.close(box)

        assert router.dropped == 1

    def test_an_ended_mailbox_holds_nothing_back(self) -> None:
        router = Router()
        box = MessageBox("a")
        router.open(box)
        box.finish()

        router.deliver(delivery("a"))

        assert (router.collect(), box.dropped) == (10, 1)

    def test_a_slow_consumer_with_the_policy_error(self) -> None:
        router = Router()
        box = MessageBox("a", policy="error", max_messages=1)
        router.open(box)

        router.deliver(delivery("a", n=1))
        router.deliver(delivery("a", n=2))

        assert router.collect() == 20
        assert router.take(box) is not None
        with pytest.raises(SlowConsumer):
            router.take(box)

    def test_finish_ends_all_and_those_to_come(self) -> None:
        router = Router()
        box = MessageBox("a")
        router.open(box)
        router.deliver(delivery("a"))
        error: AuxError = RemoteProtocolError(Violation.NOT_JSON)

        router.finish(error)
        router.finish()

        late = MessageBox("a")
        router.open(late)
        assert router.take(box) is not None
        for ended in (box, late):
            with pytest.raises(RemoteProtocolError):
                router.take(ended)


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
