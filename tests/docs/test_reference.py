"""The reference has every public name once, and each says what it is, in which unit."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import importlib
import importlib.util
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
REFERENCE = ROOT / "docs" / "reference"
MODULES = (
    "auxws_proto", "auxws_proto.messages", "auxws_proto.observe", "auxws_proto.testing",
    "auxws_proto.testing.strategies", "auxws_anyio", "auxws_anyio.gateway", "auxws_anyio.viewer",
    "auxws_anyio.yjs", "auxws_sync", "auxws_sync.yjs", "auxws_anyio.otel",
    "auxws_anyio.pytest_plugin",
)  # fmt: skip
NO_REFERENCE = {
    "auxws_anyio.cli": "docs/cli.md is its reference",
}
"""Public modules that are documented otherwise, and why."""

ELSEWHERE = {
    ("auxws_anyio.pytest_plugin", "pytest_configure"),
    ("auxws_proto.testing", "TraceError"),
}
"""Names that are another's: a hook of pytest's, and an error that `auxws_proto` has."""


def documented() -> Counter[tuple[str, str]]:
    """What the pages of the reference name, by module and name."""
    found: Counter[tuple[str, str]] = Counter()
    for path in REFERENCE.glob("*.md"):
        module = ""
        for line in path.read_text("utf-8").splitlines():
            if match := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
                module = match[1]
            elif match := re.fullmatch(r"\.\. auto\w+:: (\w+)", line):
                found[module, match[1]] += 1
    return found


def public() -> set[tuple[str, str]]:
    return {
        (name, item) for name in MODULES for item in importlib.import_module(name).__all__
    } - ELSEWHERE


def test_every_public_name_is_in_the_reference_once() -> None:
    assert documented() == Counter(public())


def test_every_public_module_is_in_the_reference() -> None:
    found = {
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
        for path in ROOT.glob("src/**/*.py")
        if re.search(r"^__all__ = ", path.read_text("utf-8"), re.MULTILINE)
        and not any(part.startswith("_") and part != "__init__.py" for part in path.parts)
    }

    assert found == set(MODULES) | set(NO_REFERENCE)


@cache
def data_docs(module: str) -> dict[str, str]:
    """The strings below the constants and aliases of a module."""
    path = inspect.getsourcefile(importlib.import_module(module))
    assert path is not None
    body = ast.parse(Path(path).read_text("utf-8")).body
    return {
        target.id: after.value.value
        for statement, after in pairwise(body)
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
        for target in (
            statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        )
        if isinstance(target, ast.Name)
    }


def home_of(module: str, name: str) -> str:
    """The module that defines what another one shows."""
    found = importlib.import_module(module)
    for node in ast.parse(inspect.getsource(found)).body:
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            relative = "." * node.level + (node.module or "")
            return home_of(importlib.util.resolve_name(relative, found.__package__), name)
    return module


def docstring(module: str, name: str) -> str:
    """What a public name says of itself; never what its type says."""
    thing: Any = getattr(importlib.import_module(module), name)
    home = home_of(module, name)
    if inspect.isclass(thing):
        own = thing.__dict__.get("__doc__") or ""
        generated = dataclasses.is_dataclass(thing) and own.startswith(f"{thing.__name__}(")
        return "" if generated else own
    if inspect.isroutine(thing) or home == module == "auxws_anyio.pytest_plugin":
        return inspect.getdoc(thing) or ""
    return data_docs(home).get(name, "")


NAMES = sorted(public())


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[".".join(pair) for pair in NAMES])
def test_every_public_name_has_a_docstring(module: str, name: str) -> None:
    assert docstring(module, name).strip()


def members(module: str, name: str) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class that are its own."""
    thing: Any = getattr(importlib.import_module(module), name)
    for member, value in vars(thing).items() if inspect.isclass(thing) else ():
        is_member = inspect.isfunction(value) or isinstance(
            value, property | classmethod | staticmethod
        )
        if is_member and not member.startswith("_"):
            yield member, value


def test_every_public_method_has_a_docstring() -> None:
    assert [
        f"{module}.{name}.{member}"
        for module, name in NAMES
        for member, value in members(module, name)
        if not inspect.getdoc(getattr(value, "fget", value))
        and not any(
            inspect.getdoc(getattr(base, member, None))
            for base in getattr(importlib.import_module(module), name).__mro__[1:]
        )
    ] == []


