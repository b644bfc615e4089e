"""A client of ours on its host: ``python -m tests.interop.networks.client DRIVER``.

Commands are lines of JSON on standard input, each answered by one line of JSON: ``echo`` (sizes)
sends notes and waits until all have come back, ``send`` (sizes) only accepts them, ``wait`` (state)
waits for a state of the connection, ``leave`` (state) for another one, ``settle`` waits for the
outcomes of all that was accepted and tells them, and ``ledger`` asks the gateway until all has
come, each note whole.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections import Counter
from hashlib import sha256
from typing import Any

import anyio
import anyio.to_thread

from auxws_proto import Config, Reconnect, State, UrlPolicy
from auxws_proto.observe import (
    ConnectionAttempted,
    ErrorReported,
    MessageMissed,
    ObserverEvent,
    StateChanged,
    line_of,
)
from tests.drivers.adapter import ClientLike, ReceiptLike
from tests.drivers.serving import take
from tests.interop.cases import CASES
from tests.interop.networks import GATEWAY_PORT, relay_address

URL = f"ws://{relay_address('client')}:{GATEWAY_PORT}/Prod"

CONFIG = Config(
    # A tenth of the defaults, so that a test takes seconds.
    ping_interval=2.0,
    ping_timeout=2.0,
    connect_timeout=2.0,
    transfer_timeout=3.0,
    transfer_backoff=0.05,
    upload_attempts=100,
    download_attempts=100,
    reconnect=Reconnect(base=0.1, cap=0.5),
    # A test of arrival counts what came, not how often.
    resend_unknown=True,
    # These hosts speak plain HTTP, on addresses that are no public ones.
    url_policy=UrlPolicy(allow_insecure=True, allow_private_addresses=True),
)


class Session:
    """One client, and what it was told to send."""

    def __init__(self, client: ClientLike) -> None:
        self._client = client
        self._name = uuid.uuid4().hex
        self._digests: dict[str, str] = {}
        self._receipts: list[ReceiptLike] = []

    def _note(self, size: int, *, echo: bool) -> dict[str, Any]:
        # The gateway's ledger has other clients' notes, too.
        number = f"{self._name}-{len(self._digests)}"
        text = number[-1] * size
        self._digests[number] = sha256(text.encode()).hexdigest()
        return {"type": "note", "number": number, "text": text, "echo": echo}

    async def echo(self, sizes: list[int]) -> Any:
        notes = [self._note(size, echo=True) for size in sizes]
        with self._client.event("note") as stream:
            for note in notes:
                await self._client.send(note)
            return {"same": await take(stream, len(notes)) == notes}

    async def send(self, sizes: list[int]) -> Any:
        for size in sizes:
            self._receipts.append(await self._client.send(self._note(size, echo=False)))
        return {}

    async def wait(self, state: str) -> Any:
        wanted = State(state)
        with self._client.states() as changes:
            if self._client.state is not wanted:
                async for change in changes:
                    if change.current is wanted:
                        break
        return {}

    async def leave(self, state: str) -> Any:
        left = State(state)
        with self._client.states() as changes:
            if self._client.state is left:
                async for _ in changes:
                    break
        return {}

    async def settle(self) -> Any:
        await self._client.flush()
        return {"stages": Counter(receipt.stage.value for receipt in self._receipts)}

    async def ledger(self) -> Any:
        # A message that came on a connection before this one may still be read from the store.
        mine: dict[str, str] = {}
        with anyio.fail_after(5):
            while mine != self._digests:
                reply = await self._client.request({"type": "ledger"}, reply="ledger")
                notes: dict[str, str] = reply["notes"]
                mine = {number: notes[number] for number in self._digests if number in notes}
        return {"arrived": len(mine)}


def log(event: ObserverEvent) -> None:
    """What a failed test will want to read."""
    if isinstance(event, ConnectionAttempted | StateChanged | ErrorReported | MessageMissed):
        print(f"{event.at:.3f}", line_of(event), file=sys.stderr, flush=True)


async def main(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    async with case.make().connect(URL, config=CONFIG, observer=log) as client:
        session = Session(client)
        while line := await anyio.to_thread.run_sync(sys.stdin.readline):
            order = json.loads(line)
            answer = await getattr(session, order.pop("do"))(**order)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    case_name = sys.argv[1]
    backend, options = next(case.backend for case in CASES if case.name == case_name)
    anyio.run(main, case_name, backend=backend, backend_options=options)
