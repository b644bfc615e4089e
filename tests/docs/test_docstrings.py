"""A public name tells its errors, and where its facts come from.

Units are `test_reference`'s; that the places exist which are cited, `test_citations`'.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from tests.docs.test_reference import NAMES, callables, docstring, home_of, members

OF_THE_WIRE = {
    "Config", "ConnectionId", "ConnectionToken", "ConnectionTokenParts", "DownloadFailed",
    "EventType", "GatewayNotice", "GetFromUrl", "LoginRefused", "PutToUrl", "RateLimited",
    "UploadGranted", "Violation",
}  # fmt: skip
"""Names of the core that say what peers, gateways and stores do, beside its constants."""
OF_OUR_OWN = {"JsonPath", "Problem"}
"""Names beside the messages that are not of the wire."""


def nodes_of(node: ast.AST) -> Iterator[ast.AST]:
    """All of a function but what functions and classes inside of it do."""
    inner = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, inner):
            yield child
            yield from nodes_of(child)


def raised(function: Any) -> set[str]:
    """The classes of errors that a function itself raises."""
    [body] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    errors = [node.exc for node in nodes_of(body) if isinstance(node, ast.Raise)]
    classes = [error.func if isinstance(error, ast.Call) else error for error in errors]
    names = {node.id for node in classes if isinstance(node, ast.Name)}
    # A variable holds what some other function has made.
    return {name for name in names if name[0].isupper()}


def has_code_of_ours(function: Any) -> bool:
    """Protocols and dataclasses have constructors that Python makes."""
    module = inspect.getmodule(inspect.unwrap(function))
    return module is not None and module.__name__.startswith("auxws_")


FUNCTIONS = [
    (owner, inspect.unwrap(function), f"{text} {docstring(module, name)}")
    for module, name in NAMES
    for owner, function, text in callables(module, name)
    if has_code_of_ours(function)
]


def test_what_a_function_raises_is_found() -> None:
    def outer() -> None:
        def inner() -> None:
            raise KeyError

        if inner is not outer:
            raise ValueError("x")
        raise OSError

    assert raised(outer) == {"ValueError", "OSError"}


def test_what_a_public_function_raises_is_in_its_docstring() -> None:
    found = [
        (owner, error, text) for owner, function, text in FUNCTIONS for error in raised(function)
    ]

    assert len(found) > 20
    assert [(owner, error) for owner, error, text in found if f"`{error}`" not in text] == []


def wire_names() -> list[tuple[str, str]]:
    return [
        (module, name)
        for module, name in NAMES
        if (module == "auxws_proto.messages" and name not in OF_OUR_OWN)
        or (module == "auxws_proto" and (name in OF_THE_WIRE or name.isupper()))
    ]


@pytest.mark.parametrize(("module", "name"), wire_names(), ids=lambda part: part)
def test_what_is_of_the_wire_cites_its_source(module: str, name: str) -> None:
    thing: Any = getattr(importlib.import_module(module), name)

    home = importlib.import_module(home_of(module, name))
    texts = [docstring(module, name), home.__doc__ or ""]
    texts += [inspect.getdoc(getattr(v, "fget", v)) or "" for _, v in members(module, name)]
    texts += [inspect.getsource(thing)] if inspect.isclass(thing) else []

    assert any("§" in text for text in texts)
