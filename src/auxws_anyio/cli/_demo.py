"""Let two clients work on one inst of a local gateway; done only if every byte arrived in order.

It knows the options. What is played is `auxws_anyio._demo`'s business.
"""

from __future__ import annotations

import argparse

from ._options import add_output
from ._out import missing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The demo's options."""
    add_output(parser, json_help="print one JSON object instead")


def run(options: argparse.Namespace) -> int:
    """Play it."""
    import importlib.util

    from .._demo import show_demo

    if importlib.util.find_spec(options.backend) is None:
        raise missing(options.backend)
    return show_demo(as_json=options.json, backend=options.backend)
