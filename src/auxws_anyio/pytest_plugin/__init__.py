"""Fixtures for tests of applications that use auxws; pytest finds them by itself.

`aux_gateway` is a strict local API Gateway with an object store, in a thread of its own, for tests
of any kind; `aux_world` and `aux_clock` are the simulation of `auxws_proto.testing`. The markers of
the first two give them parameters: ``@pytest.mark.aux_gateway(app=echo)``.

pytest imports it in every run where auxws is installed: it must not import anything of the library
before a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from auxws_proto.testing import VirtualClock, World

    from ._gateway import AuxGateway

__all__ = ["AuxGateway", "aux_clock", "aux_gateway", "aux_world", "pytest_configure"]

_MARKERS = (
    "aux_gateway(app=insts(), **options): the application behind the fixture aux_gateway, and "
    "options of auxws_anyio.gateway.Gateway",
    "aux_world(seed=0, **options): options of auxws_proto.testing.World for the fixture aux_world",
)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def __getattr__(name: str) -> Any:
    if name == "AuxGateway":
        from auxws_anyio.pytest_plugin._gateway import AuxGateway

        return AuxGateway
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@pytest.fixture
def aux_gateway(request: pytest.FixtureRequest) -> Iterator[AuxGateway]:
    """A strict local gateway, with its object store, for one test: an `AuxGateway`.

    What its application lets out fails the test when it ends.
    """
    from auxws_anyio.pytest_plugin._gateway import running

    with running(**_options(request, "aux_gateway")) as gateway:
        yield gateway


@pytest.fixture
def aux_world(request: pytest.FixtureRequest) -> World:
    """A simulated world on a virtual clock: an `auxws_proto.testing.World`."""
    from auxws_proto.testing import World

    return World(**_options(request, "aux_world"))


@pytest.fixture
def aux_clock(aux_world: World) -> VirtualClock:
    """The clock of `aux_world`: an `auxws_proto.testing.VirtualClock`."""
    return aux_world.clock


def _options(request: pytest.FixtureRequest, marker: str) -> dict[str, Any]:
    """The parameters that markers give, the closest first."""
    options: dict[str, Any] = {}
    for mark in request.node.iter_markers(marker):
        if mark.args:
            raise pytest.UsageError(f"@pytest.mark.{marker} takes keyword arguments only")
        options = {**mark.kwargs, **options}
    return options
