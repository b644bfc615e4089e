"""The core stays pure, and each package imports only what it may.

`auxws_proto` imports the standard library, less what reads a clock, draws randomness, starts a
thread, does I/O, logs, or could do so by the back door; wsproto stands in one module.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"
CORE = SRC / "auxws_proto"

IMPURE_MODULES = {
    "a clock": {"sched", "time", "timeit"},
    "randomness": {"random", "secrets", "uuid"},
    "threads and event loops": {
        "_thread", "asyncio", "concurrent", "multiprocessing", "queue", "sched", "threading",
    },
    "I/O": {
        "fileinput", "ftplib", "glob", "http", "io", "mmap", "os", "pathlib", "select",
        "selectors", "shutil", "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl",
        "subprocess", "tempfile",
    },
    "logging": {"logging", "syslog", "traceback", "warnings"},
    "code from elsewhere": {"ctypes", "importlib", "imp", "pickle", "runpy", "shelve", "site"},
}  # fmt: skip
WHY_IMPURE = {name: why for why, names in IMPURE_MODULES.items() for name in names}
IMPURE_SUBMODULES = {"urllib.request": "I/O", "urllib.robotparser": "I/O"}
IMPURE_BUILTINS = {"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"}
CLOCK_METHODS = {"now", "today", "utcnow"}
CLOCK_OWNERS = {"date", "datetime"}

PROGRAMS = {"auxws_proto/testing/__main__.py": "a command: it reads a file and prints"}
"""Modules beside the core that are run, and that nothing imports."""

DRIVERS = {
    # httpcore comes with httpx, which has no hook of its own for the address that it connects to.
    "auxws_anyio": {"anyio", "auxws_anyio", "auxws_proto", "httpcore", "httpx", "python_socks"},
    "auxws_sync": {"auxws_proto", "auxws_sync", "httpcore", "httpx", "python_socks"},
}
DRIVER_ROOMS = {
    # A module of a driver whose path has a part that starts like this may import that as well.
    ("auxws_anyio", "gateway"): {"h11"},
    ("auxws_anyio", "otel"): {"opentelemetry"},
    ("auxws_anyio", "pytest_plugin"): {"pytest"},
    ("auxws_anyio", "cli"): {"rich"},
    ("auxws_anyio", "demo"): {"rich"},
    ("auxws_anyio", "screen"): {"rich"},
    ("auxws_anyio", "__main__"): {"rich"},
}


def modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


def imports(path: Path) -> Iterator[str]:
    """The full names of what a module imports, relative imports left out."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case _:
                pass


def top(module: str) -> str:
    return module.partition(".")[0]


def third_party(path: Path) -> set[str]:
    return {top(module) for module in imports(path)} - set(sys.stdlib_module_names)


def impurities(path: Path) -> Iterator[str]:
    """What a module does that the core must not do, one line for each place."""
    for module in imports(path):
        why = WHY_IMPURE.get(top(module)) or IMPURE_SUBMODULES.get(module)
        if why:
            yield f"imports {module} ({why})"
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=called)) if called in IMPURE_BUILTINS:
                yield f"line {node.lineno}: calls {called}()"
            case ast.Attribute(
                attr=method, value=ast.Name(id=owner) | ast.Attribute(attr=owner)
            ) if method in CLOCK_METHODS and owner in CLOCK_OWNERS:
                yield f"line {node.lineno}: reads a clock by {owner}.{method}"
            case ast.Global():
                yield f"line {node.lineno}: changes global state"
            case _:
                pass


def test_nothing_imports_a_program() -> None:
    imported = {module for path in modules(SRC) for module in imports(path)}
    assert not {n.removesuffix(".py").replace("/", ".") for n in PROGRAMS} & imported


@pytest.mark.parametrize(
    "path", [path for path in modules(CORE) if name(path) not in PROGRAMS], ids=name
)
def test_core_module_is_pure(path: Path) -> None:
    assert list(impurities(path)) == []


@pytest.mark.parametrize("path", modules(CORE), ids=name)
def test_core_module_imports_only_what_it_may(path: Path) -> None:
    allowed = {"auxws_proto"}
    if path.parent == CORE and path.stem.startswith("_websocket"):
        allowed.add("wsproto")
    if path.parent == CORE and path.stem == "_yjs":
        allowed.add("pycrdt")
    if path.parent == CORE and path.stem == "_speed":
        allowed |= {"orjson", "websockets"}
    if path.parent == CORE / "testing" and path.stem.strip("_").startswith("strategies"):
        allowed.add("hypothesis")

    assert third_party(path) - allowed == set()


def test_wsproto_stands_in_one_module() -> None:
    users = [path.name for path in modules(CORE) if "wsproto" in third_party(path)]

    assert len(users) == 1


@pytest.mark.parametrize(
    "path", [path for driver in DRIVERS for path in modules(SRC / driver)], ids=name
)
def test_driver_module_imports_only_what_it_may(path: Path) -> None:
    package, *parts = path.relative_to(SRC).with_suffix("").parts
    allowed = DRIVERS[package].union(
        *(
            extra
            for (owner, room), extra in DRIVER_ROOMS.items()
            if owner == package
            and any(part == room or part.strip("_").startswith(room) for part in parts)
        )
    )

    assert third_party(path) - allowed == set()


SESSION_WITHOUT_DEPENDENCIES = """
import sys

for absent in ("wsproto", "h11", "anyio", "httpx", "hypothesis", "orjson", "websockets"):
    sys.modules[absent] = None
before = set(sys.modules)

import auxws_proto

session = auxws_proto.AuxSession(auxws_proto.Role.CLIENT, auxws_proto.Config())
session.send({"type": "sync/time"}, 0.0)
session.connect(0.0)
opened = [action for action in session.actions() if type(action).__name__ == "OpenTransport"]
session.transport_opened(0.0, transport=opened[0].transport)
sent = [action for action in session.actions() if type(action).__name__ == "SendText"]
loaded = {module.partition(".")[0] for module in set(sys.modules) - before}

print([action.data for action in sent])
print(sorted(loaded - set(sys.stdlib_module_names)))
try:
    auxws_proto.AuxWebSocket
except ImportError as error:
    print(type(error).__name__, error.name)
"""


def test_session_works_without_wsproto() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SESSION_WITHOUT_DEPENDENCIES],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        """[b'[1,1,{"type":"sync/time"}]']""",
        "['auxws_proto']",
        "ModuleNotFoundError wsproto",
    ]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time", ["imports time (a clock)"]),
        ("from os import path", ["imports os (I/O)", "imports os.path (I/O)"]),
        ("import urllib.request", ["imports urllib.request (I/O)"]),
        ("from urllib import request", ["imports urllib.request (I/O)"]),
        ("import concurrent.futures", ["imports concurrent.futures (threads and event loops)"]),
        ("def f():\n    import random", ["imports random (randomness)"]),
        ("import datetime\ndatetime.datetime.now()", ["line 2: reads a clock by datetime.now"]),
        ("from datetime import date\ndate.today()", ["line 2: reads a clock by date.today"]),
        ("print(1)", ["line 1: calls print()"]),
        ("def f():\n    global x", ["line 2: changes global state"]),
        ("from urllib.parse import urlsplit\nfrom .time import now\nself.now", []),
    ],
)
def test_impurities_are_found(tmp_path: Path, source: str, found: list[str]) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)

    assert list(impurities(path)) == found
