"""From options to a client: secrets are read here, from files, the environment or a prompt.

It knows files, environment variables and `connect`'s parameters. It must not show any of them.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import ssl as tls
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from auxws_proto import (
    Config,
    ConnectionId,
    ConnectionToken,
    Credentials,
    Reconnect,
    UrlPolicy,
    make_connection_token,
    parse_connection_token,
)
from auxws_proto.observe import Observer, ObserverEvent, line_of

from .._client import AuxClient
from .._connect import connect
from .._http import HttpTransport
from ._exit import Exit, Failure
from ._options import header
from ._stdin import descriptor_of_stdin, open_input
from ._text import shown_url

TOKEN_VARIABLE = "AUXWS_TOKEN"
PROXY_VARIABLE = "AUXWS_PROXY"

RETRIES = 5
"""Tries to open a connection that was lost, with pauses of some 15 s in all."""

CLOSE_TIMEOUT = 2.0
"""Seconds: whoever leaves a command has waited for outcomes already."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to connect. Its ``repr`` shows no secret."""

    url: str = field(repr=False)
    login: Credentials | None = None
    subprotocol: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy: str | None = field(default=None, repr=False)
    ssl: tls.SSLContext | None = None
    config: Config = field(default_factory=Config)
    on_connect: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    trace: str | None = None
    is_verbose: bool = False

    @property
    def shown(self) -> str:
        """The URL without its query."""
        return shown_url(self.url)

    def changed(self, **fields: Any) -> Settings:
        """The same with other values for some fields of its `Config`."""
        return replace(self, config=replace(self.config, **fields))

    def open(
        self, *, observer: Observer | None = None, http: HttpTransport | None = None
    ) -> AbstractAsyncContextManager[AuxClient]:
        """A connecting client."""
        return connect(
            self.url,
            subprotocol=self.subprotocol,
            login=self.login,
            on_connect=self.on_connect,
            config=self.config,
            headers=self.headers,
            ssl=self.ssl,
            proxy=self.proxy,
            http=http,
            trace=self.trace,
            observer=_speaking(observer) if self.is_verbose else observer,
        )

    @asynccontextmanager
    async def connected(
        self, *, observer: Observer | None = None, http: HttpTransport | None = None
    ) -> AsyncGenerator[AuxClient]:
        """A client that is connected. Raises what kept it from being."""
        async with self.open(observer=observer, http=http) as client:
            await client.wait_connected()
            yield client


def settings_of(options: argparse.Namespace, *, patient: bool = False) -> Settings:
    """What the options, the files that they name and the environment say.

    ``patient`` is for commands that last: a connection that was lost is opened again for ever.

    Raises `Failure` for what cannot be read, and `LocalProtocolError` for what makes no sense.
    """
    retries: int = options.retries
    policy = UrlPolicy()
    config = Config(
        connect_timeout=options.connect_timeout,
        reconnect=Reconnect(
            first_attempts=retries + 1, max_attempts=None if patient else RETRIES + retries
        ),
        close_timeout=CLOSE_TIMEOUT,
        fragment_limit=options.fragment_limit,
        resend_unknown=options.resend_unknown,
        url_policy=replace(
            policy,
            allow_hosts=(*policy.allow_hosts, *options.allow_host),
            allow_insecure=options.allow_insecure,
            allow_private_addresses=options.allow_private,
        ),
    )
    return Settings(
        url=_url(options.url),
        login=_login(options),
        subprotocol=options.subprotocol,
        headers=(*options.header, *_header_file(options.header_file)),
        proxy=options.proxy or os.environ.get(PROXY_VARIABLE) or None,
        ssl=_trusting(options.ca),
        config=config,
        on_connect=_greeting(options),
        trace=options.trace,
        is_verbose=options.verbose,
    )


def _speaking(observer: Observer | None) -> Observer:
    """The observer, after a line for people."""

    def speak(event: ObserverEvent) -> None:
        print(f"{event.at:.3f} {line_of(event)}", file=sys.stderr, flush=True)
        if observer is not None:
            observer(event)

    return speak


