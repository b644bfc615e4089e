"""What CONTRIBUTING.md and the page on compatibility name is there, and all of it is named."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.test_reference import MODULES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
COMPATIBILITY = (ROOT / "docs" / "compatibility.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NOXFILE = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))

HOMES = ("", "src", "src/auxws_proto", "src/auxws_proto/observe", "src/auxws_anyio",
         "src/auxws_anyio/gateway")  # fmt: skip
"""The folders that a path may be told from; ``_session.py`` is the core's."""
PATH = re.compile(r"`((?:[\w.*-]+/)+[\w.*-]*|_\w+(?:\*)?\.py|noxfile\.py)`")
NAMED = sorted(set(PATH.findall(TEXT)))
SESSIONS = {
    node.name
    for node in NOXFILE.body
    if isinstance(node, ast.FunctionDef)
    and any(ast.unparse(decorator) == "nox.session" for decorator in node.decorator_list)
}


def python_versions() -> list[str]:
    """What ``nox -s pythons`` looks for."""
    [value] = [
        node.value
        for node in NOXFILE.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PYTHONS"
    ]
    return list(ast.literal_eval(value))


def test_paths_are_found() -> None:
    assert len(NAMED) > 30


@pytest.mark.parametrize("name", NAMED)
def test_a_path_is_there(name: str) -> None:
    assert any(list((ROOT / home).glob(name.rstrip("/"))) for home in HOMES)


def test_every_session_is_in_the_table() -> None:
    rows = re.findall(r"^\| `nox -s (\w+)", TEXT, re.MULTILINE)

    # `check` is what nox runs by itself.
    assert sorted(rows) == sorted(SESSIONS - {"check"})


def test_the_two_commands_are_those_of_the_readme() -> None:
    [first, second] = TEXT.partition("```sh\n")[2].partition("```")[0].split("\n")[:2]

    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"{first} && {second}\n" in readme


def test_every_type_of_news_is_named() -> None:
    sentence = TEXT.partition("where the type is one of")[2].partition(".")[0]

    types = [kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]]
    assert re.findall(r"`(\w+)`", sentence) == types


def test_news_are_of_these_types() -> None:
    types = "|".join(kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"])
    names = [path.name for path in (ROOT / "newsfragments").glob("*.md")]

    good = re.compile(rf"(?:\d+|\+[\w-]+)\.(?:{types})(?:\.\d+)?\.md")
    assert [name for name in names if not good.fullmatch(name)] == []


def test_public_modules_are_those_of_the_reference() -> None:
    section = COMPATIBILITY.partition("## What is public\n")[2].partition("\n## ")[0]
    named = re.findall(r"`(auxws_[\w.]+)`", section.partition("all that")[0])

    assert sorted(named) == sorted(MODULES)


def test_supported_pythons_are_those_that_are_tested_and_declared() -> None:
    section = COMPATIBILITY.partition("## Pythons and platforms\n")[2]
    said = re.findall(r"\b3\.\d+", section.partition(", on anything")[0])

    prefix = "Programming Language :: Python :: "
    declared = [
        name.removeprefix(prefix)
        for name in PROJECT["project"]["classifiers"]
        if name.startswith(f"{prefix}3.")
    ]
    assert said == declared == python_versions()
    assert PROJECT["project"]["requires-python"] == f">={said[0]}"


def test_no_dependency_has_an_upper_bound() -> None:
    project = PROJECT["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]

    assert [one for group in groups for one in group if "<" in one or "==" in one] == []
