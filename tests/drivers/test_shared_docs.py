"""Shared Yjs documents: two clients and a branch, with partitions and bad updates."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import anyio
import pytest

from auxws_anyio.gateway import insts
from auxws_proto import (
    ConnectionFailed,
    CorruptUpdate,
    DocumentFault,
    LocalProtocolError,
    NotSynced,
    UpdatesRefused,
    WatchFailed,
)
from auxws_proto._doc_sync import DocSync
from tests.drivers.adapter import Driver
from tests.drivers.serving import serving, until
from tests.drivers.sharing import Shared, document, enter, make, sharing, text_of
from tests.drivers.test_insts import INST, joining

pytestmark = pytest.mark.anyio

HELLO = bytes.fromhex("01010100040101740568656c6c6f00").replace(b"\x01t\x05", b"\x04text\x05")
"""Client 1 writes "hello"."""
BREAKS_AFTER_HELLO = bytes.fromhex("0101010584010400017800")
"""An update that decodes, and at which pycrdt panics where there is `HELLO`."""
NO_PARENT = bytes.fromhex(
    "0106010004010174016881010001840101036c6c6f2701016d016b01280001040161017c3f80000028000105017a"
    "017c400000000101010101"
)
"""An update that decodes, and that cannot be applied."""


def base64(update: bytes) -> str:
    return b64encode(update).decode()


async def stored(client: Any) -> list[bytes]:
    """What the branch has."""
    answer = await client.get_updates(*INST, timeout=5)
    return [b64decode(update) for update in answer.updates]


async def in_step(*shared: Shared, text: str) -> None:
    """Wait until all documents have this text."""
    for one in shared:
        await one.wait_synced()
    for one in shared:
        await one.wait_text(text)


async def test_changes_go_out_and_come_in(driver: Driver) -> None:
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        joining(driver, gateway, "b") as bob,
        sharing(alice.inst(*INST)) as hers,
        sharing(bob.inst(*INST)) as his,
    ):
        hers.write("hello")
        await in_step(hers, his, text="hello")
        his.write(" world", at=5)
        await in_step(hers, his, text="hello world")
        hers.erase(0, 6)
        await in_step(hers, his, text="world")
        updates = await stored(alice)

    assert text_of(*updates) == "world"
    assert len(updates) == 3, "nothing came back as an echo"


async def test_both_sides_have_contents_at_first(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        await alice.inst(*INST).add_updates([base64(HELLO)], timeout=5)
        doc = document("mine ", client_id=7)
        async with sharing(alice.inst(*INST), doc) as hers:
            await hers.wait_synced()
            text = hers.read()
        updates = await stored(alice)

    assert sorted(text.split()) == ["hello", "mine"] or text in ("mine hello", "hellomine ")
    assert text_of(*updates) == text
    assert len(updates) == 2


async def test_what_the_branch_has_is_not_sent_again(driver: Driver) -> None:
    doc = document("mine")
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        for _ in range(2):
            async with sharing(alice.inst(*INST), doc) as hers:
                await hers.wait_synced()
        updates = await stored(alice)

    assert len(updates) == 1


async def test_a_partition_heals_by_itself(driver: Driver) -> None:
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        joining(driver, gateway, "b") as bob,
        sharing(alice.inst(*INST)) as hers,
        sharing(bob.inst(*INST)) as his,
    ):
        hers.write("middle")
        await in_step(hers, his, text="middle")
        await alice.disconnect()
        await bob.disconnect()
        for number in range(50):
            hers.write(f"<{number}", at=0)
            his.write(f"{number}>", at=len(his.read()))
        apart = hers.read(), his.read()
        await alice.connect()
        await bob.connect()
        both = hers.read()[: -len("middle")] + his.read()
        await in_step(hers, his, text=both)
        updates = await stored(alice)

    assert apart[0].startswith("<49<48")
    assert apart[1].endswith("48>49>")
    assert text_of(*updates) == both
    assert len(updates) <= 5, "what was changed offline is merged: two updates a side, not 50"


async def test_nothing_is_lost_while_connections_break(driver: Driver) -> None:
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        joining(driver, gateway, "b") as bob,
        sharing(alice.inst(*INST)) as hers,
        sharing(bob.inst(*INST)) as his,
    ):
        for number in range(40):
            hers.write(f"a{number} ")
            his.write(f"b{number} ")
            if number % 10 == 3:
                gateway.faults.drop_connections()
            if number % 10 == 8:
                gateway.faults.close_connections()
            await anyio.wait_all_tasks_blocked()
        await hers.wait_synced()
        await his.wait_synced()
        await until(lambda: hers.read() == his.read())
        text = hers.read()
        updates = await stored(alice)

    assert set(text.split()) == {f"{who}{number}" for who in "ab" for number in range(40)}
    assert len(text.split()) == 80
    assert text_of(*updates) == text


async def test_only_what_is_not_acknowledged_is_sent_again(driver: Driver) -> None:
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        sharing(alice.inst(*INST)) as hers,
    ):
        hers.write("one ")
        await hers.wait_synced()
        gateway.faults.silent = True
        hers.write("two ")
        with pytest.raises(TimeoutError, match="not in step"):
            await hers.wait_synced(0.05)
        was_synced = hers.is_synced
        gateway.faults.silent = False
        gateway.faults.drop_connections()
        await hers.wait_synced()
        updates = await stored(alice)

    assert not was_synced
    assert [text_of(*updates[:count]) for count in (1, 2)] == ["one ", "two one "]
    assert len(updates) == 2


async def test_a_large_change_goes_by_upload(driver: Driver) -> None:
    large = "0123456789" * 300_000
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        joining(driver, gateway, "b") as bob,
        sharing(alice.inst(*INST), document(large)) as hers,
        sharing(bob.inst(*INST)) as his,
    ):
        await in_step(hers, his, text=large)
        granted = gateway.uploads.granted

    assert granted == 1


# What others put into the branch.


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("no base64!", "no base64"),
        ("/////w==", "decode"),
        (base64(BREAKS_AFTER_HELLO), "Panic"),
        (base64(NO_PARENT), "Cannot apply update"),
    ],
)
@pytest.mark.parametrize("is_initial", [True, False])
async def test_a_bad_update_is_told_and_left_out(
    driver: Driver, bad: str, reason: str, is_initial: bool
) -> None:
    good = [base64(HELLO), base64(document("!", client_id=9).get_update())]
    texts = {"hello!", "!hello"}
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        joining(driver, gateway, "b") as bob,
        sharing(bob.inst(*INST)) as his,
    ):
        await his.wait_synced()
        if is_initial:
            await alice.inst(*INST).add_updates([good[0], bad, good[1]], timeout=5)
        async with sharing(alice.inst(*INST)) as hers:
            await hers.wait_synced()
            if not is_initial:
                await bob.inst(*INST).add_updates([good[0], bad, good[1]], timeout=5)
            with alice.errors() as errors:
                report = await anext(errors)
            await until(lambda: hers.read() in texts)
            hers.write("on ")
            await hers.wait_synced()
            text = hers.read()
            if is_initial:
                await until(lambda: his.read() == text)
            updates = await stored(alice)

    assert isinstance(report.error, CorruptUpdate)
    assert report.error.update == bad
    assert report.error.key == INST
    assert reason in str(report.error)
    assert len(updates) == 4
    assert text in {f"on {text}" for text in texts}


async def test_an_observer_that_raises(driver: Driver) -> None:
    def fail(_event: object) -> None:
        raise ZeroDivisionError("by the observer")

    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        joining(driver, gateway, "b") as bob,
        sharing(alice.inst(*INST)) as hers,
        sharing(bob.inst(*INST)) as his,
    ):
        await hers.wait_synced()
        await until(lambda: hers.is_synced)
        subscription = hers.doc.observe(fail)
        his.write("hello")
        with alice.errors() as errors:
            report = await anext(errors)
        with hers.transaction():
            pass  # The one that told of the error is over.
        hers.doc.unobserve(subscription)
        hers.write("well, ")
        await in_step(hers, his, text="well, hello")

    assert isinstance(report.error, DocumentFault)
    assert "ZeroDivisionError: by the observer" in str(report.error)


async def test_a_defect_is_told(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(DocSync, "came", fail)
    async with (
        serving(insts()) as gateway,
        joining(driver, gateway, "a") as alice,
        sharing(alice.inst(*INST)) as hers,
    ):
        with pytest.raises(DocumentFault, match="a defect"):
            await hers.wait_synced()
        with alice.errors() as errors:
            report = await anext(errors)

    assert isinstance(report.error, DocumentFault)


# A branch that does not take it.


async def test_a_branch_that_is_full(driver: Driver) -> None:
    async with (
        serving(insts(max_branch_bytes=100)) as gateway,
        joining(driver, gateway, "a") as alice,
    ):
        found: list[Any] = []

        async def share() -> None:
            async with sharing(alice.inst(*INST)) as hers:
                hers.write("x" * 100)
                with pytest.raises(UpdatesRefused, match="max_size_reached"):
                    await hers.wait_synced()
                found.extend([hers.is_synced, hers.error])

        with pytest.raises(NotSynced) as left:
            await share()
        with alice.errors() as errors:
            report = await anext(errors)

    assert isinstance(report.error, UpdatesRefused)
    assert found == [False, left.value.__cause__]
    assert isinstance(left.value.__cause__, UpdatesRefused)


async def test_what_was_refused_goes_with_the_next_change(driver: Driver) -> None:
    async with (
        serving(insts(max_branch_bytes=100)) as gateway,
        joining(driver, gateway, "a") as alice,
        sharing(alice.inst(*INST)) as hers,
    ):
        hers.write("x" * 200)
        with pytest.raises(UpdatesRefused):
            await hers.wait_synced()
        gateway.app = insts()
        gateway.faults.drop_connections()
        hers.write("now ")
        await hers.wait_synced()
        updates = await stored(alice)

    assert text_of(*updates) == "now " + "x" * 200
    assert len(updates) == 1


async def test_a_branch_that_cannot_be_watched(driver: Driver) -> None:
    async with (
        serving(insts(max_branches=1)) as gateway,
        joining(driver, gateway, "a") as alice,
        sharing(alice.inst(None, "one", "shared")) as first,
    ):
        await first.wait_synced()

        async def share() -> None:
            async with sharing(alice.inst(None, "two", "shared")) as second:
                with pytest.raises(WatchFailed, match="subscription_limit_reached"):
                    await second.wait_synced()
                second.write("lost otherwise")

        with pytest.raises(NotSynced, match="has not come") as left:
            await share()
        with alice.errors() as errors:
            report = await anext(errors)

    assert isinstance(report.error, WatchFailed)
    assert isinstance(left.value.__cause__, WatchFailed)


# Leaving.


async def test_leaving_waits_for_the_acknowledgement(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        async with sharing(alice.inst(*INST)) as hers:
            hers.write("hello")
        updates = await stored(alice)

    assert hers.is_synced
    assert text_of(*updates) == "hello"


async def test_what_is_not_acknowledged_in_time_is_left_to_the_client(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        async with sharing(alice.inst(*INST), close_timeout=0.05) as hers:
            await hers.wait_synced()
            await alice.disconnect()
            hers.write("hello")
        await alice.connect()
        async with (
            joining(driver, gateway, "b") as bob,
            sharing(bob.inst(*INST)) as his,
        ):
            await until(lambda: his.read() == "hello")


async def test_nothing_is_known_of_the_branch(driver: Driver) -> None:
    async with serving(insts()) as gateway, driver.client(gateway.url) as client:
        async with sharing(client.inst(*INST), close_timeout=0):
            pass
        with pytest.raises(NotSynced, match="has not come"):
            async with sharing(client.inst(*INST), close_timeout=0) as hers:
                hers.write("hello")


async def test_an_error_in_the_block_is_what_comes_out_of_it(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:

        async def share() -> None:
            async with sharing(alice.inst(*INST)) as hers:
                await hers.wait_synced()
                hers.write("hello")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await share()
        async with sharing(alice.inst(*INST)) as again:
            await until(lambda: again.read() == "hello")


async def test_the_end_of_the_client(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:

        async def share() -> None:
            async with sharing(alice.inst(*INST)) as hers:
                await hers.wait_synced()
                await alice.aclose()
                hers.write("late")
                with pytest.raises(ConnectionFailed):
                    await hers.wait_synced()

        with pytest.raises(NotSynced):
            await share()


async def test_it_is_entered_once_and_first(driver: Driver) -> None:
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        with pytest.raises(LocalProtocolError, match="enter the document first"):
            await Shared(make(alice.inst(*INST))).wait_synced()
        async with sharing(alice.inst(*INST)) as hers:
            with pytest.raises(LocalProtocolError, match="watches the branch already"):
                async with sharing(alice.inst(*INST)):
                    pass
        with pytest.raises(LocalProtocolError, match="entered once"):
            await enter(hers.shared)


async def test_it_is_not_entered_within_a_transaction(driver: Driver) -> None:
    doc = document("hello")
    async with serving(insts()) as gateway, joining(driver, gateway, "a") as alice:
        with doc.transaction():
            shared = make(alice.inst(*INST), doc)
            with pytest.raises(DocumentFault):
                await enter(shared)
        async with sharing(alice.inst(*INST), doc) as hers:
            await hers.wait_synced()
        updates = await stored(alice)

    assert text_of(*updates) == "hello"
