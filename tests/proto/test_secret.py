"""A secret is the text that it is, and never shows it."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable

import pytest

from auxws_proto import ConnectionToken, Secret
from auxws_proto._secret import hide

TEXT = "https://bucket.s3.amazonaws.com/key?X-Amz-Signature=abc"


@pytest.fixture
def secret() -> Secret:
    return Secret(TEXT)


SHOWN: dict[str, Callable[[Secret], str]] = {
    "str": str,
    "repr": repr,
    "ascii": ascii,
    "format": format,
    "format with a width": lambda s: format(s, ">20"),
    "f-string": lambda s: f"{s}",
    "f-string with a width": lambda s: f"{s:>20}",
    "f-string with conversions": lambda s: f"{s!r}{s!s}{s!a}",
    "str.format": "{0} {0!r} {0:.99}".format,
    "%s": lambda s: "%s" % s,  # noqa: UP031 - this is what is tested
    "%r": lambda s: "%r" % (s,),  # noqa: UP031 - this is what is tested
    "in a list": lambda s: repr([s]),
    "in a dict": lambda s: str({s: s}),
    "in an exception": lambda s: "".join(traceback.format_exception(ValueError(s))),
    "in a dataclass": lambda s: repr(ConnectionToken(s)),
    "of a copy": lambda s: repr(copy.copy(s)),
    "of a deep copy": lambda s: repr(copy.deepcopy(s)),
    "of a pickle's copy": lambda s: repr(pickle.loads(pickle.dumps(s))),
    "of a secret of a secret": lambda s: repr(Secret(s)),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
def test_it_never_shows(show: Callable[[Secret], str], secret: Secret) -> None:
    shown = show(secret)

    assert "<secret>" in shown
    assert "amazonaws" not in shown
    assert "Signature" not in shown


def test_it_never_shows_in_a_log(secret: Secret, caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.secret")

    logger.warning(secret)
    logger.warning("one %s, two %r", secret, [secret])

    assert caplog.messages == ["<secret>", "one <secret>, two [<secret>]"]


SAME: dict[str, Callable[[Secret], object]] = {
    "equality": lambda s: TEXT if s == TEXT else None,
    "equality of the other": lambda s: next(text for text in [TEXT] if text == s),
    "hash": lambda s: {TEXT: TEXT}.get(s),
    "reveal": Secret.reveal,
    "join": lambda s: "".join([s]),
    "concatenation": lambda s: s + "",
    "slice": lambda s: s[:],
    "encode": lambda s: s.encode().decode(),
    "json": lambda s: json.loads(json.dumps(s)),
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
    "pickle": lambda s: pickle.loads(pickle.dumps(s)),
    "secret of a secret": Secret,
}


@pytest.mark.parametrize("use", SAME.values(), ids=SAME)
def test_it_is_the_text_in_every_other_operation(
    use: Callable[[Secret], object], secret: Secret
) -> None:
    assert use(secret) == TEXT


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_copies_are_secrets(protocol: int, secret: Secret) -> None:
    unpickled = pickle.loads(pickle.dumps(secret, protocol))

    assert type(unpickled) is type(copy.copy(secret)) is type(copy.deepcopy(secret)) is Secret
    assert unpickled == secret


def test_reveal_gives_an_exact_str(secret: Secret) -> None:
    assert type(secret.reveal()) is str
    assert type(Secret(secret).reveal()) is str
    assert Secret().reveal() == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Forbidden", "Forbidden"),
        ("no 'vCK1.', no https://", "no 'vCK1.', no https://"),
        ("a bearer of news, 3 / 4, http: no", "a bearer of news, 3 / 4, http: no"),
        (f"cannot reach {TEXT}", "cannot reach <secret>"),
        (f'"{TEXT}", "x"', '"<secret>", "x"'),
        (TEXT.upper(), "<secret>"),
        ("see wss://h/k and ws://h", "see <secret> and <secret>"),
        ("https:\\/\\/b.example\\/key now", "<secret> now"),
        ("next=https%3A%2F%2Fb.example%2Fkey now", "next=<secret> now"),
        ("/key?X-Amz-Credential=AKIA&x-amz-signature=abc", "/key?<secret>&<secret>"),
        ("bad token vCT1.dXNlcg==.c2Vzc2lvbg==", "bad token <secret>"),
        ("bad key vCK1.dXNlcg==.c2Vzc2lvbg==, sorry", "bad key <secret> sorry"),
        ("Authorization: Bearer abcdefgh.ij, x", "Authorization: <secret> x"),
        ('{"authorization":"AWS4-HMAC-SHA256 Credential=a, Signature=b"}',
         '{"authorization":"<secret>"}'),
        (Secret("x"), "<secret>"),
    ],
)  # fmt: skip
def test_words_of_others_lose_what_they_quote(text: str, shown: str) -> None:
    assert hide(text) == shown


@pytest.mark.parametrize(
    "part", ["http", "http:", "https:/", "a.", "X-Amz-", "vC", "Bearer ", "%3"]
)
def test_hiding_takes_linear_time(part: str) -> None:
    """A quadratic one would not come to its end here."""
    text = part * (4_000_000 // len(part))

    assert hide(text) in (text, "<secret>")
