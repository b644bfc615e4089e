"""A function behind an API Gateway that sends every message back; it is called with each event.

It speaks ``docs/protocol.md`` by itself and keeps no state but what is in the bucket: the gateway
may start it anew at any time. ``ENDPOINT`` is where S3 and the gateway's management API are.
"""

from __future__ import annotations

import functools
import json
import os
import uuid
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config

LIMIT = 32_000
BUCKET = "messages"

Json = dict[str, Any]


@functools.cache
def make_client(service: str, path: str = "") -> Any:
    """A client of one of AWS's services, at the endpoint. Making one costs a second."""
    return botocore.session.get_session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=os.environ["ENDPOINT"] + path,
        aws_access_key_id="AKIAINTEROPEXAMPLE00",
        aws_secret_access_key="a-secret-of-the-function",
        config=Config(s3={"addressing_style": "path"}, signature_version=None),
    )


def handler(event: Json, context: object) -> Json:
    """Answer one event of the gateway."""
    request = event["requestContext"]
    if request["eventType"] == "MESSAGE":
        path = f"/_aws/execute-api/{request['apiId']}/{request['stage']}"
        answer(json.loads(event["body"]), request["connectionId"], path)
    return {"statusCode": 200}


def answer(message: list[Any], connection: str, path: str) -> None:
    """Answer one event of the client."""
    kind, number, *rest = message
    s3 = make_client("s3")

    def send(answered: list[Any]) -> None:
        gateway = make_client("apigatewaymanagementapi", path)
        gateway.post_to_connection(ConnectionId=connection, Data=json.dumps(answered).encode())

    def sign(operation: str, key: str, **params: str) -> str:
        url: str = s3.generate_presigned_url(
            operation, Params={"Bucket": BUCKET, "Key": key, **params}, ExpiresIn=3_600
        )
        return url

    if kind == 1:
        back = rest[0]
    elif kind == 2:
        url = sign("put_object", str(uuid.uuid4()), ACL="bucket-owner-full-control")
        send([3, number, url, "PUT", {}])
        return
    else:
        key = urlsplit(rest[0]).path.removeprefix(f"/{BUCKET}/")
        back = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    if back["type"] == "login":
        info = {"connectionId": back["connectionId"], "sessionId": None, "userId": None}
        back = {"type": "login_result", "success": True, "info": info}
    body = json.dumps(back)
    if len(body) <= LIMIT:
        send([1, -1, back])
        return
    key = str(uuid.uuid4())
    s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode(), ContentType="application/json")
    send([4, -1, sign("get_object", key), "GET", {}])
