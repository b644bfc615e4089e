"""``auxws watch``: which messages, how many, for how long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auxws_anyio.cli import _live
from auxws_anyio.gateway import Faults, StoreFault

from .helpers import Served, Shell, serving

HOSTILE = {"type": "t", "a": "\x1b]0;x\x07[bold]\u202e"}


def greeting(*messages: dict[str, Any]) -> list[str]:
    return [part for message in messages for part in ("--on-connect", json.dumps(message))]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_messages_for_people(shell: Shell, echoing: Served, backend: str) -> None:
    ran = shell.run(
        "watch", echoing.url, "--count", 1, *greeting(HOSTILE), "--backend", backend
    )  # fmt: skip

    assert ran.status == 0
    assert ran.out == [
        "← t  50 B inline  " + r'{"a":"\u001b]0;x\u0007[bold]\u202e"}',
    ]  # fmt: skip


def test_messages_for_programs(shell: Shell, echoing: Served) -> None:
    ran = shell.run("watch", echoing.url, "--count", 1, "--json", *greeting(HOSTILE))

    event = ran.event("message")
    assert ran.status == 0
    assert (event["type"], event["path"], event["message"]) == ("t", "inline", HOSTILE)
    assert ran.out[0].isascii()


def test_bare_messages(shell: Shell, echoing: Served) -> None:
    ran = shell.run("watch", echoing.url, "--count", 1, "--bare", *greeting(HOSTILE))

    assert [json.loads(line) for line in ran.out] == [HOSTILE]


def test_types_keep_their_order_and_the_rest_is_left_out(shell: Shell, echoing: Served) -> None:
    messages = [{"type": kind, "n": n} for n, kind in enumerate("abcab")]

    ran = shell.run(
        "watch", echoing.url, "--type", "a", "--type", "b", "--count", 4, "--bare",
        *greeting(*messages),
    )  # fmt: skip

    assert [json.loads(line)["n"] for line in ran.out] == [0, 1, 3, 4]


def test_a_large_message_is_elided_or_whole(shell: Shell, echoing: Served, tmp_path: Path) -> None:
    (tmp_path / "big").write_text(json.dumps({"type": "t", "a": "x" * 40_000}), "utf-8")
    options = ("watch", echoing.url, "--count", 1, "--on-connect", f"@{tmp_path / 'big'}")

    elided, whole = shell.run(*options), shell.run(*options, "--full")

    assert elided.out[0].startswith("← t  40.0 kB download  ")
    assert elided.out[0].endswith("xxx… 39,908 more")
    assert whole.out[0].endswith('xxx"}')


def test_too_few_messages_in_time(shell: Shell, echoing: Served) -> None:
    ran = shell.run("watch", echoing.url, "--count", 2, "--timeout", "200ms", "--type", "never")

    assert ran.status == 4
    assert ran.err == ["auxws: 0 of 2 messages came within 0.2 s; give --timeout more"]


def test_a_time_without_a_count_is_an_end_like_any_other(shell: Shell, echoing: Served) -> None:
    ran = shell.run("watch", echoing.url, "--timeout", "100ms")

    assert (ran.status, ran.out, ran.err) == (0, [], [])


def test_a_branch_is_watched(shell: Shell, inst_server: Served) -> None:
    ran = shell.run(
        "watch", inst_server.url, "--login", "ann", "--inst", "i", "--branch", "b",
        "--type", "repo/watch_branch_result", "--count", 1, "--json",
    )  # fmt: skip

    message = ran.event("message")["message"]
    assert ran.status == 0
    assert (message["success"], message["inst"], message["branch"]) == (True, "i", "b")


def test_a_branch_needs_an_inst(shell: Shell) -> None:
    ran = shell.run("watch", "ws://127.0.0.1:1/", "--branch", "b")

    assert (ran.status, ran.err) == (2, ["auxws: --branch also needs --inst NAME"])


def test_a_message_that_cannot_be_had_is_a_failure(shell: Shell) -> None:
    faults = Faults()
    faults.add_store_fault(StoreFault(method="GET", status=403, code="AccessDenied"))
    big = {"type": "big", "a": "x" * 33_000}
    with serving(faults=faults) as served:
        ran = shell.run(
            "watch", served.url, "--type", "end", "--count", 1, "--json",
            "--on-connect", json.dumps(big), *greeting({"type": "end"}),
        )  # fmt: skip

    assert ran.status == 1
    assert "AccessDenied" in ran.event("gap")["error"]


def test_verbosely(shell: Shell, echoing: Served) -> None:
    ran = shell.run("watch", echoing.url, "--verbose", "--count", 1, *greeting(HOSTILE))

    said = [line.split(" ", 1)[1] for line in ran.err]
    assert (ran.status, len(ran.out)) == (0, 1)
    assert "state IDLE -> CONNECTING" in said
    assert any(line.startswith("received t, 50 bytes, by path inline") for line in said)


def test_nobody_listens(shell: Shell) -> None:
    ran = shell.run("watch", "ws://127.0.0.1:1/", "--json")

    assert ran.status == 3
    assert ran.event("failed")["exit"] == 3
    assert ran.err[0].startswith("auxws: connect: 127.0.0.1 port 1: Connection refused; check ")


def test_live_figures_are_lines_for_a_program(
    shell: Shell, echoing: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_live, "TELL_EVERY", 0.01)

    ran = shell.run("watch", echoing.url, "--live", "--json", "--timeout", "300ms")

    figures = ran.all("stats")
    assert ran.status == 0
    assert len(figures) >= 2
    assert (figures[-1]["state"], figures[-1]["outbox_messages"]) == ("OPEN", 0)


def test_live_without_a_terminal_says_so(shell: Shell, echoing: Served) -> None:
    ran = shell.run("watch", echoing.url, "--live", "--timeout", "200ms")

    assert (ran.status, ran.out) == (0, [])
    assert ran.err == ["auxws: --live draws on a terminal only; --json has its figures as lines"]
