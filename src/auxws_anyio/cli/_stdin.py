"""Standard input, in parts as they come, without blocking the event loop.

It knows descriptors. It must not know lines of a command or keys of a terminal.

Strategy: wait until the descriptor can be read and read what is there. No thread blocks in a read,
which nobody could end. What an event loop cannot wait for, a file or the null device, never blocks.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import BinaryIO, TextIO

import anyio
import anyio.to_thread

from ._exit import Exit, Failure

READ_SIZE = 65_536


def descriptor_of_stdin() -> int:
    """Standard input's. Raises `Failure` where there is none."""
    # None where a shell has closed it, whatever its type says.
    stream: TextIO | None = sys.stdin
    if stream is None:
        raise Failure("standard input is closed", exit=Exit.USAGE)
    return stream.fileno()


def open_input(name: str) -> BinaryIO:
    """A file, or standard input for ``-``, which stays open. Raises `Failure`."""
    try:
        if name == "-":
            return open(descriptor_of_stdin(), "rb", closefd=False)
        return Path(name).open("rb")
    except OSError as error:
        raise Failure(f"{name}: {error.strerror}", exit=Exit.USAGE) from None


async def chunks(descriptor: int) -> AsyncGenerator[bytes]:
    """What comes, in parts; ends with the input."""
    waits = not stat.S_ISREG(os.fstat(descriptor).st_mode)
    while True:
        if waits and sys.platform == "win32":
            # There only sockets can be waited for.
            read = partial(os.read, descriptor, READ_SIZE)
            data = await anyio.to_thread.run_sync(read, abandon_on_cancel=True)
        else:
            if waits:
                try:
                    await anyio.wait_readable(descriptor)
                except PermissionError:
                    waits = False
            data = os.read(descriptor, READ_SIZE)
        if not data:
            return
        yield data


async def lines(descriptor: int) -> AsyncGenerator[bytes]:
    """Lines without their ends; the last may have had none."""
    rest = bytearray()
    async with aclosing(chunks(descriptor)) as parts:
        async for data in parts:
            rest += data
            if b"\n" not in data:
                continue
            *whole, last = bytes(rest).split(b"\n")
            rest = bytearray(last)
            for line in whole:
                yield line.removesuffix(b"\r")
    if rest:
        yield bytes(rest)
