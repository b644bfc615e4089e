"""Check each step from the name to an upload: one line each, what is wrong and what to do.

It knows the order of the steps and the verdict. It must not know how any step is checked.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Final

from ._checks import Report, Stop, examine_network
from ._examine import Examination
from ._exit import Exit
from ._options import add_connection, add_output, byte_size, seconds
from ._out import Out
from ._session import Settings, settings_of

STEPS: Final = (
    "url", "proxy", "name", "tcp", "tls", "handshake", "subprotocol", "login", "latency", "inline",
    "presign", "upload", "download",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to check."""
    add_connection(parser)
    parser.add_argument("--timeout", metavar="TIME", type=seconds, default=15.0,
                        help="for each answer of the server")  # fmt: skip
    parser.add_argument("--upload-size", metavar="SIZE", type=byte_size, default=100_000,
                        help="of the message that is uploaded")  # fmt: skip
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Check, line by line."""
    from ._run import run as run_async

    out = Out(as_json=options.json)
    settings = settings_of(options).changed(
        # One try each: the first fault is what the doctor is for.
        reconnect=None,
        upload_attempts=1,
        offload="always",
        fragment_limit=0,
        login_timeout=options.timeout,
        upload_url_timeout=options.timeout,
        transfer_timeout=options.timeout,
    )
    return run_async(partial(_doctor, settings, options, out), backend=options.backend)


async def _doctor(settings: Settings, options: argparse.Namespace, out: Out) -> int:
    report = Report(out)
    try:
        await examine_network(settings, report)
        await Examination(settings, report, options.timeout, options.upload_size).examine()
    except Stop:
        known = {check.name for check in report.checks}
        for step in STEPS[STEPS.index(report.checks[-1].name) :]:
            if step not in known:
                report.skip(step)
    failed, warned = report.having("fail"), report.having("warn")
    verdict = f"FAILED: {', '.join(failed)}" if failed else "OK"
    if warned:
        verdict += f"; look at: {', '.join(warned)}"
    out.emit("verdict", (verdict, "bold red" if failed else "bold green"),
             ok=not failed, failed=failed, warned=warned)  # fmt: skip
    return Exit.FAILED if failed else Exit.DONE
