"""`import auxws_anyio` costs nothing, and says which extra is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import auxws_anyio


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_the_package_alone_loads_neither_anyio_nor_the_core() -> None:
    code = (
        "import sys, auxws_anyio\n"
        "print(sorted({'anyio', 'httpx', 'auxws_proto'} & set(sys.modules)))"
    )

    assert python(code) == "[]"


def test_a_missing_package_is_named_with_its_extra() -> None:
    code = (
        "import sys\n"
        "sys.modules['anyio'] = None\n"
        "try:\n"
        "    from auxws_anyio import connect\n"
        "except ImportError as error:\n"
        "    print(type(error).__name__, error)"
    )

    assert python(code) == (
        "ExtraMissing anyio is not installed; it comes with the extra: auxws[anyio]"
    )


def test_every_public_name_is_there_and_is_listed() -> None:
    assert set(auxws_anyio.__all__) <= set(dir(auxws_anyio))
    assert all(getattr(auxws_anyio, name) for name in auxws_anyio.__all__)


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Connection'"):
        auxws_anyio.Connection  # noqa: B018
