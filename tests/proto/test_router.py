"""Who gets which message, and what counts as taken. Own tests of `_router`."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto._actions import DeliverMessage
from auxws_proto._constants import Violation
from auxws_proto._errors import AuxError, RemoteProtocolError
from auxws_proto._mailbox import SlowConsumer
from auxws_proto._router import MessageBox, Router


def delivery(kind: str = "a", size: int = 10, **fields: Any) -> DeliverMessage:
    return DeliverMessage(message={"type": kind, **fields}, size=size, event_id=-1, transport=1)


def drain(router: Router, box: MessageBox) -> list[Any]:
    got = []
    while (message := router.take(box)) is not None:
        got.append(message)
    return got


def deliver_all(router: Router, row: list[DeliverMessage]) -> None:
    router.deliver_all([one.message for one in row], [one.size for one in row])


def test_messages_go_by_type_and_count_when_taken() -> None:
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


def test_a_consumer_that_has_found_nothing_is_woken_once() -> None:
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


def test_messages_in_a_row_go_where_each_would_go_alone() -> None:
    row = [delivery(kind, n=n) for n, kind in enumerate("aabxbaccxa")]

    def deliver(router: Router, *, at_once: bool) -> list[Any]:
        boxes = [
            MessageBox("a"),
            MessageBox("b", policy="drop_oldest", max_messages=1),
            MessageBox("c"),
            MessageBox("c", policy="error"),
            MessageBox("d"),
        ]
        for box in boxes:
            router.open(box)
        if at_once:
            deliver_all(router, row)
        else:
            for one in row:
                router.deliver(one)
        told = [router.waiting, router.collect(), router.undelivered, router.dropped]
        return [*told, [drain(router, box) for box in boxes], router.collect()]

    assert deliver(Router(), at_once=True) == deliver(Router(), at_once=False)


@pytest.mark.parametrize("kind", ["a", None])
def test_messages_of_one_type_in_a_row_come_into_their_mailbox_at_once(kind: str | None) -> None:
    router, box = Router(), MessageBox(kind)
    found: list[int] = []
    router.open(box)
    box.wake = lambda: found.append(len(box))

    deliver_all(router, [delivery("a", n=n) for n in range(3)])

    assert found == [3]
    assert [message["n"] for message in drain(router, box)] == [0, 1, 2]


def test_messages_in_a_row_wait_in_the_backlog_and_for_nobody_who_has_ended() -> None:
    router, box = Router(), MessageBox("a")
    row = [delivery("a"), delivery("a")]

    deliver_all(router, row)
    early = (router.has_backlog, router.waiting, router.collect())
    router.open(box)
    box.finish()
    deliver_all(router, row)

    assert early == (True, (2, 20), 0)
    assert (router.waiting, router.collect(), box.dropped) == ((2, 20), 20, 2)


def reached(router: Router, box: MessageBox, most: int = 9) -> list[Any]:
    """What is at hand now, in the order in which a consumer pops it."""
    router.reach(box, most)
    return [message["n"] for message in box.at_hand]


def test_what_is_popped_at_hand_counts_when_somebody_asks() -> None:
    router, box = Router(), MessageBox("a", max_messages=4)
    router.open(box)
    deliver_all(router, [delivery("a", size=10**n, n=n) for n in range(4)])

    at_hand = reached(router, box, 3)
    popped = box.at_hand.pop(0)

    assert (at_hand, popped["n"]) == ([0, 1, 2], 0)
    assert (len(box), box.is_full, router.is_full) == (3, False, False)
    assert (router.collect(), router.waiting) == (1, (3, 1_110))
    box.at_hand.pop(0)
    assert router.waiting == (2, 1_100)
    box.at_hand.pop(0)
    assert [message["n"] for message in drain(router, box)] == [3]
    assert (router.collect(), len(box), box.size) == (1_110, 0, 0)


def test_what_makes_room_by_its_bytes_is_seen_when_it_is_popped() -> None:
    router, box = Router(), MessageBox("a", max_bytes=20)
    router.open(box)
    deliver_all(router, [delivery("a", n=n) for n in range(2)])
    router.reach(box, 9)
    was_full = router.is_full

    box.at_hand.pop(0)

    assert (was_full, router.is_full) == (True, False)


def test_what_is_at_hand_can_be_put_back_and_comes_first_again() -> None:
    router, box = Router(), MessageBox("a")
    router.open(box)
    deliver_all(router, [delivery("a", n=n) for n in range(4)])
    router.reach(box, 3)
    box.at_hand.pop(0)

    router.put_back()

    assert (box.at_hand, router.freed, router.waiting) == ([], 10, (3, 30))
    assert [message["n"] for message in drain(router, box)] == [1, 2, 3]
    assert router.collect() == 40


class Contended(list[Any]):
    """Another thread takes what is left whenever somebody has found something there."""

    def __bool__(self) -> bool:
        found = len(self) > 0
        self.clear()
        return found

    def __len__(self) -> int:
        found = super().__len__()
        self.clear()
        return found


def test_what_another_thread_takes_meanwhile_is_not_put_back() -> None:
    router, box = Router(), MessageBox("a")
    router.open(box)
    deliver_all(router, [delivery("a", n=n) for n in range(3)])
    router.reach(box, 1)
    box.at_hand = Contended(box.at_hand)

    router.close(box)

    assert (router.collect(), router.waiting) == (30, (0, 0))


def test_what_others_have_too_counts_when_the_last_has_popped_it() -> None:
    router, box, everything = Router(), MessageBox("a"), MessageBox()
    router.open(box)
    router.open(everything)
    deliver_all(router, [delivery("a", n=n) for n in range(2)])

    at_hand = [reached(router, box), reached(router, everything)]
    box.at_hand.clear()
    early = router.collect()
    everything.at_hand.clear()

    assert (at_hand, early, router.collect()) == ([[0, 1], [0, 1]], 0, 20)


def test_what_one_has_alone_counts_though_others_have_what_came_with_it() -> None:
    router, box, everything = Router(), MessageBox("a"), MessageBox()
    router.open(box)
    router.deliver(delivery("a", size=1))
    router.open(everything)
    router.deliver(delivery("a", size=10))
    router.reach(box, 9)

    box.at_hand.clear()
    early = router.collect()
    router.close(everything)

    assert (early, router.collect(), router.waiting) == (1, 10, (0, 0))


def test_a_mailbox_that_may_lose_its_oldest_puts_nothing_at_hand() -> None:
    router, box = Router(), MessageBox("a", policy="drop_oldest", max_messages=1)
    router.open(box)
    router.deliver(delivery("a", n=1))

    at_hand = reached(router, box)
    router.deliver(delivery("a", n=2))

    assert at_hand == []
    assert [message["n"] for message in drain(router, box)] == [2]


def test_closing_gives_up_what_is_at_hand() -> None:
    router, box = Router(), MessageBox("a")
    router.open(box)
    deliver_all(router, [delivery("a", n=n) for n in range(3)])
    router.reach(box, 2)

    router.close(box)

    assert (box.at_hand, len(box), router.collect()) == ([], 0, 30)


def test_a_fanned_out_message_counts_when_the_last_has_it() -> None:
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


def test_a_box_that_drops_holds_nothing_back() -> None:
    router = Router()
    box = MessageBox("a", policy="drop_oldest")
    router.open(box)

    router.deliver(delivery("a"))

    assert router.collect() == 10
    assert drain(router, box) == [{"type": "a"}]
    assert (router.collect(), router.undelivered) == (0, 0)


def test_what_nobody_wants_is_taken_and_counted() -> None:
    router = Router()
    router.open(MessageBox("a"))

    router.deliver(delivery("b"))

    assert (router.collect(), router.undelivered) == (10, 1)


def test_what_a_dialogue_has_used_waits_for_nobody() -> None:
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


def test_the_backlog_goes_to_the_first_consumer() -> None:
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


def test_the_backlog_goes_to_a_consumer_that_holds_nothing_back() -> None:
    router = Router()
    router.deliver(delivery("a"))
    box = MessageBox("a", policy="drop_oldest")

    router.open(box)

    assert router.collect() == 10
    assert drain(router, box) == [{"type": "a"}]


def test_closing_gives_up_what_is_held() -> None:
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


def test_the_count_of_losses_outlives_the_mailbox() -> None:
    router = Router()
    box = MessageBox("a", policy="drop_oldest", max_messages=1)
    router.open(box)
    router.deliver(delivery("a"))
    router.deliver(delivery("a"))
    assert router.dropped == 1

    router.close(box)

    assert router.dropped == 1


def test_an_ended_mailbox_holds_nothing_back() -> None:
    router = Router()
    box = MessageBox("a")
    router.open(box)
    box.finish()

    router.deliver(delivery("a"))

    assert (router.collect(), box.dropped) == (10, 1)


def test_a_slow_consumer_with_the_policy_error() -> None:
    router = Router()
    box = MessageBox("a", policy="error", max_messages=1)
    router.open(box)

    router.deliver(delivery("a", n=1))
    router.deliver(delivery("a", n=2))

    assert router.collect() == 20
    assert router.take(box) is not None
    with pytest.raises(SlowConsumer):
        router.take(box)


def test_finish_ends_all_and_those_to_come() -> None:
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
