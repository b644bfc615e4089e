"""Whatever happens in a simulated world, its machines' traces play again to the same actions."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auxws_proto import AuxSession, AuxWebSocket, Config, Role, read_trace, replay_trace, traced
from auxws_proto.testing import Faults, Operation, World, numbered, perform
from auxws_proto.testing.strategies import configs, hostile_texts, sessions

URL = "wss://host.example/stage?marked-query"
LIMITS = [0, 100, 2_048, 10**9]
KINDS: list[Any] = [AuxSession, AuxWebSocket]
ROUGH = Faults(latency=(0.0, 0.3), refuse=0.2, grant=0.2, store=0.3)


class Recorded:
    """A world whose machines write traces, each into one of its own."""

    def __init__(self, seed: int, kind: Any, config: Config, limit: int, faults: Faults) -> None:
        self.files: list[io.StringIO] = []
        self._kind = kind
        self._limit = limit
        self.world = World(
            seed,
            client=self._maker(Role.CLIENT, config),
            server=self._maker(Role.SERVER, Config()),
            kind="session" if kind is AuxSession else "websocket",
            faults=faults,
        )

    def _maker(self, role: Role, config: Config) -> Callable[[Config], Any]:
        def make(given: Config) -> Any:
            settings = dataclasses.replace(config, random=given.random, reconnect=given.reconnect)
            if role is Role.CLIENT:
                settings = dataclasses.replace(settings, reconnect=config.reconnect)
            self.files.append(io.StringIO())
            machine = self._kind(role, settings, URL if role is Role.CLIENT else None)
            return traced(machine, self.files[-1], name=role.value, limit=self._limit)

        return make

    def problems(self) -> list[str]:
        """What is wrong with the traces."""
        found: list[str] = []
        for file in self.files:
            text = file.getvalue()
            result = replay_trace(text.splitlines())
            if result.difference is not None:
                found.append(str(result))
            keys = [key for key in self.world.store.objects if f"/{key}" in text]
            if "marked-query" in text or keys:
                found.append(f"secrets are left: {keys}")
        return found


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_rough_run_plays_again(kind: Any, limit: int) -> None:
    recorded = Recorded(5, kind, Config(inline_limit=256), limit, ROUGH)
    world = recorded.world
    world.client.call("connect")
    for number in range(30):
        size = world.seed.pick([1, 200, 215, 1_000])
        world.client.send(numbered(world, size))
        if world.server is not None:
            world.server.send(numbered(world, size))
        world.run(world.seed.between(0.0, 1.0))
        if number % 10 == 9:
            world.cut()
    world.calm()
    world.rest()

    uploads = [up for f in recorded.files for up in read_trace(f.getvalue().splitlines()).uploads()]
    assert recorded.problems() == []
    assert len(uploads) > 5
    assert {upload.outcome for upload in uploads} >= {"CONFIRMED"}


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.integers(0, 1_000), st.sampled_from(KINDS), configs(Role.CLIENT), st.sampled_from(LIMITS),
    sessions(),
)  # fmt: skip
def test_every_run_plays_again(
    seed: int, kind: Any, config: Config, limit: int, operations: list[Operation]
) -> None:
    recorded = Recorded(seed, kind, config, limit, ROUGH)

    perform(recorded.world, operations)

    assert recorded.problems() == []


@given(st.lists(hostile_texts(), max_size=10), st.sampled_from([2_048, 10**9]))
def test_hostile_texts_play_again(texts: list[bytes], limit: int) -> None:
    recorded = Recorded(1, AuxSession, Config(), limit, Faults())
    recorded.world.client.call("connect")
    recorded.world.run(1.0)
    for text in texts:
        recorded.world.inject(text)
        recorded.world.run(1.0)

    assert recorded.problems() == []
