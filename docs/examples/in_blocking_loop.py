"""The core in a blocking loop: one socket, one thread, no event loop.

    python in_blocking_loop.py ws://127.0.0.1:8080/Prod

Whatever takes time is done on the spot: the outcome is an input, and the loop goes on.
"""

from __future__ import annotations

import socket
import ssl
import sys
import time
from typing import assert_never
from urllib.parse import urlsplit

from embedding import CONFIG, LOGIN, RoundTrip, transfer

from auxws_proto import (
    AbortTransport,
    Action,
    AnswerUploadRequest,
    AskForLogin,
    AuxWebSocket,
    CancelTransfer,
    CloseTransport,
    DeliverMessage,
    GetFromUrl,
    OpenTransport,
    PutToUrl,
    ReportError,
    ReportGap,
    ReportProgress,
    ReportSend,
    ReportState,
    Role,
    SendBytes,
    SendPing,
    SendText,
    State,
    TransportFailure,
)


def dial(url: str) -> socket.socket:
    """A connection to the host of a URL. Raises OSError."""
    target = urlsplit(url)
    is_secure, host = target.scheme == "wss", target.hostname or ""
    line = socket.create_connection((host, target.port or (443 if is_secure else 80)), timeout=20)
    if is_secure:
        return ssl.create_default_context().wrap_socket(line, server_hostname=host)
    return line


class Client:
    """The machine, and its one connection."""

    def __init__(self, url: str, app: RoundTrip) -> None:
        self.machine = AuxWebSocket(Role.CLIENT, CONFIG, url=url)
        self.app = app
        self.line: socket.socket | None = None

    def run(self) -> None:
        """Feed one input, drain the actions, wait until the next input or the deadline."""
        machine = self.machine
        machine.connect(time.monotonic())
        machine.send(self.app.opening(), time.monotonic())
        while True:
            for action in machine.actions():
                self.perform(action)
            if machine.state is State.CLOSED:
                return
            deadline = machine.next_timeout()
            left = None if deadline is None else max(0.001, deadline - time.monotonic())
            if self.line is None or not machine.wants_data:
                time.sleep(left or 0)
            else:
                self.receive(self.line, left)
            machine.handle_timeout(time.monotonic())

    def receive(self, line: socket.socket, timeout: float | None) -> None:
        """Wait for bytes, or for the end of the connection."""
        line.settimeout(timeout)
        try:
            data = line.recv(65_536)
        except TimeoutError:
            return
        except OSError:
            data = b""
        if data:
            self.machine.receive_bytes(data, time.monotonic())
        else:
            self.hang_up()
            self.machine.receive_eof(time.monotonic())

    def hang_up(self) -> None:
        """Have no connection."""
        line, self.line = self.line, None
        if line is not None:
            line.close()

    def perform(self, action: Action) -> None:
        """Do what the machine asks for. What is called here appends to the same queue."""
        machine, now = self.machine, time.monotonic()
        match action:
            case OpenTransport():
                try:
                    self.line = dial(action.url or "")
                except OSError as error:
                    failure = TransportFailure(kind="connect", detail=str(error))
                    machine.transport_failed(failure, time.monotonic())
                else:
                    machine.transport_opened(time.monotonic())
            case SendBytes():
                if self.line is not None:
                    try:
                        self.line.settimeout(20)
                        self.line.sendall(action.data)
                    except OSError:
                        self.hang_up()
                        machine.receive_eof(time.monotonic())
                    else:
                        machine.data_sent(1, time.monotonic())
            case CloseTransport():
                self.hang_up()
                machine.receive_eof(now)
            case AbortTransport():
                self.hang_up()
            case PutToUrl() | GetFromUrl():
                machine.handle(transfer(action), time.monotonic())
            case AskForLogin():
                machine.login(LOGIN, now)
            case DeliverMessage():
                machine.taken(action.size, now)
                for message in self.app.answers(action.message):
                    machine.send(message, now)
                if self.app.is_done:
                    machine.close(now)
            case ReportError() | ReportGap():
                print(action.error, file=sys.stderr)
            case ReportState() | ReportSend() | ReportProgress() | CancelTransfer():
                pass
            case SendText() | SendPing() | AnswerUploadRequest():
                raise AssertionError("that is for sessions and servers")
            case _:
                assert_never(action)


def main(url: str) -> None:
    """Send a large message and get it back."""
    Client(url, RoundTrip()).run()


if __name__ == "__main__":
    main(sys.argv[1])
