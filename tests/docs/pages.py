"""Runs the code of a page of the documentation, in its order, against a local gateway.

    python -m tests.docs.pages docs/traces.md

A page runs in a process and in an empty folder of its own. What a fence holds decides what is done:

* ``python`` runs in the page's one namespace; ``await`` may stand outside of functions. A block
  that defines ``test_…`` functions is given to pytest as a file.
* ``console`` has commands behind ``$ `` (``> `` continues one) and what they print, if it is to be
  compared; ``...`` stands for anything. ``sh`` is a script.
* ``json`` is read: as one document, or one a line. Anything else is not looked at.

``URL`` (in Python and in the shell) is the gateway's; so is `PLACEHOLDER`, wherever it stands.
Comments, which no reader sees, change this for the fence that follows:

* ``<!-- not run: REASON -->``; ``tests/docs/test_pages.py`` counts these.
* ``<!-- output -->``: the fence is what the one before it printed, with ``...`` as above.
* ``<!-- until its first print -->``: a program without end, which is left there.
* ``<!-- exits with N -->``: commands that are to fail.
* ``<!-- saved as NAME -->``: a file, which commands further down use.
* ``<!-- goes on as NAME -->``: a command that is left running, in a terminal of its own, and has
  printed what the fence says. ``<!-- printed by NAME -->``: what it has printed since.
* ``<!-- the gateway is at URL -->``: for the rest of the page that URL is the gateway's too.
* ``<!-- run`` and Python up to ``-->``: code that runs here, unseen: imports, or a call.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.from_thread

from auxws_anyio.gateway import Gateway, insts

ROOT: Final = Path(__file__).parent.parent.parent
PLACEHOLDER: Final = "wss://{api-id}.execute-api.{region}.amazonaws.com/{stage}"
PATIENCE: Final = 30.0
"""Seconds in which a program that goes on must print what the page says."""
RUN: Final = frozenset({"python", "console", "sh", "json"})

FENCE: Final = re.compile(r"(?P<indent> *)(?P<ticks>`{3,}|:{3,})(?P<info>.*)")
COMMENT: Final = re.compile(r"\s*<!--(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A fence, or a hidden comment, that means something."""

    kind: str
    line: int
    """The line of its first line of code; 1 is the file's first."""
    source: str
    not_run: str | None = None
    until_print: bool = False
    exits_with: int = 0
    output_of_last: bool = False
    saved_as: str | None = None
    goes_on_as: str | None = None
    printed_by: str | None = None


@dataclass(slots=True)
class _Marks:
    """What comments have said about the next fence."""

    marks: dict[str, Any] = field(default_factory=dict[str, Any])

    def note(self, comment: str) -> None:
        words = " ".join(comment.split())
        if words.startswith("not run:"):
            self.marks["not_run"] = words.removeprefix("not run:").strip()
        elif words == "output":
            self.marks["output_of_last"] = True
        elif words == "until its first print":
            self.marks["until_print"] = True
        elif match := re.fullmatch(r"(saved as|goes on as|printed by) (\S+)", words):
            self.marks[match[1].replace(" ", "_")] = match[2]
        elif match := re.fullmatch(r"exits with (\d+)", words):
            self.marks["exits_with"] = int(match[1])


def steps(text: str) -> Iterator[Step]:
    """The steps of a page."""
    lines = text.splitlines()
    marks = _Marks()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if match := COMMENT.match(line):
            body = match[1]
            first = number + 1
            while "-->" not in body and number < len(lines):
                body += "\n" + lines[number]
                number += 1
            comment = body.partition("-->")[0]
            if comment.strip().startswith("the gateway is at "):
                url = comment.split()[-1]
                yield Step(kind="alias", line=first, source=url)
            elif comment.strip().split("\n")[0] == "run":
                code = textwrap.dedent(comment.partition("\n")[2])
                yield Step(kind="python", line=first, source=code)
            else:
                marks.note(comment)
        elif match := FENCE.fullmatch(line):
            first = number + 1
            body = ""
            closing = re.compile(rf" *{match['ticks'][0]}{{{len(match['ticks'])},}} *")
            while number < len(lines) and not closing.fullmatch(lines[number]):
                body += lines[number].removeprefix(match["indent"]) + "\n"
                number += 1
            number += 1
            kind = match["info"].strip()
            if kind in RUN or marks.marks.keys() & {"output_of_last", "saved_as", "printed_by"}:
                yield Step(kind=kind, line=first, source=body, **marks.marks)
            marks = _Marks()
        elif line.strip():
            marks = _Marks()


class Wrong(Exception):
    """A step that is not what the page says."""


class _SeenEnough(BaseException):
    """Ends a program at its first print."""


def same(expected: str, got: str) -> bool:
    """Whether an output is the expected one: ``...`` stands for anything, and a line of nothing
    else for any number of lines; how much white space there is does not matter."""
    pattern = ""
    for line in expected.strip().splitlines():
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        elif line.strip():
            words = (re.escape(word) for word in line.split())
            pattern += r"\s+".join(words).replace(re.escape("..."), r".*?") + r"\s*\n\s*"
    return re.fullmatch(pattern, got.strip() + "\n") is not None


