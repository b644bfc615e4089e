"""Times, sizes, counts and headers as people write them."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from auxws_anyio.cli import _options


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (_options.seconds, "30", 30),
        (_options.seconds, "500ms", 0.5),
        (_options.seconds, "1.5m", 90),
        (_options.seconds, "2h", 7_200),
        (_options.byte_size, "32000", 32_000),
        (_options.byte_size, "100kB", 100_000),
        (_options.byte_size, "1.5 MB", 1_500_000),
        (_options.byte_size, "64KiB", 65_536),
        (_options.count, "7", 7),
        (_options.whole, "0", 0),
        (_options.header, "X-Api-Key: a:b ", ("X-Api-Key", "a:b")),
    ],
)
def test_values(kind: Callable[[str], object], text: str, value: object) -> None:
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (_options.seconds, "soon", "'soon' is no time; write 30, 500ms, 2m or 1h"),
        (_options.seconds, "-1", "'-1' is no time; write 30, 500ms, 2m or 1h"),
        (_options.byte_size, "5 GB", "'5 GB' is no size; write 32000, 100kB, 5MB or 64KiB"),
        (_options.count, "0", "'0' is no whole number over 0"),
        (_options.whole, "1.5", "'1.5' is no whole number"),
        (_options.header, "no colon", "a header is written 'Name: value'"),
    ],
)
def test_mistakes(kind: Callable[[str], object], text: str, says: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        kind(text)

    assert str(caught.value) == says
