"""How the machines of a world are made: of which class, with whose draws, under whose eyes.

It knows configurations and the core's machines. It must not know who meets whom, nor when.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal, TypeAlias

from .._config import Config
from .._constants import Role
from .._machine import AuxMachine
from .._session import AuxSession
from ._judge import Judge
from ._seed import Seed
from ._tape import Tape
from ._watched import Watched, drawing

Kind: TypeAlias = Literal["session", "websocket"]

Machine: TypeAlias = Config | Callable[[Config], AuxMachine]
"""A machine of ours with this configuration, or a machine of the caller's own making, from a
configuration whose ``random`` it should use."""


class Maker:
    """Makes the machines of one world; ``kind`` says of which class those of ours are."""

    def __init__(self, kind: Kind, url: str, seed: Seed, tape: Tape, judge: Judge) -> None:
        self._kind: Kind = kind
        self._url = url
        self._seed = seed
        self._tape = tape
        self._judge = judge

    def __call__(
        self, name: str, role: Role, machine: Machine, serves: tuple[str, int] | None,
        succeeds: str | None = None,
    ) -> Watched:  # fmt: skip
        """A machine under observation; see `Judge.made` for ``serves`` and ``succeeds``."""
        config = machine if isinstance(machine, Config) else Config()
        random = drawing(self._seed.fork().random, name, self._tape)
        config = dataclasses.replace(config, random=random)
        if role is Role.SERVER:
            # A server's machine ends with its connection.
            config = dataclasses.replace(config, reconnect=None)
        url = self._url if role is Role.CLIENT else None
        made: AuxMachine
        if not isinstance(machine, Config):
            made = machine(config)
        elif self._kind == "session":
            made = AuxSession(role, config, url)
        else:
            from .._aux_websocket import AuxWebSocket

            made = AuxWebSocket(role, config, url)
        return Watched(
            name, made, self._tape, self._judge, url=url, serves=serves, succeeds=succeeds
        )  # fmt: skip
