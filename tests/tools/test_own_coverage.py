"""A module is exempt from coverage only while it does nothing."""

from __future__ import annotations

import pytest

from .own_coverage import is_declaration


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from enum import Enum\nclass E(Enum):\n    A = 1\n", True),
        ("class P:\n    def f(self) -> int: ...\n", True),
        ('def f() -> None:\n    """Says what."""\n', True),
        ("def f() -> int:\n    return 1\n", False),
        ("X = 1 if True else 2\n", False),
        ("X = [x for x in ()]\n", False),
        ("if True:\n    X = 1\n", False),
        ("class P:\n    async def f(self) -> None:\n        raise ValueError\n", False),
    ],
)
def test_is_declaration(source: str, expected: bool) -> None:
    assert is_declaration(source) is expected
