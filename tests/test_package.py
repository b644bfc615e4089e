"""What is public is public on purpose: `__all__`, the modules, the types and the version agree.

The convention: a package exports from its private modules. Of a module that it exports from, every
name without an underscore is public; a module that also has names for its neighbours alone says in
an `__all__` of its own which ones are public. A module that nothing is exported from is internal.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"
TOP_LEVEL = ("auxws_anyio", "auxws_proto", "auxws_sync")


def public_packages() -> list[Path]:
    """Each folder with an ``__init__.py`` and no underscore at the front of a part of its path."""
    folders = (path.parent for path in SRC.rglob("__init__.py"))
    return sorted(
        folder
        for folder in folders
        if not any(part.startswith("_") for part in folder.relative_to(SRC).parts)
    )


def dotted(package: Path) -> str:
    return ".".join(package.relative_to(SRC).parts)


def own_names(tree: ast.Module) -> Iterator[str]:
    """The names that a module defines at its top level, imports left out."""
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.AnnAssign(target=ast.Name() as target):
                yield target.id
            case ast.Assign():
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
            case _:
                pass


def declared_all(tree: ast.Module) -> list[str] | None:
    """The literal value of a module's ``__all__``; None without one."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List() | ast.Tuple()):
                return list(ast.literal_eval(node.value))
            case _:
                pass
    return None


def public_names(module: Path) -> set[str]:
    """The names that a module offers to its package for export."""
    tree = ast.parse(module.read_text("utf-8"))
    declared = declared_all(tree)
    if declared is not None:
        return set(declared)
    return {name for name in own_names(tree) if not name.startswith("_") or name == "__version__"}


def exports(package: Path) -> dict[str, str]:
    """Each name that the package imports from a module of its own, with that module's name."""
    tree = ast.parse((package / "__init__.py").read_text("utf-8"))
    return {
        alias.asname or alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module
        for alias in node.names
    }


def module_file(package: Path, module: str) -> Path:
    path = package.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


PACKAGES = public_packages()
every_package = pytest.mark.parametrize("package", PACKAGES, ids=dotted)


@every_package
def test_all_names_are_there_and_sorted(package: Path) -> None:
    module = importlib.import_module(dotted(package))

    names: list[str] = list(module.__all__)

    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(module, name)] == []


@every_package
def test_all_is_what_the_package_exports_and_defines(package: Path) -> None:
    tree = ast.parse((package / "__init__.py").read_text("utf-8"))
    defined = {name for name in own_names(tree) if not name.startswith("_")}

    declared = set(importlib.import_module(dotted(package)).__all__)

    assert declared == {*exports(package), *defined}


@every_package
def test_a_name_is_exported_from_where_it_is_defined(package: Path) -> None:
    strangers = {
        f"{module}.{name}"
        for name, module in exports(package).items()
        if name not in public_names(module_file(package, module))
    }

    assert strangers == set()


@pytest.mark.parametrize("package", TOP_LEVEL)
def test_types_are_public(package: str) -> None:
    assert (SRC / package / "py.typed").is_file()


def test_version_is_that_of_the_distribution() -> None:
    module = importlib.import_module("auxws_proto")

    assert module.__version__ == importlib.metadata.version("auxws")


def test_every_extra_and_the_command_are_declared() -> None:
    metadata = importlib.metadata.metadata("auxws")
    (command,) = importlib.metadata.distribution("auxws").entry_points.select(
        group="console_scripts"
    )

    extras = {"all", "anyio", "cli", "otel", "speed", "sync", "testing", "yjs"}
    assert extras == set(metadata.get_all("Provides-Extra", []))
    assert command.value == "auxws_anyio.__main__:main"
