"""Object stores that check signatures: two of others and our own, and who presigns for them.

It knows how to start a store, and how botocore and AWS's SDK for JavaScript make URLs the way the
server does (``docs/protocol.md`` §8). It must not know what the URLs are then used for.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from xml.etree import ElementTree

import anyio
import botocore.session
from anyio.from_thread import start_blocking_portal
from botocore.config import Config as BotoConfig

from auxws_anyio.gateway._s3 import StoreServer
from auxws_anyio.gateway._sigv4 import SigningCredentials
from auxws_anyio.gateway._store import ObjectStore
from tests.interop.programs import Program, free_port, javascript, program, running

ACCESS_KEY: Final = "AKIAINTEROPEXAMPLE00"
SECRET_KEY: Final = "an-interop-secret-that-signs-nothing-else"
BUCKET: Final = "messages"
ACL: Final = "bucket-owner-full-control"

Method = Literal["PUT", "GET"]


@dataclass(frozen=True)
class StorePeer:
    """A running store. ``name`` is the table's."""

    name: str
    endpoint: str


Presign = Callable[..., str]
"""``presign(store, method, key, expires=…, access_key=…)``: a URL. Times are in seconds."""


@functools.cache
def boto_client(store: StorePeer, access_key: str = ACCESS_KEY) -> Any:
    """botocore's client for a store: made once, since that costs a second."""
    session = botocore.session.Session()
    return session.create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=store.endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=SECRET_KEY,
        config=BotoConfig(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"max_attempts": 0},
            request_checksum_calculation="when_required",
        ),
    )


def presign_by_botocore(
    store: StorePeer,
    method: Method,
    key: str,
    *,
    expires: int = 3_600,
    access_key: str = ACCESS_KEY,
) -> str:
    """A URL by botocore, which signs ``x-amz-acl`` as a header, as the server's SDK does."""
    operation = {"PUT": "put_object", "GET": "get_object"}[method]
    place = {"Bucket": BUCKET, "Key": key}
    params = {**place, "ACL": ACL} if method == "PUT" else place
    url: str = boto_client(store, access_key).generate_presigned_url(
        operation, Params=params, ExpiresIn=expires
    )
    return url


def presign_by_javascript(presigner: Program) -> Presign:
    """URLs by AWS's SDK for JavaScript v3, of which the server has an older one."""

    def presign(
        store: StorePeer,
        method: Method,
        key: str,
        *,
        expires: int = 3_600,
        access_key: str = ACCESS_KEY,
        age: int = 0,
        checksum: bool = False,
    ) -> str:
        wanted = {
            "method": method,
            "endpoint": store.endpoint,
            "bucket": BUCKET,
            "key": key,
            "accessKey": access_key,
            "secretKey": SECRET_KEY,
            "expires": expires,
            "age": age,
            "checksum": checksum,
        }
        return presigner.ask(json.dumps(wanted))

    return presign


@contextmanager
def javascript_presigner(logs: Path) -> Iterator[Presign]:
    """The program that presigns in Node."""
    command = [program("node"), javascript("presign.mjs")]
    with running(command, logs / "presign.log", pipes=True) as presigner:
        yield presign_by_javascript(presigner)


@contextmanager
def own_store() -> Iterator[StorePeer]:
    """Our own object store, on a thread of its own. It is private, as these others are."""
    objects = ObjectStore(SigningCredentials(ACCESS_KEY, SECRET_KEY), public_read=False)
    server = StoreServer(objects)
    with start_blocking_portal() as portal:
        listener = portal.call(lambda: anyio.create_tcp_listener(local_host="127.0.0.1"))
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        serving = portal.start_task_soon(listener.serve, server.handle)
        try:
            yield StorePeer("auxws", f"http://127.0.0.1:{port}")
        finally:
            serving.cancel()
            portal.call(listener.aclose)
    assert server.failures == []


@contextmanager
def rclone(logs: Path) -> Iterator[StorePeer]:
    """``rclone serve s3`` over a folder, in which each folder is a bucket."""
    folder = logs / "rclone"
    (folder / BUCKET).mkdir(parents=True)
    port = free_port()
    command = [
        program("rclone"),
        "serve",
        "s3",
        f"--addr=127.0.0.1:{port}",
        f"--auth-key={ACCESS_KEY},{SECRET_KEY}",
        f"--config={logs / 'rclone.conf'}",
        f"--cache-dir={logs / 'rclone-cache'}",
        str(folder),
    ]
    with running(command, logs / "rclone.log") as server:
        server.wait_for_port(port)
        yield StorePeer("rclone 1.75.2", f"http://127.0.0.1:{port}")


@contextmanager
def seaweedfs(logs: Path) -> Iterator[StorePeer]:
    """SeaweedFS: master, volume, filer and S3 in one process."""
    folder = logs / "seaweedfs"
    folder.mkdir()
    identity = {
        "name": "interop",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    ports = {
        name: free_port()
        for name in (
            "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
            "filer.port.grpc", "s3.port", "s3.port.grpc",
        )
    }  # fmt: skip
    command = [
        program("weed"),
        "server",
        "-ip=127.0.0.1",
        f"-dir={folder}",
        "-volume.max=16",
        "-master.volumeSizeLimitMB=64",
        "-s3",
        "-s3.port.https=0",
        "-s3.iam=false",
        f"-s3.config={config}",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    with running(command, logs / "seaweedfs.log") as server:
        server.wait_for_port(ports["s3.port"])
        peer = StorePeer("seaweedfs 4.48", f"http://127.0.0.1:{ports['s3.port']}")
        client = boto_client(peer)
        client.create_bucket(Bucket=BUCKET)
        client.close()
        yield peer


STORES: Final = ("auxws", "rclone", "seaweedfs")


@contextmanager
def all_stores(logs: Path) -> Iterator[dict[str, StorePeer]]:
    """Our own and the others, by the names of `STORES`."""
    with ExitStack() as stack:
        yield {
            "auxws": stack.enter_context(own_store()),
            "rclone": stack.enter_context(rclone(logs)),
            "seaweedfs": stack.enter_context(seaweedfs(logs)),
        }


@dataclass(frozen=True)
class Answer:
    """What a store said: the status, S3's code of an error, and the body."""

    status: int
    code: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.status} {self.code}".strip()


def ask(
    method: str,
    url: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    *,
    chunked: bool = False,
    bare: bool = False,
) -> Answer:
    """One request, with these headers and no others but Host and Content-Length (not if bare)."""
    parts = urlsplit(url)
    sent = {"Host": parts.netloc, **(headers or {})}
    if body is not None and not chunked and not bare:
        sent["Content-Length"] = str(len(body))
    if chunked:
        assert body is not None
        sent["Transfer-Encoding"] = "chunked"
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.putrequest(
            method, f"{parts.path}?{parts.query}".rstrip("?"), skip_host=True,
            skip_accept_encoding=True,
        )  # fmt: skip
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    return Answer(response.status, _code_of(response.status, content), content)


def _code_of(status: int, content: bytes) -> str:
    if status < 400 or not content.strip().startswith(b"<"):
        return ""
    return ElementTree.fromstring(content).findtext("Code") or ""
