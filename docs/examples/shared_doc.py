"""A shopping list that everybody shares: a Yjs document, kept in step with an inst.

    python shared_doc.py wss://{api-id}.execute-api.{region}.amazonaws.com/{stage} MILK [BREAD …]

Whoever is offline goes on writing; afterwards nothing is lost, and nobody has to merge anything.
"""

from __future__ import annotations

import sys

from pycrdt import Array

from auxws_proto import ConnectionId
from auxws_sync import connect
from auxws_sync.yjs import SharedDoc


def main(url: str, wishes: list[str]) -> None:
    """Put wishes on the list, and show all of it."""
    with (
        connect(url, login=ConnectionId("shopper")) as client,
        SharedDoc(client.inst(None, "kitchen")) as shared,
    ):
        shared.wait_synced(timeout=30)
        with shared.transaction():
            wanted: Array[str] = shared.doc.get("wanted", type=Array)
            wanted.extend(wishes)
        shared.wait_synced(timeout=30)
        with shared.transaction():
            print("to buy:", ", ".join(wanted))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
