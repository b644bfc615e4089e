"""The core in a browser's Python: ``docs/examples/in_pyodide.py``, in Node's Pyodide."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from anyio import to_thread

from auxws_anyio.gateway import Gateway, insts
from tests.interop.conftest import Recorder
from tests.interop.programs import ROOT, javascript, program, running

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

TITLE = "8. Browsers"
TEXT = """\
The core in Pyodide 314.0.7 (CPython 3.14), in Node, with the WebSocket of `ws` 8.23.0 and Node's
own `fetch`: `docs/examples/in_pyodide.py`, which has nothing but the standard library and
`auxws_proto`."""

PEER = "pyodide 314.0.7"
EXAMPLES = ROOT / "docs" / "examples"
MODULES = [str(EXAMPLES / name) for name in ("in_pyodide.py", "embedding.py")]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The core as it would be in a wheel."""
    path = tmp_path / "auxws_proto.zip"
    source = ROOT / "src"
    with zipfile.ZipFile(path, "w") as file:
        for module in source.glob("auxws_proto/**/*.py"):
            file.write(module, module.relative_to(source))
    return path


def converse(url: str, archive: Path, logs: Path) -> list[str]:
    """What the example prints; it must come to a good end."""
    command = [program("node"), javascript("pyodide_client.mjs"), url, str(archive), *MODULES]
    with running(command, logs / "pyodide.log", pipes=True) as peer:
        lines = [peer.first_line(), peer.first_line()]
        assert peer.process.wait(30) == 0
    return lines


async def test_a_large_message_goes_there_and_back(
    archive: Path, logs: Path, record: Recorder
) -> None:
    async with Gateway(insts()) as gateway:
        # Not even the first attempt need succeed.
        gateway.faults.refuse_handshakes()
        lines = await to_thread.run_sync(converse, gateway.url, archive, logs)
        refused, granted, stored = (
            gateway.handshakes_refused, gateway.uploads.granted, gateway.uploads.by_server,
        )  # fmt: skip

    assert lines[0].startswith("Python 3.14.")
    assert lines[1] == "100,000 characters went there and back: True"
    assert (refused, granted, stored) == (1, 1, 1)
    assert list(gateway.violations) == []
    record.put(PEER, "login, a large update by upload, and back by download", "core")
    record.put(PEER, "the first handshake refused: it tries again", "core")
