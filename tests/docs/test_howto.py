"""The how-to pages say what is so: their code runs, and their tables name what there is."""

from __future__ import annotations

import inspect
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import anyio
import anyio.to_thread
import pytest
from opentelemetry.metrics import NoOpMeter

from auxws_anyio.gateway import Gateway, echo
from auxws_anyio.otel._metrics import Metrics
from auxws_proto.observe import ObserverEvent
from tests.docs.test_readme import BLOCKS, FENCE, ROOT, Block

OBSERVABILITY = (ROOT / "docs/observability.md").read_text("utf-8")
TESTING = (ROOT / "docs/testing.md").read_text("utf-8")
LOOKING_ON = [block for block in BLOCKS if block.name.startswith("docs/observability.md")]


def run_tests(folder: Path, sources: list[str]) -> str:
    """The end of what pytest says of test files, each as its author would run it."""
    for number, source in enumerate(sources, 1):
        (folder / f"test_block_{number}.py").write_text(source, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    done = subprocess.run(
        [*command, "--strict-markers"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_readmes_test_of_an_application_runs(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.partition("## Testing your own application")[2].partition("\n## ")[0]
    (source,) = FENCE.findall(section)

    assert "1 passed" in run_tests(tmp_path, [source])


def test_each_block_of_the_page_about_testing_is_a_test_file(tmp_path: Path) -> None:
    sources = FENCE.findall(TESTING)

    told = run_tests(tmp_path, sources)

    # The asynchronous one runs on asyncio and on trio.
    assert f"{len(sources) + 1} passed" in told


def test_every_fixture_is_in_the_page_about_testing() -> None:
    import auxws_anyio.pytest_plugin

    fixtures = {name for name in auxws_anyio.pytest_plugin.__all__ if name.startswith("aux_")}
    assert set(re.findall(r"^\| `(aux_\w+)`", TESTING, re.MULTILINE)) == fixtures


async def run_block(block: Block, url: str) -> None:
    """A block, and the ``main`` that it defines."""
    names: dict[str, Any] = {"__name__": "docs"}
    exec(compile(block.source, block.path, "exec"), names)
    main = names.get("main")
    if inspect.iscoroutinefunction(main):
        await main(url)
    elif main is not None:
        await anyio.to_thread.run_sync(main, url)


@pytest.mark.anyio
@pytest.mark.parametrize("block", LOOKING_ON, ids=[block.name for block in LOOKING_ON])
async def test_each_block_of_the_page_about_looking_on_runs(
    block: Block, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    with anyio.fail_after(30):
        async with Gateway(echo) as gateway:
            await run_block(block, gateway.url)

    said = capsys.readouterr().out + caplog.text
    assert "CONNECTING" in said
    if block.source.count("send("):
        assert "50,0" in said


def test_every_event_is_in_the_table() -> None:
    table = OBSERVABILITY.partition("| event |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]

    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]

    assert sorted(named) == sorted(kind.__name__ for kind in get_args(ObserverEvent))


class NamingMeter(NoOpMeter):
    """Notes the names of what is created."""

    def __init__(self) -> None:
        super().__init__("names")
        self.names: list[str] = []

    def create_counter(self, name: str, *args: Any, **options: Any) -> Any:
        self.names.append(name)
        return super().create_counter(name, *args, **options)

    def create_up_down_counter(self, name: str, *args: Any, **options: Any) -> Any:
        self.names.append(name)
        return super().create_up_down_counter(name, *args, **options)

    def create_histogram(self, name: str, *args: Any, **options: Any) -> Any:
        self.names.append(name)
        return super().create_histogram(name, *args, **options)


def test_every_instrument_is_in_the_table() -> None:
    table = OBSERVABILITY.partition("| instrument |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    meter = NamingMeter()
    Metrics(meter)

    named = [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]

    assert sorted(named) == sorted(meter.names)
