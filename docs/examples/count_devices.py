"""A monitor: how many devices are in an inst, told whenever that changes. Without an event loop.

python count_devices.py wss://{api-id}.execute-api.{region}.amazonaws.com/{stage}
"""

from __future__ import annotations

import contextlib
import sys

from auxws_proto import ConnectionId, DeviceJoined
from auxws_sync import connect


def main(url: str) -> None:
    """Count until somebody stops us."""
    count = 0
    with (
        connect(url, login=ConnectionId("monitor")) as client,
        client.inst(None, "lobby").devices() as changes,
    ):
        for change in changes:
            has_joined = isinstance(change, DeviceJoined)
            count += 1 if has_joined else -1
            verb = "joins" if has_joined else "leaves"
            print(f"{change.connection['connectionId']} {verb}: {count} devices", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1])
