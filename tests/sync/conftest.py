"""A gateway beside the test, in an event loop on a thread of its own."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

import pytest
import trustme
from anyio.from_thread import start_blocking_portal

from auxws_anyio.gateway import App, Gateway, echo
from auxws_sync._log import LOGGER

GatewayFactory: TypeAlias = Callable[..., Gateway]


@pytest.fixture(autouse=True)
def unheard_log(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens to the log but a test that asks for it.

    Who listens sees every message one by one, and so would the driver.
    """
    if "caplog" not in request.fixturenames:
        monkeypatch.setattr(LOGGER, "disabled", True)


@contextmanager
def running(app: App = echo, **options: Any) -> Generator[Gateway]:
    """A gateway for ``app``; nothing of it is left afterwards."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Gateway(app, **options)) as gateway,
    ):
        yield gateway
    assert not gateway.failures


@pytest.fixture
def make_gateway() -> Iterator[GatewayFactory]:
    """Start gateways, as many as wanted."""
    with ExitStack() as stack:
        yield lambda app=echo, **options: stack.enter_context(running(app, **options))


@pytest.fixture
def gateway(make_gateway: GatewayFactory) -> Gateway:
    """A gateway that echoes."""
    return make_gateway()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Whoever signed the certificates of the tests."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server's context, for 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    """A client's context, which trusts the tests' authority only."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
