"""Whom a transfer is for, and its how-manieth attempt it is, of actions that do not say."""

from __future__ import annotations

from typing import Any

import pytest

from auxws_proto import (
    AuxError,
    DownloadFailed,
    FailReason,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    PutToUrl,
    Secret,
    SendId,
)
from auxws_proto.observe import TransferFinished, TransferProgressed, TransferStarted
from auxws_proto.observe._transfers import Grants, TransferBook

BODY = b"x" * 40
OTHER = b"y" * 50


def put(transfer: int, body: bytes = BODY, url: str = "https://one/a") -> PutToUrl:
    return PutToUrl(transfer_id=transfer, method="PUT", url=Secret(url), headers={}, body=body)


def get(transfer: int, url: str = "https://one/a?q") -> GetFromUrl:
    return GetFromUrl(transfer_id=transfer, method="GET", url=Secret(url), headers={}, max_bytes=9)


def answer(transfer: int, status: int = 200) -> HttpResponded:
    return HttpResponded(transfer_id=transfer, status=status)


@pytest.fixture
def grants() -> Grants:
    return Grants(100.0)


@pytest.fixture
def book(grants: Grants) -> TransferBook:
    return TransferBook("c", grants)


def whose(started: TransferStarted) -> tuple[Any, ...]:
    return started.transfer, started.send_id, started.download, started.attempt


def test_an_upload(book: TransferBook, grants: Grants) -> None:
    book.queued(SendId(7), BODY)
    grants.came(1.0, 2.0)

    told = [
        book.started(put(1), 3.0),
        book.progressed(HttpProgressed(transfer_id=1, done=10, total=40), 4.0),
        book.ended(answer(1), 0, 5.0),
    ]

    common: dict[str, Any] = {"client": "c", "transfer": 1, "direction": "upload", "send_id": 7}
    assert told == [
        TransferStarted(
            at=3.0, attempt=1, size=40, url_asked_at=1.0, url_answered_at=2.0, **common
        ),
        TransferProgressed(at=4.0, done=10, total=40, **common),
        TransferFinished(at=5.0, attempt=1, elapsed=2.0, status=200, size=40, **common),
    ]


def test_a_download(book: TransferBook) -> None:
    told = [
        book.started(get(3), 3.0),
        book.ended(answer(3), 500, 4.0),
    ]

    common: dict[str, Any] = {"client": "c", "transfer": 3, "direction": "download", "download": 3}
    assert told == [
        TransferStarted(at=3.0, attempt=1, **common),
        TransferFinished(at=4.0, attempt=1, elapsed=1.0, status=200, size=500, **common),
    ]
    assert [book.delivered(), book.delivered()] == [3, None]


def test_attempts_of_one_upload_go_together(book: TransferBook, grants: Grants) -> None:
    book.queued(SendId(1), BODY)
    book.queued(SendId(2), OTHER)
    for moment in (1.0, 2.0, 3.0):
        grants.came(0.0, moment)

    first = book.started(put(1), 4.0)
    second = book.started(put(2, OTHER, "https://one/b"), 4.0)
    book.ended(answer(1, 503), 0, 5.0)
    again = book.started(put(3), 6.0)
    book.ended(answer(3, 307), 0, 6.0)
    redirected = book.started(put(4, url="https://two/a"), 6.0)
    book.ended(answer(4, 403), 0, 6.0)
    fresh = book.started(put(5, url="https://one/c"), 6.0)

    assert [whose(e) for e in (first, second, again, redirected, fresh)] == [
        (1, 1, None, 1), (2, 2, None, 1), (3, 1, None, 2), (4, 1, None, 3), (5, 1, None, 4),
    ]  # fmt: skip
    assert [e.url_answered_at for e in (first, second, again, redirected, fresh)] == [
        1.0, 2.0, None, None, 3.0,
    ]  # fmt: skip


