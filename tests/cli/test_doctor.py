"""``auxws doctor``: each step, in order and with faults."""

from __future__ import annotations

import base64
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from auxws_anyio.cli import _examine, _presign
from auxws_anyio.gateway import Faults, GatewayLimits, StoreFault, echo, insts
from auxws_proto import Secret, make_connection_token
from tests.drivers.proxies import proxying

from .helpers import Ran, Served, Shell, serving


def results(ran: Ran) -> dict[str, str]:
    return {event["check"]: event["result"] for event in ran.all("check")}


def check(ran: Ran, name: str) -> tuple[str, str, str]:
    (found,) = (event for event in ran.all("check") if event["check"] == name)
    return found["result"], found["text"], found["advice"]


def doctor(shell: Shell, url: str, *options: object) -> Ran:
    return shell.run("doctor", url, "--json", *options)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_healthy_endpoint(shell: Shell, inst_server: Served, backend: str) -> None:
    ran = doctor(shell, inst_server.url, "--login", "ann", "--backend", backend)

    assert ran.status == 0
    assert results(ran) == {
        "url": "ok", "proxy": "skip", "name": "ok", "tcp": "ok", "tls": "skip", "handshake": "ok",
        "subprotocol": "ok", "login": "ok", "latency": "ok", "inline": "ok", "presign": "ok",
        "upload": "ok", "download": "skip",
    }  # fmt: skip
    assert check(ran, "login")[1] == "as ann"
    assert ran.events[-1] == {
        "event": "verdict", "t": ran.events[-1]["t"], "ok": True, "failed": [], "warned": [],
    }  # fmt: skip


def test_an_echo_is_healthy_and_sends_something_large(shell: Shell, echoing: Served) -> None:
    ran = shell.run("doctor", echoing.url)

    assert ran.status == 0
    assert [line[:18].rstrip() for line in ran.out] == [
        "ok    url", "skip  proxy", "ok    name", "ok    tcp", "skip  tls", "ok    handshake",
        "ok    subprotocol", "skip  login", "ok    latency", "ok    inline", "ok    presign",
        "ok    upload", "ok    download", "OK",
    ]  # fmt: skip


def test_a_url_that_is_none(shell: Shell) -> None:
    ran = doctor(shell, "gopher://x")

    assert ran.status == 1
    result, text, advice = check(ran, "url")
    assert (result, "scheme 'gopher'" in text) == ("fail", True)
    assert advice.startswith("check the URL: wss://")
    assert results(ran)["download"] == "skip"


def test_a_name_that_nobody_has(shell: Shell) -> None:
    ran = doctor(shell, "wss://nosuch.invalid/prod")

    assert ran.status == 1
    assert check(ran, "name") == (
        "fail", "nosuch.invalid cannot be resolved",
        "check the spelling of the host and this machine's DNS",
    )  # fmt: skip
    assert results(ran)["tcp"] == "skip"


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_a_port_that_refuses(shell: Shell, free_port: int) -> None:
    ran = doctor(shell, f"ws://127.0.0.1:{free_port}/Prod")

    result, text, advice = check(ran, "tcp")
    assert (ran.status, result) == (1, "fail")
    assert text == f"127.0.0.1 port {free_port}: Connection refused"
    assert advice.startswith("check host and port")


def test_a_port_without_tls(shell: Shell) -> None:
    with serving(limits=GatewayLimits(handshake_timeout=0.1)) as served:
        ran = doctor(shell, served.url.replace("ws:", "wss:"))

    assert check(ran, "tls")[::2] == (
        "fail", "this port does not speak TLS: use ws:, or the port that does",
    )  # fmt: skip
    assert ran.status == 1


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA, *names: str, **options: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names, **options).configure_cert(context)
    return context


def test_a_certificate_of_nobody_we_know(shell: Shell, authority: trustme.CA) -> None:
    with serving(ssl=server_tls(authority, "127.0.0.1")) as served:
        ran = doctor(shell, served.url)

    assert ran.status == 1
    assert check(ran, "tls")[2] == "trust its authority with --ca FILE"


