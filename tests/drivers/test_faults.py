"""What goes wrong is told once, by a typed error, and stops nothing else."""

from __future__ import annotations

import anyio
import anyio.abc
import pytest

from auxws_anyio.gateway import Drop
from auxws_proto import (
    Config,
    DownloadFailed,
    FailReason,
    GatewayNotice,
    RemoteProtocolError,
    SendFailed,
    ServerError,
    Stage,
    State,
)
from auxws_proto.observe import ObserverEvent
from tests.drivers.adapter import Driver
from tests.drivers.serving import serving, take, until

pytestmark = pytest.mark.anyio

LARGE = {"type": "n", "text": "x" * 50_000}
QUICK = Config(transfer_backoff=0.001)


@pytest.mark.parametrize(
    "junk",
    ["", "junk", "null", "1", '"text"', "[]", "[9,1]", "[1]", "[1,0,{}]", "[4,-1,1,2,3]", "{}"],
)
async def test_junk_is_reported_once_and_the_stream_goes_on(driver: Driver, junk: str) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        await client.wait_connected()
        errors = client.errors()
        gateway.faults.send_junk(junk)

        reports = await take(errors, 1)

        assert isinstance(reports[0].error, RemoteProtocolError | GatewayNotice)
        assert await client.request({"type": "n"}, reply="n") == {"type": "n"}
        assert client.stats.errors == 1