def test_one_body_sent_twice_is_two_uploads(book: TransferBook) -> None:
    works = [book.queued(SendId(number), BODY) for number in (1, 2)]

    told = [book.started(put(1), 1.0), book.started(put(2), 1.0)]
    book.ended(answer(1), 0, 2.0)
    book.forget(works[0])
    book.ended(answer(2, 500), 0, 2.0)
    told.append(book.started(put(3), 3.0))
    book.forget(works[1])

    assert [whose(e) for e in told] == [(1, 1, None, 1), (2, 2, None, 1), (3, 2, None, 2)]


def test_a_body_that_nobody_has_queued_is_the_sessions_own(book: TransferBook) -> None:
    assert whose(book.started(put(1), 1.0)) == (1, None, None, 1)
    assert book.started(put(1), 1.0).url_asked_at is None


def test_attempts_of_one_download_go_together(book: TransferBook) -> None:
    told = [book.started(get(1), 1.0), book.started(get(2, "https://one/b"), 1.0)]
    book.ended(HttpFailed(transfer_id=1, error=HttpFailure(kind="read")), 0, 2.0)
    told.append(book.started(get(3), 3.0))
    book.ended(answer(3, 307), 0, 4.0)
    told.append(book.started(get(4, "https://elsewhere/quite/other"), 4.0))
    told.append(book.started(get(5, "https://one/c"), 4.0))

    assert [whose(e) for e in told] == [
        (1, None, 1, 1), (2, None, 2, 1), (3, None, 1, 2), (4, None, 1, 3), (5, None, 5, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "word"),
    [(HttpFailure(kind="tls", detail="https://x/y"), "tls"), ("https://x/y said no", "failed")],
)
def test_a_failure_is_told_in_a_word(
    book: TransferBook, error: HttpFailure | str, word: str
) -> None:
    book.started(get(1), 1.0)

    told = book.ended(HttpFailed(transfer_id=1, error=error), 0, 2.0)

    assert told is not None
    assert (told.failure, told.status, told.size) == (word, None, None)


def test_what_is_given_up_is_told_once(book: TransferBook) -> None:
    book.started(get(1), 1.0)

    told = book.cancelled(1, "timeout", 3.0)

    assert told is not None
    assert (told.failure, told.elapsed) == ("timeout", 2.0)
    assert book.cancelled(1, "timeout", 3.0) is None
    assert book.ended(answer(1), 0, 4.0) is None
    assert book.progressed(HttpProgressed(transfer_id=1, done=1), 4.0) is None


def test_a_grant_that_has_expired_was_not_used() -> None:
    grants = Grants(100.0)
    grants.came(0.0, 1.0)
    grants.came(50.0, 51.0)

    assert [grants.take(101.0), grants.take(101.0)] == [(50.0, 51.0), (None, None)]


GAP = DownloadFailed(FailReason.HTTP_STATUS, "404")
REFUSED = DownloadFailed(FailReason.URL_REFUSED, "host")


def test_a_gap_is_what_came_of_the_download_at_the_head(book: TransferBook) -> None:
    book.started(get(1), 1.0)
    book.started(get(2, "https://one/b"), 1.0)
    book.ended(answer(1, 404), 0, 2.0)

    assert book.missed(GAP) == 1
    assert book.missed(GAP) is None  # the next one is still on its way


def test_a_url_that_was_refused_at_once_had_no_download(book: TransferBook) -> None:
    book.started(get(1), 1.0)
    book.ended(answer(1, 404), 0, 2.0)

    assert book.missed(REFUSED) is None
    assert book.missed(AuxError("any other")) == 1
    assert book.missed(GAP) is None


@pytest.mark.parametrize(
    "outcome",
    [answer(1, 307), HttpFailed(transfer_id=1, error=HttpFailure(kind="address"))],
    ids=["redirect", "address"],
)
def test_a_url_that_was_refused_on_the_way_had_one(
    book: TransferBook, outcome: HttpResponded | HttpFailed
) -> None:
    book.started(get(1), 1.0)
    book.ended(outcome, 0, 2.0)

    assert book.missed(REFUSED) == 1
