"""The drivers that the interop tests run on."""

from __future__ import annotations

from typing import Final

from tests.drivers._threads import ThreadDriver
from tests.drivers.adapter import ASYNC_CASES, Case

CASES: Final = [
    *(case for case in ASYNC_CASES if case.name != "uvloop"),
    Case("threads", ("asyncio", {}), ThreadDriver),
]
