"""Traces for the viewer's tests, line by line as ``docs/traces.md`` has them."""

from __future__ import annotations

import json
from typing import Any

from auxws_proto import Trace, read_trace

STORE = "https://messages.s3.us-east-1.amazonaws.com"
PATCH = "repo/add_updates"


class Script:
    """Writes a trace of one machine; each call is one thing that happens."""

    def __init__(self, *, role: str = "client", redacted: bool = True, **machine: Any) -> None:
        self.now = 100.0
        self.lines: list[dict[str, Any]] = [
            {
                "auxws_trace": 1, "auxws": "0.1.0", "redacted": redacted, "limit": 2048,
                "started": 1_764_000_000.0, "clock": 100.0,
            },
            {
                "machine": "client", "class": "AuxSession", "role": role, "config": {},
                "url": "wss://abc123.execute-api.us-east-1.amazonaws.com/redacted-1", **machine,
            },
        ]  # fmt: skip
        self._send_id = 0
        self._number = 0
        self._transfer = 0

    def wait(self, seconds: float) -> Script:
        """Time goes by."""
        self.now = round(self.now + seconds, 9)
        return self

    def call(self, door: str, *args: Any, gave: Any = None, **kwargs: Any) -> Script:
        """An input."""
        line = {"t": self.now, "to": "client", "call": door, "args": list(args), "kwargs": kwargs}
        self.lines.append(line if gave is None else {**line, "gave": gave})
        return self

    def act(self, action: str, **fields: Any) -> Script:
        """An action."""
        self.lines.append({"t": self.now, "from": "client", "action": action, **fields})
        return self

    def event(self, *items: Any) -> dict[str, str]:
        """An event array as bytes."""
        return {"$u": json.dumps(items, separators=(",", ":"), ensure_ascii=False)}

    def connect(self, transport: int = 1) -> Script:
        """From nothing to ``OPEN``."""
        self.call("connect").open(transport)
        return self

    def open(self, transport: int, attempt: int = 0) -> Script:
        """A transport is opened."""
        self.act("OpenTransport", transport=transport, attempt=attempt, headers=[])
        self.act("ReportState", state="CONNECTING", cause=None, info=None)
        self.wait(0.05).call("transport_opened", transport=transport)
        return self.act("ReportState", state="OPEN", cause=None, info=None)

    def lose(self, code: int = 1006) -> Script:
        """The transport breaks."""
        self.call("receive_eof", code=code, reason="", transport=1)
        return self.act("ReportState", state="WAITING", cause=None, info=None)

    def encoded(self, type: str, **fields: Any) -> dict[str, Any]:
        """A message as `send` is given it."""
        return {"$": "Encoded", "type": type, "body": {"$u": json.dumps({"type": type, **fields})}}

    def next_number(self) -> int:
        """The next event number."""
        self._number += 1
        return self._number

    def send(self, type: str = PATCH, **fields: Any) -> Script:
        """A small message, from ``send()`` to its proof."""
        send_id = self.accept(self.encoded(type, **fields))
        number = self.next_number()
        text = self.event(1, number, {"type": type, **fields})
        self.act("SendText", transport=1, data=text, max_frame=32_000, send_id=send_id)
        self.act("SendPing", transport=1, payload={"$u": str(number)})
        self.wait(0.02).call("receive_pong", {"$u": str(number)}, transport=1)
        return self.report(send_id, "CONFIRMED")

    def accept(self, message: dict[str, Any]) -> int:
        """``send()``."""
        self._send_id += 1
        self.call("send", message, gave=self._send_id, watched=True)
        return self._send_id

    def report(self, send_id: int, stage: str, **error: Any) -> Script:
        """``ReportSend``; all but the stages on the way are final."""
        final = stage not in ("UPLOADING", "UPLOADED", "QUEUED")
        told = {"$": "SendFailed", **error} if error else None
        return self.act("ReportSend", send_id=send_id, stage=stage, final=final, error=told)

    def upload(self, size: int = 90_000, type: str = PATCH, *, statuses: Any = (200,)) -> Script:
        """A large message, from ``send()`` to its proof."""
        left = {"$e": size, "json": {"type": type, "updates": ["AAAA…[+9]"]}}
        send_id = self.accept({"$": "Encoded", "type": type, "body": left})
        asked = self.next_number()
        secret = f"{STORE}/redacted-{10 + send_id}--"
        self.act("SendText", transport=1, data=self.event(2, asked), max_frame=32_000)
        grant = self.event(3, asked, f"{secret}?X-Amz-Signature=redacted-9", "PUT", {})
        self.wait(0.04).call("receive_text", grant, transport=1)
        for status in statuses:
            self._transfer += 1
            self.report(send_id, "UPLOADING")
            self.act(
                "PutToUrl", transfer_id=self._transfer, method="PUT",
                url=f"{secret}?X-Amz-Signature=redacted-9", headers={}, body=left,
                max_error_bytes=65_536, for_send=send_id,
            )  # fmt: skip
            self.wait(0.08).respond(status)
        self.report(send_id, "UPLOADED")
        number = self.next_number()
        announcement = self.event(4, number, secret, "GET", {})
        self.act("SendText", transport=1, data=announcement, max_frame=32_000, send_id=send_id)
        self.wait(0.03)
        return self.report(send_id, "CONFIRMED")

    def respond(self, status: int, body: dict[str, Any] | None = None) -> Script:
        """The object store answers the last request."""
        answer = {"$": "HttpResponded", "transfer_id": self._transfer, "status": status}
        return self.call("handle", {**answer, "headers": [], "body": body or {"$u": ""}})

    def receive(self, type: str = PATCH, number: int = 0, **fields: Any) -> Script:
        """A small message arrives and is delivered."""
        message = {"type": type, **fields}
        data = self.event(1, number, message)
        self.call("receive_text", data, transport=1)
        return self.deliver(message, len(data["$u"]), number)

    def deliver(
        self, message: Any, size: int, number: int = 0, *, downloaded: bool = False
    ) -> Script:
        """A message is given to the application."""
        return self.act(
            "DeliverMessage", message=message, size=size, event_id=number, transport=1,
            downloaded=downloaded, overlap=False, used=False,
        )  # fmt: skip

    def announce(self) -> str:
        """A large message is announced; the URL is returned."""
        url = f"{STORE}/redacted-{500 + self._transfer}--?X-Amz-Signature=redacted-8"
        self.call("receive_text", self.event(4, -1, url, "GET", {}), transport=1)
        return url

    def get(self, url: str) -> Script:
        """A download begins."""
        self._transfer += 1
        return self.act(
            "GetFromUrl", transfer_id=self._transfer, method="GET", url=url, headers={},
            max_bytes=1, max_error_bytes=1, for_event=-1, for_transport=1,
        )  # fmt: skip

    def download(self, size: int = 120_000, type: str = PATCH) -> Script:
        """A large message arrives and is delivered."""
        url = self.announce()
        left = {"type": type, "updates": ["BBBB…[+9]"]}
        self.get(url).wait(0.06).respond(200, {"$e": size, "json": left})
        return self.deliver({"$e": size, "json": left}, size, -1, downloaded=True)

    def end(self) -> Script:
        """The client ended in order."""
        self.lines.append({"end": "closed"})
        return self

    def text(self) -> str:
        """The file."""
        return "".join(json.dumps(line) + "\n" for line in self.lines)

    def trace(self) -> Trace:
        """The trace as it is read."""
        return read_trace(self.text().splitlines(keepends=True))


