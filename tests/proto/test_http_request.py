"""Requests to the records API over the socket. Own tests of `_http_request`."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from auxws_proto import LocalProtocolError, RemoteProtocolError, SendFailed, Violation
from auxws_proto._constants import FailReason
from auxws_proto._http_request import (
    MAX_EARLY_PARTS,
    HttpExchange,
    HttpHead,
    HttpResult,
    http_request,
)
from auxws_proto.messages import validate


def part(index: Any, body: Any = "", **more: Any) -> dict[str, Any]:
    response = {"body": body} if index else {"statusCode": 200, "headers": {"a": "b"}, "body": body}
    return {
        "type": "http_partial_response", "id": 1, "index": index, "response": response, **more,
    }  # fmt: skip


def whole(**response: Any) -> dict[str, Any]:
    return {"type": "http_response", "id": 1, "response": response}


def texts(exchange: HttpExchange) -> list[str]:
    return list(iter(exchange.parts.pop, None))


def test_a_get() -> None:
    message = http_request(11, "/api/v2/records")

    validate(message)
    assert message == {
        "type": "http_request",
        "id": 11,
        "request": {
            "path": "/api/v2/records",
            "method": "GET",
            "headers": {},
            "query": {},
            "pathParams": {},
            "body": None,
        },
    }


def test_a_post_with_json() -> None:
    message = http_request(
        1, "/p", method="post", json={"a": "ü"}, headers={"X": "y"}, query={"q": "1"},
        path_params={"r": "2"},
    )  # fmt: skip

    validate(message)
    assert message["request"] == {
        "path": "/p",
        "method": "POST",
        "headers": {"X": "y", "Content-Type": "application/json"},
        "query": {"q": "1"},
        "pathParams": {"r": "2"},
        "body": '{"a":"ü"}',
    }


def test_a_content_type_of_ones_own_stays() -> None:
    message = http_request(1, "/p", json=[], headers={"content-type": "application/x-own"})

    assert message["request"]["headers"] == {"content-type": "application/x-own"}


def test_a_body_of_ones_own() -> None:
    message = http_request(1, "/p", method="PUT", body="text")

    assert message["request"]["body"] == "text"
    assert message["request"]["headers"] == {}


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ({"path": "p"}, "must begin with /"),
        ({"path": "/p?q=1"}, "have its query apart"),
        ({"method": "TRACE"}, "'TRACE'; it must be one of GET"),
        ({"json": 1, "body": "1"}, "not both"),
        ({"json": object()}, "cannot be written"),
        ({"json": float("nan")}, "cannot be written"),
        ({"body": b"1"}, "must be a str"),
        ({"headers": {"A": 1}}, r"headers\['A'\]"),
        ({"query": {1: "A"}}, r"query\[1\]"),
        ({"path_params": {"A": None}}, r"path_params\['A'\]"),
    ],
)
def test_mistakes_of_the_caller(named: dict[str, Any], text: str) -> None:
    arguments = {"path": "/p", **named}

    with pytest.raises(LocalProtocolError, match=text):
        http_request(1, arguments.pop("path"), **arguments)


def test_a_whole_answer() -> None:
    exchange = HttpExchange(1)

    done = exchange.take(whole(statusCode=201, headers={"a": "b", "c": 1}, body='{"x":1}'))

    result = exchange.whole()
    assert done
    assert result == HttpResult(status=201, headers={"a": "b"}, body='{"x":1}')
    assert result.json() == {"x": 1}
    assert result.is_success


def test_an_answer_without_headers_and_body() -> None:
    exchange = HttpExchange(1)

    exchange.take(whole(statusCode=404, body=None))

    result = exchange.whole()
    assert (result.headers, result.body, result.is_success) == ({}, "", False)
    with pytest.raises(RemoteProtocolError, match=r"status 404\) is not JSON"):
        result.json()


def test_parts_are_joined_where_nobody_streams() -> None:
    exchange = HttpExchange(1)

    done = [exchange.take(p) for p in (part(0, "a"), part(1, "b"), part(2, "c", final=True))]

    assert done == [False, False, True]
    assert exchange.whole().body == "abc"


def test_a_single_part_may_be_the_last() -> None:
    exchange = HttpExchange(1)

    done = exchange.take(part(0, "only", final=True))

    assert done
    assert exchange.whole().body == "only"


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_parts_come_out_in_order(order: tuple[int, ...]) -> None:
    exchange = HttpExchange(1, is_stream=True)
    parts = [part(0, "a"), part(1, "b"), part(2, "c"), part(3, "d", final=True)]

    done = [exchange.take(parts[index]) for index in order]

    assert done == [False, False, False, True]
    assert texts(exchange) == ["a", "b", "c", "d"]
    assert exchange.head == HttpHead(status=200, headers={"a": "b"})
    assert exchange.parts.is_finished


def test_the_head_is_there_with_part_0_and_wakes() -> None:
    exchange = HttpExchange(1, is_stream=True)
    woken: list[HttpHead | None] = []
    exchange.wake = lambda: woken.append(exchange.head)

    exchange.take(part(0, "a"))

    assert woken == [HttpHead(status=200, headers={"a": "b"})]


@pytest.mark.parametrize(
    ("before", "last", "text"),
    [
        ([part(0), part(1)], part(1), "part 1 came twice"),
        ([part(2)], part(2), "part 2 came twice"),
        ([part(2, final=True)], part(3), "part 3 came, and part 2 was the last"),
        ([part(3)], part(2, final=True), "part 2 says that it is the last"),
        ([part(3, final=True)], part(2, final=True), "part 2 says that it is the last"),
        ([], part(-1), "index -1"),
        ([], part("0"), "index '0'"),
        ([], part(True), "index True"),
        ([], {**part(0), "response": []}, "response is no object"),
        ([], {**part(0), "response": {"body": "x"}}, "no statusCode"),
        ([], {**part(0), "response": {"statusCode": True}}, "no statusCode"),
        ([], {**part(0), "response": {"statusCode": 200, "headers": ["x"]}}, "headers"),
        ([part(0)], part(1, 7), "body is no text"),
        ([part(0)], whole(statusCode=200), "came after parts"),
        ([part(1)], whole(statusCode=200), "came after parts"),
    ],
)
def test_what_cannot_be_right_ends_the_answer(
    before: list[dict[str, Any]], last: dict[str, Any], text: str
) -> None:
    exchange = HttpExchange(1)
    for message in before:
        exchange.take(message)

    done = exchange.take(last)

    assert done
    with pytest.raises(RemoteProtocolError, match=text) as caught:
        exchange.whole()
    assert caught.value.violation is Violation.WRONG_MESSAGE


def test_what_came_in_order_before_the_fault_is_still_given() -> None:
    exchange = HttpExchange(1, is_stream=True)
    exchange.take(part(0, "a"))

    exchange.take(part(0, "again"))

    assert exchange.parts.pop() == "a"
    with pytest.raises(RemoteProtocolError, match="twice"):
        exchange.parts.pop()


def test_too_many_early_parts() -> None:
    exchange = HttpExchange(1)
    for index in range(1, MAX_EARLY_PARTS + 1):
        exchange.take(part(index))

    done = exchange.take(part(MAX_EARLY_PARTS + 1))

    assert done
    with pytest.raises(RemoteProtocolError, match="part 0 is missing"):
        exchange.whole()


def test_a_body_that_is_too_large_to_be_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auxws_proto._http_request.MAX_WHOLE_BODY", 10)
    exchange = HttpExchange(1)
    exchange.take(part(0, "x" * 6))

    exchange.take(part(1, "x" * 6))

    with pytest.raises(RemoteProtocolError, match="over 10 characters"):
        exchange.whole()


def test_a_part_without_a_response_is_empty() -> None:
    exchange = HttpExchange(1)
    exchange.take(part(0, "a"))

    exchange.take({"type": "http_partial_response", "id": 1, "index": 1, "final": True})

    assert exchange.whole().body == "a"


def test_only_a_stream_holds_the_reading_back() -> None:
    collected, stream = (HttpExchange(1, is_stream=s, max_parts=1) for s in (False, True))

    collected.take(part(0, "a"))
    stream.take(part(0, "a"))

    assert not collected.is_full
    assert stream.is_full


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([], "nothing of the answer has come"),
        ([part(0)], "1 parts have come in order"),
        ([part(2), part(1)], "0 parts have come in order, part 0 is missing"),
        ([part(0), part(2, final=True)], "1 parts have come in order, part 1 is missing"),
    ],
)
def test_progress_in_words(messages: list[dict[str, Any]], text: str) -> None:
    exchange = HttpExchange(1)

    for message in messages:
        exchange.take(message)

    assert exchange.progress == text


@pytest.mark.parametrize("error", [SendFailed(FailReason.CLOSED, "gone"), ValueError("gone")])
def test_a_failure_from_outside_reaches_whoever_reads_parts(error: Exception) -> None:
    exchange = HttpExchange(1, is_stream=True)

    exchange.fail(error)

    with pytest.raises(Exception, match="gone"):
        exchange.parts.pop()
    with pytest.raises(type(error)):
        exchange.get()
