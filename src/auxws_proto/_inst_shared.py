"""What the parts of an `InstMachine` share: the branch, the clock's last word, one FIFO, timers.

It knows how a message leaves and how its fate comes back. It must not know what is in one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol, cast

from ._actions import ReportSend
from ._constants import SendId
from ._errors import AuxError
from ._inst_shapes import BranchKey, InstAction, InstConfig, SendMessage
from ._timers import Timers
from .messages import BranchFields


class Author(Protocol):
    """Whoever wants to know what becomes of a message."""

    def send_reported(self, ref: int, report: ReportSend) -> None: ...
    def send_refused(self, ref: int, error: AuxError) -> None: ...


class InstShared:
    """The common ground of an inst's parts."""

    def __init__(self, key: BranchKey, config: InstConfig, *, is_open: bool) -> None:
        self.key = key
        self.fields: BranchFields = {"recordName": key[0], "inst": key[1], "branch": key[2]}
        self.config = config
        self.is_open = is_open
        """Whether the session is connected and logged in."""
        self.now = float("-inf")
        self.actions: deque[InstAction] = deque()
        self.timers = Timers()
        self._ref = 0
        self._authors: dict[int, Author] = {}
        self._refs: dict[SendId, int] = {}

    def send(self, type: str, more: Mapping[str, Any], author: Author | None = None) -> int:
        """Ask for a message about the branch to be sent; its author is told of its fate."""
        self._ref += 1
        if author is not None:
            self._authors[self._ref] = author
        message = {"type": type, **self.fields, **more}
        self.actions.append(SendMessage(ref=self._ref, message=message))
        return self._ref

    def sent(self, ref: int, send_id: SendId) -> None:
        """The session accepted it."""
        if ref in self._authors:
            self._refs[send_id] = ref

    def not_sent(self, ref: int, error: AuxError) -> None:
        """The session did not accept it."""
        author = self._authors.pop(ref, None)
        if author is not None:
            author.send_refused(ref, error)

    def send_reported(self, report: ReportSend) -> bool:
        """A message came a stage further. False: it is none of ours."""
        ref = self._refs.get(report.send_id)
        if ref is None:
            return False
        author = self._authors[ref]
        if report.final:
            del self._refs[report.send_id], self._authors[ref]
        author.send_reported(ref, report)
        return True


def branch_key(message: Mapping[str, Any]) -> BranchKey | None:
    """The branch that a message names, or None."""
    record_name, inst, branch = (message.get(n) for n in ("recordName", "inst", "branch"))
    if isinstance(inst, str) and isinstance(branch, str):
        if record_name is None or isinstance(record_name, str):
            return (record_name, inst, branch)
    elif isinstance(branch, dict):
        # ``repo/connected_to_branch`` has the message of whoever watches in its place.
        return branch_key(cast("dict[str, Any]", branch))
    return None
