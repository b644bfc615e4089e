"""``docs/cli.md`` shows what the commands print, and has every one of them."""

from __future__ import annotations

from auxws_anyio.cli._main import COMMANDS

from .documented import (
    LIVE,
    PAGE,
    TABLE,
    examples,
    live_view,
    masked,
    prepared,
    status_table,
)

TEXT = PAGE.read_text("utf-8")


def test_examples_print_what_the_page_shows() -> None:
    shown = examples(TEXT)

    with prepared() as runner:
        printed = {example.command: masked(runner.run(example.command)) for example in shown}

    assert printed == {example.command: masked(example.output) for example in shown}


def test_every_command_has_an_example() -> None:
    called = {word for example in examples(TEXT) for word in example.command.split()}

    assert set(COMMANDS) - called == set()


def test_the_table_of_statuses_is_that_of_the_code() -> None:
    match = TABLE.search(TEXT)

    assert match is not None
    assert match[0] == match[1] + status_table() + match[2]


def test_the_live_view_is_as_it_is_drawn() -> None:
    match = LIVE.search(TEXT)

    assert match is not None
    assert match[0] == match[1] + live_view() + match[2]


def test_the_table_of_commands_is_that_of_the_code() -> None:
    missing = [about for about in COMMANDS.values() if f"| {about} |" not in TEXT]

    assert missing == []
