"""Shared documents and threads: what the suite for all drivers does not ask."""

from __future__ import annotations

import threading

from pycrdt import Array

from auxws_anyio.gateway import insts
from auxws_proto import ConnectionId
from auxws_sync import connect
from auxws_sync.yjs import SharedDoc
from tests.sync.conftest import GatewayFactory

INST = (None, "lobby", "shared")


def test_many_threads_change_two_documents(make_gateway: GatewayFactory) -> None:
    gateway = make_gateway(insts())
    wanted = {
        f"{who}{thread}-{number}" for who in "ab" for thread in range(4) for number in range(25)
    }

    def work(shared: SharedDoc, name: str) -> None:
        with shared.transaction():
            items: Array[str] = shared.doc.get("items", type=Array)
        for number in range(25):
            with shared.transaction():
                items.append(f"{name}-{number}")

    with (
        connect(gateway.url, login=ConnectionId("a")) as alice,
        connect(gateway.url, login=ConnectionId("b")) as bob,
    ):
        with SharedDoc(alice.inst(*INST)) as hers, SharedDoc(bob.inst(*INST)) as his:
            threads = [
                threading.Thread(target=work, args=(shared, f"{who}{thread}"))
                for who, shared in (("a", hers), ("b", his))
                for thread in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for shared in (hers, his):
                shared.wait_synced(20)
        with SharedDoc(alice.inst(*INST)) as again:
            again.wait_synced(20)
            with again.transaction():
                found = again.doc.get("items", type=Array).to_py()

    assert found is not None
    assert len(found) == len(wanted)
    assert set(found) == wanted


def test_nothing_is_left_of_it(make_gateway: GatewayFactory) -> None:
    gateway = make_gateway(insts())
    with connect(gateway.url, login=ConnectionId("a")) as client:
        with SharedDoc(client.inst(*INST)) as shared:
            shared.wait_synced(20)
            during = [t for t in threading.enumerate() if t.name.startswith("auxws-doc")]
        for thread in during:
            thread.join(20)

    assert sorted(thread.name for thread in during) == ["auxws-doc-in", "auxws-doc-out"]
    assert not any(thread.is_alive() for thread in during)
