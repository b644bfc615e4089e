"""``auxws connect`` from a pipe: lines in, lines out."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from auxws_anyio.gateway import Faults, insts
from auxws_proto import make_connection_token

from .helpers import Ran, Served, Shell, serving, write_lines

COUNT = {"type": "repo/connection_count", "recordName": None, "inst": None, "branch": None}


def talk(
    shell: Shell, url: str, folder: Path, *lines: object, options: tuple[Any, ...] = ()
) -> Ran:
    file = write_lines(folder / "input", *lines)
    return shell.run("connect", url, "--linger", "100ms", *options, stdin=file)


def key(secret: bytes) -> str:
    parts = (b"user", b"session", base64.b64encode(secret), b"9999999999999")
    return "vCK1." + ".".join(base64.b64encode(part).decode() for part in parts)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_what_goes_and_what_comes(
    shell: Shell, inst_server: Served, tmp_path: Path, backend: str
) -> None:
    ran = talk(
        shell, inst_server.url, tmp_path, COUNT, "/wait repo/connection_count", "/history",
        "/show 2", options=("--backend", backend),
    )  # fmt: skip

    fields = '{"recordName":null,"inst":null,"branch":null'
    (outcome,) = (line for line in ran.out if "CONFIRMED" in line)
    shown = ran.out.index("{")
    # Which of two things is told first is chance.
    assert ran.status == 0
    assert sorted(ran.out[:shown]) == sorted(
        [
            "· OPEN",
            f"→ 1 repo/connection_count  76 B  {fields}}}",
            outcome,
            f'← 2 repo/connection_count  92 B inline  {fields},"count":0}}',
            f"→ 1 repo/connection_count  76 B  {fields}}}",
            f'← 2 repo/connection_count  92 B inline  {fields},"count":0}}',
        ]
    )
    assert outcome.startswith("→ 1 repo/connection_count  76 B inline  CONFIRMED ")
    assert [line for line in ran.out[shown:] if line[0] in "{ }"] == [
        "{", '  "type": "repo/connection_count",', '  "recordName": null,', '  "inst": null,',
        '  "branch": null,', '  "count": 0', "}",
    ]  # fmt: skip


def test_events_for_programs(shell: Shell, echoing: Served, tmp_path: Path) -> None:
    ran = talk(
        shell, echoing.url, tmp_path, {"type": "hi"}, "/wait hi", "/history", "/show 1", "/state",
        "/help", options=("--json",),
    )  # fmt: skip

    assert ran.status == 0
    assert ran.event("sent")["number"] == 1
    assert ran.event("outcome")["stage"] == "CONFIRMED"
    assert ran.event("message")["number"] == 2
    assert [event["direction"] for event in ran.all("history")] == ["out", "in"]
    assert ran.event("show")["message"] == {"type": "hi"}
    assert (ran.event("stats")["state"], ran.event("stats")["received"]) == ("OPEN", 1)
    assert "quit" in ran.event("help")["commands"]


def test_help_is_for_people_too(shell: Shell, echoing: Served, tmp_path: Path) -> None:
    ran = talk(shell, echoing.url, tmp_path, "/help", "/state")

    assert "  /wait TYPE [SECONDS]    wait for a message of this type" in ran.out
    assert any(line.startswith("OPEN, ping ") for line in ran.out)


@pytest.mark.parametrize(
    ("line", "says", "status"),
    [
        ("nonsense", "the line: this is no JSON: Expecting value: line 1 column 1 (char 0)", 2),
        ("/nope", "there is no /nope; see /help", 2),
        ("/show", "write /show NUMBER", 2),
        ("/show x", "'x' is no number", 2),
        ("/show 9", "message 9 is not among the last 1,000", 2),
        ("/wait t soon", "write /wait TYPE SECONDS", 2),
        ("/wait t 0.01", "no t within 0.01 s", 4),
        ("/send /nowhere", "/nowhere: No such file or directory", 2),
        ('{"type": "hi", "a": NaN}', "", 2),
        ("/token /dev/null", "/dev/null: the token should be in it, but it is empty", 2),
    ],
)
def test_a_line_that_is_wrong_ends_nothing(
    shell: Shell, echoing: Served, tmp_path: Path, line: str, says: str, status: int
) -> None:
    ran = talk(shell, echoing.url, tmp_path, line, "/state")

    assert ran.status == status
    (told,) = (out for out in ran.out if out.startswith("! "))
    assert told.startswith(f"! {says}")
    assert any(out.startswith("OPEN, ping ") for out in ran.out)


def test_a_file_is_sent(shell: Shell, echoing: Served, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "m", {"type": "big", "a": "x" * 40_000})

    ran = talk(shell, echoing.url, tmp_path, f"/send {file}", "/wait big", options=("--json",))

    assert ran.event("outcome")["path"] == "upload"
    assert ran.event("message")["path"] == "download"


def test_another_login(shell: Shell, inst_server: Served, tmp_path: Path) -> None:
    ran = talk(
        shell, inst_server.url, tmp_path, "/state", "/login bob", "/state",
        options=("--login", "ann", "--json"),
    )  # fmt: skip

    assert [event["connection_id"] for event in ran.all("stats")] == ["ann", "bob"]


def test_a_token_made_from_a_key_and_a_token_in_a_file(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(key(b"s"), "utf-8")
    token = make_connection_token(key(b"s"), "bob", None, "i").token.reveal()
    (tmp_path / "token").write_text(f"\n{token}\n", "utf-8")
    with serving(insts(connection_keys=[key(b"s")])) as served:
        ran = talk(
            shell, served.url, tmp_path, "/state", f"/token {tmp_path / 'token'}", "/state",
            options=("--key-file", tmp_path / "key", "--login", "ann", "--inst", "i", "--json"),
        )  # fmt: skip

    assert ran.status == 0
    assert [event["connection_id"] for event in ran.all("stats")] == ["ann", "bob"]
    assert token not in "".join(ran.out)


def test_a_token_that_is_typed_is_not_shown(
    shell: Shell, inst_server: Served, tmp_path: Path
) -> None:
    login = {"type": "login", "connectionToken": "vCT1.secret"}

    people = talk(shell, inst_server.url, tmp_path, login, "/wait login_result", "/show 1")
    programs = talk(shell, inst_server.url, tmp_path, login, "/show 1", options=("--json",))

    assert any('"connectionToken":"<secret>"' in line for line in people.out)
    assert "vCT1" not in "".join(people.out + programs.out)


def test_quitting_leaves_the_rest_unread(shell: Shell, echoing: Served, tmp_path: Path) -> None:
    ran = talk(shell, echoing.url, tmp_path, {"type": "hi"}, "/quit", "never", options=("--json",))

    assert ran.status == 0
    assert ran.event("outcome")["stage"] == "CONFIRMED"
    assert ran.all("refused") == []


def test_reconnecting(shell: Shell, echoing: Served, tmp_path: Path) -> None:
    ran = talk(shell, echoing.url, tmp_path, "/reconnect", {"type": "hi"}, "/wait hi",
               options=("--json",))  # fmt: skip

    states = [event["state"] for event in ran.all("state")]
    assert ran.status == 0
    assert states[-2:] == ["CONNECTING", "OPEN"]
    assert echoing.gateway.connections_accepted == 2


def test_a_message_that_fails_is_in_the_status(shell: Shell, tmp_path: Path) -> None:
    faults = Faults()
    faults.refuse_uploads(9, "server_error")
    big = {"type": "big", "a": "x" * 40_000}
    with serving(faults=faults) as served:
        ran = talk(shell, served.url, tmp_path, big, {"type": "small"}, options=("--json",))

    assert ran.status == 1
    assert [event["stage"] for event in ran.all("outcome")] == ["FAILED", "CONFIRMED"]


def test_a_login_that_is_refused(
    shell: Shell, inst_server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = shell.run("connect", inst_server.url, "--login", "", "--json")

    assert ran.status == 3
    failed = ran.event("failed")
    assert failed["error"].startswith("login refused: unacceptable_connection_id")
    assert failed["advice"] == "give an id with --login ID"


def test_the_token_may_be_in_the_environment(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = make_connection_token(key(b"s"), "eve", None, "i").token.reveal()
    monkeypatch.setenv("AUXWS_TOKEN", token)
    with serving(insts(connection_keys=[key(b"s")])) as served:
        ran = talk(shell, served.url, tmp_path, "/state", options=("--json",))

    assert ran.event("stats")["connection_id"] == "eve"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--key-file", "/dev/null"), "--key-file also needs --login ID and --inst NAME"),
        (("--ask-token",), "--ask-token needs a terminal; use --token-file"),
        (("--header-file", "/none"), "/none: No such file or directory"),
        (("--ca", "/dev/null"), "/dev/null: no certificates in PEM; give --ca a PEM file"),
        (("--token-file", "/none"), "/none: No such file or directory"),
        (("--on-connect", "x"), "--on-connect: this is no JSON: Expecting value: line 1 column 1"),
        (("--proxy", "ftp://x"), "the proxy's URL begins with 'ftp'; it must be one of "),
    ],
)
def test_options_that_are_no_use(shell: Shell, options: tuple[str, ...], says: str) -> None:
    ran = shell.run("connect", "ws://127.0.0.1:1/?token=hush", *options)

    assert (ran.status, ran.out, len(ran.err)) == (2, [], 1)
    assert ran.err[0].startswith(f"auxws: {says}")


def test_headers_from_a_file_reach_the_handshake(shell: Shell, tmp_path: Path) -> None:
    seen: list[str] = []

    async def look(connection: Any) -> None:
        seen.append(f"{connection.path} {dict(connection.headers).get('x-api-key')}")
        async for _ in connection:
            pass

    (tmp_path / "headers").write_text("X-Api-Key: hush\n", "utf-8")
    with serving(look) as served:
        (tmp_path / "url").write_text(f"{served.url}?token=hush\n", "utf-8")
        ran = talk(shell, f"@{tmp_path / 'url'}", tmp_path, "/state",
                   options=("--header-file", tmp_path / "headers"))  # fmt: skip

    assert ran.status == 0
    assert seen == ["/Prod?token=hush hush"]
    assert "hush" not in "".join(ran.out + ran.err)


def test_lines_of_the_input_are_json(shell: Shell, echoing: Served, tmp_path: Path) -> None:
    ran = talk(shell, echoing.url, tmp_path, json.dumps({"type": "é"}, ensure_ascii=False),
               "/wait é")  # fmt: skip

    assert ran.status == 0
    assert any(line.startswith("→ 1 é  ") for line in ran.out)