def test_a_certificate_of_an_authority_that_is_trusted(
    shell: Shell, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serving(ssl=server_tls(authority, "127.0.0.1")) as served:
        ran = doctor(shell, served.url, "--ca", tmp_path / "ca.pem")

    assert ran.status == 0
    result, text, _ = check(ran, "tls")
    assert result == "ok"
    assert text.startswith("TLSv1.3, the certificate is good for ")


def test_a_certificate_for_another_name(
    shell: Shell, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serving(ssl=server_tls(authority, "other.example")) as served:
        ran = doctor(shell, served.url, "--ca", tmp_path / "ca.pem")

    assert ran.status == 1
    assert check(ran, "tls")[2] == "use the name that the certificate is for"


def test_a_certificate_that_is_over(shell: Shell, authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    over = datetime(2020, 1, 1, tzinfo=UTC)
    with serving(ssl=server_tls(authority, "127.0.0.1", not_after=over)) as served:
        ran = doctor(shell, served.url, "--ca", tmp_path / "ca.pem")

    assert ran.status == 1
    assert check(ran, "tls")[2].startswith("the server needs a fresh certificate")


@pytest.mark.parametrize(
    ("status", "advice"),
    [(403, "check the stage in the URL's path"), (429, "too many connections"),
     (500, "the endpoint's connect route failed"), (418, "check that the URL is that")],
)  # fmt: skip
def test_a_handshake_that_is_refused(shell: Shell, status: int, advice: str) -> None:
    faults = Faults()
    faults.refuse_handshakes(1, status, "No")
    with serving(faults=faults) as served:
        ran = doctor(shell, served.url)

    result, text, told = check(ran, "handshake")
    assert (ran.status, result) == (1, "fail")
    assert text == f"the handshake was refused with HTTP {status}"
    assert told.startswith(advice)


def test_a_wrong_subprotocol_is_told_with_one_that_works(shell: Shell, echoing: Served) -> None:
    ran = doctor(shell, echoing.url, "--subprotocol", "soap")

    assert ran.status == 1
    assert results(ran)["handshake"] == "ok"
    result, text, advice = check(ran, "subprotocol")
    assert result == "fail"
    assert text.startswith("'soap' was refused")
    assert advice == "leave it out, which this endpoint takes"


def test_the_subprotocol_of_records_endpoints(shell: Shell, echoing: Served) -> None:
    ran = doctor(shell, echoing.url, "--subprotocol", "casualos.records")

    assert ran.status == 0
    assert check(ran, "subprotocol")[1] == "casualos.records was taken"


def test_a_login_that_is_refused(shell: Shell, tmp_path: Path) -> None:
    token = make_connection_token(_key(b"other"), "ann", None, "inst")
    (tmp_path / "token").write_text(token.token.reveal(), "utf-8")
    with serving(insts(connection_keys=[_key(b"secret")])) as served:
        ran = doctor(shell, served.url, "--token-file", tmp_path / "token")

    assert ran.status == 1
    result, text, advice = check(ran, "login")
    assert result == "fail"
    assert text.startswith("login refused: invalid_token")
    assert advice == "make a fresh token from a connection key, for this very inst"
    assert token.token.reveal() not in "".join(ran.out + ran.err)


def _key(secret: bytes) -> str:
    parts = (b"user", b"session", base64.b64encode(secret), b"9999999999999")
    return "vCK1." + ".".join(base64.b64encode(part).decode() for part in parts)


def test_no_answer_to_messages(shell: Shell) -> None:
    async def deaf(connection: Any) -> None:
        async for _ in connection:
            pass

    with serving(deaf) as served:
        ran = doctor(shell, served.url, "--timeout", "1s")

    assert ran.status == 1
    assert check(ran, "latency")[:2] == ("fail", "no answer to sync/time within 1 s")
    assert check(ran, "inline")[:2] == ("skip", "not tried")


def test_a_server_that_says_nothing(shell: Shell) -> None:
    faults = Faults()
    faults.silent = True
    with serving(faults=faults) as served:
        ran = doctor(shell, served.url, "--connect-timeout", "300ms")

    assert ran.status == 1
    assert check(ran, "handshake") == (
        "fail", "timeout: no handshake within 0.3 s",
        "check that the server answers; --connect-timeout waits longer",
    )  # fmt: skip


def test_a_server_that_hangs_up(shell: Shell) -> None:
    faults = Faults()
    faults.drop_after_frames(1)
    faults.answer_pings = False
    with serving(faults=faults) as served:
        ran = doctor(shell, served.url)

    result, _, advice = check(ran, "latency")
    assert (ran.status, result, bool(advice)) == (1, "fail", True)
    assert ran.event("verdict")["failed"] == ["latency"]


def test_a_server_that_knows_no_logins(shell: Shell, echoing: Served) -> None:
    ran = doctor(shell, echoing.url, "--login", "ann", "--timeout", "200ms")

    result, text, _ = check(ran, "login")
    assert (ran.status, result) == (1, "fail")
    assert text == "no login within 0.2 s"


def test_an_upload_url_that_has_expired(shell: Shell) -> None:
    faults = Faults()
    faults.expire_upload_urls()
    with serving(faults=faults) as served:
        ran = doctor(shell, served.url)

    assert ran.status == 1
    result, text, advice = check(ran, "presign")
    assert result == "fail"
    assert text.startswith("it had expired ")
    assert "clock" in advice
    result, text, advice = check(ran, "upload")
    assert result == "fail"
    assert "HTTP 403 AccessDenied: the URL expired" in text
    assert advice.startswith("check the server's clock")


@pytest.mark.parametrize(
    ("fault", "says", "advice"),
    [
        (StoreFault(method="PUT", status=403, code="SignatureDoesNotMatch"),
         "HTTP 403 SignatureDoesNotMatch", "the server signs another header, host or key"),
        (StoreFault(method="PUT", status=403, code="AccessDenied"),
         "HTTP 403 AccessDenied", "the signer may not write to the bucket"),
        (StoreFault(method="PUT", status=400, code="BadDigest"), "BadDigest", "sign with"),
    ],
    ids=lambda value: getattr(value, "code", None),
)  # fmt: skip
def test_a_store_that_refuses(shell: Shell, fault: StoreFault, says: str, advice: str) -> None:
    faults = Faults()
    faults.add_store_fault(fault)
    with serving(faults=faults) as served:
        ran = doctor(shell, served.url)

    result, text, told = check(ran, "upload")
    assert (ran.status, result, says in text) == (1, "fail", True)
    assert told.startswith(advice)
    assert "X-Amz-Signature" not in "".join(ran.out + ran.err)


def test_a_checksum_of_an_empty_body(shell: Shell) -> None:
    faults = Faults()
    faults.upload_query = (("x-amz-checksum-crc32", "AAAAAA=="),)
    with serving(faults=faults) as served:
        ran = doctor(shell, served.url)

    result, text, _ = check(ran, "presign")
    assert result == "warn"
    assert "the URL carries a checksum" in text


def test_urls_that_live_too_short_are_worth_a_word(shell: Shell) -> None:
    with serving(limits=GatewayLimits(url_lifetime=20)) as served:
        ran = shell.run("doctor", served.url)

    assert ran.status == 0
    assert ran.out[-1] == "OK; look at: presign"


def test_uploads_that_are_not_supported(shell: Shell) -> None:
    faults = Faults()
    faults.refuse_uploads(1, "not_supported")
    with serving(faults=faults) as served:
        ran = doctor(shell, served.url)

    assert ran.status == 1
    assert check(ran, "presign")[1].startswith("no upload URL came: not_supported")
    assert check(ran, "upload")[0] == "fail"


def test_a_proxy_that_is_not_there(shell: Shell, echoing: Served, free_port: int) -> None:
    ran = doctor(shell, echoing.url, "--proxy", f"http://user:pass@127.0.0.1:{free_port}")

    assert ran.status == 1
    assert check(ran, "proxy")[1] == "the proxy cannot be reached"
    assert "pass" not in "".join(ran.out + ran.err)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_works(
    shell: Shell, echoing: Served, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    with echoing.portal.wrap_async_context_manager(
        proxying(scheme, credentials="user:hush")
    ) as proxy:
        monkeypatch.setenv("AUXWS_PROXY", proxy.url)
        ran = doctor(shell, echoing.url)

    assert ran.status == 0
    assert (results(ran)["proxy"], results(ran)["name"]) == ("ok", "skip")
    assert "tcp" not in results(ran)
    assert "hush" not in "".join(ran.out + ran.err)


def test_a_clock_that_is_far_off_is_told() -> None:
    assert _examine._skew({"clientRequestTime": 1_000, "serverReceiveTime": 91_000}) == 90_000
    assert _examine._skew({"clientRequestTime": 1_000}) is None


NOW = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
SIGNED = (
    "https://b.s3.amazonaws.com/path-secret?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=C"
    "&X-Amz-Date={date}&X-Amz-Expires={expires}&X-Amz-SignedHeaders={signed}&X-Amz-Signature=S"
)


@pytest.mark.parametrize(
    ("date", "expires", "signed", "result", "says"),
    [
        ("20240501T115959Z", "3600", "host", "ok",
         "b.s3.amazonaws.com, signs host, good for 3600 s"),
        ("20240501T110000Z", "600", "host", "fail", "it had expired 3000.0 s before it came"),
        ("20240501T115000Z", "3600", "host", "warn",
         "the signer's clock is 600.0 s behind this one"),
        ("20240501T121000Z", "3600", "host", "warn",
         "the signer's clock is 600.0 s ahead of this one"),
        ("20240501T115959Z", "30", "host", "warn", "it is good for 30 s only"),
        ("20240501T115959Z", "3600", "host%3Bx-amz-meta-a", "fail",
         "signed and not sent: x-amz-meta-a"),
        ("20240501T115959Z", "3600", "x-amz-acl", "fail", "the host is not signed"),
        ("yesterday", "3600", "host", "fail", "X-Amz-Date or X-Amz-Expires make no sense"),
    ],
)  # fmt: skip
def test_what_a_presigned_url_says(
    date: str, expires: str, signed: str, result: str, says: str
) -> None:
    url = Secret(SIGNED.format(date=date, expires=expires, signed=signed))

    worst = _presign.diagnose(url, {"x-amz-acl": "bucket-owner-full-control"}, NOW)[0]

    assert (worst.result, worst.text) == (result, says)


def test_a_url_without_a_signature_is_told() -> None:
    (finding,) = _presign.diagnose(Secret("https://h.example/key"), {}, NOW)

    assert finding == _presign.Finding("ok", "h.example, not signed in the query (no SigV4)")


def test_the_whole_doctor_shows_no_path_of_an_upload(shell: Shell) -> None:
    with serving(echo) as served:
        ran = doctor(shell, served.url)
        keys = list(served.gateway.store)

    assert keys
    assert [key for key in keys if key in "".join(ran.out + ran.err)] == []
