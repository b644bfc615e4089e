"""`_outbox`: what goes inline and what by upload, whose turn it is, and how much is held."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auxws_proto import (
    AuxSession,
    Config,
    OutboxFull,
    ReportError,
    Role,
    SendText,
    Tally,
    UploadGranted,
    encode,
)

from .helpers import (
    BUCKET,
    NO_UPLOADS,
    SMALL,
    UPLOAD_REFUSED,
    Bench,
    World,
    large,
    message_of,
    upload_url,
)

OVERHEAD = len("[1,1,]")


def sized(event_size: int) -> dict[str, str]:
    """A message whose event, with a number of one digit, has this many bytes."""
    return message_of(event_size - OVERHEAD)


# Sizes.


@pytest.mark.parametrize(
    ("size", "settings", "seen"),
    [
        (32_000, {}, ("text", 1, 1, 1, "large")),
        (32_001, {}, ("text", 1, 2, 1)),
        (300, {"inline_limit": 299}, ("text", 1, 2, 1)),
        (32_001, {"offload": "never"}, ("text", 1, 1, 1, "large")),
        (131_072, {"fragment_limit": 131_072}, ("text", 1, 1, 1, "large")),
        (131_073, {"fragment_limit": 131_072}, ("text", 1, 2, 1)),
        (32_001, {"fragment_limit": 131_072, "offload": "always"}, ("text", 1, 2, 1)),
    ],
)
def test_the_way_of_a_message(size: int, settings: dict[str, Any], seen: object) -> None:
    bench = Bench(**settings).open()

    assert bench.send(sized(size))[0] == seen
    text = bench.actions[0]
    assert isinstance(text, SendText)
    assert text.max_frame == Config(**settings).inline_limit
    assert len(text.data) in (size, len("[2,1]"))


def test_bytes_are_counted_not_characters() -> None:
    bench = Bench().open()

    assert bench.send({"type": "m", "x": "\u4f60" * 20_000}) == [("text", 1, 2, 1)]


def test_a_number_that_grows_a_digit_before_emission_makes_an_upload() -> None:
    bench = Bench(on_connect=[SMALL] * 9)
    bench.send(sized(32_000))
    bench.connect()

    seen = bench.opened()

    assert seen[9:] == [("text", 1, 1, 9, "small"), ("text", 1, 2, 10), ("ping", 1, 10)]
    bench.grant(10, "k")
    assert bench.responded(1) == [("text", 1, 4, 11, "k")]


def test_a_message_that_outgrows_its_room_takes_a_url_at_hand() -> None:
    bench = Bench(upload_urls_ahead=1).open()
    for _ in range(7):
        bench.send()
    bench.grant(1, "k")
    bench.deliver({"type": "rate_limit_exceeded", "retryAfter": 1})
    bench.send()
    bench.send(sized(32_000))

    assert bench.after(1)[:2] == [("text", 1, 1, 9, "small"), ("put", 1, "k")]


def test_in_relaxed_order_what_outgrows_its_room_lets_others_by() -> None:
    bench = Bench(ordering="relaxed", on_connect=[SMALL] * 9)
    bench.send(sized(32_000))
    bench.send({"type": "next"})
    bench.connect()

    assert ("text", 1, 1, 11, "next") in bench.opened()


def test_the_event_on_the_wire() -> None:
    bench = Bench().open()
    bench.send({"type": "m", "x": "\u4f60\ud800"})

    text = bench.actions[0]

    assert isinstance(text, SendText)
    assert text.data == b'[1,1,{"type":"m","x":"\xe4\xbd\xa0\\ud800"}]'
    assert json.loads(text.text)[0] == 1


# The upload.


def test_fragments_are_counted_as_such() -> None:
    bench = Bench(fragment_limit=131_072).open()
    bench.send(large())

    assert bench.session.stats().sent == {"fragments": Tally(messages=1, bytes=40_000)}


def test_strict_order_waits_for_uploads_that_run_side_by_side() -> None:
    bench = Bench().open()
    bench.send(large("a"))
    bench.send({"type": "b"})
    bench.send(large("c"))
    bench.send({"type": "d"})
    bench.grant(1, "a")
    bench.grant(2, "c")

    assert bench.responded(2) == []
    assert bench.responded(1) == [
        ("text", 1, 4, 3, "a"),
        ("text", 1, 1, 4, "b"),
        ("text", 1, 4, 5, "c"),
        ("text", 1, 1, 6, "d"),
        ("ping", 1, 6),
    ]


def test_relaxed_order_lets_small_ones_and_finished_uploads_by() -> None:
    bench = Bench(ordering="relaxed").open()
    bench.send(large("a"))
    bench.send(large("c"))

    assert bench.send({"type": "b"})[0] == ("text", 1, 1, 3, "b")
    bench.grant(1, "a")
    bench.grant(2, "c")
    assert bench.responded(2)[0] == ("text", 1, 4, 4, "c")
    assert bench.responded(1)[0] == ("text", 1, 4, 5, "a")


# A peer without uploads.


def test_what_went_inline_and_broke_is_uploaded_on_the_next() -> None:
    bench = Bench(resend_unknown=True).open()
    bench.send(large())
    bench.receive(5, 1, NO_UPLOADS)
    bench.eof()
    bench.after(1)

    assert bench.opened() == [("state", "OPEN"), ("text", 2, 2, 3)]


# Numbers.


def test_only_so_many_numbers_lead_to_their_send() -> None:
    bench = Bench(confirm=False).open()
    for _ in range(1_001):
        bench.send()
        bench.sent()

    named = []
    for number in (1, 2, 1_001):
        bench.receive(5, number, UPLOAD_REFUSED)
        named += [a.send_id for a in bench.actions if isinstance(a, ReportError)]

    assert named == [None, 2, 1_001]


# Bounds.


def test_the_outbox_is_bounded_in_messages_until_they_have_their_outcome() -> None:
    bench = Bench(max_outbox_messages=2).open()
    bench.send()
    bench.send()

    with pytest.raises(OutboxFull, match="2 messages; the limit is 2"):
        bench.send()
    bench.pong(1)
    bench.send()


def test_the_outbox_is_bounded_in_bytes_but_takes_one_of_any_size() -> None:
    bench = Bench(max_outbox_bytes=1_000)
    bench.send(large())

    with pytest.raises(OutboxFull, match="40,000 bytes, and the message has 16; the limit is 1,00"):
        bench.send()


def test_write_ahead_fills_the_outbox_and_no_hidden_buffer() -> None:
    bench = Bench(write_ahead=100, confirm=False).open()
    for _ in range(3):
        bench.send(message_of(40))

    assert len(bench.all("text")) == 2
    assert bench.sent() == [("end", 1, "SENT"), ("text", 1, 1, 3, "large")]


def test_write_ahead_takes_one_text_of_any_size() -> None:
    bench = Bench(write_ahead=10).open()

    assert bench.send() == [("text", 1, 1, 1, "small"), ("ping", 1, 1)]
    assert bench.send(large()) == []
    assert bench.sent() == [("text", 1, 2, 2)]


# Messages of the session's own.


def test_greetings_are_not_sent_on_another_transport_and_not_reported() -> None:
    bench = Bench(on_connect=[{"type": "hello"}, large("big")], max_uploads=1)
    bench.connect()
    assert bench.opened() == [
        ("state", "OPEN"),
        ("text", 1, 2, 1),
        ("text", 1, 1, 2, "hello"),
        ("ping", 1, 2),
    ]
    bench.eof()
    bench.after(1)

    assert bench.opened()[1:3] == [("text", 2, 2, 3), ("text", 2, 1, 4, "hello")]
    assert bench.all("end") == []
    assert bench.session.stats().outbox_messages == 0


def test_a_greeting_that_arrives_with_messages_is_neither_counted_nor_reported() -> None:
    bench = Bench(on_connect=[{"type": "hello"}])
    bench.send()
    bench.open()
    bench.sent(3)

    assert bench.pong(2) == [("end", 1, "CONFIRMED")]
    stats = bench.session.stats()
    assert (stats.outbox_messages, stats.outbox_bytes) == (0, 0)


def test_a_greeting_whose_upload_runs_when_the_transport_is_lost() -> None:
    bench = Bench(on_connect=[large("big")]).open()
    bench.grant(1, "k")
    bench.eof()

    assert bench.responded(1) == []
    bench.after(1)
    assert bench.opened() == [("state", "OPEN"), ("text", 2, 2, 2)]


def test_a_greeting_that_fails_is_an_error() -> None:
    bench = Bench(on_connect=[large("big")]).open()

    assert bench.receive(5, 1, UPLOAD_REFUSED) == [("error", "SendFailed")]


def test_close_forgets_greetings_and_fails_the_rest() -> None:
    bench = Bench(on_connect=[large("big")]).open()
    bench.send()

    assert bench.close()[1:] == [("end", 1, "FAILED", "closed"), ("state", "CLOSING")]


def test_resend_unknown_keeps_the_order() -> None:
    bench = Bench(resend_unknown=True).open()
    for name in "abc":
        bench.send({"type": name})
    bench.eof()
    world = World(bench).run(1)

    assert world.arrived == ["a", "b", "c"] * 2, "the repeats are what was asked for"
    assert bench.all("end") == [("end", n, "CONFIRMED") for n in (1, 2, 3)]


# A server's own large messages.


def test_a_server_announces_a_presigned_get() -> None:
    bench = Bench(Role.SERVER).open()
    assert bench.send(large()) == [("presign", 1)]
    url = f"{BUCKET}/get?X-Amz-Signature=g"

    assert bench.handle(UploadGranted(request_id=1, url=upload_url("put"), announce_url=url)) == [
        ("put", 1, "put")
    ]
    assert bench.responded(1) == [("text", 1, 4, -1, "get"), ("ping", 1, 1)]
    text = bench.actions[0]
    assert isinstance(text, SendText)
    assert json.loads(text.data) == [4, -1, url, "GET", {}]


# After a process was killed.


def test_what_an_earlier_process_emitted_is_unknown() -> None:
    bench = Bench()
    message = encode(SMALL, bench.session.config)

    told = bench.turn(bench.session.restore, message, maybe_arrived=True)

    assert told == [("end", 1, "UNKNOWN", "transport_lost"), ("error", "SendFailed")]
    report = bench.actions[1]
    assert isinstance(report, ReportError)
    assert (report.info, report.send_id) == (SMALL, 1)
    assert bench.session.stats().outbox_messages == 0


def test_what_an_earlier_process_emitted_is_repeated_if_that_is_asked_for() -> None:
    bench = Bench(resend_unknown=True)
    message = encode(SMALL, bench.session.config)

    assert bench.turn(bench.session.restore, message, maybe_arrived=True) == []

    assert bench.open().all("text") == [("text", 1, 1, 1, "small")]
    bench.close()
    assert bench.all("end") == [("end", 1, "UNKNOWN", "closed")]


def test_a_text_names_the_send_that_it_carries() -> None:
    bench = Bench(on_connect=[{"type": "watch"}]).open()
    bench.send(SMALL)
    bench.send(large())
    bench.grant(3, "key")
    bench.responded(1)

    texts = [action for action in bench.log if isinstance(action, SendText)]

    assert [(json.loads(text.data)[0], text.send_id) for text in texts] == [
        (1, None),
        (1, 1),
        (2, None),
        (4, 2),
    ]


def test_a_server_s_events_have_no_number_to_remember() -> None:
    session = AuxSession(Role.SERVER)
    session.transport_opened(0.0)
    list(session.actions())

    session.send(SMALL, 0.0)

    (text,) = [action for action in session.actions() if isinstance(action, SendText)]
    assert text.data.startswith(b"[1,0,")


def test_restored_messages_have_ids_of_their_own() -> None:
    bench = Bench()
    message = encode(SMALL, bench.session.config)

    ids = [bench.session.restore(message, bench.now) for _ in range(2)]

    assert (*ids, bench.session.send(SMALL, bench.now)) == (1, 2, 3)


def test_what_was_emitted_and_not_proven_is_unknown_when_the_transport_breaks() -> None:
    bench = Bench().open()
    bench.send()
    bench.sent()

    assert ("end", 1, "UNKNOWN", "transport_lost") in bench.eof()
    assert bench.session.stats().outbox_messages == 0
