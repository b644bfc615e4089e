"""What is told of a message, and of a request for an upload URL."""

from __future__ import annotations

import pytest

from auxws_proto import FailReason, ReportSend, SendFailed, SendId, SendText, Stage
from auxws_proto.observe import ObserverEvent, line_of
from auxws_proto.observe._sends import SendBook
from auxws_proto.observe._transfers import Grants, TransferBook

BODY = b'{"type":"n"}'


@pytest.fixture
def grants() -> Grants:
    return Grants(3_000.0)


@pytest.fixture
def book(grants: Grants) -> SendBook:
    return SendBook("c", TransferBook("c", grants), grants)


def text(data: bytes, send_id: int | None = None, transport: int = 1) -> SendText:
    named = None if send_id is None else SendId(send_id)
    return SendText(transport=transport, data=data, max_frame=100, send_id=named)


def line(event: ObserverEvent | None) -> str | None:
    return None if event is None else line_of(event)


def test_a_message_is_told_by_type_and_size_alone(book: SendBook) -> None:
    event = book.queued(SendId(1), "n" * 60, b"x" * 1_000, 9.0)

    assert line(event) == f"send 1: {'n' * 49}…, 1,000 bytes, accepted"
    assert "xx" not in repr(event)


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b"[1,7,xx]", "inline"),
        (b"[1,7,%b]" % (b"x" * 100), "fragments"),
        (b'[4,7,"https://x","GET",{}]', "upload"),
    ],
)
def test_the_path_of_a_message(book: SendBook, data: bytes, path: str) -> None:
    book.queued(SendId(1), "n", BODY, 9.0)

    sent = book.wrote(text(data, 1), 10.0)
    ended = book.ended(ReportSend(send_id=SendId(1), stage=Stage.CONFIRMED, final=True), 11.0)

    assert line(sent) == f"send 1: n, 12 bytes, sent by path {path} on connection 1 after 1000.0 ms"
    assert line(ended) == "send 1: n, 12 bytes, CONFIRMED after 2000.0 ms"
    assert getattr(ended, "path", None) == path


def test_a_message_that_fails_before_it_goes_out(book: SendBook) -> None:
    book.queued(SendId(1), "n", BODY, 9.0)
    failed = SendFailed(FailReason.CLOSED, "the session was closed")
    report = ReportSend(send_id=SendId(1), stage=Stage.FAILED, final=True, error=failed)

    told = [book.ended(report, 10.0), book.ended(report, 11.0)]

    assert [line(event) for event in told] == [
        "send 1: n, 12 bytes, FAILED after 1000.0 ms: SendFailed: closed: the session was closed",
        None,
    ]


def test_what_is_sent_of_the_sessions_own_accord_is_no_message(book: SendBook) -> None:
    told = [book.wrote(text(b"[1,1,{}]"), 1.0), book.wrote(text(b"[1,2,{}]", 9), 1.0)]

    assert told == [None, None]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b'[3,5,"https://x","PUT",{}]', "upload URL 5: granted after 500.0 ms"),
        ('[3,5,"https://x","PUT",{}]', "upload URL 5: granted after 500.0 ms"),
        (' [ 5 , 5 , {"errorCode":"x"}]', "upload URL 5: refused after 500.0 ms"),
        (b'[3,6,"https://x","PUT",{}]', None),
        (b'[1,5,{"type":"n"}]', None),
        ("[3,\u2460", None),
    ],
)
def test_an_upload_url(book: SendBook, answer: str | bytes, told: str | None) -> None:
    asked = book.wrote(text(b"[2,5]"), 10.0)

    answers = [book.came(answer, 10.5), book.came(answer, 10.5)]

    assert line(asked) == "upload URL 5: asked for on connection 1"
    assert [line(event) for event in answers] == [told, None]


@pytest.mark.parametrize(
    ("answer", "moments"), [(b"[3,5,", (10.0, 10.5)), (b"[5,5,", (None, None))]
)
def test_only_a_granted_url_can_be_used(
    book: SendBook, grants: Grants, answer: bytes, moments: tuple[float | None, float | None]
) -> None:
    book.wrote(text(b"[2,5]"), 10.0)

    book.came(answer, 10.5)

    assert grants.take(11.0) == moments


def test_a_request_ends_with_its_transport(book: SendBook) -> None:
    book.wrote(text(b"[2,5]", transport=1), 10.0)
    book.wrote(text(b"[2,6]", transport=2), 10.0)

    book.lost(1)

    told = [book.came(answer, 10.5) for answer in (b"[3,5,", b"[3,6,")]
    assert [line(event) for event in told] == [None, "upload URL 6: granted after 500.0 ms"]


def test_requests_without_an_answer_are_forgotten_in_the_end(book: SendBook) -> None:
    for number in range(1, 300):
        book.wrote(text(b"[2,%d]" % number), 10.0)

    told = [book.came(answer, 10.5) for answer in (b"[3,1,", b"[3,299,")]

    assert [line(event) for event in told] == [None, "upload URL 299: granted after 500.0 ms"]
