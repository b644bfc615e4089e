"""The doctor's checks that need a client: from the handshake to an upload.

It knows what each step needs and what its failure means. It must not know sockets (`_checks`), nor
what a presigned URL says (`_presign`).

Strategy: what a message needs is tried with ``sync/time``, which needs no login, changes nothing,
and is answered by every server; an echo will do as well.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

import anyio

from auxws_proto import (
    AuxError,
    ConnectionFailed,
    FailReason,
    GetFromUrl,
    HttpFailed,
    HttpResponded,
    LoginRefused,
    LoginTimeout,
    PutToUrl,
    SendFailed,
    Stage,
    State,
    UrlPolicy,
)

from .._client import AuxClient
from .._http import HttpClient, Progress
from .._subscription import Subscription
from ._checks import Report, Stop
from ._explain import BY_REASON, explain
from ._presign import diagnose
from ._session import Settings
from ._text import size

SAMPLES: Final = 3
SMALL: Final = 100
"""Bytes of padding that surely go inline."""

SUBPROTOCOLS: Final = (None, "casualos.records")

CLOCK_SKEW_MS: Final = 60_000

_UPLOAD_ADVICE: Final = {
    "expired": "check the server's clock and this machine's, and the lifetime that it signs",
    "SignatureDoesNotMatch": (
        "the server signs another header, host or key than what reaches the store"
    ),
    "AccessDenied": "the signer may not write to the bucket, or sign every x-amz- header it wants",
    "BadDigest": "sign with requestChecksumCalculation WHEN_REQUIRED",
    "NoSuchBucket": "the server signs for a bucket that is not there",
}
"""By what the store's answer says."""


class _Looking:
    """An `HttpTransport` that keeps the uploads that it is asked for, to look at their URLs."""

    def __init__(self, settings: Settings, grants: list[PutToUrl]) -> None:
        self._http = HttpClient(ssl=settings.ssl, proxy=settings.proxy)
        self._grants = grants

    async def transfer(
        self,
        request: PutToUrl | GetFromUrl,
        *,
        policy: UrlPolicy,
        websocket_url: str | None,
        timeout: float,
        progress: Progress,
    ) -> HttpResponded | HttpFailed:
        if isinstance(request, PutToUrl):
            self._grants.append(request)
        return await self._http.transfer(
            request, policy=policy, websocket_url=websocket_url, timeout=timeout, progress=progress
        )

    async def aclose(self) -> None:
        await self._http.aclose()