def everyday() -> Script:
    """A bit of everything: small and large, both ways, a retry, an outage, an error."""
    script = Script().connect()
    script.wait(0.1).send().wait(0.2).upload(90_000).wait(0.1).receive()
    script.wait(0.3).download(120_000).upload(250_000, statuses=(503, 200))
    script.wait(0.2).lose().wait(2.5).open(2, 1).send("repo/watch_branch")
    info = {"success": False, "errorCode": "not_authorized", "errorMessage": "You may not."}
    script.call("receive_text", script.event(5, 3, info), transport=2)
    error = {"$": "ServerError", "text": "not_authorized: You may not.", "code": "not_authorized"}
    script.act("ReportError", error=error, event_id=3, info=info, transport=2, send_id=None)
    return script.wait(0.4).send("sync/time", id=1).end()


def long(events: int) -> Script:
    """A session with at least so many events to show."""
    script = Script().connect()
    for number in range(10**9):
        if len(script.lines) >= events * 1.25:
            break
        script.wait((number % 7) * 0.013)
        if number % 10 == 3:
            script.upload(40_000 + (number * 7_919) % 900_000)
        elif number % 10 == 6:
            script.download(33_000 + (number * 104_729) % 500_000)
        elif number % 97 == 50:
            script.lose().wait(1.0).open(number)
        elif number % 2:
            script.send(f"app/type_{number % 23}", n=number, text="x" * (number % 900))
        else:
            script.receive(f"app/type_{number % 19}", n=number, text="y" * (number % 700))
    return script.end()
