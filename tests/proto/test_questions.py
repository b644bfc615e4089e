"""The common questions and their answers. Own tests of `_questions`."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import DeliverMessage, LocalProtocolError, RemoteProtocolError
from auxws_proto._inst_shapes import ActionFailed
from auxws_proto._questions import (
    Question,
    StoredUpdates,
    action_message,
    action_question,
    answer_message,
    count_question,
    updates_question,
)
from auxws_proto._requests import Requests
from auxws_proto.messages import validate

KEY = ("r", "i", "b")
BRANCH = {"recordName": "r", "inst": "i", "branch": "b"}
DEVICE = {"connectionId": "x", "sessionId": None, "userId": None}


def answered(question: Question[Any], *replies: dict[str, Any]) -> Any:
    """What is read from the reply; the test fails if none of these answers."""
    requests = Requests()
    requests.open(question.request)
    for reply in replies:
        requests.handle(DeliverMessage(message=reply, size=1, event_id=0, transport=1))
    return question.read(question.request.get())


@pytest.mark.parametrize("where", [(None, None, None), ("r", "i", None), (None, "i", "b")])
def test_a_connection_count(where: tuple[str | None, str | None, str | None]) -> None:
    question = count_question(*where)
    fields = dict(zip(("recordName", "inst", "branch"), where, strict=True))
    reply = {"type": "repo/connection_count", **fields, "count": 3}
    other = {**reply, "inst": "other", "count": 9}

    validate(question.message)
    assert answered(question, other, reply) == 3


@pytest.mark.parametrize("count", [None, True, "3"])
def test_a_count_that_is_none(count: object) -> None:
    question = count_question(None, None, None)
    reply = {"type": "repo/connection_count", "count": count}

    with pytest.raises(RemoteProtocolError, match="count is"):
        answered(question, reply)


def test_updates_are_told_from_those_of_a_watch() -> None:
    question = updates_question(KEY)
    push = {"type": "repo/add_updates", **BRANCH, "updates": ["a"], "initial": True}
    reply = {"type": "repo/add_updates", **BRANCH, "updates": ["a", "b"], "timestamps": [1, 2]}

    validate(question.message)
    assert answered(question, push, reply) == StoredUpdates(updates=("a", "b"), timestamps=(1, 2))


@pytest.mark.parametrize("more", [{"updates": "a"}, {"updates": [], "timestamps": 7}])
def test_updates_that_are_none(more: dict[str, Any]) -> None:
    reply = {"type": "repo/add_updates", **BRANCH, "timestamps": [], **more}

    with pytest.raises(RemoteProtocolError, match="no updates"):
        answered(updates_question(KEY), reply)


@pytest.mark.parametrize(
    ("named", "selector"),
    [
        ({"connection_id": "x"}, {"connectionId": "x"}),
        ({"session_id": "s", "user_id": "u"}, {"sessionId": "s", "userId": "u"}),
        ({"broadcast": True}, {"broadcast": True}),
    ],
)
def test_an_action(named: dict[str, Any], selector: dict[str, Any]) -> None:
    message = action_message(KEY, {"n": 1}, task_id="t", **named)

    validate(message)
    action = {"type": "remote", "event": {"n": 1}, **selector, "taskId": "t"}
    assert message == {"type": "repo/send_action", **BRANCH, "action": action}


def test_an_action_without_a_task() -> None:
    message = action_message(KEY, 1, broadcast=True)

    assert message["action"] == {"type": "remote", "event": 1, "broadcast": True}


def test_an_action_for_nobody() -> None:
    with pytest.raises(LocalProtocolError, match="which devices"):
        action_message(KEY, 1)


def received(type: str, task_id: str = "t", **more: Any) -> dict[str, Any]:
    action = {"type": type, "connection": DEVICE, "taskId": task_id, **more}
    return {"type": "repo/receive_action", **BRANCH, "action": action}


@pytest.mark.parametrize(
    ("reply", "result"),
    [(received("device_result", result={"ok": 1}), {"ok": 1}), (received("device_result"), None)],
)
def test_the_result_of_an_action(reply: dict[str, Any], result: object) -> None:
    question = action_question(KEY, action_message(KEY, 1, broadcast=True, task_id="t"))
    others = [received("device", event=1), received("device_result", "other")]

    assert answered(question, *others, reply) == result


def test_an_action_that_failed() -> None:
    question = action_question(KEY, action_message(KEY, 1, broadcast=True, task_id="t"))

    with pytest.raises(ActionFailed) as caught:
        answered(question, received("device_error", error={"why": "no"}))

    assert (caught.value.error, caught.value.connection) == ({"why": "no"}, DEVICE)


@pytest.mark.parametrize(
    ("answer", "kind"), [({"result": 1}, "remote_result"), ({"error": 1}, "remote_error")]
)
def test_answering_an_action(answer: dict[str, Any], kind: str) -> None:
    action: Any = received("device", event=1)["action"]

    message = answer_message(KEY, action, **answer)

    validate(message)
    assert message["action"] == {"type": kind, **answer, "taskId": "t", "connectionId": "x"}


def test_an_action_that_wants_no_answer() -> None:
    action: Any = {"type": "device", "connection": DEVICE, "event": 1}

    with pytest.raises(LocalProtocolError, match="no taskId"):
        answer_message(KEY, action, result=1)