def _url(text: str) -> str:
    return _secret_file(text[1:], "the URL") if text.startswith("@") else text


def _login(options: argparse.Namespace) -> Credentials | None:
    if options.key_file is not None:
        if not options.login or not options.inst:
            raise Failure("--key-file also needs --login ID and --inst NAME", exit=Exit.USAGE)
        key = _secret_file(options.key_file, "the connection key")
        return make_connection_token(key, options.login, options.record, options.inst)
    if options.token_file is not None:
        return _token(_secret_file(options.token_file, "the token"))
    if options.ask_token:
        return _token(_asked())
    if options.login is not None:
        return ConnectionId(options.login)
    from_environment = os.environ.get(TOKEN_VARIABLE)
    return None if not from_environment else _token(from_environment)


def token_from_file(name: str) -> ConnectionToken:
    """The connection token in a file."""
    return _token(_secret_file(name, "the token"))


def _token(text: str) -> ConnectionToken:
    parse_connection_token(text)
    return ConnectionToken(text)


def _asked() -> str:
    if not os.isatty(descriptor_of_stdin()):
        raise Failure("--ask-token needs a terminal", "use --token-file", exit=Exit.USAGE)
    return getpass.getpass("connection token: ").strip()


def _secret_file(name: str, what: str) -> str:
    for line in read_text(name).splitlines():
        if line.strip():
            return line.strip()
    raise Failure(f"{name}: {what} should be in it, but it is empty", exit=Exit.USAGE)


def _header_file(name: str | None) -> list[tuple[str, str]]:
    if name is None:
        return []
    try:
        return [header(line) for line in read_text(name).splitlines() if line.strip()]
    except argparse.ArgumentTypeError as error:
        raise Failure(f"{name}: {error}", exit=Exit.USAGE) from None


def _trusting(ca: str | None) -> tls.SSLContext | None:
    if ca is None:
        return None
    try:
        return tls.create_default_context(cafile=ca)
    except OSError as error:
        # What OpenSSL says of a file's contents helps nobody.
        bad = isinstance(error, tls.SSLError)
        text = "no certificates in PEM" if bad else error.strerror
        raise Failure(f"{ca}: {text}", "give --ca a PEM file", exit=Exit.USAGE) from None


def _greeting(options: argparse.Namespace) -> tuple[Mapping[str, Any], ...]:
    texts: Sequence[str] = getattr(options, "on_connect", ())
    messages = [
        as_message(read_text(text[1:]), text[1:])
        if text.startswith("@")
        else as_message(text, "--on-connect")
        for text in texts
    ]
    branch = getattr(options, "branch", None)
    if branch is not None:
        if not options.inst:
            raise Failure("--branch also needs --inst NAME", exit=Exit.USAGE)
        fields = {"recordName": options.record, "inst": options.inst, "branch": branch}
        messages.append({"type": "repo/watch_branch", **fields})
    return tuple(messages)


def as_message(text: str, where: str) -> dict[str, Any]:
    """The JSON object with a string ``type`` in ``text``. Raises `Failure` for anything else."""
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        raise Failure(f"{where}: this is no JSON: {error}", exit=Exit.USAGE) from None
    except RecursionError:
        raise Failure(f"{where}: this JSON is nested too deep", exit=Exit.USAGE) from None
    if not isinstance(value, dict):
        raise Failure(f"{where}: a message is a JSON object", exit=Exit.USAGE)
    message = cast("dict[str, Any]", value)
    if not isinstance(message.get("type"), str):
        raise Failure(f'{where}: a message has a "type", which is a string', exit=Exit.USAGE)
    return message


def read_text(name: str) -> str:
    """The text of a file, or of standard input for ``-``. Raises `Failure`."""
    try:
        with open_input(name) as file:
            return file.read().decode("utf-8-sig")
    except OSError as error:
        raise Failure(f"{name}: {error.strerror}", exit=Exit.USAGE) from None
    except UnicodeDecodeError as error:
        text = f"{name}: this is no UTF-8: byte {error.start:,}"
        raise Failure(text, exit=Exit.USAGE) from None
