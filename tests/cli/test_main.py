"""The command itself: help, statuses, and how errors are told."""

from __future__ import annotations

import errno

import pytest

from auxws_anyio.cli import _explain, _main, _run
from auxws_anyio.cli._exit import MEANINGS, Exit, Failure
from auxws_proto import (
    AuxError,
    ConnectionClosed,
    ConnectionFailed,
    ExtraMissing,
    FailReason,
    InternalError,
    LocalProtocolError,
    LoginRefused,
    LoginTimeout,
    OutboxStoreFailed,
    SendFailed,
    Stage,
    TraceFailed,
    UrlRefused,
)

from .helpers import Shell


@pytest.mark.parametrize("arguments", [[], *([name] for name in _main.COMMANDS)])
def test_help_has_the_statuses(shell: Shell, arguments: list[str]) -> None:
    ran = shell.run(*arguments, "--help")

    text = "\n".join(ran.out)
    assert ran.status == 0
    assert [status for status, meaning in MEANINGS.items() if meaning not in text] == []
    assert [name for name in _main.COMMANDS if not arguments and f"\n    {name} " not in text] == []


def test_every_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Exit)


@pytest.mark.parametrize(
    ("error", "status", "text", "advises"),
    [
        (ConnectionFailed("resolve", "h: no"), 3, "resolve: h: no", "DNS"),
        (ConnectionFailed("rejected", "", status=403), 3,
         "the handshake was refused with HTTP 403", "stage"),
        (ConnectionFailed("rejected", "", status=418), 3,
         "the handshake was refused with HTTP 418", "WebSocket endpoint"),
        (ConnectionFailed("odd", "thing"), 3, "odd: thing", ""),
        (ConnectionClosed(1001, "bye"), 3, "closed: code 1001 (bye)", "hung up"),
        (LoginRefused("invalid_token", "no", {}), 3, "login refused: invalid_token: no", "fresh"),
        (LoginRefused(None, "no", {}), 3, "login refused: None: no", "credentials"),
        (LoginTimeout("no login within 1 s"), 3, "no login within 1 s", "AUX endpoint"),
        (SendFailed(FailReason.TOO_LARGE, "x"), 1, "not sent: too_large: x", "less"),
        (SendFailed(FailReason.TRANSPORT_LOST, "", stage=Stage.UNKNOWN), 5,
         "nobody knows whether the message arrived: transport_lost", "resend-unknown"),
        (UrlRefused("host", "h"), 1, "URL refused: host: h", "allow-host"),
        (LocalProtocolError("a is 1"), 2, "a is 1", ""),
        (OutboxStoreFailed("full"), 1, "full", "outbox"),
        (TraceFailed("full"), 2, "full", "--trace"),
        (ExtraMissing("orjson", "speed"), 6,
         "orjson is not installed; it comes with the extra: auxws[speed]", "auxws[speed]"),
        (InternalError(KeyError("x")), 1,
         "the client has stopped: an unexpected KeyError", "report"),
        (AuxError("other"), 1, "other", ""),
        (TimeoutError(), 4, "timed out", ""),
        (OSError(errno.EADDRINUSE, "Address already in use"), 1, "Address already in use",
         "--port"),
        (OSError(errno.ENOENT, "No such file", "f"), 1, "f: No such file", ""),
        (OSError("odd"), 1, "odd", ""),
        (Failure("as it is", "do this", exit=Exit.MISSING), 6, "as it is", "do this"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)  # fmt: skip
def test_errors_are_explained(error: Exception, status: int, text: str, advises: str) -> None:
    failure = _explain.explain(error)

    assert (failure.exit, failure.text) == (status, text)
    assert advises in failure.advice
    assert bool(advises) is bool(failure.advice)


def test_advice_is_for_every_reason() -> None:
    assert set(_explain.BY_REASON) == set(FailReason)


def test_a_group_is_about_what_is_inside() -> None:
    interrupt = KeyboardInterrupt()
    group = BaseExceptionGroup(
        "outer", [ExceptionGroup("inner", [ValueError("x")]), BaseExceptionGroup("i", [interrupt])]
    )

    assert _run.leaf(group) is interrupt
    assert _run.leaf(interrupt) is interrupt


def test_an_error_in_a_group_comes_out_alone() -> None:
    async def work() -> int:
        raise ExceptionGroup("outer", [Failure("inside", exit=Exit.TIMED_OUT)])

    with pytest.raises(Failure) as caught:
        _run.run(work, backend="asyncio")

    assert caught.value.exit == Exit.TIMED_OUT


def test_a_port_that_is_taken(shell: Shell) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        ran = shell.run("serve", "--port", server.getsockname()[1])

    assert ran.status == 1
    assert len(ran.err) == 1
    assert "ddress already in use" in ran.err[0]
    assert "take another" in ran.err[0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--host", "192.0.2.1"), "host is '192.0.2.1'; the gateway listens on loopback only"),
        (("--upload-query", "x"), "--upload-query is written NAME=VALUE"),
        (("--tls-cert", "/dev/null"), "/dev/null: no chain and key in PEM"),
        (("--key-file", "/none"), "/none: No such file or directory"),
    ],
)
def test_gateways_that_cannot_be(shell: Shell, options: tuple[str, ...], says: str) -> None:
    ran = shell.run("serve", *options)

    assert (ran.status, ran.out, len(ran.err)) == (2, [], 1)
    assert ran.err[0].startswith(f"auxws: {says}")


@pytest.mark.parametrize(
    ("fault", "says"),
    [("nope=1", "there is no 'nope'; one of: refuse-handshakes"),
     ("fail-puts", "write fail-puts=COUNT,STATUS,CODE: the store refuses PUTs"),
     ("drop-puts=1,2", "write drop-puts=COUNT"),
     ("drop-puts=x", "'x' is no whole number")],
)  # fmt: skip
def test_faults_that_are_none(shell: Shell, fault: str, says: str) -> None:
    ran = shell.run("serve", "--fault", fault)

    assert ran.status == 2
    assert says in ran.err[-1]