class Terminal:
    """A program that goes on, and what it has printed."""

    def __init__(self, command: str, folder: Path, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=folder, env=env, text=True, bufsize=1,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.text = ""
        self.seen = 0
        self.has_ended = False
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.changed:
                self.text += line
                self.changed.notify()
        with self.changed:
            self.has_ended = True
            self.changed.notify()

    def expect(self, expected: str) -> None:
        """Return once it has printed this since the last time."""
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while not same(expected, self.text[self.seen :]):
                left = deadline - time.monotonic()
                if self.has_ended or left < 0:
                    raise Wrong(f"printed:\n{self.text[self.seen :]}\nthe page says:\n{expected}")
                self.changed.wait(left)
            self.seen = len(self.text)

    def close(self) -> None:
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Page:
    """One page while it runs."""

    def __init__(self, path: Path, url: str, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.url = url
        self.aliases = [PLACEHOLDER]
        self.namespace: dict[str, Any] = {"__name__": "__main__", "URL": url}
        self.printed = ""
        self.terminals: dict[str, Terminal] = {}

    def run(self) -> int:
        """Run every step; returns how many."""
        try:
            return self.run_steps()
        finally:
            for terminal in self.terminals.values():
                terminal.close()

    def run_steps(self) -> int:
        count = 0
        for step in steps(self.path.read_text("utf-8")):
            if step.not_run is not None:
                continue
            try:
                self.take(step)
            except Wrong as error:
                raise Wrong(f"{self.path}:{step.line}: {error}") from error
            except Exception as error:
                raise Wrong(f"{self.path}:{step.line}: {error!r}") from error
            count += 1
        return count

    def take(self, step: Step) -> None:
        source = step.source
        for alias in self.aliases:
            source = source.replace(alias, self.url)
        if step.saved_as is not None:
            (self.folder / step.saved_as).write_text(source, "utf-8")
        elif step.goes_on_as is not None:
            [(command, expected)] = commands(source)
            self.terminals[step.goes_on_as] = Terminal(command, self.folder, self.env())
            self.terminals[step.goes_on_as].expect(expected)
        elif step.printed_by is not None:
            self.terminals[step.printed_by].expect(source)
        elif step.output_of_last:
            if not same(source, self.printed):
                raise Wrong(f"printed:\n{self.printed}\nthe page says:\n{source}")
        elif step.kind == "alias":
            self.aliases.append(step.source)
        elif step.kind == "python":
            self.run_python(source, step)
        elif step.kind == "console":
            self.run_console(source, step)
        elif step.kind == "sh":
            self.run_shell(source, "", step.exits_with)
        else:
            self.read_json(source)

    def run_python(self, source: str, step: Step) -> None:
        padded = "\n" * (step.line - 1) + source
        tree = ast.parse(padded)
        if any(getattr(node, "name", "").startswith("test_") for node in tree.body):
            file = self.folder / f"test_line_{step.line}.py"
            file.write_text(f"URL = {self.url!r}\n" + source, "utf-8")
            options = "-q -p no:cacheprovider -W error"
            self.run_shell(f"python -m pytest {options} {file.name}", "", step.exits_with)
            return
        code = compile(padded, self.path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        out = io.StringIO()

        def show(*values: Any, **options: Any) -> None:
            print(*values, **{"file": out, **options})
            if step.until_print:
                raise _SeenEnough

        self.namespace["print"] = show
        with contextlib.suppress(_SeenEnough):
            if code.co_flags & inspect.CO_COROUTINE:
                anyio.run(self.awaited, code)
            else:
                exec(code, self.namespace)
        self.printed = out.getvalue()

    async def awaited(self, code: Any) -> None:
        await eval(code, self.namespace)

    def run_console(self, source: str, step: Step) -> None:
        printed = ""
        for command, expected in commands(source):
            self.run_shell(command, expected, step.exits_with)
            printed += self.printed
        self.printed = printed

    def run_shell(self, script: str, expected: str, status: int) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder, env=self.env(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.printed = done.stdout
        if done.returncode != status:
            raise Wrong(f"{script.strip()}\nended with {done.returncode}:\n{done.stdout}")
        if expected.strip() and not same(expected, done.stdout):
            raise Wrong(f"{script.strip()}\nprinted:\n{done.stdout}\nthe page says:\n{expected}")

    def env(self) -> dict[str, str]:
        """The environment of commands."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        given = {"URL": self.url, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        return {**os.environ, "PATH": path, **given}

    def read_json(self, source: str) -> None:
        try:
            json.loads(source)
        except json.JSONDecodeError:
            for line in source.splitlines():
                json.loads(line)


def commands(source: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with what stands below it."""
    for part in re.split(r"^\$ ", source, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        command = lines.pop(0)
        while lines and (command.endswith("\\") or lines[0].startswith("> ")):
            command += "\n" + lines.pop(0).removeprefix("> ")
        yield command, "\n".join(lines)


def main(names: list[str]) -> int:
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Gateway(insts())) as gateway,
    ):
        for name in names:
            path = Path(name).resolve()
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                try:
                    count = Page(path, gateway.url, Path(folder)).run()
                except Wrong as error:
                    sys.stdout.write(f"{error}\n")
                    return 1
            sys.stdout.write(f"{name}: {count} steps\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
