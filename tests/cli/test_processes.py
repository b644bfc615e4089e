"""The command as a process: signals, pipes, a terminal, and what is not installed."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Generator
from pathlib import Path

import pytest
from rich.console import Console

from auxws_anyio.cli import _main, _out, _send, _stdin, main
from auxws_anyio.cli._exit import Failure

from .helpers import Served, Shell, serving, write_lines

COMMAND = [sys.executable, "-m", "auxws_anyio"]
TIMEOUT = 20.0


@contextlib.contextmanager
def process(*arguments: object) -> Generator[subprocess.Popen[str]]:
    """A command that runs; it is killed at the latest when the block is left."""
    with subprocess.Popen(
        [*COMMAND, *(str(argument) for argument in arguments)],
        text=True, encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        try:
            yield running
        finally:
            running.kill()


def line(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline()


def test_serve_says_where_and_ends_with_a_sum(shell: Shell, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "m", {"type": "big", "a": "x" * 40_000})
    with process(
        "serve", "--app", "echo", "--json", "--fault", "fail-puts=1,503,SlowDown"
    ) as serve:
        listening = json.loads(line(serve))
        ran = shell.run("send", listening["url"], file, "--json", "--reply", "big")
        serve.send_signal(signal.SIGINT)
        out, err = serve.communicate(timeout=TIMEOUT)

    told = [json.loads(text) for text in out.splitlines()]
    served = told[-1]
    assert ran.status == 0
    assert (serve.returncode, err) == (130, "")
    assert served["event"] == "served"
    assert (served["connections"], served["frames_over_limit"]) == (1, 0)
    # Two uploads of the client, one of which was refused, and its download.
    assert served["store_requests"] == 3


@pytest.mark.parametrize(
    ("backend", "number", "status"),
    [("asyncio", signal.SIGTERM, 143), ("trio", signal.SIGINT, 130)],
)
def test_signals_end_it_cleanly(
    echoing: Served, backend: str, number: signal.Signals, status: int
) -> None:
    greeting = ("--on-connect", '{"type":"hi"}')
    with process("watch", echoing.url, *greeting, "--backend", backend) as watch:
        first = line(watch)
        watch.send_signal(number)
        out, err = watch.communicate(timeout=TIMEOUT)

    assert first.startswith("← hi ")
    assert (watch.returncode, out, err) == (status, "", "")


def test_a_broken_pipe_is_quiet(echoing: Served) -> None:
    with process("watch", echoing.url, "--bare", "--on-connect", '{"type":"hi"}') as watch:
        assert json.loads(line(watch)) == {"type": "hi"}
        assert watch.stdout is not None
        watch.stdout.close()
        # The next thing that it prints meets nobody.
        echoing.portal.call(echoing.gateway.faults.send_junk, '[1,0,{"type":"more"}]')
        watch.wait(TIMEOUT)
        assert watch.stderr is not None
        err = watch.stderr.read()

    assert (watch.returncode, err) == (141, "")


def test_lines_go_out_as_they_are_written(echoing: Served) -> None:
    with process("send", echoing.url, "-", "--lines", "--json") as send:
        assert send.stdin is not None
        outcomes: list[int] = []
        for number in range(2):
            send.stdin.write(json.dumps({"type": "hi", "n": number}) + "\n")
            send.stdin.flush()
            outcomes.append(json.loads(line(send))["number"])
        send.stdin.close()
        send.wait(TIMEOUT)

    assert (send.returncode, outcomes) == (0, [1, 2])


def test_what_an_encoding_lacks_is_escaped(
    echoing: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    status = main(["watch", echoing.url, "--on-connect", '{"type":"é"}', "--count", "1"])

    assert (status, stream.errors) == (0, "strict")
    assert written.getvalue() == b"\\u2190 \\xe9  19 B inline  {}\n"


class Terminal:
    """A pseudo-terminal with a command on it."""

    def __init__(self, *arguments: object) -> None:
        self.ours, theirs = pty.openpty()
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
        self.process = subprocess.Popen(
            [*COMMAND, *(str(argument) for argument in arguments)],
            stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
            preexec_fn=_own_terminal,
        )  # fmt: skip
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def wait_for(self, pattern: str) -> str:
        """Read until what was printed, without colours, has this."""
        while not (match := re.search(pattern, self.plain)):
            data = os.read(self.ours, 65_536)
            self.seen += data.decode("utf-8", "replace")
        return match[0]

    @property
    def plain(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.seen)

    @property
    def is_restored(self) -> bool:
        """Whether lines are edited and echoed as before."""
        return bool(termios.tcgetattr(self._theirs)[3] == self.before[3])

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self._theirs)


def _own_terminal() -> None:
    """Make standard input the controlling terminal, so that Ctrl-C is a signal."""
    import fcntl

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextlib.contextmanager
def terminal(*arguments: object) -> Generator[Terminal]:
    shown = Terminal(*arguments)
    try:
        yield shown
    finally:
        shown.close()


def test_a_conversation_on_a_terminal(echoing: Served) -> None:
    with terminal("connect", echoing.url, "--live") as shown:
        shown.wait_for("OPEN  ping ")
        shown.type('{"type":"hi"')
        shown.wait_for(r'> \{"type":"hi"')
        shown.type("}\r")
        sent = shown.wait_for(r"→ 1 hi  13 B  \{\}")
        came = shown.wait_for(r"← 2 hi  19 B inline  \{\}")
        live = shown.wait_for(r"in  .* inline 1")
        shown.type("\x1b[A")  # the line before
        shown.wait_for(r'\{"type":"hi"\}\s.*\n?.*OPEN')
        shown.type("\x15\x04")
        status = shown.process.wait(TIMEOUT)
        restored = shown.is_restored

    assert (status, restored) == (0, True)
    assert all((sent, came, live))


def test_ctrl_c_leaves_the_terminal_as_it_was(echoing: Served) -> None:
    with terminal("connect", echoing.url) as shown:
        shown.wait_for("OPEN  ping ")
        was_changed = not shown.is_restored
        shown.type("\x03")
        status = shown.process.wait(TIMEOUT)
        restored = shown.is_restored

    assert (status, was_changed, restored) == (130, True, True)
    assert "Traceback" not in shown.seen


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What goes to a terminal of 100 columns, in this process."""
    file = io.StringIO()

    def console(*, stderr: bool = False) -> Console:
        return Console(file=file, force_terminal=True, width=100, markup=False, emoji=False)

    for module in (_out, _send):
        monkeypatch.setattr(module, "make_console", console)
    return file


