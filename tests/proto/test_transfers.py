"""Transfers: attempts, waits, time-outs, the one redirect, and late outcomes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from auxws_proto import (
    CancelTransfer,
    Config,
    FailReason,
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    PutToUrl,
    Role,
    Secret,
    UrlRefused,
)
from auxws_proto._shared import Shared
from auxws_proto._transfers import REST, TIMER, Transfer, Transfers

URL = Secret("https://b.s3.amazonaws.com/k?X-Amz-SignedHeaders=host&X-Amz-Signature=s")
OTHER = "https://b.s3.eu-west-1.amazonaws.com/k?X-Amz-Signature=t"
SLOW_DOWN = b"<Error><Code>SlowDown</Code></Error>"
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


class World:
    """A bench, the transfers on it, and a job that writes down what it is told."""

    def __init__(self, **settings: Any) -> None:
        config = Config(
            upload_attempts=3, download_attempts=2, transfer_timeout=30, transfer_backoff=1.0,
            random=lambda: 1.0, **settings,
        )  # fmt: skip
        self.shared = Shared(Role.CLIENT, config, "wss://x.execute-api.us-east-1.amazonaws.com/dev")
        self.shared.now = 0.0
        self.shared.is_online = True
        self.transfers = Transfers(self.shared)
        self.told: list[Any] = []

    # The job.

    def transfer_done(self, body: bytes | bytearray) -> None:
        self.told.append(body)

    def transfer_failed(
        self, reason: FailReason, detail: str, *, url_died: bool, cause: object
    ) -> None:
        self.told.append((reason, detail, url_died, cause))

    def transfer_progressed(self, transfer_id: int, done: int, total: int | None) -> None:
        self.told.append((transfer_id, done, total))

    # What happens.

    def put(self) -> int:
        return self.transfers.start(Transfer(self, URL, "PUT", {"a": "b"}, body=b"body"))

    def get(self) -> int:
        return self.transfers.start(Transfer(self, URL, "GET", {}, max_bytes=1_000))

    def responded(self, transfer_id: int, status: int, body: bytes = b"", **headers: str) -> None:
        self.transfers.responded(
            HttpResponded(transfer_id=transfer_id, status=status, headers=headers, body=body)
        )

    def failed(self, transfer_id: int, kind: str, detail: str = "", transient: bool = True) -> None:
        error = HttpFailure(kind=kind, detail=detail, transient=transient)
        self.transfers.failed(HttpFailed(transfer_id=transfer_id, error=error))

    def progressed(self, transfer_id: int, done: int) -> None:
        self.transfers.progressed(HttpProgressed(transfer_id=transfer_id, done=done, total=4))

    def at(self, now: float) -> list[str]:
        """Let the clock go on, as a session does; returns the names of what was due."""
        self.shared.now = now
        fired = []
        while (name := self.shared.timers.pop_due(now)) is not None:
            kind, number = name
            fired.append(kind)
            {TIMER: self.transfers.timed_out, REST: self.transfers.rested}[kind](number)
        return fired

    def asked(self) -> list[int]:
        """The ids of the attempts emitted since the last look; cancellations are negative."""
        ids = []
        for action in self.shared.actions.one_by_one():
            assert isinstance(action, PutToUrl | GetFromUrl | CancelTransfer)
            number = action.transfer_id
            ids.append(-number if isinstance(action, CancelTransfer) else number)
        return ids


@pytest.fixture
def world() -> World:
    return World()


def test_a_put_to_the_field(world: World) -> None:
    world.put()

    assert world.shared.actions.waiting() == [
        PutToUrl(transfer_id=1, method="PUT", url=URL, headers={"a": "b"}, body=b"body")
    ]
    world.responded(1, 200, b"ok")
    assert (world.told, world.shared.timers.next()) == ([b"ok"], None)


def test_a_get_to_the_field(world: World) -> None:
    world.get()

    assert world.shared.actions.waiting() == [
        GetFromUrl(transfer_id=1, method="GET", url=URL, headers={}, max_bytes=1_000)
    ]
    world.responded(1, 200, b'{"type":"x"}')
    assert world.told == [b'{"type":"x"}']


def test_an_empty_body_is_an_upload_all_the_same(world: World) -> None:
    world.transfers.start(Transfer(world, URL, "PUT", {}, body=b""))

    assert isinstance(world.shared.actions.waiting()[0], PutToUrl)


# Trying again.


def test_transient_answers_are_tried_again_after_growing_waits_under_new_ids(world: World) -> None:
    world.put()
    world.responded(1, 503, SLOW_DOWN)
    assert (world.asked(), world.shared.timers.next()) == ([1], 1.0)
    assert world.at(0.999) == []
    assert world.at(1.0) == [REST]
    (second,) = world.asked()

    world.responded(second, 503, SLOW_DOWN)
    assert world.shared.timers.next() == 3.0
    world.at(3.0)
    (third,) = world.asked()
    world.responded(third, 503, SLOW_DOWN)

    assert len({1, second, third}) == 3
    assert world.told == [
        (FailReason.HTTP_STATUS, "HTTP 503 SlowDown (after 3 attempts)", False, None)
    ]
    assert world.shared.timers.next() is None


def test_waits_are_at_most_20_s() -> None:
    world = World()
    world.shared.config = Config(
        upload_attempts=9, transfer_backoff=15.0, random=lambda: 1.0, transfer_timeout=1_000
    )
    world.put()
    world.responded(1, 503)
    world.at(15.0)
    _, second = world.asked()
    world.responded(second, 503)

    assert world.shared.timers.next() == 35.0


def test_downloads_have_their_own_number_of_attempts(world: World) -> None:
    world.get()
    world.responded(1, 500)
    world.at(1.0)
    _, second = world.asked()
    world.responded(second, 500)

    assert world.told == [(FailReason.HTTP_STATUS, "HTTP 500 (after 2 attempts)", False, None)]


def test_a_dropped_connection_is_tried_again_at_once_and_then_with_waits(world: World) -> None:
    """ "idle connections are closed …: retry a dropped one at once" (docs/protocol.md §8)"""
    world.put()
    world.failed(1, "write", "broken pipe")
    assert world.asked() == [1, 2]

    world.failed(2, "read")
    assert world.asked() == []
    world.at(2.0)
    assert len(world.asked()) == 1


def refused_until(world: World, end: float) -> int:
    """Refuse each attempt at once while the clock goes on to `end`; returns how many there were."""
    count = 0
    while not world.told:
        while attempts := world.asked():
            count += len(attempts)
            world.failed(attempts[-1], "connect", "no route")
        due = world.shared.timers.next()
        if due is None or due > end:
            break
        world.at(due)
    return count


def test_a_link_that_refuses_quickly_has_the_time_of_one_that_is_silent(world: World) -> None:
    world.put()

    assert refused_until(world, 29.0) > 3
    assert world.told == []
    refused_until(world, 60.0)
    ((reason, detail, _, _),) = world.told
    assert (reason, detail[:24]) == (FailReason.TRANSFER_FAILED, "connect: no route (after")


def test_without_a_connection_nothing_is_given_up_and_an_opening_wakes_it(world: World) -> None:
    world.shared.is_online = False
    world.put()
    refused_until(world, 600.0)
    assert world.told == []

    world.shared.is_online = True
    world.transfers.wake()

    (attempt,) = world.asked()
    assert world.shared.timers.next() == world.shared.now + 30
    world.transfers.wake()
    assert world.asked() == []
    world.responded(attempt, 200)
    assert world.told == [b""]


def test_one_attempt_is_one_attempt(world: World) -> None:
    world.shared.config = dataclasses.replace(world.shared.config, upload_attempts=1)
    world.put()
    world.failed(1, "connect")

    assert world.told == [(FailReason.TRANSFER_FAILED, "connect (after 1 attempts)", False, None)]


def test_a_store_that_answers_uses_up_the_attempts_even_then(world: World) -> None:
    world.shared.is_online = False
    world.get()
    world.responded(1, 500)
    world.at(1.0)
    world.responded(world.asked()[-1], 500)

    assert world.told == [(FailReason.HTTP_STATUS, "HTTP 500 (after 2 attempts)", False, None)]


def test_bytes_that_came_make_the_next_fault_a_new_one(world: World) -> None:
    world.put()
    refused_until(world, 20.0)
    world.at(world.shared.timers.next() or 0)
    (attempt,) = world.asked()
    world.progressed(attempt, 1)
    world.told.clear()
    world.at(world.shared.now + 15.0)
    world.failed(attempt, "read")

    assert refused_until(world, world.shared.now + 20.0) > 0
    assert world.told == []


def test_no_progress_for_too_long_is_cancelled_and_tried_again(world: World) -> None:
    world.get()
    world.at(29.0)
    world.progressed(1, 2)
    assert world.at(58.9) == []
    assert world.at(59.0) == [TIMER]
    assert world.asked() == [1, -1]
    world.at(60.0)
    (second,) = world.asked()

    assert world.at(90.0) == [TIMER]

    assert world.asked() == [-second]
    assert world.told == [
        (1, 2, 4),
        (FailReason.TRANSFER_TIMEOUT, "no progress for 30 s (after 2 attempts)", False, None),
    ]


# Not trying again.


@pytest.mark.parametrize(
    ("status", "body", "url_died", "detail"),
    [
        (403, EXPIRED, True, "HTTP 403 AccessDenied: the URL has expired"),
        (404, b"<Code>NoSuchKey</Code>", False, "HTTP 404 NoSuchKey"),
    ],
)
def test_hopeless_answers_end_it(
    world: World, status: int, body: bytes, url_died: bool, detail: str
) -> None:
    world.put()
    world.responded(1, status, body)

    assert world.told == [(FailReason.HTTP_STATUS, detail, url_died, None)]
    assert (world.asked(), world.shared.timers.next()) == ([1], None)


@pytest.mark.parametrize("transient", [True, False])
def test_what_is_too_large_stays_so(world: World, transient: bool) -> None:
    world.get()
    world.failed(1, "too_large", transient=transient)

    detail = "the body is over the limit of 1,000 bytes"
    assert world.told == [(FailReason.TOO_LARGE, detail, False, None)]


@pytest.mark.parametrize("transient", [True, False])
def test_a_refused_address_stays_so(world: World, transient: bool) -> None:
    world.get()
    world.failed(1, "address", "10.0.0.1 is private", transient=transient)

    ((reason, detail, url_died, cause),) = world.told
    assert (reason, url_died) == (FailReason.URL_REFUSED, False)
    assert detail == "address: 10.0.0.1 is private"
    assert isinstance(cause, UrlRefused)
    assert str(cause) == "address: 10.0.0.1 is private"


def test_what_says_that_it_is_permanent_is_believed(world: World) -> None:
    world.put()
    world.failed(1, "tls", transient=False)

    assert world.told == [(FailReason.TRANSFER_FAILED, "tls", False, None)]


def test_an_embedders_own_words_are_not_passed_on(world: World) -> None:
    """They may quote the URL."""
    words = f"cannot connect to {URL.reveal()}"
    world.put()
    while not world.told:
        for transfer_id in world.asked():
            world.transfers.failed(HttpFailed(transfer_id=transfer_id, error=words))
        world.at(world.shared.timers.next() or world.shared.now)

    ((reason, detail, _, _),) = world.told
    assert (reason, detail[:14]) == (FailReason.TRANSFER_FAILED, "failed (after ")


# The redirect.


def test_a_307_is_followed_once_with_method_body_and_headers(world: World) -> None:
    world.put()
    world.responded(1, 307, Location=OTHER)

    first, second = world.shared.actions.waiting()
    assert isinstance(second, PutToUrl)
    assert type(second.url) is Secret
    assert second == PutToUrl(
        transfer_id=2, method="PUT", url=Secret(OTHER), headers={"a": "b"}, body=b"body"
    )
    world.responded(2, 200)
    assert world.told == [b""]
    assert first != second


def test_a_redirect_is_no_attempt(world: World) -> None:
    world.get()
    world.responded(1, 307, Location=OTHER)
    world.responded(2, 503)
    world.at(1.0)

    assert len(world.asked()) == 3
    assert world.told == []


@pytest.mark.parametrize(
    ("location", "rule"),
    [
        ("https://evil.org/k", "host"),
        ("http://b.s3.amazonaws.com/k", "scheme"),
        ("https://127.0.0.1/k", "loopback"),
        ("/k", "syntax"),
    ],
)
def test_a_307_goes_only_where_the_policy_allows(world: World, location: str, rule: str) -> None:
    world.put()
    world.responded(1, 307, Location=location)

    ((reason, detail, _, cause),) = world.told
    assert reason is FailReason.URL_REFUSED
    assert isinstance(cause, UrlRefused)
    assert (cause.rule, detail) == (rule, str(cause))
    assert world.asked() == [1]


def test_a_second_redirect_is_refused(world: World) -> None:
    world.put()
    world.responded(1, 307, Location=OTHER)
    world.responded(2, 307, Location=URL.reveal())

    ((reason, detail, _, cause),) = world.told
    assert reason is FailReason.URL_REFUSED
    assert isinstance(cause, UrlRefused)
    assert (cause.rule, detail) == ("redirect", "redirect: a second redirect is not followed")


# Late and foreign outcomes.


def test_late_outcomes_are_ignored(world: World) -> None:
    """ "A late outcome (of a transfer already given up) is normal and ignored" (rule 2)"""
    world.put()
    world.responded(1, 503)
    resting = 2
    world.asked()
    for transfer_id in (0, 1, resting, 99):
        world.responded(transfer_id, 200)
        world.failed(transfer_id, "read")
        world.progressed(transfer_id, 1)

    assert (world.told, world.asked(), world.shared.timers.next()) == ([], [], 1.0)


def test_giving_all_up_cancels_what_is_out_and_forgets_what_rests(world: World) -> None:
    out = world.put()
    resting = world.get()
    world.responded(resting, 503)
    world.asked()

    jobs = world.transfers.cancel_all()

    assert jobs == [world, world]
    assert world.asked() == [-out]
    assert (world.told, world.shared.timers.next()) == ([], None)
    world.responded(out, 200)
    assert world.told == []
    assert world.transfers.cancel_all() == []


# What is too much.


@pytest.mark.parametrize("status", [200, 307, 503])
def test_headers_over_the_limit_are_a_failure_for_good(status: int) -> None:
    world = World(max_response_headers=1_000)
    for _ in range(2):
        world.put()
    world.responded(1, 200, b"ok", a="x" * 999)
    assert world.told == [b"ok"]

    world.responded(2, status, location=OTHER + "x" * (993 - len(OTHER)))

    detail = "the response's headers have 1,001 bytes; the limit is 1,000"
    assert world.told == [b"ok", (FailReason.TOO_LARGE, detail, False, None)]
    assert world.shared.timers.next() is None


def test_how_much_of_an_error_is_read_is_said_and_kept() -> None:
    known = len("<Error><Code>SlowDown</Code>")
    world = World(max_error_body=known)
    world.put()
    world.get()
    put, get = world.shared.actions.waiting()
    assert isinstance(put, PutToUrl)
    assert isinstance(get, GetFromUrl)
    assert put.max_error_bytes == get.max_error_bytes == known

    world.responded(1, 400, b" " + SLOW_DOWN)

    assert world.told == [(FailReason.HTTP_STATUS, "HTTP 400", False, None)]


def test_whom_a_transfer_is_for(world: World) -> None:
    transfer_id = world.put()

    assert (world.transfers.job(transfer_id), world.transfers.job(99)) == (world, None)