class Examination:
    """The checks that need a client."""

    def __init__(self, settings: Settings, report: Report, timeout: float, large: int) -> None:
        self._settings = settings
        self._report = report
        self._timeout = timeout
        self._large = max(large, settings.config.inline_limit + 1_000)
        self._grants: list[PutToUrl] = []
        self._number = 0
        self._downloaded = False

    async def examine(self) -> None:
        """From the handshake on. Raises `Stop`."""
        began = monotonic()
        http = _Looking(self._settings, self._grants)
        try:
            async with self._settings.open(http=http) as client:
                await self._handshake(client, began)
                self._subprotocol()
                await self._login(client)
                answers = aiter(client)
                await self._latency(client, answers)
                await self._inline(client, answers)
                await self._upload(client, answers)
        finally:
            with anyio.CancelScope(shield=True):
                await http.aclose()

    # The connection.

    async def _handshake(self, client: AuxClient, began: float) -> None:
        settled = (State.AUTHENTICATING, State.OPEN, State.CLOSED)
        states = client.states()
        if client.state not in settled:
            async for change in states:
                if change.current in settled:
                    break
        states.close()
        cause = await self._closed(client)
        if isinstance(cause, (LoginRefused, LoginTimeout)) or cause is None:
            took = monotonic() - began
            self._report.add("handshake", "ok", "101 Switching Protocols", seconds=took)
            return
        failure = explain(cause)
        is_subprotocol = isinstance(cause, ConnectionFailed) and (
            cause.kind == "subprotocol" or cause.status == 400
        )
        if not is_subprotocol:
            raise self._report.stop("handshake", failure.text, failure.advice)
        self._report.add("handshake", "ok", "the endpoint answers", seconds=monotonic() - began)
        asked = self._settings.subprotocol or "none"
        advice = await self._other_subprotocol()
        raise self._report.stop("subprotocol", f"{asked!r} was refused: {failure.text}", advice)

    async def _closed(self, client: AuxClient) -> AuxError | None:
        """Why the client has ended, if it has."""
        if client.state is not State.CLOSED:
            return None
        try:
            await client.wait_connected()
        except AuxError as error:
            return error
        return None

    async def _other_subprotocol(self) -> str:
        for other in SUBPROTOCOLS:
            if other == self._settings.subprotocol:
                continue
            settings = replace(self._settings, subprotocol=other, login=None, trace=None)
            try:
                async with settings.connected():
                    how = "leave it out" if other is None else f"use --subprotocol {other}"
                    return f"{how}, which this endpoint takes"
            except AuxError:
                continue
        return "this endpoint takes neither none nor casualos.records"

    def _subprotocol(self) -> None:
        name = self._settings.subprotocol
        self._report.add("subprotocol", "ok", "none" if name is None else f"{name} was taken")

    async def _login(self, client: AuxClient) -> None:
        if self._settings.login is None:
            self._report.add("login", "skip", "none given; --login ID tries one")
            return
        began = monotonic()
        try:
            await client.wait_connected(self._timeout + 1)
        except (AuxError, TimeoutError) as error:
            failure = explain(error)
            raise self._report.stop("login", failure.text, failure.advice) from None
        connection_id = (client.info or {}).get("connectionId")
        self._report.add("login", "ok", f"as {connection_id}", seconds=monotonic() - began)

    # Messages.

    async def _round_trip(
        self, client: AuxClient, answers: Subscription[Any], padding: int
    ) -> dict[str, Any]:
        """Send, and wait for what answers it. Raises `AuxError` and TimeoutError."""
        self._number += 1
        message = {
            "type": "sync/time",
            "id": self._number,
            "clientRequestTime": datetime.now(UTC).timestamp() * 1_000,
            "padding": "x" * padding,
        }
        receipt = await client.send(message)
        await receipt.wait(Stage.CONFIRMED, timeout=self._timeout)
        with anyio.fail_after(self._timeout):
            async for answer in answers:
                is_answer = str(answer["type"]).startswith("sync/time")
                if is_answer and answer.get("id") == self._number:
                    return dict(answer)
        raise TimeoutError

    async def _latency(self, client: AuxClient, answers: Subscription[Any]) -> None:
        times: list[float] = []
        answer: dict[str, Any] = {}
        try:
            for _ in range(SAMPLES):
                began = monotonic()
                answer = await self._round_trip(client, answers, 0)
                times.append(monotonic() - began)
        except AuxError as failed:
            self._failed("latency", failed)
            raise Stop from None
        except TimeoutError as error:
            text = str(error) or f"no answer to sync/time within {self._timeout:g} s"
            advice = "if the gateway has the message, the log of the server's function says more"
            raise self._report.stop("latency", text, advice) from None
        ping = client.stats.latency
        text = "of sync/time, the best of 3"
        text += "" if ping is None else f"; a ping takes {ping * 1_000:.1f} ms"
        skew = _skew(answer)
        if skew is not None and abs(skew) > CLOCK_SKEW_MS:
            ahead = f"the server's clock is {skew / 1_000:+,.0f} s from this one"
            text = f"{text}; {ahead}"
            self._report.add("latency", "warn", text, "set the clocks by NTP", min(times))
        else:
            self._report.add("latency", "ok", text, seconds=min(times))

    async def _inline(self, client: AuxClient, answers: Subscription[Any]) -> None:
        began = monotonic()
        try:
            await self._round_trip(client, answers, SMALL)
        except (AuxError, TimeoutError) as error:
            self._failed("inline", error)
        else:
            text = "a small message went there and was answered"
            self._report.add("inline", "ok", text, seconds=monotonic() - began)

    async def _upload(self, client: AuxClient, answers: Subscription[Any]) -> None:
        began = monotonic()
        error: AuxError | TimeoutError | None = None
        before = client.stats.received.get("download")
        try:
            await self._round_trip(client, answers, self._large)
        except (AuxError, TimeoutError) as failed:
            error = failed
        self._presign(error)
        if error is None:
            text = f"{size(self._large)} went by the object store and were answered"
            self._report.add("upload", "ok", text, seconds=monotonic() - began)
        else:
            self._failed("upload", error)
        if client.stats.received.get("download") != before:
            self._report.add("download", "ok", "the large answer came by the object store")
        else:
            self._report.add("download", "skip", "this server has sent nothing large")

    def _presign(self, error: AuxError | TimeoutError | None) -> None:
        if not self._grants:
            text = "no upload URL came" if error is None else f"no upload URL came: {error}"
            advice = BY_REASON.get(error.reason, "") if isinstance(error, SendFailed) else ""
            self._report.add("presign", "fail", text, advice)
            return
        grant = self._grants[-1]
        # One line: the worst of what there is to say.
        worst = diagnose(grant.url, grant.headers, datetime.now(UTC))[0]
        self._report.add("presign", worst.result, worst.text, worst.advice)

    def _failed(self, step: str, error: AuxError | TimeoutError) -> None:
        if isinstance(error, TimeoutError):
            text = str(error) or f"no answer within {self._timeout:g} s"
            self._report.add(step, "fail", text, "look at the log of the server's function")
            return
        advice = next((tip for word, tip in _UPLOAD_ADVICE.items() if word in str(error)), "")
        # That advice would be to call the doctor.
        if not advice and not (
            isinstance(error, SendFailed) and error.reason is FailReason.HTTP_STATUS
        ):
            advice = explain(error).advice
        self._report.add(step, "fail", str(error), advice)


def _skew(answer: dict[str, Any]) -> float | None:
    """Milliseconds that the server's clock is ahead; None for an echo."""
    ours, theirs = answer.get("clientRequestTime"), answer.get("serverReceiveTime")
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
        return float(theirs - ours)
    return None