SINGLE = re.compile(r"(?<![`:\w])`([^`\s][^`\n]*)`(?![`_])")
"""A name in single backticks, which the site makes a link where it can."""
STANDARD = {"logging", "pathlib.Path", "TypedDict", "World.client"}
"""Names of the standard library, and an attribute that is set in a constructor."""


def callables(module: str, name: str) -> Iterator[tuple[str, Any, str]]:
    """A public name and its methods, as far as they take parameters: name, function, docstring."""
    thing: Any = getattr(importlib.import_module(module), name)
    if inspect.isroutine(thing):
        yield name, thing, docstring(module, name)
    elif not dataclasses.is_dataclass(thing) and "__init__" in getattr(thing, "__dict__", ()):
        yield name, thing.__init__, docstring(module, name)
    for member, value in members(module, name):
        if not isinstance(value, property):
            text = inspect.getdoc(getattr(thing, member)) or ""
            yield f"{name}.{member}", getattr(value, "__func__", value), text


def names_of_python() -> set[str]:
    """Whatever a docstring may name: public names, their members, and parameters."""
    found = set(MODULES) | set(dir(builtins)) | STANDARD
    for module, name in NAMES:
        thing: Any = getattr(importlib.import_module(module), name)
        parts = (
            {*dir(thing), *getattr(thing, "__annotations__", {})} if inspect.isclass(thing) else ()
        )
        found |= {name, f"{module}.{name}", *parts, *(f"{name}.{part}" for part in parts)}
        for _, function, _ in callables(module, name):
            found |= set(inspect.signature(function).parameters)
    return found


def test_what_docstrings_name_is_there() -> None:
    known = names_of_python()
    texts = [(f"{module}.{name}", docstring(module, name)) for module, name in NAMES]
    texts += [
        (f"{module}.{name}.{member}", inspect.getdoc(getattr(value, "fget", value)) or "")
        for module, name in NAMES
        for member, value in members(module, name)
    ]

    assert [
        (owner, word)
        for owner, text in texts
        for word in SINGLE.findall(text)
        if word.removesuffix("()") not in known
    ] == []


UNIT = re.compile(r"\b(s|ms|seconds?|bytes|fraction|probability|at the same rate)\b|in \[0, 1\)")
ALWAYS_SECONDS = {"now", "timeout"}
"""What the reference's first page says of these names is not said again."""
NO_QUANTITIES = {"event_id", "event_ids", "value", "low", "high"}
"""Floats that measure nothing: ids, as JSON has them, and draws."""


def is_quantity(name: str, annotation: object) -> bool:
    is_float = re.search(r"\bfloat\b", str(annotation)) is not None
    return is_float and name not in ALWAYS_SECONDS | NO_QUANTITIES


def field_docs(cls: type) -> dict[str, str]:
    """The strings below the fields of a class."""
    node = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(node, ast.ClassDef)
    return {
        field.target.id: after.value.value
        for field, after in pairwise(node.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    }  # fmt: skip


def quantities(module: str, name: str) -> Iterator[tuple[str, str]]:
    """Every float that a public name takes or has, and what is said of it."""
    thing: Any = getattr(importlib.import_module(module), name)
    if dataclasses.is_dataclass(thing):
        cls: Any = thing
        bases: list[type] = [base for base in cls.__mro__ if base.__module__.startswith("auxws_")]
        general = " ".join(base.__doc__ or "" for base in bases)
        special = {key: doc for base in bases for key, doc in field_docs(base).items()}
        for field in dataclasses.fields(thing):
            if is_quantity(field.name, field.type):
                yield f"{name}.{field.name}", f"{general} {special.get(field.name, '')}"
    for owner, function, text in callables(module, name):
        for parameter in inspect.signature(function).parameters.values():
            if is_quantity(parameter.name, parameter.annotation):
                yield f"{owner}({parameter.name})", f"{text} {docstring(module, name)}"


def test_every_quantity_has_its_unit() -> None:
    found = [quantity for module, name in NAMES for quantity in quantities(module, name)]

    assert len(found) > 100
    assert [name for name, text in found if not UNIT.search(text)] == []
