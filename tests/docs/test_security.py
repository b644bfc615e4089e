"""SECURITY.md says what is so: its tests exist, and its figures are those of `Config`."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path

import pytest

from auxws_proto import Config, UrlPolicy

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| ---")
]
THREATS = [row for row in ROWS if len(row) == 5 and row[0] != "attacker"]
CAPS = [row for row in ROWS if len(row) == 4 and row[0] != "what"]
NAMED = sorted(set(re.findall(r"`((?:tests|bench|docs)/[^`]*)`", TEXT)))


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_exists(name: str) -> None:
    file, _, function = name.partition("::")
    path = ROOT / file

    assert path.exists()
    if function:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        defined = (
            n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        assert function in defined


def test_every_threat_names_a_test_by_its_function() -> None:
    assert len(THREATS) >= 11
    assert [row[:2] for row in THREATS if "::" not in row[4]] == []


def test_every_way_to_opt_out_exists_and_is_named() -> None:
    named = {name for row in THREATS for name in re.findall(r"`(allow_[a-z_]+)`", row[3])}

    assert named == {field.name for field in dataclasses.fields(UrlPolicy)}


@pytest.mark.parametrize("row", CAPS, ids=[row[1].strip("`") for row in CAPS])
def test_the_caps_are_those_of_the_configuration(row: list[str]) -> None:
    value = getattr(Config(), row[1].strip("`"))

    assert row[2] == ("as the event" if value is None else f"{value:,}")


def test_every_cap_is_named() -> None:
    fields = {field.name for field in dataclasses.fields(Config)}
    caps = {name for name in fields if name.startswith("max_")} - {"max_age", "max_age_jitter"}

    assert caps | {"read_ahead", "write_ahead"} == {row[1].strip("`") for row in CAPS}
