"""Connection tokens: the form of a recorded one, the hash, and errors that show nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxws_proto import ConnectionToken, LocalProtocolError, Secret
from auxws_proto._token import (
    ConnectionKey,
    ConnectionTokenParts,
    make_connection_token,
    parse_connection_token,
)

RECORDED = (
    "vCT1.NTkwNjBhNWEtNWYxMC00NjUyLTg4ZTItN2UwMTkwZmRiODgw.ejFuVVh0bkE4eVlFTVVxOFBRWEZrZz09"
    ".Y29ubi1h..bGFiLWluc3QtdG9rZW4=.Nzc2ZDU4YWMxMDAwMmI3YzUxNmUwNGFhMTkyMTc3MDBkMTZiNTk0MDQ5"
    "ODZlNjUwYzM2N2Q2ODNlYjI5ODA2Mg=="
)
"""Accepted by the real server, in the session ``login_token`` of the recordings."""
SECRET = base64.b64encode(b"sixteen byte key").decode()
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def key_text(
    user: str = "user",
    session: str = "session",
    secret: str = SECRET,
    expiry: str = "1796688085653",
) -> str:
    return ".".join(("vCK1", *map(b64, (user, session, secret, expiry))))


def test_a_recorded_token_comes_apart_and_together() -> None:
    parts = parse_connection_token(RECORDED)

    said = (parts.connection_id, parts.record_name, parts.inst)
    assert said == ("conn-a", None, "lab-inst-token")
    key = key_text(parts.user_id, parts.session_id)
    made = make_connection_token(key, *said).token.reveal()
    assert made.rpartition(".")[0] == RECORDED.rpartition(".")[0]
    assert len(made) == len(RECORDED)


@pytest.mark.parametrize(
    ("record", "hashed"), [("rec", "connrecinst"), (None, "conninst"), ("", "conninst")]
)
def test_the_hash_is_over_connection_record_and_inst(record: str | None, hashed: str) -> None:
    token = make_connection_token(key_text(), "conn", record, "inst")

    digest = hmac.new(b"sixteen byte key", hashed.encode(), hashlib.sha256).hexdigest()
    expected = map(b64, ("user", "session", "conn", record or "", "inst", digest))
    assert token.token.reveal() == ".".join(("vCT1", *expected))


@given(texts, texts, texts, st.none() | texts, texts)
def test_what_was_made_comes_apart_again(
    user: str, session: str, connection: str, record: str | None, inst: str
) -> None:
    key = ConnectionKey(key_text(user, session))

    parts = parse_connection_token(make_connection_token(key, connection, record, inst))

    assert (parts.user_id, parts.session_id) == (user, session)
    assert (parts.connection_id, parts.record_name, parts.inst) == (connection, record, inst)
    assert parts.is_made_with(key)


@pytest.mark.parametrize(
    "other",
    [
        key_text(secret=base64.b64encode(b"another").decode()),
        key_text(user="other"),
        key_text(session="other"),
    ],
)
def test_a_token_of_another_key_is_recognised(other: str) -> None:
    parts = parse_connection_token(make_connection_token(key_text(), "conn", None, "inst"))

    assert not parts.is_made_with(ConnectionKey(other))


def test_a_hash_that_is_not_ascii_is_only_wrong() -> None:
    parts = ConnectionTokenParts(
        user_id="user", session_id="session", connection_id="c", record_name=None, inst="i",
        hash=Secret("é"),
    )  # fmt: skip

    assert not parts.is_made_with(ConnectionKey(key_text()))


def test_a_key_says_when_it_expires() -> None:
    assert ConnectionKey(key_text(expiry="1796688085653")).expires_at_ms == 1_796_688_085_653


def test_a_key_may_come_as_a_secret() -> None:
    token = make_connection_token(Secret(key_text()), "conn", None, "inst")

    assert token == make_connection_token(ConnectionKey(key_text()), "conn", None, "inst")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'does not start with "vCK1."'),
        ("vSK1.hidden", 'does not start with "vCK1."'),
        ("vCK1.aGlkZGVu", "has 1 parts after the version, not 4"),
        (key_text() + ".aGlkZGVu", "has 5 parts after the version, not 4"),
        (key_text() + "\n", "the expiry is no base64 of UTF-8 text"),
        ("vCK1.aGlkZGVu!.YQ==.YQ==.MQ==", "the user id is no base64 of UTF-8 text"),
        ("vCK1.YQ==./w==.YQ==.MQ==", "the session id is no base64 of UTF-8 text"),
        ("vCK1.é.YQ==.YQ==.MQ==", "the user id is no base64 of UTF-8 text"),
        (key_text(user=""), "the user id is empty"),
        (key_text(session=""), "the session id is empty"),
        (key_text(secret=""), "the connection secret is empty"),
        (key_text(secret="hidden!"), "the connection secret is no base64"),
        (key_text(secret="é"), "the connection secret is no base64"),
        (key_text(expiry="hidden"), "the expiry is no whole number of ms"),
        (key_text(expiry="-5"), "the expiry is no whole number of ms"),
        (key_text(expiry="٣"), "the expiry is no whole number of ms"),
        (key_text(expiry="9" * 5_000), "the expiry is no whole number of ms"),
        (None, "it is of type NoneType, not str"),
    ],
)
def test_a_bad_key_is_refused_by_the_name_of_the_part(text: str, message: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        make_connection_token(text, "conn", None, "inst")

    assert str(caught.value).startswith("connection key: ")
    assert message in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("connection", "record", "inst", "message"),
    [
        ("", None, "inst", "the connection id is empty"),
        ("conn", None, "", "the inst is empty"),
        (5, None, "inst", "the connection id is of type int, not str"),
        ("conn", 5, "inst", "the record name is of type int, not str"),
        ("con\ud800", None, "inst", "the connection id has a lone surrogate at position 3"),
        ("conn", "\udfff", "inst", "the record name has a lone surrogate at position 0"),
        ("conn", None, "i\ud800", "the inst has a lone surrogate at position 1"),
    ],
)
def test_ids_are_well_formed_text(
    connection: str, record: str | None, inst: str, message: str
) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        make_connection_token(key_text(), connection, record, inst)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not-a-token", 'does not start with "vCT1."'),
        ("vCT1.YQ==", "has 1 parts after the version, not 6"),
        ("vCT1.YQ==.YQ==..YQ==.YQ==.YQ==", "the connection id is empty"),
        ("vCT1.YQ==.YQ==.YQ==.YQ==.YQ==.-", "the hash is no base64 of UTF-8 text"),
    ],
)
def test_a_bad_token_is_refused_by_the_name_of_the_part(text: str, message: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"^connection token: ") as caught:
        parse_connection_token(text)

    assert message in str(caught.value)


@pytest.mark.parametrize("show", [str, repr, "{}".format, "%s".__mod__])
def test_keys_and_tokens_hide_themselves(show: Callable[[object], str]) -> None:
    key = ConnectionKey(key_text())
    token = make_connection_token(key, "conn", None, "inst")
    parts = parse_connection_token(token)

    shown = "".join(map(show, (key, token, parts)))

    hidden = ("user", "session", SECRET, token.token.reveal(), parts.hash.reveal())
    assert [text for text in hidden if text in shown] == []


def test_a_key_can_be_copied() -> None:
    key = ConnectionKey(key_text())

    assert pickle.loads(pickle.dumps(key)) == key


def test_a_token_is_taken_apart_in_either_form() -> None:
    token = make_connection_token(key_text(), "conn", "rec", "inst")

    assert parse_connection_token(token) == parse_connection_token(token.token.reveal())
    assert isinstance(token, ConnectionToken)
