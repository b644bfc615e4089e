"""Messages through object stores that check signatures."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from auxws_proto import Config, SendFailed, Stage
from tests.drivers.adapter import Case, Driver
from tests.drivers.serving import serving, take
from tests.interop.conftest import Recorder
from tests.interop.external_uploads import use_store
from tests.interop.stores import STORES, Presign, StorePeer

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

TITLE = "3. Object stores that check signatures"
TEXT = """\
Messages through our gateway with `rclone serve s3` 1.75.2, `weed server -s3` 4.48 and our own store
behind it, and URLs by botocore and by the AWS SDK for JavaScript v3, signed as `protocol.md` §8
says. A column is a driver."""

QUICK = Config(transfer_backoff=0.01)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, stores: dict[str, StorePeer]) -> StorePeer:
    return stores[request.param]


@pytest.fixture(params=["botocore", "AWS SDK for JavaScript"])
def presigner(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def note(number: int, size: int) -> dict[str, Any]:
    return {"type": "note", "number": number, "text": "é" * (size // 2)}


async def test_messages(
    driver: Driver,
    case: Case,
    store: StorePeer,
    presigner: str,
    presigners: dict[str, Presign],
    record: Recorder,
) -> None:
    messages = [note(number, size) for number, size in enumerate([40_000, 10, 3_000_000, 50_000])]
    async with serving() as gateway:
        use_store(gateway, store, presigners[presigner])
        async with driver.connect(gateway.url) as client:
            with client.event("note") as stream:
                for message in messages:
                    await client.send(message)

                received = await take(stream, len(messages))

            assert received == messages
            assert client.stats.sent["upload"].messages == 3
            assert client.stats.received["download"].messages == 3
        assert gateway.store_requests == 0
    record.put(store.name, f"40 KB to 3 MB both ways, URLs by {presigner}", case.name)


async def test_an_expired_url_is_asked_for_again(
    driver: Driver,
    case: Case,
    store: StorePeer,
    presigners: dict[str, Presign],
    record: Recorder,
) -> None:
    by_javascript = presigners["AWS SDK for JavaScript"]
    ages = iter([3_700])

    def presign(store: StorePeer, method: Any, key: str, **options: int) -> str:
        return by_javascript(store, method, key, age=next(ages, 0) if method == "PUT" else 0)

    async with serving() as gateway:
        use_store(gateway, store, presign)
        async with driver.connect(gateway.url, config=QUICK) as client:
            reply = await client.request(note(1, 40_000), reply="note", timeout=10)

        assert reply == note(1, 40_000)
        assert gateway.uploads.granted == 2
    record.put(store.name, "an expired upload URL: a new one is asked for", case.name)


async def test_the_checksum_of_an_empty_body_is_named(
    driver: Driver,
    case: Case,
    stores: dict[str, StorePeer],
    presigners: dict[str, Presign],
    record: Recorder,
) -> None:
    # A store that checks it; rclone does not.
    store = stores["seaweedfs"]
    async with serving() as gateway:
        use_store(gateway, store, presigners["AWS SDK for JavaScript"], checksum=True)
        async with driver.connect(gateway.url, config=QUICK) as client:
            receipt = await client.send(note(1, 40_000))
            with anyio.fail_after(10), pytest.raises(SendFailed, match="checksum") as failed:
                await receipt.wait(Stage.CONFIRMED)

            assert receipt.stage is Stage.FAILED
            # The connection is none the worse.
            assert await client.request(note(2, 10), reply="note", timeout=10) == note(2, 10)
        assert "BadDigest" in str(failed.value)
    row = "the checksum of an empty body in the URL: fails, and says so"
    record.put(store.name, row, case.name)
