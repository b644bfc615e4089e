"""Our clients against an emulation of API Gateway, Lambda and S3, with a function behind it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import botocore.session
import pytest

from auxws_proto import Config, ConnectionId, Stage
from tests.drivers.adapter import Case, Driver
from tests.drivers.serving import take
from tests.interop.conftest import Recorder
from tests.interop.programs import free_port, program, running

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

TITLE = "2b. Our clients against an emulation of API Gateway"
TEXT = """\
`ministack` 1.5.33: a WebSocket API of its API Gateway, a Lambda function that speaks `protocol.md`
by itself and sends every message back, and a bucket, all of them made through botocore."""

PEER = "ministack 1.5.33"
FUNCTION = Path(__file__).parent / "peers" / "function.py"
QUICK = Config(transfer_backoff=0.05)


def make_client(service: str, endpoint: str) -> Any:
    return botocore.session.get_session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="AKIAINTEROPEXAMPLE00",
        aws_secret_access_key="a-secret-of-the-tests",
    )


def make_api(endpoint: str) -> str:
    """The function, the bucket and the API; the URL of the WebSocket."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("function.py", FUNCTION.read_text())
    s3, functions, gateway = (
        make_client(service, endpoint) for service in ("s3", "lambda", "apigatewayv2")
    )
    s3.create_bucket(Bucket="messages")
    arn = functions.create_function(
        FunctionName="echo",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/echo",
        Handler="function.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=29,
        Environment={"Variables": {"ENDPOINT": endpoint}},
    )["FunctionArn"]
    api = gateway.create_api(
        Name="echo",
        ProtocolType="WEBSOCKET",
        RouteSelectionExpression="$request.body.action",
    )["ApiId"]
    integration = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri="arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
        f"{arn}/invocations",
    )["IntegrationId"]
    for route in ("$connect", "$disconnect", "$default"):
        gateway.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=api, StageName="Prod", AutoDeploy=True)
    for client in (s3, functions, gateway):
        client.close()
    return f"{endpoint.replace('http', 'ws', 1)}/_aws/execute-api/{api}/Prod"


@pytest.fixture(scope="module")
def url(logs: Path) -> Iterator[str]:
    port = free_port()
    folder = logs / "ministack"
    folder.mkdir()
    env = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "TMPDIR": str(folder),
    }
    with running([program("ministack")], logs / "ministack.log", env=env) as server:
        server.wait_for_port(port)
        yield make_api(f"http://127.0.0.1:{port}")


def note(number: int, size: int) -> dict[str, Any]:
    return {"type": "note", "number": number, "text": "x" * size}


async def test_login(url: str, driver: Driver, case: Case, record: Recorder) -> None:
    async with driver.connect(url, login=ConnectionId("guest-1")) as client:
        await client.wait_connected(20)

        assert client.info is not None
        assert client.info["connectionId"] == "guest-1"
    record.put(PEER, "login", case.name)


async def test_small_messages(url: str, driver: Driver, case: Case, record: Recorder) -> None:
    messages = [note(number, 10) for number in range(20)]
    async with driver.connect(url) as client:
        with anyio.fail_after(30), client.event("note") as stream:
            for message in messages:
                await client.send(message)

            received = await take(stream, len(messages))

        assert sorted(json.dumps(one) for one in received) == sorted(
            json.dumps(one) for one in messages
        )
    record.put(PEER, "20 small messages", case.name)


async def test_large_messages(url: str, driver: Driver, case: Case, record: Recorder) -> None:
    sizes = [40_000, 200_000, 3_000_000]
    async with driver.connect(url, config=QUICK) as client:
        with anyio.fail_after(30), client.event("note") as stream:
            for number, size in enumerate(sizes):
                receipt = await client.send(note(number, size))
                await receipt.wait(Stage.CONFIRMED)
                assert await take(stream, 1) == [note(number, size)]

        assert client.stats.sent["upload"].messages == 3
        assert client.stats.received["download"].messages == 3
    record.put(PEER, "40 KB to 3 MB, by upload and by download", case.name)