async def test_binary_is_reported(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        await client.wait_connected()
        gateway.faults.send_junk(b"\x00\xff")

        reports = await take(client.errors(), 1)

        assert reports[0].error.violation == "binary_message"
        assert await client.request({"type": "n"}, reply="n") == {"type": "n"}


async def test_error_events_and_notices_come_with_their_objects(driver: Driver) -> None:
    info = {"success": False, "errorCode": "not_authorized", "errorMessage": "no"}
    async with serving() as gateway, driver.connect(gateway.url) as client:
        await client.wait_connected()
        gateway.faults.send_error(info, 3)
        gateway.faults.send_notice("Internal server error")

        error, notice = await take(client.errors(), 2)

        assert isinstance(error.error, ServerError)
        assert (error.error.code, error.event_id, error.info) == ("not_authorized", 3, info)
        assert isinstance(notice.error, GatewayNotice)
        assert notice.info["message"] == "Internal server error"


@pytest.mark.parametrize("when", list(Drop))
async def test_a_dropped_upload_is_sent_again(driver: Driver, when: Drop) -> None:
    async with serving() as gateway, driver.connect(gateway.url, config=QUICK) as client:
        gateway.faults.drop_puts(1, when)

        assert await client.request(LARGE, reply="n") == LARGE


@pytest.mark.parametrize("when", [Drop.HEAD, Drop.ANSWER, Drop.RESPONSE])
async def test_a_dropped_download_is_asked_for_again(driver: Driver, when: Drop) -> None:
    async with serving() as gateway, driver.connect(gateway.url, config=QUICK) as client:
        gateway.faults.drop_gets(1, when)

        assert await client.request(LARGE, reply="n") == LARGE


async def test_a_busy_store_is_tried_again(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url, config=QUICK) as client:
        gateway.faults.fail_puts(2, 503, "SlowDown")
        gateway.faults.fail_gets(2, 500, "InternalError")

        assert await client.request(LARGE, reply="n") == LARGE


async def test_an_expired_url_is_replaced(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url, config=QUICK) as client:
        gateway.faults.expire_puts(1)

        assert await client.request(LARGE, reply="n") == LARGE


async def test_a_redirect_of_the_store_is_followed_once(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        gateway.faults.redirect_puts(gateway.store_url)

        assert await client.request(LARGE, reply="n") == LARGE


async def test_an_upload_that_is_refused_fails_that_message_alone(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        gateway.faults.fail_puts(1, 403, "AccessDenied", "no")
        receipt = await client.send(LARGE)
        with client.event("n") as stream:
            await client.send({"type": "n", "number": 1})

            with pytest.raises(SendFailed, match="AccessDenied") as caught:
                await receipt.wait()

            assert caught.value.reason is FailReason.HTTP_STATUS
            assert (receipt.stage, receipt.error) == (Stage.FAILED, caught.value)
            assert await take(stream, 1) == [{"type": "n", "number": 1}]


async def test_a_request_whose_message_fails_fails(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        gateway.faults.refuse_uploads(1, "server_error")

        with pytest.raises(SendFailed, match="server_error"):
            await client.request(LARGE, reply="n")


async def test_a_server_without_uploads_gets_it_inline(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        gateway.faults.refuse_uploads(1, "not_supported")

        assert await client.request(LARGE, reply="n") == LARGE
        assert "upload" not in client.stats.sent


async def test_a_download_that_cannot_be_had_leaves_a_gap_in_its_place(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        gateway.faults.fail_gets(1, 404, "NoSuchKey")
        with client.event("n") as stream:
            await client.send(LARGE)
            await client.send({"type": "n", "number": 1})

            reports = await take(client.errors(), 1)

            assert isinstance(reports[0].error, DownloadFailed)
            assert reports[0].is_gap
            assert await take(stream, 1) == [{"type": "n", "number": 1}]


async def test_a_download_over_the_limit_is_a_gap(driver: Driver) -> None:
    config = Config(max_download_size=40_000)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        await client.send(LARGE)

        reports = await take(client.errors(), 1)

        assert reports[0].error.reason is FailReason.TOO_LARGE
        assert "40,000" in str(reports[0].error)


async def test_a_silent_store_is_given_up(driver: Driver) -> None:
    config = Config(transfer_timeout=0.05, upload_attempts=1)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        gateway.faults.delay_store = 60
        receipt = await client.send(LARGE)

        with pytest.raises(SendFailed) as caught:
            await receipt.wait()

        assert caught.value.reason is FailReason.TRANSFER_TIMEOUT
        gateway.faults.delay_store = 0


async def test_a_silent_peer_is_noticed(driver: Driver) -> None:
    config = Config(ping_interval=0.1, ping_timeout=0.5, reconnect=None)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        await client.request({"type": "n"}, reply="n")
        await client.flush()
        states = client.states()
        gateway.faults.silent = True

        changes = await take(states, 1)

        assert changes[0].current is State.CLOSED
        assert "no pong" in str(changes[0].cause)


async def test_leaving_a_silent_peer_takes_its_time_and_no_more(driver: Driver) -> None:
    config = Config(close_timeout=0.1)
    async with serving() as gateway:
        async with driver.connect(gateway.url, config=config) as client:
            await client.wait_connected()
            gateway.faults.silent = True
            receipt = await client.send({"type": "n"})

        assert client.state is State.CLOSED
        assert receipt.stage in (Stage.UNKNOWN, Stage.FAILED)


async def test_a_peer_that_never_shakes_hands_is_given_up(driver: Driver) -> None:
    async def hold(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await anyio.sleep_forever()

    config = Config(connect_timeout=0.05, reconnect=None)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, hold)
        with anyio.fail_after(10):
            async with driver.connect(f"ws://127.0.0.1:{port}/", config=config) as client:
                with pytest.raises(Exception, match=r"no handshake within 0\.05 s"):
                    await client.wait_connected()
        group.cancel_scope.cancel()


async def test_a_message_in_flight_when_the_connection_breaks_is_unknown(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        await client.wait_connected()
        gateway.faults.answer_pings = False
        receipt = await client.send({"type": "n"})
        await receipt.wait(Stage.SENT)
        gateway.faults.drop_connections()

        with pytest.raises(SendFailed) as caught:
            await receipt.wait(Stage.CONFIRMED)

        assert receipt.stage is Stage.UNKNOWN
        assert caught.value.reason is FailReason.TRANSPORT_LOST


class Broken(Exception):
    """A user's own error."""


async def test_an_exception_of_the_application_comes_out_bare(driver: Driver) -> None:
    async def fail(url: str) -> None:
        async with driver.connect(url) as client:
            await client.wait_connected()
            raise Broken

    async with serving() as gateway:
        with pytest.raises(Broken):
            await fail(gateway.url)

        await until(lambda: gateway.connections == [])


async def test_an_observer_that_raises_is_reported_once_and_harms_nothing(driver: Driver) -> None:
    seen: list[str] = []

    def observe(event: ObserverEvent) -> None:
        seen.append(type(event).__name__)
        if len(seen) == 3:
            raise Broken

    async with serving() as gateway, driver.connect(gateway.url, observer=observe) as client:
        assert await client.request({"type": "n"}, reply="n") == {"type": "n"}
        reports = await take(client.errors(), 1)

    assert seen[:2] == ["ConnectionAttempted", "StateChanged"]
    assert len(seen) == 3
    assert "the observer raised Broken" in str(reports[0].error)
    assert isinstance(reports[0].error.__cause__, Broken)
