"""A machine of bytes with its dialogues above it. Own tests of `_dialogue_websocket`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from wsproto import events as ws

from auxws_proto import (
    AuxError,
    ByteRun,
    Config,
    DeliverMessage,
    DeliveryRun,
    ReportError,
    SendId,
)
from auxws_proto._dialogue_websocket import DialogueWebSocket
from auxws_proto._inst_shapes import InstUpdates
from auxws_proto._mailbox import Mailbox
from auxws_proto._requests import Answer, Request

from .peer import KEY
from .wire_bench import QUIET, URL, Bench

BRANCH = {"recordName": None, "inst": "i", "branch": "b"}


class Talking(Bench):
    """A bench with a machine that has dialogues."""

    def __init__(self, **more: Any) -> None:
        super().__init__(open=False)
        config = Config(mask_keys=lambda n: (KEY * n)[:n], **QUIET)
        self.machine = self.talking = DialogueWebSocket(config, URL, **more)
        self.talking.connect(0)
        self.talking.transport_opened(0)
        self.peer.receive(self.wrote())
        self.feed(self.peer.send(ws.AcceptConnection()))
        self.messages()

    def messages(self) -> list[dict[str, Any]]:
        """What the machine sent."""
        texts = [e.data for e in self.peer.receive(self.wrote()) if isinstance(e, ws.TextMessage)]
        self.write()
        return [json.loads(text)[2] for text in texts]

    def deliver(self, **message: Any) -> list[bool]:
        """A message came; whether what was delivered is used."""
        actions = self.fed(self.event([1, 0, message]))
        return [action.used for action in actions if isinstance(action, DeliverMessage)]


def test_a_reply_is_delivered_as_used() -> None:
    bench = Talking()
    request = Request("pong", fields={"id": 1})
    bench.talking.dialogues.open(request)

    used = [*bench.deliver(type="pong", id=2), *bench.deliver(type="pong", id=1)]

    assert used == [False, True]
    assert request.is_settled


def test_what_a_dialogue_sends_goes_out_in_the_same_drain_and_is_accounted_for() -> None:
    bench = Talking(on_connect=[{"type": "hello"}])
    sent: list[SendId] = []
    bench.talking.on_sent = sent.append
    box: Mailbox[InstUpdates] = Mailbox(max_messages=1)

    bench.talking.dialogues.watch((None, "i", "b"), box, 0.0)
    watch = bench.messages()
    bench.deliver(type="repo/add_updates", **BRANCH, updates=["a"], initial=True)

    assert [message["type"] for message in watch] == ["repo/watch_branch"]
    assert sent == [1]
    assert bench.talking.is_full
    assert box.pop() == InstUpdates(updates=("a",), is_initial=True)


def test_after_a_reconnect_the_watch_follows_the_applications_own_messages() -> None:
    bench = Talking(on_connect=[{"type": "hello"}])
    bench.talking.dialogues.watch((None, "i", "b"), Mailbox(), 0.0)
    bench.messages()
    bench.talking.receive_eof(1)
    list(bench.talking.actions())

    bench.talking.handle_timeout(60)
    bench.talking.transport_opened(60)
    again = Bench(open=False)
    again.machine = bench.talking
    again.peer.receive(again.wrote())
    again.feed(again.peer.send(ws.AcceptConnection()))

    texts = [e.data for e in again.peer.receive(again.wrote()) if isinstance(e, ws.TextMessage)]
    assert [json.loads(text)[2]["type"] for text in texts] == ["hello", "repo/watch_branch"]


def test_the_clock_serves_both() -> None:
    bench = Talking()
    deadlines = [bench.talking.next_timeout()]
    bench.talking.dialogues.watch((None, "i", "b"), Mailbox(), 0.0)
    bench.messages()
    deadlines.append(bench.talking.next_timeout())
    bench.talking.close(1)
    list(bench.talking.actions())
    deadlines.append(bench.talking.next_timeout())

    watching = Talking()
    watching.talking.dialogues.watch((None, "i", "b"), Mailbox(), 0.0)
    watching.messages()
    watching.talking.handle_timeout(30)

    assert deadlines == [None, 30.0, 11.0]
    assert [message["type"] for message in watching.messages()] == ["repo/watch_branch"]


def test_the_earlier_of_two_deadlines_counts() -> None:
    bench = Talking()
    bench.talking.dialogues.watch((None, "i", "b"), Mailbox(), 0.0)
    bench.messages()

    bench.talking.disconnect(5)

    below = bench.talking.session.next_timeout()
    assert below == 15.0
    assert bench.talking.next_timeout() == 15.0


def test_updates_that_nobody_waits_for_report_their_failure() -> None:
    bench = Talking()
    bench.talking.dialogues.add_updates((None, "i", "b"), ["u"], 0.0)
    bench.messages()

    actions = bench.fed(
        bench.event([1, 0, {"type": "repo/updates_received", **BRANCH, "updateId": 1,
                            "errorCode": "max_size_reached"}])
    )  # fmt: skip

    (error,) = [action.error for action in actions if isinstance(action, ReportError)]
    assert str(error) == "max_size_reached"


def test_a_failure_of_whoever_runs_it_ends_the_dialogues() -> None:
    bench = Talking()
    answer: Answer[None] = Answer()
    bench.talking.dialogues.add_updates((None, "i", "b"), ["u"], 0.0, answer)

    bench.talking.finish_dialogues(AuxError("crashed"))

    with pytest.raises(AuxError, match="crashed"):
        answer.get()


def taken(bench: Talking) -> list[object]:
    """What the machine gives out as runs, in short."""
    return [
        len(item.data if isinstance(item, ByteRun) else item.messages)
        if isinstance(item, ByteRun | DeliveryRun)
        else type(item).__name__
        for item in bench.talking.runs()
    ]


def test_without_a_dialogue_like_actions_come_as_runs() -> None:
    bench = Talking()
    event = bench.event([1, 0, {"type": "a"}])
    bench.feed(event * 3)
    assert taken(bench) == [3]
    bench.talking.send({"type": "a"}, 0)
    bench.talking.send({"type": "b"}, 0)
    assert taken(bench) == [2]


def test_dialogues_see_each_action_while_anybody_waits() -> None:
    bench = Talking()
    request = Request("pong", fields={"id": 2})
    bench.talking.dialogues.open(request)
    bench.feed(b"".join(bench.event([1, 0, {"type": "pong", "id": n}]) for n in (1, 2)))

    used = [item.used for item in bench.talking.runs() if isinstance(item, DeliverMessage)]

    assert used == [False, True]
    assert request.is_settled


def test_dialogues_learn_of_a_new_state_and_of_whatever_follows() -> None:
    bench = Talking()
    bench.talking.receive_eof(0)
    assert taken(bench) == ["ReportState"]
    asked = []
    due = bench.talking.next_timeout()
    assert due is not None
    bench.talking.handle_timeout(due)
    for item in bench.talking.runs():
        asked.append(type(item).__name__)
        if bench.talking.dialogues.is_idle:
            # Somebody begins to wait in the middle of a drain.
            bench.talking.dialogues.watch((None, "i", "b"), Mailbox(), due)
    assert asked == ["OpenTransport", "ReportState"]
    assert list(bench.talking.runs()) == []
