"""How a message leaves and its fate comes back. Own tests of `_inst_shared`."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import AuxError, OutboxFull, ReportSend, SendId, Stage
from auxws_proto._inst_shapes import InstConfig, SendMessage
from auxws_proto._inst_shared import InstShared, branch_key

BRANCH = {"recordName": "r", "inst": "i", "branch": "b"}


class Notes:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def send_reported(self, ref: int, report: ReportSend) -> None:
        self.seen.append((ref, report.stage))

    def send_refused(self, ref: int, error: AuxError) -> None:
        self.seen.append((ref, error))


def shared() -> InstShared:
    return InstShared(("r", "i", "b"), InstConfig(), is_open=True)


def test_a_message_is_asked_for_with_its_branch() -> None:
    bench = shared()

    ref = bench.send("repo/get_updates", {"x": 1})

    message = {"type": "repo/get_updates", **BRANCH, "x": 1}
    assert list(bench.actions) == [SendMessage(ref=ref, message=message)]


def test_an_author_is_told_of_every_stage_until_the_end() -> None:
    bench, author = shared(), Notes()
    ref = bench.send("t", {}, author)
    bench.sent(ref, SendId(7))

    known = [
        bench.send_reported(ReportSend(send_id=SendId(7), stage=Stage.SENT)),
        bench.send_reported(ReportSend(send_id=SendId(7), stage=Stage.CONFIRMED, final=True)),
        bench.send_reported(ReportSend(send_id=SendId(7), stage=Stage.CONFIRMED, final=True)),
    ]

    assert known == [True, True, False]
    assert author.seen == [(ref, Stage.SENT), (ref, Stage.CONFIRMED)]


def test_an_author_is_told_that_nothing_was_sent() -> None:
    bench, author = shared(), Notes()
    ref, error = bench.send("t", {}, author), OutboxFull("full")

    bench.not_sent(ref, error)
    bench.not_sent(ref, error)

    assert author.seen == [(ref, error)]


def test_nobody_follows_a_message_without_an_author() -> None:
    bench = shared()
    ref = bench.send("t", {})

    bench.sent(ref, SendId(7))
    bench.not_sent(ref, OutboxFull("full"))

    assert not bench.send_reported(ReportSend(send_id=SendId(7), stage=Stage.SENT))


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (BRANCH, ("r", "i", "b")),
        ({**BRANCH, "recordName": None}, (None, "i", "b")),
        ({"inst": "i", "branch": "b"}, (None, "i", "b")),
        ({"broadcast": True, "branch": {"type": "repo/watch_branch", **BRANCH}}, ("r", "i", "b")),
        ({**BRANCH, "recordName": 1}, None),
        ({"inst": 1, "branch": "b"}, None),
        ({"inst": "i"}, None),
        ({"branch": {"inst": "i", "branch": []}}, None),
    ],
)
def test_the_branch_of_a_message(message: dict[str, Any], key: object) -> None:
    assert branch_key(message) == key
