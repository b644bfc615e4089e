"""Who gets which answer, and what fails a question. Own tests of `_requests`."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import (
    AuxError,
    ConnectionFailed,
    DeliverMessage,
    FailReason,
    GatewayNotice,
    LocalProtocolError,
    LoginRefused,
    ReportError,
    ReportProgress,
    ReportSend,
    ReportState,
    SendFailed,
    SendId,
    ServerError,
    Stage,
    State,
)
from auxws_proto._requests import Answer, Request, Requests, request_for


def deliver(**message: Any) -> DeliverMessage:
    return DeliverMessage(message=message, size=10, event_id=0, transport=1)


def outcome(send_id: int, stage: Stage, error: SendFailed | None = None) -> ReportSend:
    return ReportSend(send_id=SendId(send_id), stage=stage, final=True, error=error)


def open_request(requests: Requests, request: Request, send_id: int | None = None) -> Request:
    requests.open(request)
    if send_id is not None:
        requests.sent(request, SendId(send_id))
    return request


def test_an_answer_is_settled_once_and_wakes_once() -> None:
    answer: Answer[int] = Answer()
    woken: list[bool] = []
    answer.wake = lambda: woken.append(answer.is_settled)

    answer.settle(1)
    answer.settle(2)
    answer.fail(ValueError())

    assert answer.get() == 1
    assert woken == [True]


def test_an_answer_that_failed_raises() -> None:
    answer: Answer[int] = Answer()

    answer.fail(ValueError("no"))
    answer.fail(KeyError("later"))
    answer.settle(3)

    with pytest.raises(ValueError, match="no"):
        answer.get()


@pytest.mark.parametrize(
    "request_",
    [
        Request("pong"),
        Request("pong", fields={"id": 7}),
        Request("pong", fields={"id": 7, ("a", "b"): "c"}),
        Request("pong", fields={"absent": None, ("id", "deeper"): None}),
        Request("pong", test=lambda message: message["id"] == 7),
        Request("pong", fields={"id": 7}, test=lambda message: message["a"] == {"b": "c"}),
        Request("other", "pong"),
        Request(test=lambda message: message["id"] == 7),
    ],
)
def test_a_reply_is_found(request_: Request) -> None:
    requests = Requests()
    open_request(requests, request_)
    reply = deliver(type="pong", id=7, a={"b": "c"})

    used = requests.handle(reply)

    assert used
    assert request_.get() is reply.message
    assert len(requests) == 0


@pytest.mark.parametrize(
    "request_",
    [
        Request("other"),
        Request("pong", fields={"id": 8}),
        Request("pong", fields={"list": "x"}),
        Request("pong", fields={("id", "deeper"): 7}),
        Request("pong", test=lambda message: False),
    ],
)
def test_another_message_is_no_reply(request_: Request) -> None:
    requests = Requests()
    open_request(requests, request_)

    used = requests.handle(deliver(type="pong", id=7, list=[1]))

    assert not used
    assert not request_.is_settled
    assert len(requests) == 1


def test_fields_must_be_scalars() -> None:
    with pytest.raises(LocalProtocolError, match="found by"):
        Request("pong", fields={"id": [1]})


def test_one_message_answers_the_oldest_request_whatever_way_it_is_found() -> None:
    requests = Requests()
    by_test = open_request(requests, Request("pong", test=lambda message: True))
    by_field = open_request(requests, Request("pong", fields={"id": 7}))
    of_any_type = open_request(requests, Request())

    settled = []
    for _ in range(3):
        requests.handle(deliver(type="pong", id=7))
        settled.append([r.is_settled for r in (by_test, by_field, of_any_type)])

    assert settled == [[True, False, False], [True, True, False], [True, True, True]]


def test_hundreds_at_once_are_found_without_asking_each() -> None:
    requests = Requests()
    asked: list[int] = []

    def test(message: dict[str, Any]) -> bool:
        asked.append(message["id"])
        return True

    opened = [
        open_request(requests, Request("pong", fields={"id": n}, test=test)) for n in range(500)
    ]

    for n in reversed(range(500)):
        requests.handle(deliver(type="pong", id=n))

    assert [request.get()["id"] for request in opened] == list(range(500))
    assert len(asked) == 500


def test_a_test_that_raises_fails_its_own_request_only() -> None:
    requests = Requests()
    broken = open_request(requests, Request("pong", test=lambda message: message["absent"] == 1))
    good = open_request(requests, Request("pong", test=lambda message: True))

    used = requests.handle(deliver(type="pong"))

    assert used
    assert good.is_settled
    with pytest.raises(KeyError):
        broken.get()
    assert len(requests) == 0


def test_a_request_may_want_more_than_one_reply() -> None:
    class Two(Request):
        taken = 0

        def take(self, message: dict[str, Any]) -> bool:
            self.taken += 1
            return self.taken == 2

    requests = Requests()
    request = Two("part")
    open_request(requests, request)

    still_open = []
    for _ in range(3):
        used = requests.handle(deliver(type="part"))
        still_open.append((used, len(requests)))

    assert still_open == [(True, 1), (True, 0), (False, 0)]


def test_a_closed_request_gets_nothing() -> None:
    requests = Requests()
    request = open_request(requests, Request("pong", fields={"id": 7}), send_id=1)
    twin = open_request(requests, Request("pong", fields={"id": 7}))
    other = open_request(requests, Request("pong", fields={"id": 8}))
    test = open_request(requests, Request("pong", test=lambda message: False))

    for _ in range(2):
        requests.close(request)
    requests.sent(request, SendId(2))
    used = requests.handle(deliver(type="pong", id=7))
    requests.handle(outcome(1, Stage.FAILED, SendFailed(FailReason.CLOSED)))

    assert used
    assert twin.is_settled
    assert not request.is_settled
    assert [other.is_settled, test.is_settled] == [False, False]
    assert len(requests) == 2


def test_a_request_fails_with_its_message() -> None:
    requests = Requests()
    request = open_request(requests, Request("pong"), send_id=4)
    error = SendFailed(FailReason.TRANSPORT_LOST, stage=Stage.UNKNOWN)

    requests.handle(ReportSend(send_id=SendId(4), stage=Stage.SENT))
    requests.handle(outcome(5, Stage.CONFIRMED))
    requests.handle(outcome(4, Stage.UNKNOWN, error))

    with pytest.raises(SendFailed) as caught:
        request.get()
    assert caught.value is error


def test_a_lost_connection_fails_what_went_out_on_it() -> None:
    requests = Requests()
    out = open_request(requests, Request("pong"), send_id=1)
    queued = open_request(requests, Request("pong"), send_id=2)
    cause = ConnectionFailed("timeout")
    requests.handle(outcome(1, Stage.CONFIRMED))

    requests.handle(ReportState(state=State.OPEN))
    before = out.is_settled
    requests.handle(ReportState(state=State.WAITING, cause=cause))

    assert not before
    with pytest.raises(ConnectionFailed, match="without a reply") as caught:
        out.get()
    assert caught.value.__cause__ is cause
    assert not queued.is_settled


@pytest.mark.parametrize("cause", [None, LoginRefused("invalid_token", "", {})])
def test_the_end_of_the_session_fails_everything(cause: AuxError | None) -> None:
    requests = Requests()
    queued = open_request(requests, Request("pong"), send_id=2)

    requests.handle(ReportState(state=State.CLOSED, cause=cause))

    with pytest.raises(ConnectionFailed if cause is None else LoginRefused):
        queued.get()


@pytest.mark.parametrize(
    ("reply", "where"),
    [
        ("pong", None),
        (None, {"id": 7}),
        ("pong", {"id": 7}),
        ("pong", lambda message: message["id"] == 7),
        (None, lambda message: message["id"] == 7),
    ],
)
def test_what_an_application_says_of_its_reply(reply: str | None, where: Any) -> None:
    requests = Requests()
    request = open_request(requests, request_for(reply, where))

    assert requests.handle(deliver(type="pong", id=7))
    assert request.is_settled


def test_an_application_must_say_something_of_its_reply() -> None:
    with pytest.raises(LocalProtocolError, match="give reply= or where="):
        request_for(None, None)


def test_everything_can_be_failed() -> None:
    requests = Requests()
    request = open_request(requests, Request("pong"))

    requests.fail_all(ValueError("over"))

    with pytest.raises(ValueError, match="over"):
        request.get()


def test_an_error_event_that_names_nobody_is_only_a_hint() -> None:
    requests = Requests()
    early = open_request(requests, Request("pong"))
    notice = ReportError(error=GatewayNotice({"message": "Endpoint request timed out"}))
    hints = [requests.hint(early)]

    requests.handle(notice)
    late = open_request(requests, Request("pong"))

    hints += [requests.hint(early), requests.hint(late)]
    assert hints == [None, notice.error, None]
    assert not early.is_settled


def test_an_error_event_that_names_the_message_fails_its_request() -> None:
    requests = Requests()
    named = open_request(requests, Request("pong"), send_id=3)
    other = open_request(requests, Request("pong"), send_id=4)
    error = ServerError({"errorCode": "unacceptable_request"}, 3)

    requests.handle(ReportError(error=error, event_id=9, send_id=SendId(3)))
    requests.handle(ReportError(error=error, event_id=10, send_id=SendId(99)))

    with pytest.raises(ServerError):
        named.get()
    assert not other.is_settled
    assert requests.hint(other) is None


def test_other_actions_are_nobodys() -> None:
    requests = Requests()
    progress = ReportProgress(transfer_id=1, send_id=None, done=1, total=None)

    used = requests.handle(progress)

    assert not used
