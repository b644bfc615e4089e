"""Nothing that a client logs, raises, reports or shows quotes a presigned URL or a credential."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from auxws_anyio.gateway import Drop, Faults, Gateway, GatewayConnection
from auxws_proto import (
    Action,
    AuxError,
    Config,
    ConnectionToken,
    GetFromUrl,
    OpenTransport,
    PutToUrl,
    Reconnect,
    ReportGap,
    ReportSend,
    Stage,
)
from auxws_proto._dialogue_websocket import DialogueWebSocket
from tests.drivers.adapter import Driver
from tests.drivers.serving import serving

pytestmark = pytest.mark.anyio

LARGE = {"type": "n", "pad": "x" * 40_000}
MARKS = ("marked-token", "marked-header", "marked-query", "marked-redirect")
CONFIG = Config(
    reconnect=Reconnect(base=0.01, cap=0.01),
    transfer_backoff=0.0,
    transfer_timeout=0.3,
    upload_attempts=2,
    download_attempts=2,
    upload_url_timeout=0.3,
    login_timeout=0.7,
    close_timeout=0.2,
)

FAULTS: dict[str, Callable[[Faults], None]] = {
    "nothing": lambda faults: None,
    "a signature that does not match": lambda faults: faults.fail_puts(
        9, 403, "SignatureDoesNotMatch"
    ),
    "a busy store": lambda faults: faults.fail_puts(9, 503, "SlowDown"),
    "uploads dropped": lambda faults: faults.drop_puts(9, Drop.ANSWER),
    "downloads dropped": lambda faults: faults.drop_gets(9, Drop.HEAD),
    "downloads missing": lambda faults: faults.fail_gets(9, 404, "NoSuchKey"),
    "expired URLs": lambda faults: faults.expire_puts(9),
    "a redirect elsewhere": lambda faults: faults.redirect_puts("http://marked-redirect.invalid"),
    "no upload URL": lambda faults: faults.refuse_uploads(9, "server_error"),
    "no answer": lambda faults: faults.ignore_uploads(9),
    "a refused handshake": lambda faults: faults.refuse_handshakes(9, 403, "no"),
    "junk": lambda faults: faults.send_junk('[4,1,"http://marked-redirect/x","GET",{}]'),
}


async def lenient(connection: GatewayConnection) -> None:
    """Lets in whoever has a token, and sends everything else back."""
    async for received in connection:
        message = received.message
        if message["type"] == "login":
            accepted = message["connectionToken"] != "vCT1.marked-token.refused"
            answer = {"success": True, "info": {}} if accepted else {"errorCode": "invalid_token"}
            message = {"type": "login_result", "success": False, **answer}
        await connection.send(message)


def secrets_of(actions: list[Action]) -> set[str]:
    """The paths and signatures of every URL that was used, and the marks that the test planted."""
    secrets: set[str] = set(MARKS)
    for action in actions:
        if isinstance(action, PutToUrl | GetFromUrl):
            parts = urlsplit(action.url.reveal())
            secrets.add(parts.path.strip("/"))
            secrets.update(v for k, v in parse_qsl(parts.query) if k == "X-Amz-Signature")
    return secrets - {""}


def everything_said(shown: list[Any], caplog: pytest.LogCaptureFixture) -> str:
    """All that came out, in every way in which it could be written down."""
    said = [record.getMessage() for record in caplog.records]
    said += [repr(record.args) for record in caplog.records]
    for thing in shown:
        said += [repr(thing), str(thing), f"{thing}"]
        if isinstance(thing, BaseException):
            said += traceback.format_exception(thing)
        error = getattr(thing, "error", None) or getattr(thing, "cause", None)
        if isinstance(error, BaseException):
            said += traceback.format_exception(error)
    return "\n".join(said)


async def use(driver: Driver, gateway: Gateway, token: str, shown: list[Any]) -> None:
    """Log in, send and fetch something large, and keep whatever the client shows."""
    options = {
        "login": ConnectionToken(token),
        "headers": {"x-api-key": "marked-header"},
        "config": CONFIG,
        "observer": shown.append,
    }
    url = f"{gateway.url}?signature=marked-query"
    async with driver.connect(url, **options) as client:
        errors, states = client.errors(), client.states()
        try:
            await client.wait_connected(2.0)
            shown.append(await client.request(LARGE, reply="n", timeout=0.7))
        except (AuxError, TimeoutError) as error:
            shown.append(error)
        try:
            receipt = await client.send(LARGE)
            shown.append(receipt)
            await receipt.wait(timeout=0.7)
        except (AuxError, TimeoutError) as error:
            shown.append(error)
        shown += [client, client.stats, client.info, client.indicator, client.origin]
        shown += [errors, states]


async def everything_of(
    driver: Driver, fault: str, token: str, caplog: pytest.LogCaptureFixture
) -> tuple[list[Action], str]:
    """What a client did under this fault, and all that came out."""
    caplog.set_level(logging.DEBUG)
    shown: list[Any] = []
    actions: list[Action] = []
    drain = DialogueWebSocket.actions

    def recorded(machine: DialogueWebSocket) -> Iterator[Action]:
        for action in drain(machine):
            actions.append(action)
            shown.append(action)
            yield action

    async with serving(lenient) as gateway:
        FAULTS[fault](gateway.faults)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DialogueWebSocket, "actions", recorded)
            await use(driver, gateway, token, shown)
    return actions, everything_said(shown, caplog)


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_that_comes_out_quotes_a_secret(
    driver: Driver, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    actions, said = await everything_of(driver, fault, "vCT1.marked-token", caplog)

    assert [secret for secret in secrets_of(actions) if secret in said] == []


async def test_a_refused_token_is_not_quoted(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    actions, said = await everything_of(driver, "nothing", "vCT1.marked-token.refused", caplog)

    assert "invalid_token" in said
    assert [secret for secret in secrets_of(actions) if secret in said] == []


@pytest.mark.parametrize("fault", ["nothing", "downloads missing", "a busy store"])
async def test_the_faults_above_reach_the_paths_that_know_secrets(
    driver: Driver, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    actions, said = await everything_of(driver, fault, "vCT1.marked-token", caplog)

    kinds = {type(action) for action in actions}
    failed = any(a.stage is Stage.FAILED for a in actions if isinstance(a, ReportSend))
    assert OpenTransport in kinds
    assert PutToUrl in kinds
    assert ReportGap in kinds or fault != "downloads missing"
    assert failed == (fault == "a busy store")
    assert len(secrets_of(actions)) > len(MARKS)
    assert "http" in said
    assert "TransferFinished(" in said
    assert re.search(r"upload \d+ of send \d+: HTTP", said)