def without_colours(file: io.StringIO) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())


def test_the_live_view_of_watch(shell: Shell, echoing: Served, drawn: io.StringIO) -> None:
    ran = shell.run("watch", echoing.url, "--live", "--timeout", "1s",
                    "--on-connect", '{"type":"hi"}')  # fmt: skip

    view = without_colours(drawn)
    assert ran.status == 0
    assert "← hi  19 B inline  {}" in view
    assert re.search(r"out .*inline 1 ", view)


def test_a_progress_bar_on_a_terminal(
    shell: Shell, tmp_path: Path, drawn: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_send, "LOOK_EVERY", 0.01)
    file = write_lines(tmp_path / "m", {"type": "big", "a": "x" * 5_000_000})
    with serving() as served:
        served.gateway.faults.delay_store = 0.3
        ran = shell.run("send", served.url, file)

    view = without_colours(drawn)
    assert ran.status == 0
    assert re.search(r"1 big .*5\.0/5\.0 MB", view)
    assert "→ 1 big  5.0 MB upload  CONFIRMED" in view


def test_a_shell_that_has_closed_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(Failure) as caught:
        _stdin.open_input("-")

    assert caught.value.text == "standard input is closed"


# What is not installed.


def test_a_backend_that_is_not_there(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, echoing: Served
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "trio" else find(name)
    )

    watch = shell.run("watch", echoing.url, "--backend", "trio")
    demo = shell.run("demo", "--backend", "trio")

    says = ["auxws: this needs trio, which is not installed; pip install trio"]
    assert (watch.status, watch.err) == (6, says)
    assert (demo.status, demo.err) == (6, says)


def test_an_extra_that_is_not_there(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> _main.Command:
        raise ModuleNotFoundError("No module named 'h11'", name="h11._events")

    monkeypatch.setattr(_main, "_load", load)

    ran = shell.run("serve", "--json")

    assert ran.status == 6
    assert ran.err == ["auxws: this needs h11, which is not installed; pip install 'auxws[cli]'"]
    assert ran.event("failed")["exit"] == 6


def test_the_protocol_alone_is_installed() -> None:
    program = (
        "import sys; sys.modules['anyio'] = sys.modules['rich'] = None\n"
        "from auxws_anyio.__main__ import main; sys.exit(main(['watch', 'ws://127.0.0.1:1/']))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=TIMEOUT,
        check=False,
    )  # fmt: skip

    assert done.returncode == 6
    assert done.stderr == (
        "auxws: this needs anyio, which is not installed; pip install 'auxws[cli]'\n"
    )


def test_without_rich_there_are_plain_lines(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, echoing: Served
) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)

    ran = shell.run("watch", echoing.url, "--count", 1, "--on-connect", '{"type":"\\u001b"}')

    assert (ran.status, ran.err) == (0, [])
    assert ran.out == ["← \\u001b  23 B inline  {}"]


def test_a_defect_is_not_hidden(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> _main.Command:
        raise ModuleNotFoundError("No module named 'auxws_anyio.gone'", name="auxws_anyio.gone")

    monkeypatch.setattr(_main, "_load", load)

    with pytest.raises(ModuleNotFoundError):
        shell.run("serve")
