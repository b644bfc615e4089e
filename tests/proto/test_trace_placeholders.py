"""Which placeholder stands for which secret. Own tests of its module."""

from __future__ import annotations

import pytest

from auxws_proto._trace_placeholders import Placeholders, blank


def test_a_placeholder_has_the_size_and_is_the_same_for_the_same() -> None:
    placeholders = Placeholders()

    first = placeholders.of("a-long-secret-é")
    again = placeholders.of("a-long-secret-é")
    other = placeholders.of("another-long-one")

    assert first == again == "redacted-1----¤"
    assert len(first.encode()) == len("a-long-secret-é".encode())
    assert other == "redacted-2------"


@pytest.mark.parametrize(
    ("secret", "placeholder"),
    [
        ("", ""),
        ("k", "-"),
        ("key", "r1-"),
        ("seven77", "r1-----"),
        ("redacted!!", "redacted-1"),
        ("é-secret", "¤-------"),
        ("ab€😀", "r1€\U00010000"),
    ],
)
def test_short_secrets_have_short_placeholders(secret: str, placeholder: str) -> None:
    assert Placeholders().of(secret) == placeholder


def test_a_placeholder_stands_for_itself() -> None:
    placeholders = Placeholders()
    text = placeholders.of("a-long-secret")

    assert placeholders.of(text) == text


def test_only_so_many_are_remembered() -> None:
    placeholders = Placeholders()
    first = placeholders.of("secret-number-first")

    for number in range(5_000):
        placeholders.of(f"secret-number-{number}")

    assert placeholders.of("secret-number-first") != first


def test_a_secret_that_is_met_again_is_remembered_longer() -> None:
    placeholders = Placeholders()
    first = placeholders.of("secret-number-first")

    for number in range(5_000):
        placeholders.of(f"secret-number-{number}")
        placeholders.of("secret-number-first")

    assert placeholders.of("secret-number-first") == first


def test_a_secret_is_found_in_the_words_of_others() -> None:
    placeholders = Placeholders()
    text = placeholders.of("a-long-secret")
    placeholders.keep_part("its-last-part", blank("its-last-part"))
    placeholders.keep_part("short", "-----")

    said = placeholders.without_parts("a-long-secret, its-last-part, short")

    assert said == f"{text}, -------------, short"
    assert placeholders.without_parts(said) == said


def test_a_placeholder_that_is_quoted_stays() -> None:
    placeholders = Placeholders()
    issued = placeholders.of("a-long-secret")
    placeholders.keep_part(issued, blank(issued))

    assert placeholders.without_parts(f"no {issued}") == f"no {issued}"


def test_credentials_are_found_anywhere() -> None:
    placeholders = Placeholders()
    placeholders.keep_credential("an odd token", "redacted-1--")
    placeholders.keep_credential("short", "-----")
    placeholders.keep_credential("the same", "the same")

    text = "an odd token is short, the same"

    assert placeholders.has_credential(text)
    assert placeholders.without_credentials(text) == "redacted-1-- is short, the same"
    assert not placeholders.has_credential("redacted-1-- is short, the same")


def test_only_the_last_credentials_are_looked_for() -> None:
    placeholders = Placeholders()
    for number in range(20):
        placeholders.keep_credential(f"token-{number:03}", "---------")

    assert placeholders.without_credentials("token-000 token-019") == "token-000 ---------"


def test_a_blank_has_as_many_characters_and_bytes() -> None:
    text = "aé€😀\ud800"

    said = blank(text)

    assert said == "-¤€\U00010000€"
    assert len(said.encode()) == len(text.encode("utf-8", "surrogatepass"))
