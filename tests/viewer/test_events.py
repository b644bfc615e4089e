"""What an event is can be told from its beginning, and hostile text tells nothing wrong."""

from __future__ import annotations

import pytest

from auxws_anyio.viewer._events import Glance, glance, message_type
from auxws_proto import EventType


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[1,7,{"type":"a/b"}]', Glance(EventType.MESSAGE, 7, "a/b")),
        ("[2,3]", Glance(EventType.UPLOAD_REQUEST, 3)),
        (
            '[3,3,"https://x.example/k?q","PUT",{}]',
            Glance(EventType.UPLOAD_RESPONSE, 3, "", "https://x.example/k?q"),
        ),
        (
            '[4,-1,"https://x.example/k","GET",{}]',
            Glance(EventType.DOWNLOAD_REQUEST, -1, "", "https://x.example/k"),
        ),
        ('[5,null,{"errorCode":"no","success":false}]', Glance(EventType.ERROR, None, "no")),
        ('{"message": "Internal server error"}', Glance(None, None, "Internal server error")),
        ("[9,1]", Glance()),
        ("junk", Glance()),
        ("", Glance()),
        ("[1," + "9" * 400 + ",{}]", Glance(EventType.MESSAGE)),
    ],
)
def test_glance(text: str, expected: Glance) -> None:
    assert glance(text) == expected


def test_names_of_what_is_no_event() -> None:
    assert [Glance(word="Forbidden").name, Glance().name] == ["Notice", "Not an event"]


def test_the_type_is_that_of_the_message_and_not_of_something_inside() -> None:
    assert message_type('[1,1,{"inner":{"type":"no"},"type":"yes"}]') == "yes"


@pytest.mark.parametrize(
    "text", ['[1,1,{"type":5}]', "[1]", '{"no":1}', "5", "[1,1,[1]]", "[" * 5_000]
)
def test_no_type(text: str) -> None:
    assert message_type(text) == ""


def test_the_type_of_what_was_cut_off() -> None:
    assert message_type('[1,1,{"type":"a","text":"' + "x" * 100) == "a"
    assert message_type('[1,1,{"type":"a","text":"' + "x" * 100_000 + '"}]') == "a"
